#include "cli/replay_plan.h"
#include "support/check.h"
#include "support/nba.h"
#include "support/november.h"

#include <string.h>

#define MINUTES(n) ((int64_t)(n)*60000)

enum { DONE = 0, HELD = 2, NO_GAMES = 10 };

static struct date_state found[NOVEMBER_DATES];

static int read_november(void **state) {
    (void)state;
    november_states(SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv", found);
    return 0;
}

static struct replay_plan plan_with(const struct date_state *state, enum replay replay, int from_group,
    struct trigger *outbox, size_t count) {
    const struct replay_request request = {.replay = replay, .from_group = from_group};
    struct replay_outbox box = {outbox, count};
    replay_outbox_sort(&box);
    return replay_plan_of(nba_pipeline(), state, &box, &request, NOVEMBER_NOW_MS);
}

static struct replay_plan plan_of(const struct date_state *state, enum replay replay) {
    return plan_with(state, replay, 0, NULL, 0);
}

static void check_note(const struct replay_plan *plan, const char *expected) {
    char note[512];
    assert_string_equal(replay_plan_note(nba_pipeline(), plan, NOVEMBER_NOW_MS, note, sizeof note), expected);
}

static void check_nothing(const struct replay_plan plan, enum replay_reason reason) {
    assert_int_equal(plan.what, REPLAYED_NOTHING);
    assert_int_equal(plan.reason, reason);
    assert_false(plan.due);
    assert_int_equal(plan.at_work, 0);
}

static void check_triggers(const struct replay_plan plan, int group, enum replay_reason reason) {
    assert_int_equal(plan.what, REPLAYED_TRIGGER);
    assert_int_equal(plan.group, group);
    assert_int_equal(plan.run, 1);
    assert_int_equal(plan.reason, reason);
    assert_true(plan.due);
}

/* Whole up to group 2, which was triggered 20 minutes ago and is in this phase. */
static struct date_state at_group_two(enum group_phase phase) {
    struct date_state state = found[DONE];
    state.records[PCF] = state.records[PDC] = state.records[MLFS] = (struct record){0};
    state.groups[2] = state.groups[3] = (struct group_state){0};
    state.groups[1].phase = phase;
    state.groups[1].triggered_ms = phase == GROUP_READY ? 0 : NOVEMBER_NOW_MS - MINUTES(20);
    state.groups[1].ended_ms = 0;
    return state;
}

static struct record failure(void) {
    return (struct record){.mark = RECORD_SHORT,
        .status = STATUS_FAILED,
        .run = 1,
        .arrived_ms = NOVEMBER_NOW_MS - MINUTES(10),
        .execution_id = "e"};
}

/* --- Nothing to do -------------------------------------------------------------------------------------- */

static void what_needs_nothing_says_why(void **state) {
    (void)state;
    const struct date_state unknown = {.date = 1};
    struct replay_plan plan = plan_of(&found[HELD], REPLAY_AGAIN);
    check_nothing(plan, REASON_WAITS);
    check_note(&plan, "waits for togs, tdgs");
    check_nothing(plan_of(&unknown, REPLAY_AGAIN), REASON_UNKNOWN);
    check_nothing(plan_of(&unknown, REPLAY_RERUN), REASON_UNKNOWN);
    check_nothing(plan_of(&found[DONE], REPLAY_AGAIN), REASON_DONE);
    check_nothing(plan_of(&found[DONE], REPLAY_MISSED), REASON_DONE);
    check_nothing(plan_of(&found[HELD], REPLAY_RERUN), REASON_NEVER_STARTED);
    check_nothing(plan_of(&found[NO_GAMES], REPLAY_AGAIN), REASON_NO_GAMES);
    check_nothing(plan_of(&found[NO_GAMES], REPLAY_RERUN), REASON_NO_GAMES);
}

static void what_is_stale_waits_for_its_new_run(void **state) {
    (void)state;
    struct date_state stale = at_group_two(GROUP_FAILED);
    stale.stale = (struct stale){1, NOVEMBER_NOW_MS, NOVEMBER_NOW_MS + MINUTES(8), NULL};
    check_nothing(plan_of(&stale, REPLAY_AGAIN), REASON_STALE);
    check_nothing(plan_of(&stale, REPLAY_MISSED), REASON_STALE);
    assert_int_equal(plan_of(&stale, REPLAY_RERUN).what, REPLAYED_RUN);
}

static void an_earlier_group_comes_first(void **state) {
    (void)state;
    struct date_state failed = at_group_two(GROUP_FAILED);
    struct replay_plan plan = plan_with(&failed, REPLAY_AGAIN, 3, NULL, 0);
    check_nothing(plan, REASON_BEFORE);
    check_note(&plan, "group 2 comes first, and is not done");
    check_triggers(plan_with(&failed, REPLAY_AGAIN, 2, NULL, 0), 2, REASON_FAILED);
    check_triggers(plan_with(&failed, REPLAY_AGAIN, 1, NULL, 0), 2, REASON_FAILED);
}

/* --- A trigger again ------------------------------------------------------------------------------------ */

static void a_failed_group_is_triggered_again(void **state) {
    (void)state;
    struct date_state failed = at_group_two(GROUP_FAILED);
    failed.records[PCF] = failure();
    struct replay_plan plan = plan_of(&failed, REPLAY_AGAIN);
    check_triggers(plan, 2, REASON_FAILED);
    assert_int_equal(plan.at_work, 0);
    check_nothing(plan_of(&failed, REPLAY_MISSED), REASON_LEFT);
}

static void what_left_the_outbox_unpublished_was_missed(void **state) {
    (void)state;
    struct date_state ready = at_group_two(GROUP_READY), cancelled = at_group_two(GROUP_CANCELLED);
    struct trigger outbox[] = {{.date = ready.date, .group = 2, .run = 2},
        {.date = ready.date, .group = 3, .run = 1}, {.date = ready.date - 1, .group = 2, .run = 1},
        {.date = ready.date, .group = 2, .run = 1}, {.date = ready.date + 1, .group = 2, .run = 1}};
    check_nothing(plan_with(&ready, REPLAY_AGAIN, 0, outbox, 5), REASON_IN_OUTBOX);
    for (size_t i = 0; i < 5; i++)
        if (outbox[i].date == ready.date && outbox[i].group == 2 && outbox[i].run == 1)
            outbox[i].run = 3;
    check_triggers(plan_with(&ready, REPLAY_AGAIN, 0, outbox, 5), 2, REASON_LOST);
    check_triggers(plan_with(&ready, REPLAY_MISSED, 0, outbox, 5), 2, REASON_LOST);
    check_triggers(plan_of(&cancelled, REPLAY_AGAIN), 2, REASON_CANCELLED);
    check_triggers(plan_of(&cancelled, REPLAY_MISSED), 2, REASON_CANCELLED);
}

static void a_group_with_all_it_needs_is_started(void **state) {
    (void)state;
    struct date_state waiting = at_group_two(GROUP_WAITING);
    struct replay_plan plan = plan_of(&waiting, REPLAY_MISSED);
    assert_int_equal(plan.what, REPLAYED_START);
    assert_int_equal(plan.group, 2);
    assert_int_equal(plan.run, 1);
    assert_true(plan.due);
    check_note(&plan, "group 2 has all it needs, and was not started");
    waiting.records[UPGC].mark = RECORD_SHORT;
    plan = plan_of(&waiting, REPLAY_MISSED);
    check_nothing(plan, REASON_WAITS);
    assert_int_equal(plan.waits_for, SET(UPGC));
}

static void the_first_start_of_a_date_is_run_1(void **state) {
    (void)state;
    struct date_state waiting = found[DONE];
    memset(waiting.groups, 0, sizeof waiting.groups);
    waiting.run = 0;
    struct replay_plan plan = plan_of(&waiting, REPLAY_AGAIN);
    assert_int_equal(plan.what, REPLAYED_START);
    assert_int_equal(plan.group, 1);
    assert_int_equal(plan.run, 1);
}

/* --- Who may be at work --------------------------------------------------------------------------------- */

static void a_group_within_its_deadline_may_be_at_work(void **state) {
    (void)state;
    struct date_state running = at_group_two(GROUP_TRIGGERED);
    struct replay_plan plan = plan_of(&running, REPLAY_AGAIN);
    check_triggers(plan, 2, REASON_AT_WORK);
    assert_int_equal(plan.at_work, 2);
    check_note(&plan, "group 2 was triggered 20 min ago and may still be at work: pcf");
    plan = plan_of(&running, REPLAY_RERUN);
    assert_int_equal(plan.what, REPLAYED_RUN);
    assert_int_equal(plan.at_work, 2);
    check_note(&plan, "group 2 was triggered 20 min ago and may still be at work: pcf");
}

static void a_stalled_group_is_not_at_work_unless_published_since(void **state) {
    (void)state;
    struct date_state stalled = at_group_two(GROUP_TRIGGERED);
    stalled.stall = (struct stall){2, 1, NOVEMBER_NOW_MS - MINUTES(1)};
    struct replay_plan plan = plan_of(&stalled, REPLAY_AGAIN);
    check_triggers(plan, 2, REASON_STALLED);
    assert_int_equal(plan.at_work, 0);
    stalled.stall.at_ms = NOVEMBER_NOW_MS - MINUTES(21);
    assert_int_equal(plan_of(&stalled, REPLAY_AGAIN).at_work, 2);
    stalled.stall = (struct stall){1, 1, NOVEMBER_NOW_MS};
    assert_int_equal(plan_of(&stalled, REPLAY_AGAIN).at_work, 2);
}

static void a_deadline_counts_without_a_daemon_that_raises_the_stall(void **state) {
    (void)state;
    struct date_state running = at_group_two(GROUP_TRIGGERED);
    struct pipeline patient = *nba_pipeline();
    const struct replay_request request = {.replay = REPLAY_AGAIN};
    const struct replay_outbox outbox = {0};
    running.groups[1].triggered_ms = NOVEMBER_NOW_MS - MINUTES(120);
    check_triggers(plan_of(&running, REPLAY_AGAIN), 2, REASON_STALLED);
    running.groups[1].triggered_ms++;
    check_triggers(plan_of(&running, REPLAY_AGAIN), 2, REASON_AT_WORK);
    running.groups[1].triggered_ms = NOVEMBER_NOW_MS - MINUTES(1000);
    patient.group_deadline = 0;
    assert_int_equal(replay_plan_of(&patient, &running, &outbox, &request, NOVEMBER_NOW_MS).at_work, 2);
}

/* Without "failed", a group that came back without rows stays triggered: but nobody is at work. */
static void a_group_that_came_back_short_is_not_at_work(void **state) {
    (void)state;
    struct date_state running = at_group_two(GROUP_TRIGGERED);
    running.records[PCF] = failure();
    running.records[PCF].status = STATUS_NO_DATA;
    struct replay_plan plan = plan_of(&running, REPLAY_AGAIN);
    check_triggers(plan, 2, REASON_ANSWERED);
    assert_int_equal(plan.at_work, 0);
    check_note(&plan, "group 2 was triggered 20 min ago and came back short: pcf");

    running.records[PCF].arrived_ms = NOVEMBER_NOW_MS - MINUTES(21); /* before it was published again */
    assert_int_equal(plan_of(&running, REPLAY_AGAIN).at_work, 2);
    running.records[PCF] = failure();
    running.records[PCF].set_aside = true;
    assert_int_equal(plan_of(&running, REPLAY_AGAIN).at_work, 2);
    running.records[PCF] = failure();
    running.records[PCF].mark = RECORD_OLD;
    assert_int_equal(plan_of(&running, REPLAY_AGAIN).at_work, 2);
}

static void one_member_of_two_may_be_at_work(void **state) {
    (void)state;
    struct date_state running = at_group_two(GROUP_WAITING);
    running.groups[1] = (struct group_state){0};
    running.groups[0].phase = GROUP_TRIGGERED;
    running.groups[0].triggered_ms = NOVEMBER_NOW_MS - MINUTES(20);
    running.records[PSZA] = (struct record){0};
    struct replay_plan plan = plan_of(&running, REPLAY_AGAIN);
    assert_int_equal(plan.at_work, 1);
    check_note(&plan, "group 1 was triggered 20 min ago and may still be at work: psza");
    running.records[PSZA] = failure();
    running.records[PSZA].status = STATUS_SKIPPED;
    assert_int_equal(plan_of(&running, REPLAY_AGAIN).at_work, 0);
}

/* --- A new run ------------------------------------------------------------------------------------------ */

static void check_run(const struct replay_plan plan, int first, bool due) {
    assert_int_equal(plan.what, REPLAYED_RUN);
    assert_int_equal(plan.group, first);
    assert_int_equal(plan.run, 2);
    assert_int_equal(plan.due, due);
}

static void a_new_run_begins_at_1_or_where_it_is_told(void **state) {
    (void)state;
    check_run(plan_of(&found[DONE], REPLAY_RERUN), 1, true);
    check_run(plan_with(&found[DONE], REPLAY_RERUN, 3, NULL, 0), 3, true);
    struct replay_plan plan = plan_with(&found[DONE], REPLAY_RERUN, 4, NULL, 0);
    check_note(&plan, "run 2, from group 4 on");
}

static void what_is_stale_or_not_done_is_not_carried_over(void **state) {
    (void)state;
    struct date_state failed = at_group_two(GROUP_FAILED), stale = found[DONE];
    check_run(plan_with(&failed, REPLAY_RERUN, 4, NULL, 0), 2, true);
    stale.stale = (struct stale){3, NOVEMBER_NOW_MS, 0, NULL};
    check_run(plan_of(&stale, REPLAY_RERUN), 3, true);
    check_run(plan_with(&stale, REPLAY_RERUN, 4, NULL, 0), 3, true);
    check_run(plan_with(&stale, REPLAY_RERUN, 2, NULL, 0), 2, true);
}

static void a_new_run_waits_for_what_its_first_group_lacks(void **state) {
    (void)state;
    struct date_state lacking = found[DONE];
    lacking.records[TOGS].mark = RECORD_SHORT;
    struct replay_plan plan = plan_of(&lacking, REPLAY_RERUN);
    check_run(plan, 1, false);
    assert_int_equal(plan.waits_for, SET(TOGS));
    check_note(&plan, "run 2: group 1 waits for togs");
    check_run(plan_with(&lacking, REPLAY_RERUN, 2, NULL, 0), 2, true);
    lacking.records[TOGS].mark = RECORD_COUNTS;
    lacking.records[PCF].mark = RECORD_SHORT; /* of group 2, a later failure */
    plan = plan_with(&lacking, REPLAY_RERUN, 3, NULL, 0);
    check_run(plan, 3, false);
    assert_int_equal(plan.waits_for, SET(PCF));
}

/* Group 4 needs it not, and is not started all the same: the group before it is not done. */
static void the_group_before_has_to_be_done_still(void **state) {
    (void)state;
    struct pipeline loose = *nba_pipeline();
    struct group groups[4];
    struct date_state lacking = found[DONE];
    const struct replay_request request = {.replay = REPLAY_RERUN, .from_group = 4};
    const struct replay_outbox outbox = {0};
    memcpy(groups, loose.groups, sizeof groups);
    groups[3].needs = SET(PGS);
    loose.groups = groups;
    lacking.records[PDC].mark = RECORD_SHORT;
    check_run(replay_plan_of(&loose, &lacking, &outbox, &request, NOVEMBER_NOW_MS), 4, false);
}

static void a_new_run_without_any_data_closes_the_date(void **state) {
    (void)state;
    struct date_state empty = found[DONE];
    for (int i = PGS; i <= TDGS; i++)
        empty.records[i].status = STATUS_NO_DATA;
    struct replay_plan plan = plan_of(&empty, REPLAY_RERUN);
    check_run(plan, 1, false);
    assert_true(plan.closes);
    check_note(&plan, "no table has data any more: the date is closed as no games");
    check_run(plan_with(&empty, REPLAY_RERUN, 2, NULL, 0), 2, true);
    empty.records[PGS].status = STATUS_SUCCESS;
    assert_false(plan_of(&empty, REPLAY_RERUN).closes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_nothing_says_why),
        cmocka_unit_test(what_is_stale_waits_for_its_new_run),
        cmocka_unit_test(an_earlier_group_comes_first),
        cmocka_unit_test(a_failed_group_is_triggered_again),
        cmocka_unit_test(what_left_the_outbox_unpublished_was_missed),
        cmocka_unit_test(a_group_with_all_it_needs_is_started),
        cmocka_unit_test(the_first_start_of_a_date_is_run_1),
        cmocka_unit_test(a_group_within_its_deadline_may_be_at_work),
        cmocka_unit_test(a_stalled_group_is_not_at_work_unless_published_since),
        cmocka_unit_test(a_deadline_counts_without_a_daemon_that_raises_the_stall),
        cmocka_unit_test(a_group_that_came_back_short_is_not_at_work),
        cmocka_unit_test(one_member_of_two_may_be_at_work),
        cmocka_unit_test(a_new_run_begins_at_1_or_where_it_is_told),
        cmocka_unit_test(what_is_stale_or_not_done_is_not_carried_over),
        cmocka_unit_test(a_new_run_waits_for_what_its_first_group_lacks),
        cmocka_unit_test(the_group_before_has_to_be_done_still),
        cmocka_unit_test(a_new_run_without_any_data_closes_the_date),
    };
    return cmocka_run_group_tests(tests, read_november, NULL);
}
