/*
 * Notices between the store's ledger and the webhook, both of them fakes: more than may wait, claims that are
 * kept while the webhook takes its time, and claims that are lost.
 */
#include "alerts/notice.h"

#include "alerts/body.h"
#include "alerts/http.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/nba.h"

#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, CLOSE_MS = 10000 };

static struct {
    bool away;
    bool refuses; /* every call, and not for now only */
    bool is_lost; /* a claim, when it is to be kept */
    size_t claims, keeps, tolds, ends;
    int64_t kept_ms; /* as the last keep gave it */
} ledger;

static struct {
    const char *body; /* that is on its way; NULL: none */
    http_answered_fn *answered;
    void *context;
    size_t posts;
} webhook;

static uv_loop_t loop;
static struct log_capture capture;
static struct alerts *alerts;
static int64_t now_ms;
static bool closed;

/* --- A fake store --------------------------------------------------------------------------------------- */

bool store_is_ready(const struct store *store) {
    (void)store;
    return !ledger.away;
}

static void say(ledger_answer_fn *answer, void *context, size_t *calls, bool yes) {
    ++*calls;
    if (ledger.refuses)
        answer(context, fail(CODE_REFUSED, "WRONGTYPE"), false);
    else
        answer(context, ok(), yes);
}

void ledger_claim(struct store *store, const struct pipeline *pipeline, const char *cause,
    struct alert_moment moment, ledger_answer_fn *answer, void *context) {
    (void)store, (void)pipeline, (void)cause, (void)moment;
    say(answer, context, &ledger.claims, true);
}

void ledger_keep(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t kept_ms,
    int64_t until_ms, ledger_answer_fn *answer, void *context) {
    (void)store, (void)pipeline, (void)cause, (void)until_ms;
    ledger.kept_ms = kept_ms;
    say(answer, context, &ledger.keeps, !ledger.is_lost);
}

void ledger_told(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t claimed_ms,
    ledger_answer_fn *answer, void *context) {
    (void)store, (void)pipeline, (void)cause, (void)claimed_ms;
    say(answer, context, &ledger.tolds, true);
}

void ledger_end(struct store *store, const struct pipeline *pipeline, const char *cause,
    ledger_answer_fn *answer, void *context) {
    (void)store, (void)pipeline, (void)cause;
    say(answer, context, &ledger.ends, true);
}

/* What these tests do not come to. */
void ledger_note(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t at_ms,
    ledger_answer_fn *answer, void *context) {
    (void)store, (void)pipeline, (void)cause, (void)at_ms, (void)answer, (void)context;
    fail_msg("nothing is of backfill");
}

void ledger_forget(struct store *store, const struct pipeline *pipeline, const char *cause,
    ledger_answer_fn *answer, void *context) {
    (void)store, (void)pipeline, (void)cause, (void)answer, (void)context;
    fail_msg("nothing is of backfill");
}

void ledger_look(struct store *store, const struct pipeline *pipeline, game_date date, int group,
    const char *kind, ledger_look_fn *look, void *context) {
    (void)store, (void)pipeline, (void)date, (void)group, (void)kind, (void)look, (void)context;
    fail_msg("nothing is about a group");
}

/* Of the sweep: no pipeline is watched. */
void ledger_open(struct store *store, const struct pipeline *pipeline, int64_t at_ms, int from,
    ledger_open_fn *open, void *context) {
    (void)store, (void)pipeline, (void)at_ms, (void)from, (void)open, (void)context;
    fail_msg("no pipeline is watched");
}

void ledger_sum(struct store *store, const struct pipeline *pipeline, struct alert_moment moment,
    int64_t gather_ms, ledger_sum_fn *sum, void *context) {
    (void)store, (void)pipeline, (void)moment, (void)gather_ms, (void)sum, (void)context;
    fail_msg("no pipeline is watched");
}

void ledger_quarantine(struct store *store, const struct pipeline *pipeline, struct alert_moment moment,
    int threshold, ledger_quarantine_fn *quarantine, void *context) {
    (void)store, (void)pipeline, (void)moment, (void)threshold, (void)quarantine, (void)context;
    fail_msg("no pipeline is watched");
}

/* --- A fake webhook ------------------------------------------------------------------------------------- */

struct result http_open(uv_loop_t *on, const char *url, struct http **http) {
    (void)on, (void)url;
    *http = NULL;
    return ok();
}

void http_post(struct http *http, const char *json, http_answered_fn *answered, void *context) {
    (void)http;
    webhook.body = json;
    webhook.answered = answered;
    webhook.context = context;
    webhook.posts++;
}

void http_close(struct http *http, void (*on_closed)(void *context), void *context) {
    (void)http;
    on_closed(context);
}

static void deliver(void) {
    const struct http_answer reply = {.status = 200};
    assert_non_null(webhook.body);
    webhook.body = NULL;
    webhook.answered(webhook.context, &reply);
}

/* --- What the tests do ---------------------------------------------------------------------------------- */

static void raise_cause(const char *subject) {
    alerts_raise(alerts,
        &(struct alert){.kind = ALERT_EPOCH,
            .pipeline = nba_pipeline(),
            .subject = subject,
            .text = "Something is wrong."});
}

static void raise_many(int count) {
    char subject[16];
    for (int i = 0; i < count; i++) {
        snprintf(subject, sizeof subject, "%d", i);
        raise_cause(subject);
    }
}

static void sweep_after(int64_t passed_ms) {
    now_ms += passed_ms;
    alerts_sweep(alerts);
}

static size_t said(const char *part) {
    return log_capture_count(&capture, part);
}

/* --- Tests ---------------------------------------------------------------------------------------------- */

/* The store is away for long: what is too much is dropped, and said; the rest is told in the end. */
static void more_than_may_wait_is_dropped_and_said(void **state) {
    (void)state;
    ledger.away = true;
    raise_many(NOTICES_MAX + 7);
    assert_int_equal(alerts->notices, NOTICES_MAX);
    sweep_after(5000);
    assert_int_equal(said("dropped"), 0); /* once the store is there */
    ledger.away = false;
    sweep_after(5000);
    assert_int_equal(said("7 alerts were dropped: too many at once"), 1);
    assert_int_equal(ledger.claims, NOTICES_MAX);
    sweep_after(5000);
    assert_int_equal(said("too many at once"), 1);
    assert_int_equal(alerts->notices, SENDER_QUEUE_MAX);
}

static void what_waited_is_told_when_the_store_is_back(void **state) {
    (void)state;
    ledger.away = true;
    raise_cause("a");
    sweep_after(5000);
    assert_int_equal(ledger.claims, 0);
    ledger.away = false;
    sweep_after(5000);
    assert_int_equal(ledger.claims, 1);
    deliver();
    assert_int_equal(ledger.tolds, 1);
    assert_int_equal(alerts->notices, 0);
}

/* Told, and then the store cannot take that it was: it is noted later, and not told again. */
static void that_it_was_told_is_noted_later(void **state) {
    (void)state;
    raise_cause("a");
    ledger.away = true;
    deliver();
    assert_int_equal(ledger.tolds, 0);
    ledger.away = false;
    sweep_after(5000);
    assert_int_equal(ledger.tolds, 1);
    assert_int_equal(webhook.posts, 1);
    assert_int_equal(alerts->notices, 0);
}

static void what_the_store_refuses_is_said_and_given_up(void **state) {
    (void)state;
    ledger.refuses = true;
    raise_cause("a");
    assert_int_equal(said("the store cannot handle the alert \"epoch a\": WRONGTYPE"), 1);
    assert_int_equal(webhook.posts, 0);
    assert_int_equal(alerts->notices, 0);
}

/* A webhook that takes longer than a claim lasts: the claim is renewed in time, from where it was kept. */
static void a_claim_is_kept_while_the_webhook_takes_its_time(void **state) {
    (void)state;
    int64_t claimed_ms = now_ms;
    raise_cause("a");
    sweep_after(ALERT_CLAIM_MS / 3 - 1);
    assert_int_equal(ledger.keeps, 0);
    sweep_after(1);
    assert_int_equal(ledger.keeps, 1);
    assert_int_equal(ledger.kept_ms, claimed_ms);
    sweep_after(ALERT_CLAIM_MS / 3 - 1);
    assert_int_equal(ledger.keeps, 1);
    sweep_after(1);
    assert_int_equal(ledger.keeps, 2);
    assert_int_equal(ledger.kept_ms, claimed_ms + ALERT_CLAIM_MS / 3);
    deliver();
    assert_int_equal(ledger.tolds, 1);
    sweep_after(ALERT_CLAIM_MS);
    assert_int_equal(ledger.keeps, 2);
}

/* It has become somebody else's: what waits is taken back, what is on its way is not. */
static void a_lost_claim_is_not_told(void **state) {
    (void)state;
    raise_cause("on its way");
    raise_cause("waits");
    ledger.is_lost = true;
    sweep_after(ALERT_CLAIM_MS / 3);
    assert_int_equal(ledger.keeps, 2);
    assert_int_equal(alerts->notices, 1);
    deliver();
    assert_int_equal(ledger.tolds, 1);
    assert_null(webhook.body);
    assert_int_equal(webhook.posts, 1);
}

/* The store does not answer: nobody knows whose it is, so it stays and is asked about again. */
static void a_claim_that_cannot_be_kept_now_stays(void **state) {
    (void)state;
    raise_cause("a");
    ledger.refuses = true;
    sweep_after(ALERT_CLAIM_MS / 3);
    sweep_after(5000);
    assert_int_equal(ledger.keeps, 2);
    assert_int_equal(alerts->notices, 1);
    ledger.refuses = false;
    deliver();
    assert_int_equal(ledger.tolds, 1);
}

/* What was not told has no end to be told either. */
static void the_end_takes_back_what_waits(void **state) {
    (void)state;
    raise_cause("on its way");
    raise_cause("waits");
    alerts_resolve(alerts, ALERT_EPOCH, nba_pipeline(), "waits", "It is over.");
    assert_int_equal(ledger.ends, 1);
    deliver();
    assert_non_null(webhook.body);
    assert_non_null(strstr(webhook.body, "It is over."));
    deliver();
    assert_int_equal(webhook.posts, 2);
    assert_int_equal(ledger.tolds, 1); /* an end is not noted as told */
    assert_int_equal(alerts->notices, 0);
}

static void what_never_got_to_the_store_is_said_at_the_end(void **state) {
    (void)state;
    ledger.away = true;
    raise_many(3);
    alerts_resolve(alerts, ALERT_EPOCH, nba_pipeline(), "0", "It is over.");
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int64_t test_now_ms(void *context) {
    (void)context;
    return now_ms;
}

static int set_up(void **state) {
    static const struct alerts_settings settings = {
        .webhook = "http://127.0.0.1:1/", .template = body_slack, .period_ms = 60 * MINUTE_MS};
    static const struct pipeline *const none[] = {NULL};
    (void)state;
    now_ms = INT64_C(1764590400000);
    memset(&ledger, 0, sizeof ledger);
    memset(&webhook, 0, sizeof webhook);
    closed = false;
    uv_loop_init(&loop);
    log_capture_open(&capture);
    check_ok(alerts_open(&loop, (struct clock){.now_ms = test_now_ms}, &capture.log, &settings, &alerts));
    alerts_attach(alerts, (struct store *)&ledger, none, 0); /* nobody looks into it */
    return 0;
}

static void set_closed(void *context) {
    (void)context;
    closed = true;
}

static int tear_down(void **state) {
    size_t waiting = 0;
    (void)state;
    for (const struct notice *notice = alerts->waiting.first; notice; notice = notice->next)
        waiting += notice->step == STEP_CLAIM;
    alerts_close(alerts, set_closed, NULL);
    loop_until_true(&loop, &closed, CLOSE_MS, "the alerts to close");
    assert_int_equal(said("alerts that waited for the store"), waiting > 0);
    loop_close(&loop);
    log_capture_close(&capture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(more_than_may_wait_is_dropped_and_said),
        TEST(what_waited_is_told_when_the_store_is_back),
        TEST(that_it_was_told_is_noted_later),
        TEST(what_the_store_refuses_is_said_and_given_up),
        TEST(a_claim_is_kept_while_the_webhook_takes_its_time),
        TEST(a_lost_claim_is_not_told),
        TEST(a_claim_that_cannot_be_kept_now_stays),
        TEST(the_end_takes_back_what_waits),
        TEST(what_never_got_to_the_store_is_said_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
