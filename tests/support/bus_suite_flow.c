/* The suite of the bus: no more comes than is wanted. */
#include "support/bus_suite_internal.h"

#include <stdio.h>

static void no_more_than_allowed_are_in_hand(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_HOLD, 7);
    char text[32];
    for (int i = 0; i < 30; i++) {
        snprintf(text, sizeof text, "message %d", i);
        suite_publish(suite, text);
    }
    suite_await_deliveries(suite, &suite->inbox, 7, WAIT_MS);
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
    inbox_ack_one(&suite->inbox);
    suite_await_deliveries(suite, &suite->inbox, 8, WAIT_MS);
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
    while (suite->inbox.count < 30) {
        inbox_ack_all(&suite->inbox);
        suite_await_deliveries(suite, &suite->inbox, suite->inbox.deliveries + 1, WAIT_MS);
        assert_in_range(suite->inbox.held_count, 1, 7);
    }
    inbox_ack_all(&suite->inbox);
}

static void a_paused_receiver_gets_nothing_until_it_goes_on(void **state) {
    struct suite *suite = *state;
    struct subscription *subscription = suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "before");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    bus_pause(subscription);
    bus_pause(subscription);
    suite_publish(suite, "while paused");
    suite_publish(suite, "while paused, too");
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS + 2 * suite->fixture->lease_ms);
    assert_int_equal(suite->inbox.deliveries, 1);
    bus_resume(subscription);
    bus_resume(subscription);
    suite_await_count(suite, &suite->inbox, 3, suite->fixture->redelivery_ms);
    assert_int_equal(suite->inbox.deliveries, 3); /* what was in hand stayed there */
    inbox_ack_all(&suite->inbox);
}

static void after_unsubscribing_nothing_comes_and_acks_still_go(void **state) {
    struct suite *suite = *state;
    struct subscription *subscription = suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "in hand");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    bus_unsubscribe(subscription);
    suite_publish(suite, "later");
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
    inbox_ack_all(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
    suite->other = suite_open_bus(suite, "second");
    suite_subscribe(suite, suite->other, &suite->other_inbox, 0);
    suite_await_count(suite, &suite->other_inbox, 1, suite->fixture->redelivery_ms);
    suite_expect_no_more(suite, &suite->other_inbox, NEVER_MS);
    assert_string_equal(suite->other_inbox.items[0].data, "later");
}

void bus_suite_flow(struct suite *suite) {
    const struct CMUnitTest tests[] = {
        suite_test(no_more_than_allowed_are_in_hand),
        suite_test(a_paused_receiver_gets_nothing_until_it_goes_on),
        suite_test(after_unsubscribing_nothing_comes_and_acks_still_go),
    };
    suite_run(suite, tests);
}
