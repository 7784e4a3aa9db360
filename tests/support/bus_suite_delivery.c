/* The suite of the bus: each message comes once, and again when it has to. */
#include "support/bus_suite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 5000 };

static bool all_there(void *context) {
    const struct outcome *outcomes = context;
    for (size_t i = 0; i < MANY; i++) {
        if (outcomes[i].calls == 0)
            return false;
    }
    return true;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(((const struct outcome *)a)->id, ((const struct outcome *)b)->id);
}

static void many_messages_come_exactly_once_when_acked(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    struct outcome *outcomes = calloc(MANY, sizeof *outcomes);
    assert_non_null(outcomes);
    char text[32];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "message %zu", i);
        publish_text(suite->bus, suite->topic, NULL, text, &outcomes[i]);
    }
    loop_until(&suite->loop, all_there, outcomes, 4 * WAIT_MS, "the confirmations of all messages");
    suite_await_count(suite, &suite->inbox, MANY, 4 * WAIT_MS);
    flush_and_wait(&suite->loop, suite->bus);
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
    assert_int_equal(suite->inbox.deliveries, MANY);
    qsort(outcomes, MANY, sizeof *outcomes, compare_ids);
    for (size_t i = 0; i < MANY; i++) {
        check_ok(outcomes[i].result);
        assert_int_equal(outcomes[i].calls, 1);
        assert_true(i == 0 || strcmp(outcomes[i - 1].id, outcomes[i].id) != 0);
    }
    free(outcomes);
}

static void a_nacked_message_comes_again(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_NACK_ONCE, 0);
    suite_publish(suite, "one");
    suite_publish(suite, "two");
    suite_await_deliveries(suite, &suite->inbox, 4, WAIT_MS);
    assert_int_equal(suite->inbox.count, 2);
    assert_int_equal(inbox_find(&suite->inbox, "one")->times, 2);
    flush_and_wait(&suite->loop, suite->bus);
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
}

static void an_unacked_message_comes_again_after_its_receiver_left(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "in hand");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    suite->other = suite_open_bus(suite, "second");
    close_and_wait(&suite->loop, &suite->bus);
    suite_subscribe(suite, suite->other, &suite->other_inbox, 0);
    suite_await_count(suite, &suite->other_inbox, 1, suite->fixture->redelivery_ms);
    assert_string_equal(suite->other_inbox.items[0].data, "in hand");
}

static void an_acked_message_does_not_come_again_after_its_receiver_left(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    suite_publish(suite, "done");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    flush_and_wait(&suite->loop, suite->bus);
    close_and_wait(&suite->loop, &suite->bus);
    suite->bus = suite_open_bus(suite, "first");
    suite_subscribe(suite, suite->bus, &suite->other_inbox, 0);
    suite_expect_no_more(suite, &suite->other_inbox, NEVER_MS + suite->fixture->lease_ms);
}

static void what_a_killed_receiver_held_comes_again(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    suite_publish(suite, "one");
    suite_publish(suite, "two");
    suite_publish(suite, "three");
    bus_victim_hold(&suite->victim, &suite->source, 3, WAIT_MS);
    bus_victim_kill(&suite->victim);
    suite_subscribe(suite, suite->bus, &suite->inbox, 0);
    suite_await_count(suite, &suite->inbox, 3, suite->fixture->redelivery_ms);
}

static bool both_have_everything(void *context) {
    const struct suite *suite = context;
    return suite->inbox.count + suite->other_inbox.count >= 40;
}

static void two_receivers_share_the_messages(void **state) {
    struct suite *suite = *state;
    enum inbox_policy policy = suite->fixture->greedy ? INBOX_ACK : INBOX_HOLD;
    suite_start(suite, policy, 20);
    suite->other = suite_open_bus(suite, "second");
    suite->other_inbox.policy = policy;
    suite_subscribe(suite, suite->other, &suite->other_inbox, 20);
    char text[32];
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "message %d", i);
        suite_publish(suite, text);
    }
    loop_until(&suite->loop, both_have_everything, suite, WAIT_MS, "40 messages, between two receivers");
    assert_int_equal(suite->inbox.deliveries + suite->other_inbox.deliveries, 40);
    if (!suite->fixture->greedy)
        assert_int_equal(suite->inbox.count, 20);
    for (size_t i = 0; i < suite->other_inbox.count; i++)
        assert_null(inbox_find(&suite->inbox, suite->other_inbox.items[i].data));
    inbox_ack_all(&suite->inbox);
    inbox_ack_all(&suite->other_inbox);
}

static void hold_for_long(struct suite *suite, bool paused) {
    struct subscription *subscription = suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "slow");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    if (paused)
        bus_pause(subscription);
    suite->other = suite_open_bus(suite, "second");
    suite_subscribe(suite, suite->other, &suite->other_inbox, 0);
    suite_expect_no_more(suite, &suite->other_inbox, 3 * suite->fixture->lease_ms);
    assert_int_equal(suite->inbox.deliveries, 1);
    inbox_ack_all(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
}

static void a_lease_is_kept_for_as_long_as_it_takes(void **state) {
    hold_for_long(*state, false);
}

static void a_paused_receiver_keeps_its_leases(void **state) {
    hold_for_long(*state, true);
}

void bus_suite_delivery(struct suite *suite) {
    const struct CMUnitTest tests[] = {
        suite_test(many_messages_come_exactly_once_when_acked),
        suite_test(a_nacked_message_comes_again),
        suite_test(an_unacked_message_comes_again_after_its_receiver_left),
        suite_test(an_acked_message_does_not_come_again_after_its_receiver_left),
        suite_test_with_victim(what_a_killed_receiver_held_comes_again),
        suite_test(two_receivers_share_the_messages),
        suite_test(a_lease_is_kept_for_as_long_as_it_takes),
        suite_test(a_paused_receiver_keeps_its_leases),
    };
    suite_run(suite, tests);
}
