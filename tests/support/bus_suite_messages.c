/* The suite of the bus: what comes is what was published, and is published in order. */
#include "support/bus_suite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_message_comes_as_it_was_published(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    const char data[] = "\x00\xff{\"a\":\n1}\x00\r";
    const struct attribute attributes[] = {{"pipeline", "nba"}, {"empty", ""}, {"name", "Jokić\n"}};
    struct message message = {.data = data,
        .size = sizeof data,
        .attributes = attributes,
        .attribute_count = 3,
        .ordering_key = "nba/2021-11-17"};
    struct outcome outcome = {0};
    int64_t before = clock_system().now_ms(NULL);
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the confirmation");
    check_ok(outcome.result);
    const struct received *item = &suite->inbox.items[0];
    assert_string_equal(item->id, outcome.id);
    assert_int_equal(item->size, sizeof data);
    assert_memory_equal(item->data, data, sizeof data);
    assert_string_equal(item->key, "nba/2021-11-17");
    assert_string_equal(suite->inbox.attributes, "empty=;name=Jokić\n;pipeline=nba;");
    assert_in_range(item->published_ms, before - 2000, clock_system().now_ms(NULL) + 2000);
}

static void a_message_may_be_without_data(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    const struct attribute attributes[] = {{"only", "this"}};
    struct message message = {.attributes = attributes, .attribute_count = 1};
    struct outcome outcome = {0};
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    assert_int_equal(suite->inbox.items[0].size, 0);
    assert_string_equal(suite->inbox.items[0].key, "");
    assert_string_equal(suite->inbox.attributes, "only=this;");
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the confirmation");
}

static void a_large_message_comes_whole(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    size_t size = 3000000;
    char *data = malloc(size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7);
    struct message message = {.data = data, .size = size};
    struct outcome outcome = {0};
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    assert_int_equal(suite->inbox.items[0].size, size);
    assert_memory_equal(suite->inbox.items[0].data, data, size);
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the confirmation");
    free(data);
}

static void a_message_that_is_too_large_is_refused_for_good(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    size_t size = 11000000;
    char *data = calloc(1, size);
    assert_non_null(data);
    struct message message = {.data = data, .size = size};
    struct outcome outcome = {0};
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the refusal");
    free(data);
    assert_false(is_ok(outcome.result));
    assert_false(outcome.result.retryable);
    suite_publish(suite, "the next one goes");
}

/* --- Publishing ------------------------------------------------------------------------------------------
 */

static void messages_of_one_key_are_confirmed_in_order(void **state) {
    enum { KEYS = 5, EACH = 60 };
    struct suite *suite = *state;
    suite_start(suite, INBOX_ACK, 0);
    static struct outcome outcomes[KEYS][EACH];
    memset(outcomes, 0, sizeof outcomes);
    char key[32], text[32];
    for (int i = 0; i < EACH; i++) {
        for (int k = 0; k < KEYS; k++) {
            snprintf(key, sizeof key, "nba/2021-11-%02d", k + 1);
            snprintf(text, sizeof text, "%d of %d", i, k);
            publish_text(suite->bus, suite->topic, key, text, &outcomes[k][i]);
        }
    }
    suite_await_count(suite, &suite->inbox, (size_t)KEYS * EACH, WAIT_MS);
    flush_and_wait(&suite->loop, suite->bus);
    for (int k = 0; k < KEYS; k++) {
        for (int i = 0; i < EACH; i++) {
            check_ok(outcomes[k][i].result);
            assert_true(i == 0 || outcomes[k][i].turn > outcomes[k][i - 1].turn);
        }
    }
}

static void a_flush_comes_after_all_that_went_before(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_HOLD, 0);
    suite_publish(suite, "in hand");
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    struct outcome published[50] = {0}, flushed = {0}, again = {0};
    for (int i = 0; i < 50; i++)
        publish_text(suite->bus, suite->topic, i % 2 ? "key" : NULL, "text", &published[i]);
    inbox_ack_all(&suite->inbox);
    bus_flush(suite->bus, outcome_done, &flushed);
    bus_flush(suite->bus, outcome_done, &again);
    loop_until(&suite->loop, outcome_is_there, &again, WAIT_MS, "the flush");
    check_ok(flushed.result);
    check_ok(again.result);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(published[i].calls, 1);
        assert_true(published[i].turn < flushed.turn);
    }
    assert_true(flushed.turn < again.turn);
    suite_await_deliveries(suite, &suite->inbox, 51, WAIT_MS);
    inbox_ack_all(&suite->inbox);
}

static void a_flush_of_nothing_is_done(void **state) {
    struct suite *suite = *state;
    flush_and_wait(&suite->loop, suite->bus);
}

void bus_suite_messages(struct suite *suite) {
    const struct CMUnitTest tests[] = {
        suite_test(a_message_comes_as_it_was_published),
        suite_test(a_message_may_be_without_data),
        suite_test(a_large_message_comes_whole),
        suite_test(a_message_that_is_too_large_is_refused_for_good),
        suite_test(messages_of_one_key_are_confirmed_in_order),
        suite_test(a_flush_comes_after_all_that_went_before),
        suite_test(a_flush_of_nothing_is_done),
    };
    suite_run(suite, tests);
}
