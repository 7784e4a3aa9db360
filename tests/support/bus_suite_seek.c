/* The suite of the bus: moving a subscription back in time. */
#include "support/bus_suite_internal.h"

#include <string.h>

static const char *const earlier[] = {"earlier: one", "earlier: two", "earlier: three"};
static const char *const later[] = {"later: one", "later: two", "later: three"};

static bool is_past(void *moment_ms) {
    return clock_system().now_ms(NULL) > *(const int64_t *)moment_ms;
}

/* After all that has come, and before all that will. */
static int64_t moment_between(struct suite *suite) {
    int64_t moment_ms = 0;
    for (size_t i = 0; i < suite->inbox.count; i++) {
        if (suite->inbox.items[i].published_ms >= moment_ms)
            moment_ms = suite->inbox.items[i].published_ms + 1;
    }
    loop_until(&suite->loop, is_past, &moment_ms, WAIT_MS, "the next moment");
    return moment_ms;
}

static void publish_and_receive(struct suite *suite, const char *const texts[3]) {
    size_t before = suite->inbox.count;
    for (size_t i = 0; i < 3; i++)
        suite_publish(suite, texts[i]);
    suite_await_count(suite, &suite->inbox, before + 3, WAIT_MS);
    flush_and_wait(&suite->loop, suite->bus);
}

/* Three messages, a moment, three more; all are acked. */
static int64_t earlier_and_later(struct suite *suite) {
    suite_start(suite, INBOX_ACK, 0);
    publish_and_receive(suite, earlier);
    int64_t moment_ms = moment_between(suite);
    publish_and_receive(suite, later);
    suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
    return moment_ms;
}

static struct result seek(struct suite *suite, struct bus *bus, int64_t time_ms) {
    struct outcome outcome = {0};
    bus_seek(bus, &suite->source, time_ms, outcome_done, &outcome);
    loop_until(&suite->loop, outcome_is_there, &outcome, 2 * WAIT_MS, "the end of a seek");
    assert_int_equal(outcome.calls, 1);
    return outcome.result;
}

static void expect_times(const struct inbox *inbox, const char *const texts[3], size_t times) {
    for (size_t i = 0; i < 3; i++) {
        const struct received *item = inbox_find(inbox, texts[i]);
        assert_non_null(item);
        assert_int_equal(item->times, times);
    }
}

/* The same messages: the inbox knows them by their ids, and still has six. */
static void a_seek_brings_back_what_came_later_to_a_running_receiver(void **state) {
    struct suite *suite = *state;
    int64_t moment_ms = earlier_and_later(suite);
    suite->other = suite_open_bus(suite, "second");
    for (size_t times = 2; times <= 3; times++) {
        check_ok(seek(suite, suite->other, moment_ms)); /* as another process does */
        suite_await_deliveries(suite, &suite->inbox, 3 + 3 * times, suite->fixture->redelivery_ms);
        flush_and_wait(&suite->loop, suite->bus);
        suite_expect_no_more(suite, &suite->inbox, NEVER_MS);
        assert_int_equal(suite->inbox.count, 6);
        expect_times(&suite->inbox, earlier, 1);
        expect_times(&suite->inbox, later, times);
    }
    suite_publish(suite, "newest");
    suite_await_count(suite, &suite->inbox, 7, WAIT_MS);
}

static void a_seek_brings_back_what_came_later_to_who_receives_afterwards(void **state) {
    struct suite *suite = *state;
    int64_t moment_ms = earlier_and_later(suite);
    close_and_wait(&suite->loop, &suite->bus);
    suite->other = suite_open_bus(suite, "second");
    check_ok(seek(suite, suite->other, moment_ms));
    suite_subscribe(suite, suite->other, &suite->other_inbox, 0);
    suite_await_count(suite, &suite->other_inbox, 3, suite->fixture->redelivery_ms);
    flush_and_wait(&suite->loop, suite->other);
    suite_expect_no_more(suite, &suite->other_inbox, NEVER_MS);
    expect_times(&suite->other_inbox, later, 1);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(
            inbox_find(&suite->other_inbox, later[i])->id, inbox_find(&suite->inbox, later[i])->id);
}

static void a_seek_to_the_beginning_brings_back_everything(void **state) {
    struct suite *suite = *state;
    earlier_and_later(suite);
    check_ok(seek(suite, suite->bus, 0));
    suite_await_deliveries(suite, &suite->inbox, 12, suite->fixture->redelivery_ms);
    expect_times(&suite->inbox, earlier, 2);
    expect_times(&suite->inbox, later, 2);
}

static void a_seek_keeps_what_is_not_acked(void **state) {
    struct suite *suite = *state;
    suite_start(suite, INBOX_HOLD, 0);
    for (size_t i = 0; i < 3; i++)
        suite_publish(suite, later[i]);
    suite_await_count(suite, &suite->inbox, 3, WAIT_MS);
    check_ok(seek(suite, suite->bus, suite->inbox.items[0].published_ms - 1));
    inbox_ack_one(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
    close_and_wait(&suite->loop, &suite->bus);
    suite->inbox.held_count = 0; /* given back */
    suite->other = suite_open_bus(suite, "second");
    suite_subscribe(suite, suite->other, &suite->other_inbox, 0);
    suite_await_count(suite, &suite->other_inbox, 2, suite->fixture->redelivery_ms);
}

static void a_seek_into_the_future_is_refused(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    int64_t hour = 3600 * 1000;
    check_fails(seek(suite, suite->bus, clock_system().now_ms(NULL) + hour), CODE_INVALID,
        "expected a moment up to now");
    check_fails(seek(suite, suite->bus, -hour), CODE_INVALID, "1969-12-31T23:00:00.000Z");
}

static void a_seek_of_a_missing_subscription_says_how_to_make_it(void **state) {
    struct suite *suite = *state;
    int64_t now_ms = clock_system().now_ms(NULL);
    check_fails(seek(suite, suite->bus, now_ms), CODE_NOT_FOUND, "phasegate serve --create");
    create_and_wait(&suite->loop, suite->bus, &(struct source){.topic = suite->topic});
    suite_publish(suite, "a topic alone is not enough");
    check_fails(seek(suite, suite->bus, now_ms), CODE_NOT_FOUND, suite->subscription);
    suite->source.subscription = NULL;
    check_fails(seek(suite, suite->bus, now_ms), CODE_INVALID, "");
}

/* --- What is left --------------------------------------------------------------------------------------- */

static struct result look(struct suite *suite, struct bus_backlog *backlog) {
    struct outcome outcome = {0};
    bus_look(suite->bus, &suite->source, backlog, outcome_done, &outcome);
    loop_until(&suite->loop, outcome_is_there, &outcome, 2 * WAIT_MS, "the end of a look");
    assert_int_equal(outcome.calls, 1);
    return outcome.result;
}

static void check_left(struct suite *suite, struct bus_backlog *backlog, enum backlog expected) {
    check_ok(look(suite, backlog));
    assert_int_equal(backlog->left, suite->fixture->says_backlog ? expected : BACKLOG_UNKNOWN);
}

/* Until all is received and acked; what comes after the first look is not waited for. */
static void a_look_says_what_is_left(void **state) {
    struct suite *suite = *state;
    struct bus_backlog first = {.until = ""}, second = {.until = ""};
    suite_start(suite, INBOX_HOLD, 1);
    check_left(suite, &first, BACKLOG_NONE);
    for (size_t i = 0; i < 3; i++)
        suite_publish(suite, later[i]);
    suite_await_count(suite, &suite->inbox, 1, WAIT_MS);
    check_left(suite, &first, BACKLOG_NONE);
    check_left(suite, &second, BACKLOG_SOME);
    for (size_t i = 1; i <= 3; i++) {
        suite_await_count(suite, &suite->inbox, i, WAIT_MS);
        check_left(suite, &second, BACKLOG_SOME);
        inbox_ack_one(&suite->inbox);
        flush_and_wait(&suite->loop, suite->bus);
    }
    check_left(suite, &second, BACKLOG_NONE);
    suite_publish(suite, "newest");
    suite_await_count(suite, &suite->inbox, 4, WAIT_MS);
    check_left(suite, &second, BACKLOG_NONE);
}

static void after_a_seek_all_of_it_is_left(void **state) {
    struct suite *suite = *state;
    struct bus_backlog backlog = {.until = ""};
    int64_t moment_ms = earlier_and_later(suite);
    flush_and_wait(&suite->loop, suite->bus);
    check_left(suite, &backlog, BACKLOG_NONE);
    suite->inbox.policy = INBOX_HOLD;
    check_ok(seek(suite, suite->bus, moment_ms));
    check_left(suite, &backlog, BACKLOG_SOME);
    suite_await_deliveries(suite, &suite->inbox, 9, suite->fixture->redelivery_ms);
    check_left(suite, &backlog, BACKLOG_SOME);
    for (int i = 0; i < 3; i++)
        inbox_ack_one(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
    check_left(suite, &backlog, BACKLOG_NONE);
}

static void a_look_at_a_missing_subscription_says_so(void **state) {
    struct suite *suite = *state;
    struct bus_backlog backlog = {.until = ""};
    check_fails(look(suite, &backlog), CODE_NOT_FOUND, suite->subscription);
    create_and_wait(&suite->loop, suite->bus, &(struct source){.topic = suite->topic});
    suite_publish(suite, "a topic alone is not enough");
    check_fails(look(suite, &backlog), CODE_NOT_FOUND, suite->subscription);
}

void bus_suite_seek(struct suite *suite) {
    const struct CMUnitTest tests[] = {
        suite_test(a_seek_brings_back_what_came_later_to_a_running_receiver),
        suite_test(a_seek_brings_back_what_came_later_to_who_receives_afterwards),
        suite_test(a_seek_to_the_beginning_brings_back_everything),
        suite_test(a_seek_keeps_what_is_not_acked),
        suite_test(a_seek_into_the_future_is_refused),
        suite_test(a_seek_of_a_missing_subscription_says_how_to_make_it),
        suite_test(a_look_says_what_is_left),
        suite_test(after_a_seek_all_of_it_is_left),
        suite_test(a_look_at_a_missing_subscription_says_so),
    };
    suite_run(suite, tests);
}
