#include "cli/outlook.h"
#include "printed.h"
#include "support/nba.h"
#include "support/november.h"

#define MINUTES(n) ((int64_t)(n)*60000)

static struct date_state found[NOVEMBER_DATES];

static int read_november(void **state) {
    (void)state;
    november_states(SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv", found);
    return 0;
}

/* 2021-11-15, taken back to where group 2 has the given phase. */
static struct date_state at_group_two(enum group_phase phase) {
    struct date_state state = found[0];
    state.groups[1] = (struct group_state){.phase = phase};
    if (phase != GROUP_WAITING)
        state.groups[1].ready_ms = NOVEMBER_NOW_MS - MINUTES(13);
    if (phase == GROUP_TRIGGERED || phase == GROUP_FAILED)
        state.groups[1].triggered_ms = NOVEMBER_NOW_MS - MINUTES(12);
    state.groups[1].run = phase == GROUP_WAITING ? 0 : 1;
    if (phase == GROUP_FAILED || phase == GROUP_CANCELLED)
        state.groups[1].ended_ms = NOVEMBER_NOW_MS - MINUTES(5);
    state.groups[2] = state.groups[3] = (struct group_state){0};
    state.records[PCF] = state.records[PDC] = state.records[MLFS] = (struct record){0};
    return state;
}

static void check_outlook(const struct date_state *state, enum standing standing, int group,
    processor_set waits_for, const char *note) {
    struct outlook outlook = outlook_of(nba_pipeline(), state);
    char text[256];
    assert_string_equal(standing_name(outlook.standing), standing_name(standing));
    assert_int_equal(outlook.group, group);
    assert_int_equal(outlook.waits_for, waits_for);
    assert_string_equal(
        outlook_note(nba_pipeline(), &outlook, state, NOVEMBER_NOW_MS, text, sizeof text), note);
}

static void a_whole_date_is_done(void **state) {
    (void)state;
    check_outlook(&found[0], STANDING_DONE, 0, 0, "done");
    struct date_state again = found[0];
    again.run = 2;
    check_outlook(&again, STANDING_DONE, 0, 0, "done, run 2");
}

static void zero_rows_hold_a_date(void **state) {
    (void)state;
    check_outlook(&found[3], STANDING_HELD, 1, SET(PGS) | SET(TOGS) | SET(TDGS), "waits for pgs, togs, tdgs");
}

static void nothing_received(void **state) {
    (void)state;
    const struct date_state unknown = {.date = 1};
    check_outlook(&unknown, STANDING_UNKNOWN, 1, 0, "nothing received");
}

static void no_games(void **state) {
    (void)state;
    check_outlook(&found[10], STANDING_NO_GAMES, 0, 0, "no games");
}

static void a_ready_group_is_not_published_yet(void **state) {
    (void)state;
    struct date_state ready = at_group_two(GROUP_READY);
    check_outlook(&ready, STANDING_RUNNING, 2, SET(PCF), "group 2 ready for 13 min, not yet published");
}

static void a_triggered_group_names_who_is_not_finished(void **state) {
    (void)state;
    struct date_state triggered = at_group_two(GROUP_TRIGGERED);
    check_outlook(&triggered, STANDING_RUNNING, 2, SET(PCF), "group 2 running for 12 min: pcf");
    struct date_state first = at_group_two(GROUP_WAITING);
    first.groups[0].phase = GROUP_TRIGGERED;
    first.groups[0].triggered_ms = NOVEMBER_NOW_MS - MINUTES(1);
    first.records[PSZA].mark = RECORD_SHORT;
    check_outlook(&first, STANDING_RUNNING, 1, SET(PSZA), "group 1 running for 1 min: psza");
}

static void what_an_earlier_run_finished_is_not_finished(void **state) {
    (void)state;
    struct date_state second = at_group_two(GROUP_TRIGGERED);
    second.records[PCF] = found[0].records[PCF];
    second.records[PCF].mark = RECORD_OLD;
    second.run = 2;
    check_outlook(&second, STANDING_RUNNING, 2, SET(PCF), "run 2: group 2 running for 12 min: pcf");
}

static void what_was_carried_over_is_finished(void **state) {
    (void)state;
    struct date_state second = at_group_two(GROUP_TRIGGERED);
    second.run = second.groups[1].run = 2;
    check_outlook(&second, STANDING_RUNNING, 2, SET(PCF), "run 2: group 2 running for 12 min: pcf");
    second.records[PCF] = (struct record){.mark = RECORD_COUNTS, .run = 2};
    check_outlook(&second, STANDING_RUNNING, 2, 0, "run 2: group 2 running for 12 min: ");
}

static void what_was_set_aside_has_not_failed(void **state) {
    (void)state;
    struct date_state replayed = at_group_two(GROUP_TRIGGERED);
    replayed.records[PCF] =
        (struct record){RECORD_SHORT, .set_aside = true, .status = STATUS_FAILED, .run = 1};
    check_outlook(&replayed, STANDING_RUNNING, 2, SET(PCF), "group 2 running for 12 min: pcf");
    struct date_state failed = at_group_two(GROUP_WAITING);
    failed.groups[0].phase = GROUP_FAILED;
    failed.records[PSZA].mark = failed.records[TDZA].mark = RECORD_SHORT;
    failed.records[PSZA].status = failed.records[TDZA].status = STATUS_FAILED;
    failed.records[TDZA].set_aside = true;
    check_outlook(&failed, STANDING_FAILED, 1, SET(PSZA), "group 1 failed: psza");
}

static void a_backfill_trigger_waits_for_a_slot(void **state) {
    (void)state;
    struct date_state ready = at_group_two(GROUP_READY);
    ready.groups[1].backfill = true;
    check_outlook(&ready, STANDING_RUNNING, 2, SET(PCF), "group 2 waits for a slot for 13 min");
}

static void a_cancelled_group_says_how_to_put_it_back(void **state) {
    (void)state;
    struct date_state cancelled = at_group_two(GROUP_CANCELLED);
    check_outlook(
        &cancelled, STANDING_CANCELLED, 2, 0, "group 2 cancelled: phasegate replay --dates 2021-11-15");
    assert_int_equal(outlook_of(nba_pipeline(), &cancelled).since_ms, NOVEMBER_NOW_MS - MINUTES(5));
}

static void a_stalled_date_says_for_whom_it_waits_and_since_when(void **state) {
    (void)state;
    struct date_state held = found[2];
    held.since_ms = NOVEMBER_NOW_MS - MINUTES(7 * 60);
    held.stall = (struct stall){1, 1, NOVEMBER_NOW_MS - MINUTES(60)};
    check_outlook(
        &held, STANDING_STALLED, 1, SET(TOGS) | SET(TDGS), "stalled: waits for togs, tdgs for 7 h 0 min");
    assert_int_equal(outlook_of(nba_pipeline(), &held).since_ms, held.since_ms);
}

static void a_later_group_stalls_from_when_the_one_before_was_done(void **state) {
    (void)state;
    struct date_state held = at_group_two(GROUP_WAITING);
    held.records[UPGC].mark = RECORD_SHORT;
    held.groups[0].ended_ms = NOVEMBER_NOW_MS - MINUTES(200);
    held.stall = (struct stall){2, 1, NOVEMBER_NOW_MS - MINUTES(1)};
    check_outlook(&held, STANDING_STALLED, 2, SET(UPGC), "stalled: group 2 waits for upgc for 3 h 20 min");
    held.run = 2;
    held.since_ms = NOVEMBER_NOW_MS - MINUTES(130); /* the new run, which carried group 1 over */
    check_outlook(
        &held, STANDING_STALLED, 2, SET(UPGC), "run 2: stalled: group 2 waits for upgc for 2 h 10 min");
}

static void a_stalled_group_runs_again_when_it_was_triggered_again(void **state) {
    (void)state;
    struct date_state stalled = at_group_two(GROUP_TRIGGERED);
    stalled.stall = (struct stall){2, 2, NOVEMBER_NOW_MS - MINUTES(3)};
    check_outlook(
        &stalled, STANDING_STALLED, 2, SET(PCF), "stalled 2 times: group 2 waits for pcf for 12 min");
    assert_true(outlook_is_stalled(&stalled, 2));
    assert_false(outlook_is_stalled(&stalled, 1));
    stalled.groups[1].triggered_ms = NOVEMBER_NOW_MS - MINUTES(2);
    check_outlook(&stalled, STANDING_RUNNING, 2, SET(PCF), "group 2 running for 2 min, stalled 2 times: pcf");
    stalled.stall.times = 1;
    stalled.groups[1].phase = GROUP_READY;
    stalled.groups[1].triggered_ms = 0;
    check_outlook(
        &stalled, STANDING_RUNNING, 2, SET(PCF), "group 2 ready for 3 min, not yet published, stalled once");
    stalled.groups[1].backfill = true;
    check_outlook(
        &stalled, STANDING_RUNNING, 2, SET(PCF), "group 2 waits for a slot for 3 min, stalled once");
}

static struct date_state stale_from(int group, const struct date_state *before, int64_t due_ms) {
    struct date_state state = *before;
    state.stale =
        (struct stale){group, NOVEMBER_NOW_MS - MINUTES(180), due_ms, &nba_pipeline()->processors[PGS]};
    return state;
}

static void a_stale_date_says_when_its_new_run_opens(void **state) {
    (void)state;
    struct date_state stale = stale_from(1, &found[0], NOVEMBER_NOW_MS + MINUTES(8));
    check_outlook(&stale, STANDING_STALE, 0, 0, "re-run of pgs; run 2 opens in 8 min");
    assert_int_equal(outlook_of(nba_pipeline(), &stale).since_ms, NOVEMBER_NOW_MS - MINUTES(180));
    stale.stale.due_ms = NOVEMBER_NOW_MS;
    check_outlook(&stale, STANDING_STALE, 0, 0, "re-run of pgs; run 2 is about to open");
    stale.stale.processor = NULL;
    check_outlook(&stale, STANDING_STALE, 0, 0, "re-run; run 2 is about to open");
}

static void a_stale_date_on_hold_says_how_to_go_on(void **state) {
    (void)state;
    struct date_state stale = stale_from(1, &found[0], 0);
    check_outlook(&stale, STANDING_STALE, 0, 0,
        "re-run of pgs 3 h 0 min ago, on hold: phasegate replay --rerun --dates 2021-11-15");
    struct date_state running = at_group_two(GROUP_TRIGGERED);
    stale = stale_from(1, &running, 0);
    check_outlook(&stale, STANDING_STALE, 2, 0,
        "re-run of pgs 3 h 0 min ago, on hold: phasegate replay --rerun --running --dates 2021-11-15");
}

static void a_rerun_that_went_badly_is_lacking(void **state) {
    (void)state;
    struct date_state running = at_group_two(GROUP_TRIGGERED);
    running.records[UPGC].mark = running.records[PSZA].mark = running.records[PGS].mark = RECORD_SHORT;
    struct date_state stale = stale_from(2, &running, NOVEMBER_NOW_MS + MINUTES(8));
    check_outlook(&stale, STANDING_STALE, 2, SET(UPGC) | SET(PSZA),
        "re-run of pgs; run 2 opens in 8 min; lacks upgc, psza");
    assert_false(outlook_is_stale(&stale, 1));
    assert_true(outlook_is_stale(&stale, 2));
    assert_true(outlook_is_stale(&stale, 3));
    assert_false(outlook_is_stale(&running, 2));
}

/* A group rests on the one before by the order of groups, also where it does not need its members. */
static void the_group_before_is_lacking_too(void **state) {
    (void)state;
    struct group groups[PIPELINE_GROUPS_MAX];
    struct pipeline pipeline = *nba_pipeline();
    memcpy(groups, pipeline.groups, (size_t)pipeline.group_count * sizeof *groups);
    groups[2].needs = SET(PGS);
    pipeline.groups = groups;
    struct date_state stale = stale_from(3, &found[0], NOVEMBER_NOW_MS + MINUTES(8));
    assert_int_equal(outlook_of(&pipeline, &stale).waits_for, 0);
    stale.records[PCF].mark = stale.records[PSZA].mark = RECORD_SHORT;
    assert_int_equal(outlook_of(&pipeline, &stale).waits_for, SET(PCF));
}

static void stale_comes_before_all_else(void **state) {
    (void)state;
    struct date_state stalled = at_group_two(GROUP_TRIGGERED);
    stalled.stall = (struct stall){2, 1, NOVEMBER_NOW_MS - MINUTES(3)};
    struct date_state failed = at_group_two(GROUP_FAILED), cancelled = at_group_two(GROUP_CANCELLED);
    const struct date_state *all[] = {&stalled, &failed, &cancelled};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct date_state stale = stale_from(1, all[i], NOVEMBER_NOW_MS + MINUTES(8));
        check_outlook(&stale, STANDING_STALE, 2, 0, "re-run of pgs; run 2 opens in 8 min");
    }
}

static void a_failed_group_names_who_failed(void **state) {
    (void)state;
    struct date_state failed = at_group_two(GROUP_WAITING);
    failed.groups[0].phase = GROUP_FAILED;
    failed.records[TDZA].mark = RECORD_SHORT; /* no rows, but not failed */
    failed.records[PSZA].mark = RECORD_SHORT;
    failed.records[PSZA].status = STATUS_FAILED;
    check_outlook(&failed, STANDING_FAILED, 1, SET(PSZA), "group 1 failed: psza");
}

static void a_later_group_held_says_which(void **state) {
    (void)state;
    struct date_state held = at_group_two(GROUP_WAITING);
    held.records[UPGC].mark = RECORD_SHORT;
    check_outlook(&held, STANDING_HELD, 2, SET(UPGC), "group 2 waits for upgc");
    held.records[UPGC].mark = RECORD_COUNTS;
    check_outlook(&held, STANDING_HELD, 2, 0, "group 2 is about to start");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_date_is_done),
        cmocka_unit_test(zero_rows_hold_a_date),
        cmocka_unit_test(nothing_received),
        cmocka_unit_test(no_games),
        cmocka_unit_test(a_ready_group_is_not_published_yet),
        cmocka_unit_test(a_triggered_group_names_who_is_not_finished),
        cmocka_unit_test(what_an_earlier_run_finished_is_not_finished),
        cmocka_unit_test(what_was_carried_over_is_finished),
        cmocka_unit_test(what_was_set_aside_has_not_failed),
        cmocka_unit_test(a_backfill_trigger_waits_for_a_slot),
        cmocka_unit_test(a_cancelled_group_says_how_to_put_it_back),
        cmocka_unit_test(a_stalled_date_says_for_whom_it_waits_and_since_when),
        cmocka_unit_test(a_later_group_stalls_from_when_the_one_before_was_done),
        cmocka_unit_test(a_stalled_group_runs_again_when_it_was_triggered_again),
        cmocka_unit_test(a_stale_date_says_when_its_new_run_opens),
        cmocka_unit_test(a_stale_date_on_hold_says_how_to_go_on),
        cmocka_unit_test(a_rerun_that_went_badly_is_lacking),
        cmocka_unit_test(the_group_before_is_lacking_too),
        cmocka_unit_test(stale_comes_before_all_else),
        cmocka_unit_test(a_failed_group_names_who_failed),
        cmocka_unit_test(a_later_group_held_says_which),
    };
    return cmocka_run_group_tests(tests, read_november, NULL);
}
