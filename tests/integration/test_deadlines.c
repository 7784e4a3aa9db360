/*
 * Rule 9, and the nights on which one processor runs three times, on a simulated clock: stalls name what they
 * wait for, triggers go out again up to the limit, and Phase 4 starts as often as rule 5 says.
 */
#include "support/check.h"
#include "support/stage.h"

#include <stdio.h>
#include <stdlib.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static struct stage *open_and_start(void **state, const struct stage_setting *settings) {
    struct stage *stage = *state = stage_open((struct stage_options){.settings = settings});
    stage_start(stage);
    return stage;
}

static void complete(struct stage *stage, int processor) {
    stage_complete(stage, processor, STAGE_DATE, false);
    stage_until_handled(stage);
}

static void complete_others(struct stage *stage) {
    for (int processor = UPGC; processor <= TDGS; processor++)
        complete(stage, processor);
}

/* --- Stalls --------------------------------------------------------------------------------------------- */

/* Raised once, and over when the rest comes. */
static void a_date_with_some_of_phase_3(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    complete(stage, PGS);
    complete(stage, UPGC);
    complete(stage, TOGS);
    stage_advance(stage, 6 * HOUR - SECOND);
    stage_quiet(stage);
    assert_int_equal(stage_said(stage, "stalled"), 0);
    stage_advance(stage, SECOND);
    stage_until_said(stage,
        "stalled: group 1 could not start within 21600 s, it waits for utgc,tdgs (stall 1); see: "
        "phasegate explain 2025-12-04");
    assert_int_equal(stage_state(stage, STAGE_DATE)->stall.group, 1);
    stage_advance(stage, 48 * HOUR);
    stage_quiet(stage);
    assert_int_equal(stage_said(stage, "stalled"), 1);
    complete(stage, UTGC);
    complete(stage, TDGS);
    stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    assert_int_equal(stage_state(stage, STAGE_DATE)->stall.group, 0);
}

static void a_group_that_is_not_done(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    stage_phase3(stage, STAGE_DATE, false);
    stage_until_phase(stage, STAGE_DATE, 1, GROUP_TRIGGERED);
    complete(stage, TDZA);
    stage_advance(stage, 2 * HOUR);
    stage_until_said(stage,
        "stalled: group 1 of run 1 is not done 7200 s after its trigger, it waits for psza "
        "(stall 1); see: phasegate explain 2025-12-04");
    stage_advance(stage, 48 * HOUR);
    stage_quiet(stage);
    assert_int_equal(stage_said(stage, "stalled"), 1);
    complete(stage, PSZA);
    stage_until_trigger(stage, STAGE_DATE, 2, 1, 1);
}

/* The same trigger, the same id, as often as the limit allows; then only the report. */
static void the_trigger_goes_out_again_up_to_the_limit(void **state) {
    static const struct stage_setting settings[] = {
        {"on_stall", "retrigger"}, {"retrigger_limit", "2"}, {"group_deadline", "60"}, {0}};
    struct stage *stage = open_and_start(state, settings);
    stage_phase3(stage, STAGE_DATE, false);
    for (size_t times = 1; times <= 3; times++) {
        stage_until_trigger(stage, STAGE_DATE, 1, 1, times);
        stage_until_phase(stage, STAGE_DATE, 1, GROUP_TRIGGERED);
        stage_advance(stage, 61 * SECOND);
    }
    stage_until_said(stage, "(stall 1); triggering it again (1 of 2); see");
    stage_until_said(stage, "(stall 2); triggering it again (2 of 2); see");
    stage_until_said(stage, "(stall 3); not triggering it again: the limit of 2 is reached; see");
    stage_advance(stage, HOUR);
    stage_quiet(stage);
    assert_int_equal(stage_seen(stage), 1);
    assert_int_equal(stage_trigger(stage, 0)->times, 3);
    stage_answer(stage, stage_trigger(stage, 0), "success");
    stage_until_trigger(stage, STAGE_DATE, 2, 1, 1);
}

/* A backfill trigger that goes out again needs a slot again, and takes its turn by its date. */
static void a_stalled_backfill_trigger_waits_for_a_slot_again(void **state) {
    static const struct stage_setting settings[] = {{"on_stall", "retrigger"}, {"group_deadline", "60"}, {0}};
    struct stage *stage = *state =
        stage_open((struct stage_options){.backfill_cap = 1, .settings = settings});
    stage_start(stage);
    stage_phase3(stage, STAGE_DATE + 1, true);
    const struct seen *stalled = stage_until_trigger(stage, STAGE_DATE + 1, 1, 1, 1);
    stage_until_phase(stage, STAGE_DATE + 1, 1, GROUP_TRIGGERED);
    stage_phase3(stage, STAGE_DATE, true);
    stage_until_handled(stage);
    stage_quiet(stage);
    stage_give_up(stage, stalled);
    stage_advance(stage, 61 * SECOND);
    stage_answer(stage, stage_until_trigger(stage, STAGE_DATE, 1, 1, 1), "success");
    stage_until_trigger(stage, STAGE_DATE + 1, 1, 1, 2);
}

/* --- The schedule that really happens ------------------------------------------------------------------- */

/*
 * One processor runs at 18:00, 22:00 and 01:00 as games end. How often does Phase 4 start? Its groups are
 * done half an hour after each trigger. The clock is at 18:00 when a stage opens.
 */

static void play_night(struct stage *stage, int64_t until_ms) {
    while (stage_now_ms(stage) < until_ms) {
        stage_advance(stage, 10 * MINUTE);
        stage_until_calm(stage);
        stage_answer_all(stage);
    }
}

static void check_starts(struct stage *stage, size_t starts) {
    play_night(stage, STAGE_START_MS + 12 * HOUR);
    assert_int_equal(stage_count(stage, 1), starts);
    stage_until_phase(stage, STAGE_DATE, 4, GROUP_DONE);
    assert_int_equal(stage_state(stage, STAGE_DATE)->run, starts);
    print_message("  Phase 4 starts %zu times\n", starts);
}

static void the_others_come_with_the_last_run(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 4 * HOUR);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 7 * HOUR);
    complete(stage, PGS);
    complete_others(stage);
    check_starts(stage, 1);
}

/* The last run follows the others within the settle time, while group 1 is at work. */
static void the_others_come_just_before_the_last_run(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 4 * HOUR);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 7 * HOUR);
    complete_others(stage);
    stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_advance(stage, MINUTE);
    complete(stage, PGS);
    check_starts(stage, 2);
}

static void the_others_come_between_the_second_and_the_last(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 4 * HOUR);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 5 * HOUR);
    complete_others(stage);
    play_night(stage, STAGE_START_MS + 7 * HOUR);
    complete(stage, PGS);
    check_starts(stage, 2);
}

/* Each of the later runs is hours after the one before: rule 5 opens a run for each. */
static void the_others_come_between_the_first_and_the_second(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 1 * HOUR);
    complete_others(stage);
    play_night(stage, STAGE_START_MS + 4 * HOUR);
    complete(stage, PGS);
    play_night(stage, STAGE_START_MS + 7 * HOUR);
    complete(stage, PGS);
    check_starts(stage, 3);
}

/* --- Program -------------------------------------------------------------------------------------------- */

static int close_stage(void **state) {
    struct stage *stage = *state;
    stage_close(&stage);
    return 0;
}

#define TEST(function)                                                                                       \
    { #function, function, NULL, close_stage, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_date_with_some_of_phase_3),
        TEST(a_group_that_is_not_done),
        TEST(the_trigger_goes_out_again_up_to_the_limit),
        TEST(a_stalled_backfill_trigger_waits_for_a_slot_again),
        TEST(the_others_come_with_the_last_run),
        TEST(the_others_come_just_before_the_last_run),
        TEST(the_others_come_between_the_second_and_the_last),
        TEST(the_others_come_between_the_first_and_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
