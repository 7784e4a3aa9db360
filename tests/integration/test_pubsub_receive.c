/* Receiving over Pub/Sub while everything that can fail fails: streams, acks, the server, the subscription.
 */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/loop.h"
#include "support/patience.h"
#include "support/pubsub_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "projects/p/topics/completions"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"

enum { QUIET_MS = 300, STREAMS = 3, CLOSE_MS = 3000 };

static struct fake_pubsub *fake;
static struct world world;

static int set_up_empty(void **state) {
    (void)state;
    check_ok(fake_pubsub_start(NULL, &fake));
    world_open(&world, fake_pubsub_address(fake), STREAMS);
    return 0;
}

static int set_up(void **state) {
    set_up_empty(state);
    check_ok(fake_pubsub_create(fake, TOPIC, SUBSCRIPTION, false));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_close(&world);
    fake_pubsub_free(&fake);
    return 0;
}

static void give(size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) {
        char text[16];
        int size = snprintf(text, sizeof text, "%zu", i);
        check_ok(fake_pubsub_publish(fake, TOPIC, &(struct message){.data = text, .size = (size_t)size}));
    }
}

static bool acked_so_many(void *context) {
    return fake_pubsub_counts(fake, SUBSCRIPTION).acked >= *(const size_t *)context;
}

static void await_acked(size_t count) {
    loop_until(&world.loop, acked_so_many, &count, WORLD_WAIT_MS, "acks to arrive");
}

static bool streams_open(void *context) {
    return fake_pubsub_open_streams(fake) == *(const size_t *)context;
}

static void await_streams(size_t count) {
    loop_until(&world.loop, streams_open, &count, WORLD_WAIT_MS, "streams to open");
}

static bool logged(void *context) {
    return log_capture_count(&world.log, context) > 0;
}

static void await_log(const char *part) {
    loop_until(&world.loop, logged, (void *)part, WORLD_WAIT_MS, part);
}

struct change {
    const size_t *count;
    size_t from;
};

static bool changed(void *context) {
    const struct change *change = context;
    return *change->count != change->from;
}

/* No more messages come for a while. */
static void expect_quiet(void) {
    struct change more = {.count = &world.received_count, .from = world.received_count};
    loop_never(&world.loop, changed, &more, QUIET_MS, "another delivery");
}

/* --- What comes ----------------------------------------------------------------------------------------- */

static void a_message_comes_whole(void **state) {
    (void)state;
    struct attribute attributes[] = {{"game_date", "2021-11-17"}, {"backfill", "true"}};
    struct message sent = {.data = "a\0b",
        .size = 3,
        .attributes = attributes,
        .attribute_count = 2,
        .ordering_key = "nba/2021-11-17"};
    check_ok(fake_pubsub_publish(fake, TOPIC, &sent));
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 1);
    const struct message *got = &world.received[0].delivery->message;
    assert_int_equal(got->size, 3);
    assert_memory_equal(got->data, "a\0b", 4);
    assert_string_equal(message_attribute(got, "game_date"), "2021-11-17");
    assert_string_equal(message_attribute(got, "backfill"), "true");
    assert_string_equal(got->ordering_key, "nba/2021-11-17");
    assert_string_equal(got->id, fake_pubsub_message(fake, TOPIC, 0)->id);
    assert_int_equal(got->published_ms, fake_pubsub_message(fake, TOPIC, 0)->published_ms);
    assert_ptr_equal(world.received[0].delivery->subscription, world.subscription);
}

static void a_full_name_is_another_projects(void **state) {
    (void)state;
    check_ok(fake_pubsub_create(
        fake, "projects/q/topics/completions", "projects/q/subscriptions/phasegate", false));
    check_ok(fake_pubsub_publish(
        fake, "projects/q/topics/completions", &(struct message){.data = "theirs", .size = 6}));
    world_subscribe(&world, "projects/q/subscriptions/phasegate", 0);
    world_await_received(&world, 1);
    assert_string_equal(world.received[0].text, "theirs");
    assert_null(world.received[0].delivery->message.ordering_key);
}

static void headers_are_as_google_wants_them(void **state) {
    (void)state;
    char value[256];
    world.acks = true;
    world_subscribe(&world, "phasegate", 0);
    give(0, 1);
    await_acked(1);
    assert_true(fake_pubsub_header(fake, FAKE_STREAMING_PULL, "x-goog-request-params", value, sizeof value));
    assert_string_equal(value, "subscription=" SUBSCRIPTION);
    assert_true(fake_pubsub_header(fake, FAKE_ACKNOWLEDGE, "x-goog-request-params", value, sizeof value));
    assert_string_equal(value, "subscription=" SUBSCRIPTION);
    assert_true(fake_pubsub_header(fake, FAKE_STREAMING_PULL, "user-agent", value, sizeof value));
    assert_memory_equal(value, "phasegate/", 10);
    assert_false(fake_pubsub_header(fake, FAKE_STREAMING_PULL, "authorization", value, sizeof value));
}

static void acks_travel_together(void **state) {
    (void)state;
    world.acks = true;
    give(0, 5000);
    world_subscribe(&world, "phasegate", 0);
    await_acked(5000);
    assert_int_equal(world.received_count, 5000);
    assert_true(fake_pubsub_calls(fake, FAKE_ACKNOWLEDGE) <= 500);
    check_ok(world_flush(&world));
}

/* --- Flow control and leases ---------------------------------------------------------------------------- */

static void no_more_are_out_than_allowed(void **state) {
    (void)state;
    give(0, 200);
    world_subscribe(&world, "phasegate", 7);
    world_await_received(&world, 7);
    expect_quiet();
    assert_int_equal(world.out, 7);
    /* Neither are more taken from the server than could be handled soon. */
    assert_true(fake_pubsub_counts(fake, SUBSCRIPTION).leased <= 7 + STREAMS * 7);
    world_ack(&world, 3);
    world_await_received(&world, 8);
    world_nack(&world, 4);
    world_await_received(&world, 9);
    expect_quiet();
    world.acks = true;
    world_ack_all(&world);
    await_acked(200);
    assert_int_equal(world.out_most, 7);
}

static void a_pause_holds_back_and_a_resume_goes_on(void **state) {
    (void)state;
    world_subscribe(&world, "phasegate", 0);
    give(0, 1);
    world_await_received(&world, 1);
    bus_pause(world.subscription);
    bus_pause(world.subscription);
    give(1, 50);
    expect_quiet();
    world_ack(&world, 0);
    expect_quiet();
    world.acks = true;
    bus_resume(world.subscription);
    bus_resume(world.subscription);
    await_acked(51);
}

static void give_large(size_t count) {
    static const char text[1000];
    for (size_t i = 0; i < count; i++)
        check_ok(fake_pubsub_publish(fake, TOPIC, &(struct message){.data = text, .size = sizeof text}));
}

/*
 * However fast it went before: of 10 MB that the server may send, each stream takes its window of 64 KB and
 * the server has a response or two of 100 messages on the way.
 */
static void a_pause_leaves_the_rest_with_the_server(void **state) {
    (void)state;
    enum { BEFORE = 20000, MANY = 10000, TAKEN_MOST = STREAMS * 400 };
    world.acks = true;
    give_large(BEFORE);
    world_subscribe(&world, "phasegate", MANY);
    await_acked(BEFORE);
    bus_pause(world.subscription);
    give_large(MANY);
    expect_quiet();
    assert_in_range(fake_pubsub_counts(fake, SUBSCRIPTION).deliveries, BEFORE + 1, BEFORE + TAKEN_MOST);
    bus_resume(world.subscription);
    await_acked(BEFORE + MANY);
}

static bool extended_so_often(void *context) {
    return fake_pubsub_extensions(fake) >= *(const size_t *)context;
}

/* Some are out, the rest is held back: both keep their leases. */
static void what_is_in_hand_keeps_its_lease(void **state) {
    (void)state;
    give(0, 20);
    world_subscribe(&world, "phasegate", 5);
    world_await_received(&world, 5);
    bus_pause(world.subscription);
    size_t leased = fake_pubsub_counts(fake, SUBSCRIPTION).leased;
    for (size_t round = 1; round <= 2; round++) {
        size_t extensions = round * leased;
        loop_until(
            &world.loop, extended_so_often, &extensions, 5000, "leases to be extended before half of them");
        fake_pubsub_advance(fake, 5000);
        assert_int_equal(fake_pubsub_counts(fake, SUBSCRIPTION).leased, leased);
    }
    /* Together, not one by one. */
    assert_true(fake_pubsub_calls(fake, FAKE_MODIFY_ACK_DEADLINE) <= 2 * STREAMS + 2);
    world.acks = true;
    world_ack_all(&world);
    bus_resume(world.subscription);
    await_acked(20);
    assert_int_equal(world.received_count, 20);
}

static void an_extension_that_fails_is_tried_again(void **state) {
    (void)state;
    give(0, 1);
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 1);
    fake_pubsub_answer_next(fake, FAKE_MODIFY_ACK_DEADLINE, 3, GRPC_STATUS_UNAVAILABLE);
    size_t once = 1;
    loop_until(&world.loop, extended_so_often, &once, 6000, "the lease to be extended after failures");
    assert_int_equal(fake_pubsub_calls(fake, FAKE_MODIFY_ACK_DEADLINE), 4);
}

/* --- Acks and nacks ------------------------------------------------------------------------------------- */

static void a_nacked_message_comes_again_at_once(void **state) {
    (void)state;
    give(0, 1);
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 1);
    world_nack(&world, 0);
    loop_until(&world.loop, changed, &(struct change){&world.received_count, 1}, 2000, "the nacked message");
    assert_string_equal(world.received[1].id, world.received[0].id);
    world_ack(&world, 1);
    await_acked(1);
}

static bool flushes(void *context) {
    (void)context;
    return is_ok(world_flush(&world));
}

static void a_failed_ack_is_sent_again(void **state) {
    (void)state;
    give(0, 10);
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 10);
    fake_pubsub_answer_next(fake, FAKE_ACKNOWLEDGE, 3, GRPC_STATUS_UNAVAILABLE);
    world_ack_all(&world);
    check_fails(world_flush(&world), CODE_UNAVAILABLE, "not confirmed 10 yet");
    await_acked(10);
    loop_until(&world.loop, flushes, NULL, 2000, "the client to learn of its acks");
    assert_int_equal(world.received_count, 10);
    assert_int_equal(fake_pubsub_calls(fake, FAKE_ACKNOWLEDGE), 4);
}

static void a_refused_ack_is_dropped(void **state) {
    (void)state;
    give(0, 1);
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 1);
    fake_pubsub_answer_next(fake, FAKE_ACKNOWLEDGE, 1, GRPC_STATUS_INVALID_ARGUMENT);
    world_ack(&world, 0);
    check_ok(world_flush(&world)); /* it has left, and will not be sent again */
    fake_pubsub_expire_leases(fake);
    world_await_received(&world, 2);
    world_ack(&world, 1);
    await_acked(1);
    assert_int_equal(fake_pubsub_calls(fake, FAKE_ACKNOWLEDGE), 2);
}

static void an_ack_under_way_does_not_hold_up_a_flush_of_nothing_else(void **state) {
    (void)state;
    give(0, 2);
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 2);
    check_ok(world_flush(&world));
    world_ack(&world, 0);
    world_nack(&world, 1);
    check_ok(world_flush(&world));
    assert_int_equal(fake_pubsub_counts(fake, SUBSCRIPTION).acked, 1);
    assert_int_equal(fake_pubsub_deliveries(fake, SUBSCRIPTION, 0), 1);
}

/* --- Streams that break --------------------------------------------------------------------------------- */

static void a_stream_that_ends_comes_again(void **state) {
    (void)state;
    static const grpc_status_code statuses[] = {
        GRPC_STATUS_UNAVAILABLE, GRPC_STATUS_OK, GRPC_STATUS_INTERNAL};
    world.acks = true;
    world_subscribe(&world, "phasegate", 0);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        await_streams(STREAMS);
        give(i, 1);
        await_acked(i + 1);
        fake_pubsub_break_streams(fake, statuses[i]);
    }
    await_streams(STREAMS);
}

static void nothing_is_lost_when_streams_keep_breaking(void **state) {
    (void)state;
    fake_pubsub_break_streams_every(fake, 7);
    world.acks = true;
    world_subscribe(&world, "phasegate", 0);
    give(0, 300);
    await_acked(300);
    assert_int_equal(world.received_count, 300);
    /* A stream that had worked is no trouble. */
    assert_int_equal(log_capture_count(&world.log, "cannot receive"), 0);
}

static void a_server_that_goes_away_is_found_again(void **state) {
    (void)state;
    give(0, 3);
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 3);
    fake_pubsub_stop(fake);
    await_log("cannot receive for now");
    check_ok(fake_pubsub_restart(fake));
    world_ack_all(&world); /* from before: an ack does not need the stream that brought the message */
    await_acked(3);
    give(3, 5);
    world.acks = true;
    world_await_received(&world, 8);
    await_acked(8);
    assert_int_equal(log_capture_count(&world.log, "cannot receive for now"), 1);
    assert_int_equal(log_capture_count(&world.log, "receiving from " SUBSCRIPTION " again"), 1);
    assert_int_equal(world.received_count, 8);
}

static void a_missing_subscription_is_awaited(void **state) {
    (void)state;
    world.acks = true;
    world_subscribe(&world, "phasegate", 0);
    await_log(SUBSCRIPTION " does not exist; create it, or start with `phasegate serve --create`");
    size_t tries = fake_pubsub_calls(fake, FAKE_STREAMING_PULL);
    expect_quiet();
    assert_true(fake_pubsub_calls(fake, FAKE_STREAMING_PULL) <= tries + STREAMS);
    check_ok(world_create(&world, "completions", "phasegate"));
    give(0, 1);
    await_acked(1);
    assert_int_equal(log_capture_count(&world.log, "does not exist"), 1);
    assert_int_equal(log_capture_count(&world.log, "ERROR"), 1);
    await_log("receiving from " SUBSCRIPTION " again");
}

static void what_is_forbidden_is_said(void **state) {
    (void)state;
    fake_pubsub_answer_next(fake, FAKE_STREAMING_PULL, STREAMS, GRPC_STATUS_PERMISSION_DENIED);
    world.acks = true;
    world_subscribe(&world, "phasegate", 0);
    await_log("Pub/Sub forbids the use of " SUBSCRIPTION);
    give(0, 1);
    await_acked(1);
    assert_int_equal(log_capture_count(&world.log, "forbids"), 1);
}

static void a_silent_server_does_not_stop_a_close(void **state) {
    set_up(state);
    give(0, 3);
    world_subscribe(&world, "phasegate", 0);
    world_await_received(&world, 3);
    fake_pubsub_black_hole(fake, true);
    world_ack(&world, 0);
    uint64_t begun = uv_hrtime();
    world_close(&world);
    assert_true((uv_hrtime() - begun) / 1000000 < (uint64_t)patient_ms(CLOSE_MS));
    fake_pubsub_free(&fake);
}

/* --- Ending --------------------------------------------------------------------------------------------- */

static bool leased_so_many(void *context) {
    return fake_pubsub_counts(fake, SUBSCRIPTION).leased == *(const size_t *)context;
}

static void an_ended_subscription_gives_back_what_it_holds(void **state) {
    (void)state;
    give(0, 10);
    world_subscribe(&world, "phasegate", 4);
    world_await_received(&world, 4);
    bus_unsubscribe(world.subscription);
    await_streams(0);
    size_t leased = 4;
    loop_until(&world.loop, leased_so_many, &leased, 2000, "what was held back to be nacked");
    assert_int_equal(fake_pubsub_counts(fake, SUBSCRIPTION).waiting, 6);
    world_ack_all(&world);
    await_acked(4);
    expect_quiet();
}

static void a_close_gives_back_what_is_in_hand(void **state) {
    (void)state;
    set_up(state);
    give(0, 30);
    world_subscribe(&world, "phasegate", 10);
    world_await_received(&world, 10);
    world_ack(&world, 0);
    world_close(&world);
    struct fake_counts counts = fake_pubsub_counts(fake, SUBSCRIPTION);
    assert_int_equal(counts.leased, 0);
    assert_int_equal(counts.acked, 1);
    assert_int_equal(counts.waiting, 29);
    fake_pubsub_free(&fake);
}

static void a_bus_that_was_never_connected_closes(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1:1", 0);
    world_subscribe(&world, "phasegate", 0);
    await_log("cannot receive for now");
    check_fails(world_create(&world, "completions", NULL), CODE_UNAVAILABLE, "projects/p/topics/completions");
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_comes_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_name_is_another_projects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_are_as_google_wants_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acks_travel_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_are_out_than_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause_holds_back_and_a_resume_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause_leaves_the_rest_with_the_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_in_hand_keeps_its_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_extension_that_fails_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nacked_message_comes_again_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_ack_is_sent_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_ack_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_ack_under_way_does_not_hold_up_a_flush_of_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_that_ends_comes_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_when_streams_keep_breaking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_goes_away_is_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_subscription_is_awaited, set_up_empty, tear_down),
        cmocka_unit_test_setup_teardown(what_is_forbidden_is_said, set_up, tear_down),
        cmocka_unit_test(a_silent_server_does_not_stop_a_close),
        cmocka_unit_test_setup_teardown(an_ended_subscription_gives_back_what_it_holds, set_up, tear_down),
        cmocka_unit_test(a_close_gives_back_what_is_in_hand),
        cmocka_unit_test(a_bus_that_was_never_connected_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
