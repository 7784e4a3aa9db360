/*
 * Alerts, from what happens to dates to what a webhook gets, with the engine on a simulated clock: each cause
 * once in a period, its end if it was told, a backfill summed up, and whatever the webhook does, the triggers
 * come.
 */
#include "alerts/alerts.h"

#include "alerts/body.h"
#include "support/check.h"
#include "support/patience.h"
#include "support/stage.h"
#include "support/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, BACKFILL = 50, PROMPT_MS = 2000 };

struct fixture {
    struct webhook *webhook;
    struct alerts_settings alerts;
    struct stage *stage;
};

static void start_with_cap(struct fixture *fixture, int cap, const struct stage_setting *settings) {
    fixture->alerts.webhook = webhook_url(fixture->webhook);
    fixture->stage = stage_open(
        (struct stage_options){.backfill_cap = cap, .settings = settings, .alerts = &fixture->alerts});
    stage_start(fixture->stage);
}

static void start(struct fixture *fixture, const struct stage_setting *settings) {
    start_with_cap(fixture, BACKFILL, settings);
}

/* --- Waiting -------------------------------------------------------------------------------------------- */

struct wanted {
    struct webhook *webhook;
    const char *part;
    size_t count;
};

static bool came(void *context) {
    const struct wanted *wanted = context;
    return webhook_count(wanted->webhook, wanted->part) >= wanted->count;
}

static bool more_came(void *context) {
    const struct wanted *wanted = context;
    return webhook_count(wanted->webhook, wanted->part) > wanted->count;
}

static bool was_asked(void *context) {
    const struct wanted *wanted = context;
    return webhook_requests(wanted->webhook) >= wanted->count;
}

/* The newest message has this part. */
static void check_says(struct fixture *fixture, const char *part) {
    const char *body = webhook_body(fixture->webhook, NULL);
    if (!body || !strstr(body, part))
        fail_msg("expected \"%s\" in %s", part, body ? body : "nothing");
}

/* Waits until so many messages with the part have come; there must not be more. */
static void until_came(struct fixture *fixture, const char *part, size_t count) {
    struct wanted wanted = {fixture->webhook, part, count};
    stage_until(fixture->stage, came, &wanted, part);
    assert_int_equal(webhook_count(fixture->webhook, part), count);
}

static void until_requests(struct fixture *fixture, size_t count) {
    struct wanted wanted = {fixture->webhook, NULL, count};
    stage_until(fixture->stage, was_asked, &wanted, "requests to the webhook");
}

/* There are so many messages in all, and it stays so. */
static void only(struct fixture *fixture, size_t count) {
    struct wanted wanted = {fixture->webhook, NULL, count};
    assert_int_equal(webhook_count(fixture->webhook, NULL), count);
    stage_never(fixture->stage, more_came, &wanted, "one more message");
}

/* --- What happens --------------------------------------------------------------------------------------- */

static void trigger_group_1(struct fixture *fixture, game_date date, bool backfill) {
    stage_phase3(fixture->stage, date, backfill);
    stage_until_trigger(fixture->stage, date, 1, 1, 1);
    stage_until_phase(fixture->stage, date, 1, GROUP_TRIGGERED);
}

static void answer(struct fixture *fixture, game_date date, const char *status) {
    stage_answer(fixture->stage, stage_find(fixture->stage, date, 1, 1), status);
}

static void let_it_fail(struct fixture *fixture, game_date date) {
    trigger_group_1(fixture, date, false);
    answer(fixture, date, "failed");
    stage_until_phase(fixture->stage, date, 1, GROUP_FAILED);
}

/* --- Stalls and failures -------------------------------------------------------------------------------- */

static void a_stall_and_its_end(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    stage_complete(fixture->stage, PGS, STAGE_DATE, false);
    stage_complete(fixture->stage, UPGC, STAGE_DATE, false);
    stage_complete(fixture->stage, TOGS, STAGE_DATE, false);
    stage_until_handled(fixture->stage);
    stage_advance(fixture->stage, 6 * HOUR);
    until_came(fixture, NULL, 1);
    assert_string_equal(webhook_body(fixture->webhook, NULL),
        "{\"text\": \"phasegate nba: stalled: 2025-12-04 group 1 cannot start, it waits for utgc,tdgs; past "
        "its "
        "deadline of 21600 s since 2025-12-05 00:00 UTC. Look: phasegate explain 2025-12-04 --pipeline "
        "nba\"}");
    only(fixture, 1);
    stage_phase3(fixture->stage, STAGE_DATE, false);
    until_came(fixture, "phasegate nba: resolved: 2025-12-04 group 1, which had stalled, is ", 1);
    only(fixture, 2);
}

/* Raised again with each deadline: told again when a period has passed. */
static void the_same_stall_again(void **state) {
    static const struct stage_setting settings[] = {
        {"on_stall", "retrigger"}, {"retrigger_limit", "9"}, {"group_deadline", "1800"}, {0}};
    struct fixture *fixture = *state;
    start(fixture, settings);
    trigger_group_1(fixture, STAGE_DATE, false);
    for (size_t times = 1; times <= 4; times++) {
        stage_advance(fixture->stage, 30 * MINUTE);
        stage_until_trigger(fixture->stage, STAGE_DATE, 1, 1, times + 1);
        stage_until_phase(fixture->stage, STAGE_DATE, 1, GROUP_TRIGGERED);
        until_came(
            fixture, "stalled: 2025-12-04 group 1 (run 1) was triggered and is not done", (times + 1) / 2);
    }
    only(fixture, 2);
}

static void a_failed_group_and_its_end(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    let_it_fail(fixture, STAGE_DATE);
    until_came(fixture, NULL, 1);
    check_says(fixture, "failed: 2025-12-04 group 1 (run 1) at 2025-12-04 18:00 UTC: psza: ");
    only(fixture, 1);
    stage_complete(fixture->stage, TDZA, STAGE_DATE, false);
    stage_complete(fixture->stage, PSZA, STAGE_DATE, false);
    until_came(fixture, "resolved: 2025-12-04 group 1, which had failed, is done", 1);
    only(fixture, 2);
}

static void what_is_off_is_not_told(void **state) {
    struct fixture *fixture = *state;
    fixture->alerts.off[ALERT_FAILED] = true;
    start(fixture, NULL);
    let_it_fail(fixture, STAGE_DATE);
    only(fixture, 0);
}

/* Over before it was told: neither is. */
static void what_was_not_told_has_no_end(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    webhook_hang(fixture->webhook);
    let_it_fail(fixture, STAGE_DATE + 1); /* on its way, for as long as the webhook hangs */
    until_requests(fixture, 1);
    let_it_fail(fixture, STAGE_DATE);
    stage_complete(fixture->stage, TDZA, STAGE_DATE, false);
    stage_complete(fixture->stage, PSZA, STAGE_DATE, false);
    stage_until_phase(fixture->stage, STAGE_DATE, 1, GROUP_DONE);
    stage_until_trigger(fixture->stage, STAGE_DATE, 2, 1, 1);
    stage_quiet(fixture->stage);
    webhook_answer(fixture->webhook, 200, 0);
    until_came(fixture, "failed: 2025-12-05", 1);
    only(fixture, 1);
}

/* --- Backfill ------------------------------------------------------------------------------------------- */

static void a_backfill_that_fails_is_one_message(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    for (int i = 0; i < BACKFILL; i++)
        stage_phase3(fixture->stage, STAGE_DATE - i, true);
    stage_until_count(fixture->stage, 1, BACKFILL);
    stage_until_calm(fixture->stage);
    for (int i = 0; i < BACKFILL; i++)
        answer(fixture, STAGE_DATE - i, "failed");
    stage_until_handled(fixture->stage);
    only(fixture, 0);
    stage_advance(fixture->stage, 61 * SECOND);
    until_came(fixture, NULL, 1);
    check_says(fixture, "backfill: 0 groups are stalled and 50 failed, new ones since 2025-12-04 18:00 UTC");
    check_says(fixture, "first: 2025-10-16 group 1 waits for psza,tdza");
    check_says(fixture, "phasegate status --start-date 2025-10-16 --pipeline nba");
    only(fixture, 1);
    for (int i = 0; i < BACKFILL; i++)
        for (int processor = PSZA; processor <= TDZA; processor++)
            stage_complete(fixture->stage, processor, STAGE_DATE - i, true);
    until_came(fixture, "resolved: backfill: no group is stalled or failed any more", 1);
    only(fixture, 2);
}

/* It is in the outbox for as long as it takes, and nothing is wrong. */
static void a_backfill_that_waits_for_its_turn_is_none(void **state) {
    static const struct stage_setting settings[] = {{"group_deadline", "0"}, {0}};
    struct fixture *fixture = *state;
    start_with_cap(fixture, 1, settings);
    for (int i = 0; i < 5; i++)
        stage_phase3(fixture->stage, STAGE_DATE - i, true);
    stage_until_count(fixture->stage, 1, 1);
    stage_until_handled(fixture->stage);
    only(fixture, 0);
    stage_advance(fixture->stage, 2 * HOUR);
    only(fixture, 0);
}

/* --- The quarantine ------------------------------------------------------------------------------------- */

static void on_quarantined(void *context, struct result result, const struct quarantine_drops *drops) {
    (void)drops;
    check_ok(result);
    *(bool *)context = true;
}

static bool is_true(void *context) {
    return *(bool *)context;
}

static void quarantine(struct fixture *fixture, const char *id) {
    static const struct quarantine_limits limits = {.age_ms = INT64_C(30) * 24 * HOUR, .bytes = 1 << 20};
    const struct message message = {.id = id, .data = "?", .size = 1};
    bool done = false;
    store_quarantine(stage_store(fixture->stage), stage_pipeline(fixture->stage), &message, "topic",
        "not JSON at byte 0 <!channel>", limits, stage_now_ms(fixture->stage), on_quarantined, &done);
    stage_until(fixture->stage, is_true, &done, "the quarantine");
}

static void a_quarantine_that_grows(void **state) {
    struct fixture *fixture = *state;
    fixture->alerts.quarantined = 3;
    start(fixture, NULL);
    quarantine(fixture, "m1");
    quarantine(fixture, "m2");
    only(fixture, 0);
    quarantine(fixture, "m3");
    until_came(fixture, "3 messages were put into quarantine within 60 min, 3 are there", 1);
    assert_non_null(strstr(webhook_body(fixture->webhook, NULL),
        "the newest: not JSON at byte 0 &lt;!channel&gt;. Look: phasegate quarantine list --pipeline nba"));
    stage_advance(fixture->stage, MINUTE);
    for (const char *const *id = (const char *const[]){"m4", "m5", "m6", "m7", NULL}; *id; id++)
        quarantine(fixture, *id);
    only(fixture, 1);
    stage_advance(fixture->stage, HOUR);
    until_came(fixture, "4 messages were put into quarantine within 60 min, 7 are there", 1);
    stage_advance(fixture->stage, HOUR);
    until_came(fixture, "resolved: no message was put into quarantine any more; 7 are there", 1);
    only(fixture, 3);
}

/* --- A webhook that does not work ----------------------------------------------------------------------- */

static void a_webhook_that_hangs_holds_up_nothing(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    webhook_hang(fixture->webhook);
    let_it_fail(fixture, STAGE_DATE);
    until_requests(fixture, 1);
    uint64_t begun = uv_hrtime();
    for (int i = 1; i <= 20; i++)
        stage_phase3(fixture->stage, STAGE_DATE - i, false);
    stage_until_count(fixture->stage, 1, 21);
    assert_true((uv_hrtime() - begun) / 1000000 < (uint64_t)patient_ms(PROMPT_MS));
    assert_int_equal(webhook_count(fixture->webhook, NULL), 0);
}

/* What was not sent when it stopped is told by the next one that runs, once its claim is over. */
static void a_stop_waits_a_moment_and_nothing_is_forgotten(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    webhook_hang(fixture->webhook);
    let_it_fail(fixture, STAGE_DATE);
    until_requests(fixture, 1);
    uint64_t begun = uv_hrtime();
    stage_stop(fixture->stage);
    assert_true((uv_hrtime() - begun) / 1000000 < (uint64_t)patient_ms(5000));
    assert_int_equal(stage_said(fixture->stage, "stopped with 1 alerts not sent"), 1);
    webhook_answer(fixture->webhook, 200, 0);
    stage_start(fixture->stage);
    only(fixture, 0);
    stage_advance(fixture->stage, MINUTE);
    until_came(fixture, "failed: 2025-12-04", 1);
    only(fixture, 1);
}

/* A stop that sends the last one notes that it did. */
static void what_was_sent_by_a_stop_is_not_told_again(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    webhook_answer(fixture->webhook, 503, 60);
    let_it_fail(fixture, STAGE_DATE);
    until_requests(fixture, 1);
    stage_quiet(fixture->stage); /* the answer has come, and the next try is a minute away */
    webhook_answer(fixture->webhook, 200, 0);
    stage_stop(fixture->stage);
    assert_int_equal(webhook_count(fixture->webhook, "failed: 2025-12-04"), 1);
    assert_int_equal(stage_said(fixture->stage, "not sent"), 0);
    stage_start(fixture->stage);
    stage_advance(fixture->stage, 2 * MINUTE);
    only(fixture, 1);
}

static void a_webhook_that_fails_is_said_once_and_tried_again(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    webhook_answer(fixture->webhook, 500, 0);
    for (int i = 0; i < 3; i++)
        let_it_fail(fixture, STAGE_DATE - i);
    until_requests(fixture, 2);
    webhook_refuse(fixture->webhook);
    stage_quiet(fixture->stage);
    webhook_answer(fixture->webhook, 200, 0);
    until_came(fixture, "failed: ", 3);
    only(fixture, 3);
    assert_int_equal(
        stage_said(fixture->stage, "cannot send alerts, trying again: the webhook answers with status 500"),
        1);
    assert_int_equal(stage_said(fixture->stage, "cannot send alerts"), 1);
    assert_int_equal(stage_said(fixture->stage, "alerts are sent again after "), 1);
}

/* Slack's way to say "slower": one of them waits, and so do those behind it. */
static void the_time_that_it_asks_for_is_waited(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    webhook_answer(fixture->webhook, 429, 3);
    uint64_t begun = uv_hrtime();
    let_it_fail(fixture, STAGE_DATE);
    until_requests(fixture, 1);
    webhook_answer(fixture->webhook, 200, 0);
    until_came(fixture, "failed: ", 1);
    assert_true(uv_hrtime() - begun >= UINT64_C(3000) * 1000000);
}

/* It will not have this one, now or later; the next one is tried all the same. */
static void one_that_is_refused_is_not_repeated(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    webhook_answer(fixture->webhook, 404, 0);
    let_it_fail(fixture, STAGE_DATE);
    stage_until_said(fixture->stage, "an alert was refused: the webhook answers with status 404");
    webhook_answer(fixture->webhook, 200, 0);
    let_it_fail(fixture, STAGE_DATE - 1);
    until_came(fixture, "failed: 2025-12-03", 1);
    stage_advance(fixture->stage, 2 * MINUTE);
    only(fixture, 1);
}

/* --- The store ------------------------------------------------------------------------------------------ */

/* A replica that was killed after it had claimed the cause, and before it told it. */
static void what_a_dead_replica_claimed_is_told(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL);
    fixture->alerts.off[ALERT_FAILED] = true;
    stage_stop(fixture->stage);
    stage_start(fixture->stage);
    let_it_fail(fixture, STAGE_DATE);
    stage_stop(fixture->stage);
    fixture->alerts.off[ALERT_FAILED] = false;
    redis_server_do(stage_server(fixture->stage), "ZADD pg:{nba}:alerts:claims %lld %s",
        (long long)(stage_now_ms(fixture->stage) + MINUTE), "failed 2025-12-04/g1");
    stage_start(fixture->stage);
    only(fixture, 0);
    stage_advance(fixture->stage, MINUTE);
    until_came(fixture, "failed: 2025-12-04 group 1", 1);
    only(fixture, 1);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->webhook = webhook_open();
    fixture->alerts = (struct alerts_settings){
        .template = body_slack, .period_ms = HOUR, .gather_ms = MINUTE, .outbox_age = 600, .quarantined = 0};
    *state = fixture;
    return 0;
}

/* Whatever happened, the webhook's address was said nowhere. */
static int teardown(void **state) {
    struct fixture *fixture = *state;
    bool told = fixture->stage && stage_said(fixture->stage, WEBHOOK_SECRET) > 0;
    stage_close(&fixture->stage);
    webhook_close(&fixture->webhook);
    free(fixture);
    return told ? -1 : 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_stall_and_its_end),
        TEST(the_same_stall_again),
        TEST(a_failed_group_and_its_end),
        TEST(what_is_off_is_not_told),
        TEST(what_was_not_told_has_no_end),
        TEST(a_backfill_that_fails_is_one_message),
        TEST(a_backfill_that_waits_for_its_turn_is_none),
        TEST(a_quarantine_that_grows),
        TEST(a_webhook_that_hangs_holds_up_nothing),
        TEST(a_stop_waits_a_moment_and_nothing_is_forgotten),
        TEST(what_was_sent_by_a_stop_is_not_told_again),
        TEST(a_webhook_that_fails_is_said_once_and_tried_again),
        TEST(the_time_that_it_asks_for_is_waited),
        TEST(one_that_is_refused_is_not_repeated),
        TEST(what_a_dead_replica_claimed_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
