/* The queue to the webhook over a fake one: order, what is tried again and what is not, and its maximum. */
#include "alerts/sender.h"

#include "alerts/http.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 10000 };

static struct fake {
    const char *body; /* that is on its way; NULL: none */
    http_answered_fn *answered;
    void *context;
    size_t posts;
} fake;

static uv_loop_t loop;
static struct log_capture capture;
static struct sender *sender;
static char ends[512]; /* what became of the letters, in order */
static bool idle, closed;

/* --- A fake http.h -------------------------------------------------------------------------------------- */

struct result http_open(uv_loop_t *on, const char *url, struct http **http) {
    (void)on;
    (void)url;
    *http = NULL;
    return ok();
}

void http_post(struct http *http, const char *json, http_answered_fn *answered, void *context) {
    (void)http;
    assert_null(fake.body);
    fake = (struct fake){json, answered, context, fake.posts + 1};
}

void http_close(struct http *http, void (*on_closed)(void *context), void *context) {
    (void)http;
    on_closed(context);
}

static void answer(int status, int64_t retry_after_ms) {
    const struct http_answer reply = {
        .status = status, .retry_after_ms = retry_after_ms, .failure = status ? NULL : "nobody is there"};
    assert_non_null(fake.body);
    fake.body = NULL;
    fake.answered(fake.context, &reply);
}

/* --- What the test does --------------------------------------------------------------------------------- */

static void on_sent(void *context, enum sent sent, const char *detail) {
    static const char *const words[] = {"delivered", "refused", "dropped"};
    (void)detail;
    size_t used = strlen(ends);
    snprintf(ends + used, sizeof ends - used, "%s %s;", (const char *)context, words[sent]);
}

static void post(const char *letter) {
    sender_send(sender, strdup(letter), on_sent, (void *)(uintptr_t)letter);
}

static size_t said(const char *part) {
    return log_capture_count(&capture, part);
}

static bool is_under_way(void *context) {
    (void)context;
    return fake.body != NULL;
}

static void until_posted(void) {
    loop_until(&loop, is_under_way, NULL, DEADLINE_MS, "the next try");
}

static void set_idle(void *context) {
    (void)context;
    idle = true;
}

static void set_closed(void *context) {
    (void)context;
    closed = true;
}

/* --- Tests ---------------------------------------------------------------------------------------------- */

static void one_after_the_other(void **state) {
    (void)state;
    post("a");
    post("b");
    assert_string_equal(fake.body, "a");
    answer(200, 0);
    assert_string_equal(fake.body, "b");
    answer(204, 0);
    assert_string_equal(ends, "a delivered;b delivered;");
    assert_null(fake.body);
    assert_int_equal(said(NULL), 0);
}

static void what_fails_is_tried_again_and_said_once(void **state) {
    (void)state;
    post("a");
    answer(0, 0);
    post("b");
    assert_null(fake.body); /* it waits, and nothing overtakes it */
    until_posted();
    assert_string_equal(fake.body, "a");
    answer(500, 0);
    until_posted();
    answer(200, 0);
    answer(200, 0);
    assert_string_equal(ends, "a delivered;b delivered;");
    assert_int_equal(said("cannot send alerts, trying again: nobody is there"), 1);
    assert_int_equal(said("cannot send alerts"), 1);
    assert_int_equal(said("alerts are sent again after 2 failures"), 1);
}

static void what_the_webhook_asks_to_wait_is_waited(void **state) {
    (void)state;
    post("a");
    uint64_t begun = uv_hrtime();
    answer(429, 1500);
    until_posted();
    assert_true(uv_hrtime() - begun >= UINT64_C(1490) * 1000000);
    answer(200, 0);
}

static void what_is_refused_is_not_tried_again(void **state) {
    (void)state;
    post("a");
    post("b");
    answer(400, 0);
    answer(302, 0);
    assert_string_equal(ends, "a refused;b refused;");
    assert_int_equal(said("an alert was refused: the webhook answers with status 400"), 1);
    assert_int_equal(fake.posts, 2);
}

static void the_oldest_gives_way(void **state) {
    static char letters[SENDER_QUEUE_MAX + 2][8];
    (void)state;
    for (int i = 0; i < SENDER_QUEUE_MAX + 2; i++) {
        snprintf(letters[i], sizeof letters[i], "%d", i);
        post(letters[i]);
    }
    assert_string_equal(ends, "1 dropped;2 dropped;"); /* 0 is on its way */
    answer(0, 0);
    until_posted();
    ends[0] = '\0';
    answer(200, 0);
    assert_string_equal(ends, "0 delivered;");
    assert_string_equal(fake.body, "3");
    assert_int_equal(said("after 1 failures; 2 were dropped meanwhile"), 1);
}

static void what_waits_can_be_withdrawn(void **state) {
    const char *first = "a", *second = "b", *third = "c";
    (void)state;
    post(first);
    post(second);
    post(third);
    assert_false(sender_withdraw(sender, first));
    assert_true(sender_withdraw(sender, third));
    assert_false(sender_withdraw(sender, third));
    post(third);
    answer(200, 0);
    answer(200, 0);
    answer(200, 0);
    assert_string_equal(ends, "a delivered;b delivered;c delivered;");
}

/* About to stop: no waiting, and it is idle when all is sent … */
static void hurrying_sends_what_waits(void **state) {
    (void)state;
    post("a");
    answer(503, 60000);
    post("b");
    sender_hurry(sender, set_idle, NULL);
    answer(200, 0);
    assert_false(idle);
    answer(200, 0);
    assert_true(idle);
    assert_string_equal(ends, "a delivered;b delivered;");
}

/* … or when it fails again; then what is left is dropped, and said. */
static void hurrying_in_vain(void **state) {
    (void)state;
    post("a");
    post("b");
    sender_hurry(sender, set_idle, NULL);
    assert_false(idle);
    answer(0, 0);
    assert_true(idle);
    sender_close(sender, set_closed, NULL);
    sender = NULL;
    assert_string_equal(ends, "a dropped;b dropped;");
    assert_int_equal(said("stopped with 2 alerts not sent"), 1);
}

static void nothing_to_hurry(void **state) {
    (void)state;
    sender_hurry(sender, set_idle, NULL);
    assert_true(idle);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    (void)state;
    fake = (struct fake){.body = NULL};
    ends[0] = '\0';
    idle = closed = false;
    uv_loop_init(&loop);
    log_capture_open(&capture);
    return is_ok(sender_open(&loop, "http://127.0.0.1/", &capture.log, &sender)) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    if (sender)
        sender_close(sender, set_closed, NULL);
    loop_close(&loop);
    log_capture_close(&capture);
    return closed ? 0 : -1;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_after_the_other),
        TEST(what_fails_is_tried_again_and_said_once),
        TEST(what_the_webhook_asks_to_wait_is_waited),
        TEST(what_is_refused_is_not_tried_again),
        TEST(the_oldest_gives_way),
        TEST(what_waits_can_be_withdrawn),
        TEST(hurrying_sends_what_waits),
        TEST(hurrying_in_vain),
        TEST(nothing_to_hurry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
