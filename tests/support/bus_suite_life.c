/* The suite of the bus: beginning and end. */
#include "support/bus_suite_internal.h"

#include <stdlib.h>

static void creating_again_is_fine(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    create_and_wait(&suite->loop, suite->bus, &(struct source){.topic = suite->topic});
    suite_publish(suite, "one");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
}

static void a_topic_alone_can_be_made(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &(struct source){.topic = suite->topic});
    suite_publish(suite, "into the void");
}

static bool is_missed(void *context) {
    const struct suite *suite = context;
    return log_capture_count(&suite->capture, suite->subscription) > 0;
}

static void a_missing_subscription_is_found_when_it_is_made(void **state) {
    struct suite *suite = *state;
    suite_subscribe(suite, suite->bus, &suite->inbox, 0);
    loop_until(&suite->loop, is_missed, suite, WAIT_MS, "a log line about the missing subscription");
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    suite_publish(suite, "at last");
    suite_await_count(suite, &suite->inbox, 1, 2 * WAIT_MS);
}

static void closing_ends_everything_under_way(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "one");
    suite_publish(suite, "two");
    suite_await_count(suite, &suite->inbox, 2, WAIT_MS);
    struct outcome published[100] = {0}, flushed = {0}, created = {0}, moved = {0}, closed = {0};
    for (int i = 0; i < 100; i++)
        publish_text(suite->bus, suite->topic, i % 3 ? "key" : NULL, "text", &published[i]);
    bus_flush(suite->bus, outcome_done, &flushed);
    bus_create(suite->bus, &suite->source, outcome_done, &created);
    bus_seek(suite->bus, &suite->source, 0, outcome_done, &moved);
    inbox_ack_one(&suite->inbox);
    bus_close(suite->bus, outcome_done, &closed);
    suite->bus = NULL;
    loop_until(&suite->loop, outcome_is_there, &closed, WAIT_MS, "the end of the bus");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(published[i].calls, 1);
        assert_true(is_ok(published[i].result) || published[i].result.code == CODE_UNAVAILABLE);
        assert_true(published[i].turn < closed.turn);
    }
    assert_int_equal(flushed.calls, 1);
    assert_int_equal(created.calls, 1);
    assert_int_equal(moved.calls, 1);
    loop_close(&suite->loop); /* no handle is left */
    uv_loop_init(&suite->loop);
}

static void a_bus_can_be_closed_at_once(void **state) {
    struct suite *suite = *state;
    suite_subscribe(suite, suite->bus, &suite->inbox, 0);
    bus_close(suite->bus, NULL, NULL);
    suite->bus = NULL;
    loop_close(&suite->loop);
    uv_loop_init(&suite->loop);
}

static void no_callback_runs_inside_the_call_that_caused_it(void **state) {
    struct suite *suite = *state;
    bool inside = false;
    struct outcome created = {.forbidden = &inside},
                   published[3] = {{.forbidden = &inside}, {.forbidden = &inside}, {.forbidden = &inside}},
                   moved[2] = {{.forbidden = &inside}, {.forbidden = &inside}},
                   flushed = {.forbidden = &inside}, closed = {.forbidden = &inside};
    size_t huge = 11000000;
    char *data = calloc(1, huge);
    assert_non_null(data);
    suite->inbox.policy = INBOX_HOLD;
    suite->inbox.forbidden = &inside;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    inside = true;
    bus_create(suite->bus, &suite->source, outcome_done, &created);
    bus_seek(suite->bus, &suite->source, 0, outcome_done, &moved[0]);
    bus_seek(suite->bus, &suite->source, INT64_MAX, outcome_done, &moved[1]);
    struct subscription *subscription = suite_subscribe(suite, suite->bus, &suite->inbox, 0);
    publish_text(suite->bus, suite->topic, "key", "text", &published[0]);
    publish_text(suite->bus, suite->topic, "key", "more", &published[1]);
    bus_publish(suite->bus, suite->topic, &(struct message){.data = data, .size = huge}, outcome_published,
        &published[2]);
    bus_flush(suite->bus, outcome_done, &flushed);
    inside = false;
    suite_await_count(suite, &suite->inbox, 2, WAIT_MS);
    loop_until(&suite->loop, outcome_is_there, &flushed, WAIT_MS, "the flush");
    loop_until(&suite->loop, outcome_is_there, &moved[0], WAIT_MS, "the seek");
    loop_until(&suite->loop, outcome_is_there, &moved[1], WAIT_MS, "the refusal of a seek");
    inside = true;
    bus_pause(subscription);
    bus_resume(subscription);
    bus_nack(suite->inbox.held[--suite->inbox.held_count]);
    inbox_ack_one(&suite->inbox);
    inside = false;
    suite_await_deliveries(suite, &suite->inbox, 3, suite->fixture->redelivery_ms);
    inside = true;
    bus_close(suite->bus, outcome_done, &closed);
    suite->bus = NULL;
    inside = false;
    loop_until(&suite->loop, outcome_is_there, &closed, WAIT_MS, "the end of the bus");
    free(data);
}

void bus_suite_life(struct suite *suite) {
    const struct CMUnitTest tests[] = {
        suite_test(creating_again_is_fine),
        suite_test(a_topic_alone_can_be_made),
        suite_test(a_missing_subscription_is_found_when_it_is_made),
        suite_test(closing_ends_everything_under_way),
        suite_test(a_bus_can_be_closed_at_once),
        suite_test(no_callback_runs_inside_the_call_that_caused_it),
    };
    suite_run(suite, tests);
}
