#include "cli/backfill_fate.h"

#include "printed.h"
#include "support/nba.h"

#define DAY ((game_date)18948)
#define NOW_MS ((int64_t)1764872400000)

static struct plan_item items[2];
static struct plan_date date;
static struct backfill_plan plan;
static struct pipeline pipeline;
static struct date_state now;

/* Everything is there and group 1 runs. */
static int set_up(void **state) {
    (void)state;
    pipeline = *nba_pipeline();
    for (int i = 0; i < 2; i++)
        items[i] = (struct plan_item){.date = DAY, .processor = &pipeline.processors[i], .rows = 10};
    date = (struct plan_date){.date = DAY, .count = 2};
    plan = (struct backfill_plan){
        .pipeline = &pipeline, .id = "bf", .items = items, .item_count = 2, .dates = &date, .date_count = 1};
    now = (struct date_state){.date = DAY, .known = true, .run = 1};
    for (int i = PGS; i <= TDGS; i++)
        now.records[i] = (struct record){
            .mark = RECORD_COUNTS, .status = STATUS_SUCCESS, .record_count = 10, .execution_id = "x"};
    now.groups[0] =
        (struct group_state){.phase = GROUP_TRIGGERED, .run = 1, .ready_ms = NOW_MS, .triggered_ms = NOW_MS};
    return 0;
}

static void check_fate(enum fate expected, const char *note_part) {
    char note[FATE_NOTE_MAX];
    assert_string_equal(fate_name(backfill_fate(&plan, &date, &now, false)), fate_name(expected));
    check_contains(backfill_fate_note(&plan, &date, &now, NOW_MS, note), note_part);
}

static void done_up_to(int groups) {
    for (int g = 0; g < groups; g++)
        now.groups[g] = (struct group_state){
            .phase = GROUP_DONE, .run = 1, .ready_ms = NOW_MS, .triggered_ms = NOW_MS, .ended_ms = NOW_MS};
}

static void a_running_date_is_open(void **state) {
    (void)state;
    check_fate(FATE_OPEN, "group 1 running");
    now.groups[0].phase = GROUP_READY;
    check_fate(FATE_OPEN, "group 1");
}

static void done_no_games_and_failed_are_over(void **state) {
    (void)state;
    done_up_to(4);
    check_fate(FATE_DONE, "done");
    set_up(NULL);
    now.groups[0].phase = GROUP_FAILED;
    check_fate(FATE_FAILED, "group 1 failed");
    now = (struct date_state){.date = DAY, .known = true, .no_games_ms = NOW_MS};
    check_fate(FATE_NO_GAMES, "no games");
}

static void what_lacks_something_is_held(void **state) {
    (void)state;
    now.groups[0] = (struct group_state){0};
    now.run = 0;
    now.records[TOGS].mark = RECORD_SHORT;
    check_fate(FATE_HELD, "waits for togs");
}

static void what_is_about_to_start_is_open(void **state) {
    (void)state;
    now.groups[0] = (struct group_state){0};
    check_fate(FATE_OPEN, "about to start");
}

/* Held by what came before is no judgement, as long as more is on its way. */
static void what_was_sent_has_to_be_recorded_first(void **state) {
    (void)state;
    char note[FATE_NOTE_MAX];
    now.groups[0] = (struct group_state){0};
    now.records[PGS] = (struct record){.mark = RECORD_SHORT, .status = STATUS_NO_DATA, .execution_id = "old"};
    items[0].sent = true;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 1);
    check_fate(FATE_OPEN, "1 completion sent, and not recorded");
    assert_int_equal(backfill_fate(&plan, &date, &now, true), FATE_HELD);
    now.records[PGS].status = STATUS_SUCCESS;
    now.records[PGS].record_count = 10;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 1);
    now.records[PGS].execution_id = "bf/2021-11-17/pgs";
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 0);
    check_fate(FATE_HELD, "waits for pgs");
    now.records[PGS] = (struct record){0};
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 1);
    now.known = false;
    assert_int_equal(backfill_fate(&plan, &date, &now, false), FATE_OPEN);
    backfill_fate_note(&plan, &date, &now, NOW_MS, note);
    check_contains(note, "phasegate serve");
}

/* The second backfill of a day, after the tables were filled: the first one's records do not stand for it. */
static void a_worse_one_under_the_same_id_is_not_it(void **state) {
    (void)state;
    items[0].sent = true;
    now.records[PGS].execution_id = "bf/2021-11-17/pgs";
    now.records[PGS].record_count = 9;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 1);
    items[0].rows = ROWS_UNKNOWN;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 0);
    now.records[PGS].mark = RECORD_SHORT;
    now.records[PGS].status = STATUS_NO_DATA;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 1);
    items[0].rows = 0;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 0);
}

static void a_better_one_by_somebody_else_counts_as_recorded(void **state) {
    (void)state;
    items[0].sent = items[1].sent = true;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 0);
    now.records[PGS].record_count = 9;
    assert_int_equal(backfill_unrecorded(&plan, &date, &now), 1);
}

static void a_done_date_with_a_rerun_is_open_until_the_new_run(void **state) {
    (void)state;
    done_up_to(4);
    now.stale = (struct stale){.group = 1, .since_ms = NOW_MS, .due_ms = NOW_MS + 600000};
    check_fate(FATE_OPEN, "run 2 opens");
    now.stale.due_ms = 0;
    check_fate(FATE_HELD, "phasegate replay --rerun");
}

static void a_cancelled_group_is_held(void **state) {
    (void)state;
    now.groups[0].phase = GROUP_CANCELLED;
    check_fate(FATE_HELD, "cancelled");
}

static void a_stalled_group_is_held_unless_it_is_triggered_again(void **state) {
    (void)state;
    now.stall = (struct stall){.group = 1, .times = 1, .at_ms = NOW_MS};
    pipeline.on_stall = STALL_REPORT;
    check_fate(FATE_HELD, "stalled");
    pipeline.on_stall = STALL_RETRIGGER;
    pipeline.retrigger_limit = 1;
    assert_int_equal(backfill_fate(&plan, &date, &now, false), FATE_OPEN);
    now.stall.times = 2;
    assert_int_equal(backfill_fate(&plan, &date, &now, false), FATE_HELD);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_running_date_is_open),
        TEST(done_no_games_and_failed_are_over),
        TEST(what_lacks_something_is_held),
        TEST(what_is_about_to_start_is_open),
        TEST(what_was_sent_has_to_be_recorded_first),
        TEST(a_worse_one_under_the_same_id_is_not_it),
        TEST(a_better_one_by_somebody_else_counts_as_recorded),
        TEST(a_done_date_with_a_rerun_is_open_until_the_new_run),
        TEST(a_cancelled_group_is_held),
        TEST(a_stalled_group_is_held_unless_it_is_triggered_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
