/*
 * The Pub/Sub end of the bus while Pub/Sub fails in each of the ways the fake knows: nothing is lost, what is
 * acked stays acked, order is kept, and it comes back by itself.
 */
#include "base/clock.h"
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/loop.h"
#include "support/pubsub_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "projects/p/topics/completions"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"

enum { STREAMS = 2, SLOW_MS = 60000 };

struct scene {
    struct fake_pubsub *fake;
    struct world world;
    size_t wanted; /* what the condition that is waited for compares with */
};

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    check_ok(fake_pubsub_start(NULL, &scene->fake));
    check_ok(fake_pubsub_create(scene->fake, TOPIC, SUBSCRIPTION, false));
    world_open(&scene->world, fake_pubsub_address(scene->fake), STREAMS);
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    world_close(&scene->world);
    fake_pubsub_free(&scene->fake);
    free(scene);
    return 0;
}

/* --- What is waited for --------------------------------------------------------------------------------- */

static bool all_acked(void *context) {
    struct scene *scene = context;
    return fake_pubsub_counts(scene->fake, SUBSCRIPTION).acked == scene->wanted;
}

static bool streams_open(void *context) {
    struct scene *scene = context;
    return fake_pubsub_open_streams(scene->fake) == scene->wanted;
}

static bool extended(void *context) {
    struct scene *scene = context;
    return fake_pubsub_extensions(scene->fake) >= scene->wanted;
}

static bool called_to_extend(void *context) {
    struct scene *scene = context;
    return fake_pubsub_calls(scene->fake, FAKE_MODIFY_ACK_DEADLINE) >= scene->wanted;
}

static bool called_to_publish(void *context) {
    struct scene *scene = context;
    return fake_pubsub_calls(scene->fake, FAKE_PUBLISH) >= scene->wanted;
}

static void await(struct scene *scene, loop_condition *condition, size_t wanted, const char *what) {
    scene->wanted = wanted;
    loop_until(&scene->world.loop, condition, scene, SLOW_MS, what);
}

static void await_acked(struct scene *scene, size_t count) {
    await(scene, all_acked, count, "everything to be acked");
}

static void receive(struct scene *scene) {
    scene->world.acks = true;
    world_subscribe(&scene->world, "phasegate", 0);
    await(scene, streams_open, STREAMS, "the streams to open");
}

/* Messages "0", "1", … from some other publisher. */
static void inject(struct scene *scene, int count) {
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        const struct message message = {.data = text, .size = strlen(text)};
        check_ok(fake_pubsub_publish(scene->fake, TOPIC, &message));
    }
}

/* How often the message with this text has been received. */
static int times_received(const struct scene *scene, const char *text) {
    int times = 0;
    for (size_t i = 0; i < scene->world.received_count; i++)
        times += strcmp(scene->world.received[i].text, text) == 0;
    return times;
}

/* --- Receiving ------------------------------------------------------------------------------------------ */

static void comes_back_after_every_kind_of_break(void **state) {
    struct scene *scene = *state;
    static const grpc_status_code statuses[] = {GRPC_STATUS_UNAVAILABLE, GRPC_STATUS_INTERNAL, GRPC_STATUS_OK,
        GRPC_STATUS_ABORTED, GRPC_STATUS_DEADLINE_EXCEEDED, GRPC_STATUS_RESOURCE_EXHAUSTED,
        GRPC_STATUS_CANCELLED, GRPC_STATUS_UNKNOWN, GRPC_STATUS_PERMISSION_DENIED, GRPC_STATUS_NOT_FOUND,
        GRPC_STATUS_UNAUTHENTICATED, GRPC_STATUS_FAILED_PRECONDITION};
    enum { COUNT = sizeof statuses / sizeof *statuses };
    receive(scene);
    for (size_t i = 0; i < COUNT; i++) {
        fake_pubsub_break_streams(scene->fake, statuses[i]);
        inject(scene, 1);
        await_acked(scene, i + 1);
    }
    await(scene, streams_open, STREAMS, "both streams to be back");
}

static void keeps_what_is_in_hand_while_streams_break(void **state) {
    struct scene *scene = *state;
    world_subscribe(&scene->world, "phasegate", 0);
    inject(scene, 3);
    world_await_received(&scene->world, 3);
    fake_pubsub_break_streams(scene->fake, GRPC_STATUS_UNAVAILABLE);
    await(scene, streams_open, STREAMS, "the streams to be back");
    world_ack_all(&scene->world);
    await_acked(scene, 3);
    assert_int_equal(fake_pubsub_counts(scene->fake, SUBSCRIPTION).deliveries, 3);
}

static void waits_out_refused_streams(void **state) {
    struct scene *scene = *state;
    fake_pubsub_answer_next(scene->fake, FAKE_STREAMING_PULL, 6, GRPC_STATUS_UNAVAILABLE);
    inject(scene, 1);
    receive(scene);
    await_acked(scene, 1);
    assert_int_equal(log_capture_count(&scene->world.log, "cannot receive for now"), 1);
}

static void takes_duplicates_as_deliveries_of_their_own(void **state) {
    struct scene *scene = *state;
    fake_pubsub_duplicate(scene->fake, 3);
    receive(scene);
    inject(scene, 20);
    world_await_received(&scene->world, 60);
    await_acked(scene, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(times_received(scene, "7"), 3);
}

/* --- Acks ----------------------------------------------------------------------------------------------- */

static void acks_until_it_is_heard(void **state) {
    struct scene *scene = *state;
    static const grpc_status_code statuses[] = {GRPC_STATUS_UNAVAILABLE, GRPC_STATUS_INTERNAL,
        GRPC_STATUS_RESOURCE_EXHAUSTED, GRPC_STATUS_DEADLINE_EXCEEDED};
    receive(scene);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        fake_pubsub_answer_next(scene->fake, FAKE_ACKNOWLEDGE, 2, statuses[i]);
        inject(scene, 1);
        await_acked(scene, i + 1);
    }
    assert_int_equal(fake_pubsub_counts(scene->fake, SUBSCRIPTION).deliveries, 4);
}

static void acks_again_what_comes_again(void **state) {
    struct scene *scene = *state;
    fake_pubsub_lose_acks(scene->fake, true);
    receive(scene);
    inject(scene, 5);
    world_await_received(&scene->world, 5);
    check_ok(world_flush(&scene->world));
    assert_int_equal(fake_pubsub_counts(scene->fake, SUBSCRIPTION).acked, 0);
    fake_pubsub_lose_acks(scene->fake, false);
    fake_pubsub_expire_leases(scene->fake);
    world_await_received(&scene->world, 10);
    await_acked(scene, 5);
    fake_pubsub_forget_acks(scene->fake, SUBSCRIPTION);
    world_await_received(&scene->world, 15);
    await_acked(scene, 5);
}

/* --- Silence -------------------------------------------------------------------------------------------- */

/* Leases are 10 s long. An extension that nobody answers is sent again before the lease is over. */
static void keeps_its_leases_although_an_extension_is_swallowed(void **state) {
    struct scene *scene = *state;
    world_subscribe(&scene->world, "phasegate", 0);
    await(scene, streams_open, STREAMS, "the streams to open");
    inject(scene, 1);
    world_await_received(&scene->world, 1);
    fake_pubsub_black_hole(scene->fake, true);
    await(scene, called_to_extend, 1, "the first extension");
    fake_pubsub_black_hole(scene->fake, false);
    await(scene, extended, 1, "another extension");
    assert_int_equal(fake_pubsub_counts(scene->fake, SUBSCRIPTION).deliveries, 1);
    world_ack_all(&scene->world);
    await_acked(scene, 1);
}

static void acks_again_what_was_swallowed(void **state) {
    struct scene *scene = *state;
    world_subscribe(&scene->world, "phasegate", 0);
    await(scene, streams_open, STREAMS, "the streams to open");
    inject(scene, 1);
    world_await_received(&scene->world, 1);
    fake_pubsub_black_hole(scene->fake, true);
    size_t calls = fake_pubsub_calls(scene->fake, FAKE_ACKNOWLEDGE);
    world_ack_all(&scene->world);
    while (fake_pubsub_calls(scene->fake, FAKE_ACKNOWLEDGE) == calls)
        uv_run(&scene->world.loop, UV_RUN_ONCE);
    fake_pubsub_black_hole(scene->fake, false);
    await_acked(scene, 1);
    assert_int_equal(fake_pubsub_counts(scene->fake, SUBSCRIPTION).deliveries, 1);
}

static void waits_for_no_answer_for_ever(void **state) {
    struct scene *scene = *state;
    struct clock clock = clock_system();
    check_ok(world_create(&scene->world, "made", "made"));
    check_ok(world_seek(&scene->world, "made", clock_now_ms(&clock)));
    receive(scene);
    inject(scene, 1);
    await_acked(scene, 1);
    scene->world.acks = false;
    inject(scene, 1);
    world_publish(&scene->world, "made", "x", NULL);
    world_await_outcomes(&scene->world, 1);
    await(scene, extended, 1, "an extension");
    for (enum fake_method method = 0; method < FAKE_METHODS; method++) {
        assert_true(fake_pubsub_calls(scene->fake, method) > 0);
        if (method == FAKE_STREAMING_PULL)
            assert_true(fake_pubsub_deadline_ms(scene->fake, method) == INT64_MAX);
        else
            assert_in_range(fake_pubsub_deadline_ms(scene->fake, method), 1, 61000); /* the wire rounds up */
    }
    world_ack_all(&scene->world);
}

static void closes_in_a_black_hole(void **state) {
    struct scene *scene = *state;
    world_subscribe(&scene->world, "phasegate", 0);
    inject(scene, 1);
    world_await_received(&scene->world, 1);
    fake_pubsub_black_hole(scene->fake, true);
    world_publish(&scene->world, "completions", "x", "key");
    world_publish(&scene->world, "completions", "y", "key");
    await(scene, called_to_publish, 1, "the publish to arrive");
    /* tear_down closes the bus, and would fail if that took long */
}

/* --- Publishing ----------------------------------------------------------------------------------------- */

/* Published, but not confirmed: the publisher cannot know, and says it again; order is kept all the same. */
static void keeps_order_when_a_confirmation_is_lost(void **state) {
    struct scene *scene = *state;
    static const char *const texts[] = {"a", "b", "c"};
    enum { COUNT = sizeof texts / sizeof *texts };
    fake_pubsub_publish_unconfirmed(scene->fake, 1, GRPC_STATUS_DEADLINE_EXCEEDED);
    for (size_t i = 0; i < 2 * COUNT; i++) {
        world_publish(&scene->world, "completions", texts[i % COUNT], "key");
        if (i == COUNT - 1)
            world_await_outcomes(&scene->world, COUNT);
    }
    world_await_outcomes(&scene->world, 2 * COUNT);
    for (size_t i = 0; i < 2 * COUNT; i++) {
        const struct message *message = fake_pubsub_message(scene->fake, TOPIC, i);
        assert_non_null(message);
        assert_memory_equal(message->data, texts[i % COUNT], 1);
        if (i < COUNT)
            check_fails(scene->world.outcomes[i].result, CODE_UNAVAILABLE, "DEADLINE_EXCEEDED");
        else
            assert_string_equal(scene->world.outcomes[i].id, message->id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back_after_every_kind_of_break, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_what_is_in_hand_while_streams_break, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_out_refused_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_duplicates_as_deliveries_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acks_until_it_is_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acks_again_what_comes_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            keeps_its_leases_although_an_extension_is_swallowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(acks_again_what_was_swallowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_no_answer_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closes_in_a_black_hole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_order_when_a_confirmation_is_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
