/* The suite of the bus: the other side goes away and comes back. */
#include "support/bus_suite_internal.h"

static void come_back(struct suite *suite) {
    suite->fixture->start(suite->context);
    if (suite->fixture->forgets)
        create_in_the_end(&suite->loop, suite->bus, &suite->source);
}

static void expect_four_failures(struct suite *suite) {
    struct outcome failed[4] = {0};
    for (int i = 0; i < 4; i++)
        publish_text(suite->bus, suite->topic, i < 3 ? "key" : NULL, "lost", &failed[i]);
    for (int i = 0; i < 4; i++) {
        loop_until(&suite->loop, outcome_is_there, &failed[i], 6 * WAIT_MS, "the failure of a message");
        assert_int_equal(failed[i].result.code, CODE_UNAVAILABLE);
        assert_true(failed[i].result.retryable);
        assert_int_equal(failed[i].calls, 1);
    }
}

static void publishing_fails_while_the_other_side_is_away(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    suite_publish(suite, "before");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    suite->fixture->stop(suite->context);
    expect_four_failures(suite); /* nobody has noticed yet */
    expect_four_failures(suite); /* known to be away */
    come_back(suite);
    suite->inbox.awaited = suite->inbox.count + 1; /* it may come before its publish is known to be done */
    publish_in_the_end(&suite->loop, suite->bus, suite->topic, "key", "after");
    loop_until(
        &suite->loop, inbox_is_full, &suite->inbox, 4 * WAIT_MS, "a message after the other side came back");
    if (!inbox_find(&suite->inbox, "after"))
        fail_msg("a message that had failed came");
}

static void what_is_in_hand_when_the_other_side_goes_is_acked_when_it_comes_back(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "one");
    suite_publish(suite, "two");
    suite_await_count(suite, &suite->inbox, 2, WAIT_MS);
    suite->fixture->stop(suite->context);
    inbox_ack_one(&suite->inbox);
    come_back(suite);
    publish_in_the_end(&suite->loop, suite->bus, suite->topic, NULL, "three");
    suite->inbox.awaited = 3;
    loop_until(
        &suite->loop, inbox_is_full, &suite->inbox, 4 * WAIT_MS, "a message after the other side came back");
    inbox_ack_all(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
    if (!suite->fixture->forgets)
        assert_int_equal(suite->inbox.deliveries, 3);
    close_and_wait(&suite->loop, &suite->bus);
    suite->other = suite_open_bus(suite, "second");
    suite_subscribe(suite, suite->other, &suite->other_inbox, 0);
    suite_expect_no_more(suite, &suite->other_inbox, NEVER_MS + suite->fixture->lease_ms);
}

static void a_seek_fails_while_the_other_side_is_away(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    suite->fixture->stop(suite->context);
    struct outcome moved = {0};
    bus_seek(suite->bus, &suite->source, 0, outcome_done, &moved);
    loop_until(&suite->loop, outcome_is_there, &moved, 6 * WAIT_MS, "the failure of a seek");
    assert_int_equal(moved.calls, 1);
    assert_int_equal(moved.result.code, CODE_UNAVAILABLE);
    come_back(suite);
}

static void a_look_fails_while_the_other_side_is_away(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    suite->fixture->stop(suite->context);
    struct outcome looked = {0};
    struct bus_backlog backlog = {.until = ""};
    bus_look(suite->bus, &suite->source, &backlog, outcome_done, &looked);
    loop_until(&suite->loop, outcome_is_there, &looked, 6 * WAIT_MS, "the failure of a look");
    assert_int_equal(looked.calls, 1);
    assert_int_equal(looked.result.code, CODE_UNAVAILABLE);
    come_back(suite);
}

static bool receives(void *subscription) {
    return bus_receiving_ms(subscription) > 0;
}

static bool receives_not(void *subscription) {
    return !receives(subscription);
}

static void it_says_whether_it_receives(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    struct subscription *subscription = suite_subscribe(suite, suite->bus, &suite->inbox, 0);
    assert_false(receives(subscription));
    loop_until(&suite->loop, receives, subscription, WAIT_MS, "receiving");
    suite->fixture->stop(suite->context);
    loop_until(&suite->loop, receives_not, subscription, WAIT_MS, "the end of receiving");
    uint64_t back_at = uv_now(&suite->loop);
    come_back(suite);
    loop_until(&suite->loop, receives, subscription, 6 * WAIT_MS, "receiving again");
    assert_true(bus_receiving_ms(subscription) <= (int64_t)(uv_now(&suite->loop) - back_at));
}

static void it_can_be_closed_while_the_other_side_is_away(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "in hand");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    suite->fixture->stop(suite->context);
    struct outcome published = {0};
    publish_text(suite->bus, suite->topic, NULL, "lost", &published);
    close_and_wait(&suite->loop, &suite->bus);
    assert_int_equal(published.calls, 1);
    assert_int_equal(published.result.code, CODE_UNAVAILABLE);
    suite->fixture->start(suite->context);
}

int bus_suite_outage(struct suite *suite) {
    const struct CMUnitTest tests[] = {
        suite_test(publishing_fails_while_the_other_side_is_away),
        suite_test(what_is_in_hand_when_the_other_side_goes_is_acked_when_it_comes_back),
        suite_test(a_seek_fails_while_the_other_side_is_away),
        suite_test(a_look_fails_while_the_other_side_is_away),
        suite_test(it_says_whether_it_receives),
        suite_test(it_can_be_closed_while_the_other_side_is_away),
    };
    return cmocka_run_group_tests_name(suite->fixture->name, tests, NULL, NULL);
}
