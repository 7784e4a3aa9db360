/* Moving a Pub/Sub subscription back in time, where that is more than the suite of both buses shows. */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/loop.h"
#include "support/pubsub_world.h"

#include <string.h>

#define TOPIC "projects/p/topics/completions"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"

enum { QUIET_MS = 300 };

static struct fake_pubsub *fake;
static struct world world;

static int set_up(void **state) {
    (void)state;
    check_ok(fake_pubsub_start(NULL, &fake));
    world_open(&world, fake_pubsub_address(fake), 2);
    return 0;
}

/* The subscription is one that phasegate made. */
static int set_up_made(void **state) {
    set_up(state);
    return is_ok(world_create(&world, "completions", "phasegate")) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    world_close(&world);
    fake_pubsub_free(&fake);
    return 0;
}

static int64_t now_ms(void) {
    return clock_system().now_ms(NULL);
}

static bool is_past(void *moment_ms) {
    return now_ms() > *(const int64_t *)moment_ms;
}

static void publish(const char *text) {
    check_ok(fake_pubsub_publish(fake, TOPIC, &(struct message){.data = text, .size = strlen(text)}));
}

static void receive_and_ack(size_t count) {
    world.acks = true;
    world_subscribe(&world, SUBSCRIPTION, 0);
    world_await_received(&world, count);
    check_ok(world_flush(&world));
}

static bool more_came(void *context) {
    return world.received_count > *(const size_t *)context;
}

static void expect_no_more(size_t count) {
    assert_int_equal(world.received_count, count);
    loop_never(&world.loop, more_came, &count, QUIET_MS, "a message that should not come");
}

static void one_that_keeps_nothing_is_refused_and_left_alone(void **state) {
    (void)state;
    check_ok(fake_pubsub_create(fake, TOPIC, SUBSCRIPTION, false));
    publish("acked");
    receive_and_ack(1);
    check_fails(world_seek(&world, "phasegate", 0), CODE_REFUSED,
        "gcloud pubsub subscriptions update " SUBSCRIPTION " --retain-acked-messages");
    assert_int_equal(fake_pubsub_calls(fake, FAKE_SEEK), 0);
    expect_no_more(1);
}

static void one_that_keeps_nothing_is_told_when_it_is_found_at_the_start(void **state) {
    (void)state;
    check_ok(fake_pubsub_create(fake, TOPIC, SUBSCRIPTION, false));
    check_ok(world_create(&world, "completions", "phasegate"));
    assert_int_equal(log_capture_count(&world.log, "cannot be moved back in time"), 1);
}

static void a_moment_before_what_is_kept_is_warned_of_and_brings_the_rest(void **state) {
    (void)state;
    publish("one");
    publish("two");
    receive_and_ack(2);
    check_ok(world_seek(&world, "phasegate", now_ms() - INT64_C(8) * 24 * 3600 * 1000));
    world_await_received(&world, 4);
    assert_int_equal(log_capture_count(&world.log, "what was acked before then is gone"), 1);
}

static void what_was_not_acked_before_the_moment_does_not_come(void **state) {
    (void)state;
    publish("unhandled");
    int64_t moment_ms = fake_pubsub_message(fake, TOPIC, 0)->published_ms + 1;
    loop_until(&world.loop, is_past, &moment_ms, WORLD_WAIT_MS, "the next moment");
    publish("later");
    check_ok(world_seek(&world, "phasegate", moment_ms));
    receive_and_ack(1);
    expect_no_more(1);
    assert_string_equal(world.received[0].text, "later");
}

static void what_is_in_hand_stays_there(void **state) {
    (void)state;
    publish("in hand");
    world_subscribe(&world, SUBSCRIPTION, 0);
    world_await_received(&world, 1);
    check_ok(world_seek(&world, "phasegate", 0));
    world_ack(&world, 0);
    check_ok(world_flush(&world));
    expect_no_more(1);
    assert_int_equal(fake_pubsub_counts(fake, SUBSCRIPTION).acked, 1);
}

static void a_seek_is_routed_and_tried_again(void **state) {
    (void)state;
    char header[128];
    fake_pubsub_answer_next(fake, FAKE_SEEK, 2, GRPC_STATUS_UNAVAILABLE);
    check_ok(world_seek(&world, "phasegate", now_ms()));
    assert_int_equal(fake_pubsub_calls(fake, FAKE_SEEK), 3);
    assert_true(fake_pubsub_header(fake, FAKE_SEEK, "x-goog-request-params", header, sizeof header));
    assert_string_equal(header, "subscription=" SUBSCRIPTION);
    assert_in_range(fake_pubsub_deadline_ms(fake, FAKE_SEEK), 20000, 31000);
}

static void a_refused_seek_is_told(void **state) {
    (void)state;
    fake_pubsub_answer_next(fake, FAKE_SEEK, 1, GRPC_STATUS_PERMISSION_DENIED);
    check_fails(world_seek(&world, "phasegate", now_ms()), CODE_REFUSED, "forbids the use of " SUBSCRIPTION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_keeps_nothing_is_refused_and_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            one_that_keeps_nothing_is_told_when_it_is_found_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_moment_before_what_is_kept_is_warned_of_and_brings_the_rest, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_not_acked_before_the_moment_does_not_come, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(what_is_in_hand_stays_there, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(a_seek_is_routed_and_tried_again, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_seek_is_told, set_up_made, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
