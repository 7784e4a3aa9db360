/* The ledger of alerts against a real redis-server: who may tell what, when, and what is summed up. */
#include "state/alert_ledger.h"

#include "support/check.h"
#include "support/loop.h"
#include "support/scene.h"

#include <stdio.h>
#include <string.h>

enum { DEADLINE_MS = 20000, PERIOD = 3600000, GATHER = 60000 };

#define START SCENE_MS
#define CAUSE "failed 2021-11-17/g1"

static struct store_harness *harness;
static const struct pipeline *nba;

/* What the last call was answered. */
static struct answer {
    bool there, yes;
    enum alert_due due;
    int a, b;
    int64_t since_ms;
    char text[200]; /* of a list: entries with blanks behind them */
    struct alert_look look;
} answer;

/* --- Calls ---------------------------------------------------------------------------------------------- */

static void expect_answer(void) {
    loop_until_true(&harness->loop, &answer.there, DEADLINE_MS, "an answer of the ledger");
}

static void on_answer(void *context, struct result result, bool yes) {
    (void)context;
    check_ok(result);
    answer.there = true;
    answer.yes = yes;
}

static void forget_answer(void) {
    answer = (struct answer){.there = false};
}

static struct alert_moment moment(int64_t now_ms) {
    return (struct alert_moment){.now_ms = now_ms, .period_ms = PERIOD};
}

static bool claim(const char *cause, int64_t now_ms) {
    forget_answer();
    ledger_claim(harness->store, nba, cause, moment(now_ms), on_answer, NULL);
    expect_answer();
    return answer.yes;
}

static bool keep(const char *cause, int64_t kept_ms, int64_t now_ms) {
    forget_answer();
    ledger_keep(harness->store, nba, cause, kept_ms, now_ms, on_answer, NULL);
    expect_answer();
    return answer.yes;
}

static void told(const char *cause, int64_t claimed_ms) {
    forget_answer();
    ledger_told(harness->store, nba, cause, claimed_ms, on_answer, NULL);
    expect_answer();
}

static bool end(const char *cause) {
    forget_answer();
    ledger_end(harness->store, nba, cause, on_answer, NULL);
    expect_answer();
    return answer.yes;
}

static bool note(const char *cause, int64_t now_ms) {
    forget_answer();
    ledger_note(harness->store, nba, cause, now_ms, on_answer, NULL);
    expect_answer();
    return answer.yes;
}

static bool forget(const char *cause) {
    forget_answer();
    ledger_forget(harness->store, nba, cause, on_answer, NULL);
    expect_answer();
    return answer.yes;
}

static void on_sum(void *context, struct result result, const struct alert_sum *sum) {
    (void)context;
    check_ok(result);
    answer = (struct answer){
        true, .due = sum->due, .a = sum->stalls, .b = sum->failures, .since_ms = sum->since_ms};
    snprintf(answer.text, sizeof answer.text, "%s", sum->first ? sum->first : "");
}

static enum alert_due sum(int64_t now_ms) {
    forget_answer();
    ledger_sum(harness->store, nba, moment(now_ms), GATHER, on_sum, NULL);
    expect_answer();
    return answer.due;
}

static void on_open(void *context, struct result result, enum alert_state state, const char *cause) {
    static const char marks[] = {[ALERT_TOLD] = 't', [ALERT_LEFT] = 'l', [ALERT_OF_BACKFILL] = 'b'};
    size_t used = strlen(answer.text);
    (void)context;
    check_ok(result);
    answer.there = !cause;
    if (cause)
        snprintf(answer.text + used, sizeof answer.text - used, "%c:%s ", marks[state], cause);
}

static const char *open_at(int64_t now_ms, int from) {
    forget_answer();
    ledger_open(harness->store, nba, now_ms, from, on_open, NULL);
    expect_answer();
    return answer.text;
}

static void on_look(void *context, struct result result, const struct alert_look *look) {
    (void)context;
    check_ok(result);
    answer.there = true;
    answer.look = *look;
    snprintf(answer.text, sizeof answer.text, "%s|%s|%s", look->phase ? look->phase : "-",
        look->waits_for ? look->waits_for : "-", look->failure ? look->failure : "-");
}

static const struct alert_look *look_at(game_date date, int group, const char *kind) {
    forget_answer();
    ledger_look(harness->store, nba, date, group, kind, on_look, NULL);
    expect_answer();
    return &answer.look;
}

/* --- Telling -------------------------------------------------------------------------------------------- */

static void once_in_a_period(void **state) {
    (void)state;
    assert_true(claim(CAUSE, START));
    assert_false(claim(CAUSE, START + 1)); /* somebody is at it */
    told(CAUSE, START);
    assert_false(claim(CAUSE, START + PERIOD - 1));
    assert_true(claim("failed 2021-11-17/g2", START + 1)); /* another one */
    assert_true(claim(CAUSE, START + PERIOD));
}

static void a_claim_ends_with_whoever_died(void **state) {
    (void)state;
    assert_true(claim(CAUSE, START));
    assert_false(claim(CAUSE, START + ALERT_CLAIM_MS - 1));
    assert_string_equal(open_at(START + ALERT_CLAIM_MS - 1, 0), "");
    assert_string_equal(open_at(START + ALERT_CLAIM_MS, 0), "l:" CAUSE " ");
    assert_true(claim(CAUSE, START + ALERT_CLAIM_MS));
}

static void a_claim_that_is_kept_goes_on(void **state) {
    const int64_t later = START + ALERT_CLAIM_MS / 2;
    (void)state;
    assert_true(claim(CAUSE, START));
    assert_true(keep(CAUSE, START, later));
    assert_false(claim(CAUSE, START + ALERT_CLAIM_MS));
    assert_false(keep(CAUSE, START, later + 1)); /* not what it was given last */
    assert_true(claim(CAUSE, later + ALERT_CLAIM_MS));
    assert_false(keep(CAUSE, later, later + ALERT_CLAIM_MS)); /* it is another's now */
}

static void only_what_was_told_has_an_end(void **state) {
    (void)state;
    assert_false(end(CAUSE));
    assert_true(claim(CAUSE, START));
    assert_false(end(CAUSE));
    assert_true(claim(CAUSE, START + 1));
    told(CAUSE, START + 1);
    assert_string_equal(open_at(START + 2, 0), "t:" CAUSE " ");
    assert_true(end(CAUSE));
    assert_false(end(CAUSE));
    assert_true(claim(CAUSE, START + 2)); /* a new one */
}

static void there_is_a_maximum(void **state) {
    char cause[ALERT_CAUSE_MAX];
    (void)state;
    for (int i = 0; i < 1001; i++) {
        snprintf(cause, sizeof cause, "epoch %d", i);
        told(cause, START + i);
    }
    assert_false(end("epoch 0"));
    assert_true(end("epoch 1"));
}

/* --- Backfill ------------------------------------------------------------------------------------------- */

static void a_backfill_is_gathered_and_told_once_in_a_period(void **state) {
    (void)state;
    assert_int_equal(sum(START), ALERT_DUE_NOTHING);
    assert_true(note("stall 2021-11-05/g1", START));
    assert_true(note("failed 2021-11-04/g2", START + 10));
    assert_false(note("failed 2021-11-04/g2", START + 20));
    assert_int_equal(sum(START + GATHER - 1), ALERT_DUE_NOTHING);
    assert_int_equal(sum(START + GATHER), ALERT_DUE_TELL);
    assert_int_equal(answer.a, 1);
    assert_int_equal(answer.b, 1);
    assert_true(answer.since_ms == START);
    assert_string_equal(answer.text, "failed 2021-11-04/g2");
    assert_int_equal(sum(START + GATHER), ALERT_DUE_NOTHING); /* claimed */
    told("backfill", START + GATHER);
    assert_int_equal(sum(START + 2 * PERIOD), ALERT_DUE_NOTHING); /* nothing new */
    assert_true(note("stall 2021-11-06/g1", START + GATHER + 1));
    assert_int_equal(sum(START + PERIOD), ALERT_DUE_NOTHING);
    assert_int_equal(sum(START + GATHER + PERIOD), ALERT_DUE_TELL);
    assert_int_equal(answer.a, 2);
    assert_true(answer.since_ms == START + GATHER + 1);
}

static void a_backfill_that_is_well_again(void **state) {
    (void)state;
    assert_true(note("stall 2021-11-05/g1", START));
    assert_true(forget("stall 2021-11-05/g1"));
    assert_false(forget("stall 2021-11-05/g1"));
    assert_int_equal(sum(START + GATHER), ALERT_DUE_NOTHING); /* it was not told */
    assert_true(note("stall 2021-11-05/g1", START));
    assert_int_equal(sum(START + GATHER), ALERT_DUE_TELL);
    told("backfill", START + GATHER);
    assert_string_equal(open_at(START, 0), "b:stall 2021-11-05/g1 ");
    assert_true(forget("stall 2021-11-05/g1"));
    assert_int_equal(sum(START + GATHER + 1), ALERT_DUE_OVER);
    assert_int_equal(sum(START + GATHER + 1), ALERT_DUE_NOTHING);
}

static void what_is_open_comes_in_batches(void **state) {
    char cause[ALERT_CAUSE_MAX];
    (void)state;
    for (int i = 0; i < ALERT_BACKFILL_BATCH + 1; i++) {
        snprintf(cause, sizeof cause, "stall 2021-11-05/g%d", i);
        note(cause, START + i);
    }
    assert_string_equal(open_at(START, ALERT_BACKFILL_BATCH), "b:stall 2021-11-05/g200 ");
}

/* --- What the causes rest on ---------------------------------------------------------------------------- */

static void a_stall_stands_until_it_is_over(void **state) {
    struct scene scene = scene_on(harness);
    (void)state;
    assert_false(look_at(scene.date, 1, "stall")->stands);
    complete(&scene, PGS);
    tick_after(&scene, 7 * 3600);
    const struct alert_look *look = look_at(scene.date, 1, "stall");
    assert_true(look->stands);
    assert_false(look->backfill);
    assert_int_equal(look->run, 0);
    assert_true(look->since_ms == scene.now_ms);
    assert_string_equal(answer.text, "-|upgc,utgc,togs,tdgs|-");
    assert_false(look_at(scene.date, 2, "stall")->stands);
    complete_phase3(&scene);
    assert_false(look_at(scene.date, 1, "stall")->stands);
    assert_string_equal(answer.text, "ready|psza,tdza|-");
}

/* Also while an operator has it triggered again: then it is not known yet. */
static void a_failure_stands_until_its_group_is_done(void **state) {
    struct scene scene = scene_on(harness);
    (void)state;
    run_to(&scene, 1);
    struct completion failed = healthy(&scene, TDZA);
    failed.status = STATUS_FAILED;
    failed.error_message = "out of memory";
    failed.backfill = true; /* says nothing of the trigger */
    tell(&scene, failed);
    const struct alert_look *look = look_at(scene.date, 1, "failed");
    assert_true(look->stands);
    assert_false(look->backfill);
    assert_int_equal(look->run, 1);
    assert_true(look->since_ms == scene.now_ms);
    assert_string_equal(answer.text, "failed|psza,tdza|tdza: out of memory");
    replay(&scene, REPLAY_AGAIN, 0);
    assert_true(look_at(scene.date, 1, "failed")->stands);
    assert_string_equal(answer.text, "ready|psza,tdza|-");
    confirm(&scene, 1);
    complete(&scene, TDZA);
    complete(&scene, PSZA);
    assert_false(look_at(scene.date, 1, "failed")->stands);
    assert_string_equal(answer.text, "done|-|-");
}

static void whose_trigger_is_of_backfill_is(void **state) {
    struct scene scene = scene_on(harness);
    (void)state;
    struct completion tagged = healthy(&scene, PGS);
    tagged.backfill = true;
    tell(&scene, tagged);
    tick_after(&scene, 7 * 3600);
    assert_true(look_at(scene.date, 1, "stall")->backfill);
    complete_phase3(&scene);
    break_down(&scene, TDZA);
    assert_true(look_at(scene.date, 1, "failed")->stands);
}

static void what_the_pipeline_does_not_have_does_not_stand(void **state) {
    struct scene scene = scene_on(harness);
    (void)state;
    assert_false(look_at(scene.date, 9, "stall")->stands);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    harness = *state;
    nba = nba_pipeline();
    harness_reset(harness);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(once_in_a_period),
        TEST(a_claim_ends_with_whoever_died),
        TEST(a_claim_that_is_kept_goes_on),
        TEST(only_what_was_told_has_an_end),
        TEST(there_is_a_maximum),
        TEST(a_backfill_is_gathered_and_told_once_in_a_period),
        TEST(a_backfill_that_is_well_again),
        TEST(what_is_open_comes_in_batches),
        TEST(a_stall_stands_until_it_is_over),
        TEST(a_failure_stands_until_its_group_is_done),
        TEST(whose_trigger_is_of_backfill_is),
        TEST(what_the_pipeline_does_not_have_does_not_stand),
    };
    return cmocka_run_group_tests(tests, open_harness, close_harness);
}
