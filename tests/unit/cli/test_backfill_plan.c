#include "cli/backfill_plan.h"
#include "cli/backfill_print.h"
#include "printed.h"
#include "support/nba.h"

#define DAY ((game_date)18948) /* 2021-11-17 */
#define NOW_MS ((int64_t)1764872400000)

static const struct term plain = {0};
static struct arena *arena;
static struct date_state states[4];

static int set_up(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    memset(states, 0, sizeof states);
    for (int i = 0; i < 4; i++)
        states[i].date = DAY + i;
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct backfill_plan empty_plan(void) {
    return (struct backfill_plan){.pipeline = nba_pipeline(), .id = "bf-20251204"};
}

static struct backfill_plan plan_of_csv(const char *csv, processor_set processors) {
    struct backfill_plan plan = empty_plan();
    struct row_count *counts;
    size_t count;
    check_ok(row_counts_parse(nba_pipeline(), "rows.csv", csv, arena, &counts, &count));
    check_ok(backfill_plan_counts(&plan, counts, count, processors, NULL, 0, arena));
    return plan;
}

static struct backfill_plan plan_of_dates(size_t count, processor_set processors) {
    struct backfill_plan plan = empty_plan();
    const game_date dates[] = {DAY, DAY + 1, DAY + 2, DAY + 3};
    check_ok(backfill_plan_dates(&plan, dates, count, processors, NULL, arena));
    return plan;
}

static void record(int date, int processor, enum record_mark mark, enum status status, int64_t rows) {
    states[date].known = true;
    states[date].records[processor] =
        (struct record){.mark = mark, .status = status, .record_count = rows, .execution_id = "other"};
}

/* --- What is wanted --------------------------------------------------------------------------------------
 */

static void dates_alone_vouch_for_the_upstream(void **state) {
    (void)state;
    struct backfill_plan plan = plan_of_dates(2, nba_pipeline()->upstream);
    assert_int_equal(plan.date_count, 2);
    assert_int_equal(plan.item_count, 10);
    for (size_t i = 0; i < plan.item_count; i++) {
        assert_int_equal(plan.items[i].date, DAY + (int)i / 5);
        assert_int_equal(plan.items[i].processor->index, i % 5);
        assert_int_equal(plan.items[i].rows, ROWS_UNKNOWN);
    }
    assert_int_equal(plan.dates[1].first, 5);
    assert_int_equal(plan.dates[1].count, 5);
}

static void dates_without_games_are_left_out(void **state) {
    (void)state;
    struct game_calendar *calendar;
    struct backfill_plan plan = empty_plan();
    const game_date dates[] = {DAY, DAY + 1, DAY + 2};
    check_ok(game_calendar_parse(
        (struct calendar_text){"games.csv", "game_date,num_games\n2021-11-17,11\n2021-11-18,0\n"},
        (struct calendar_text){0}, 14, &calendar));
    struct result r = backfill_plan_dates(&plan, dates, 3, SET(PGS), calendar, arena);
    game_calendar_free(&calendar);
    check_ok(r);
    assert_int_equal(plan.no_games, 1);
    assert_int_equal(plan.date_count, 2); /* the one that the calendar does not reach stays */
    assert_int_equal(plan.dates[1].date, DAY + 2);
}

static void counts_are_sorted_and_the_groups_left_out(void **state) {
    (void)state;
    struct backfill_plan plan = plan_of_csv(
        "game_date,pcf,togs,pgs\n"
        "2021-11-18,3,0,\n"
        "2021-11-17,4,22,232\n",
        nba_pipeline()->upstream);
    assert_int_equal(plan.item_count, 3);
    assert_int_equal(plan.ignored, 2);
    assert_int_equal(plan.items[0].processor->index, PGS);
    assert_int_equal(plan.items[0].rows, 232);
    assert_int_equal(plan.items[1].processor->index, TOGS);
    assert_int_equal(plan.items[2].date, DAY + 1);
    assert_int_equal(plan.items[2].rows, 0);
}

static void dates_narrow_a_file(void **state) {
    (void)state;
    struct backfill_plan plan = empty_plan();
    const struct processor *pgs = &nba_pipeline()->processors[PGS];
    const struct row_count counts[] = {
        {.date = DAY, .processor = pgs, .rows = 1},
        {.date = DAY + 1, .processor = pgs, .rows = 2},
        {.date = DAY + 2, .processor = pgs, .rows = 3},
    };
    const game_date dates[] = {DAY - 1, DAY + 1, DAY + 9};
    check_ok(backfill_plan_counts(&plan, counts, 3, SET(PGS), dates, 3, arena));
    assert_int_equal(plan.item_count, 1);
    assert_int_equal(plan.items[0].rows, 2);
}

static void too_many_dates_are_refused(void **state) {
    (void)state;
    struct backfill_plan plan = empty_plan();
    static struct row_count counts[BACKFILL_DATES_MAX + 1];
    for (int i = 0; i <= BACKFILL_DATES_MAX; i++)
        counts[i] = (struct row_count){.date = i, .processor = &nba_pipeline()->processors[PGS], .rows = 1};
    check_ok(backfill_plan_counts(&plan, counts, BACKFILL_DATES_MAX, SET(PGS), NULL, 0, arena));
    assert_int_equal(plan.date_count, BACKFILL_DATES_MAX);
    check_fails(backfill_plan_counts(&plan, counts, BACKFILL_DATES_MAX + 1, SET(PGS), NULL, 0, arena),
        CODE_LIMIT, "5001 dates, and at most 5000");
}

static void dates_far_away_are_refused(void **state) {
    (void)state;
    struct backfill_plan plan = plan_of_csv("game_date,pgs\n2021-11-17,1\n", SET(PGS));
    check_ok(backfill_plan_check(&plan, NOW_MS));
    plan = plan_of_csv("game_date,pgs\n2021-11-17,1\n2121-11-17,1\n", SET(PGS));
    check_fails(backfill_plan_check(&plan, NOW_MS), CODE_INVALID, "2121-11-17");
}

/* --- What is sent ----------------------------------------------------------------------------------------
 */

static void ids_are_stable_and_readable(void **state) {
    (void)state;
    struct backfill_plan plan = plan_of_csv("game_date,pgs\n2021-11-17,232\n", SET(PGS));
    char id[COMPLETION_ID_MAX + 1];
    assert_string_equal(backfill_execution_id(&plan, &plan.items[0], id), "bf-20251204/2021-11-17/pgs");
    assert_string_equal(backfill_id_of(NOW_MS, arena), "bf-20251204");
    check_ok(backfill_id_check("season-2021_22.v2:a"));
    check_fails(backfill_id_check(""), CODE_INVALID, "--id");
    check_fails(backfill_id_check("two words"), CODE_INVALID, "\"two words\"");
    check_fails(backfill_id_check("0123456789012345678901234567890123456789012345678901234567890123x"),
        CODE_INVALID, "1 to 64");
}

/* As contract/completion-backfill.json has it, and as the decoder reads it. */
static void rows_become_success_and_none_become_no_data(void **state) {
    (void)state;
    struct backfill_plan plan =
        plan_of_csv("game_date,pgs,upgc\n2021-11-17,232,0\n", nba_pipeline()->upstream);
    const struct {
        int64_t rows;
        enum status status;
    } expected[] = {{232, STATUS_SUCCESS}, {0, STATUS_NO_DATA}, {ROWS_UNKNOWN, STATUS_SUCCESS}};
    plan.items = arena_copy(arena, plan.items, 3 * sizeof *plan.items);
    plan.items[2] = plan.items[0];
    plan.items[2].rows = ROWS_UNKNOWN;
    for (size_t i = 0; i < 3; i++) {
        char id[COMPLETION_ID_MAX + 1];
        struct completion decoded,
            completion = backfill_completion(
                &plan, &plan.items[i], backfill_execution_id(&plan, &plan.items[i], id), NOW_MS);
        struct message *message = completion_encode(nba_pipeline(), &completion, arena);
        assert_non_null(message);
        check_ok(completion_decode(nba_pipeline(), message, NOW_MS, arena, &decoded));
        assert_int_equal(decoded.record_count, expected[i].rows);
        assert_int_equal(decoded.status, expected[i].status);
        assert_int_equal(decoded.timestamp_ms, NOW_MS);
        assert_true(decoded.backfill);
        assert_string_equal(decoded.correlation_id, "bf-20251204");
        assert_string_equal(decoded.execution_id, id);
    }
}

/* --- What is there already -------------------------------------------------------------------------------
 */

static bool there(int processor, int64_t rows) {
    const struct plan_item item = {
        .date = DAY, .processor = &nba_pipeline()->processors[processor], .rows = rows};
    return backfill_item_is_there(&item, &states[0]);
}

static void what_has_at_least_these_rows_is_there(void **state) {
    (void)state;
    assert_false(there(PGS, 232));
    record(0, PGS, RECORD_COUNTS, STATUS_SUCCESS, 232);
    assert_true(there(PGS, 232));
    assert_true(there(PGS, 231));
    assert_true(there(PGS, 0));
    assert_true(there(PGS, ROWS_UNKNOWN));
    assert_false(there(PGS, 233));
    record(0, PGS, RECORD_COUNTS, STATUS_PARTIAL, 240);
    assert_true(there(PGS, 232));
    assert_false(there(PGS, 250));
}

static void what_falls_short_is_not_there(void **state) {
    (void)state;
    record(0, PGS, RECORD_SHORT, STATUS_PARTIAL, 232);
    assert_false(there(PGS, 232));
    assert_false(there(PGS, ROWS_UNKNOWN));
    record(0, PGS, RECORD_SHORT, STATUS_FAILED, 500);
    assert_false(there(PGS, 232));
    assert_false(there(PGS, 0)); /* no data closes a date without games, a failure does not */
    record(0, PGS, RECORD_SHORT, STATUS_SUCCESS, 0);
    assert_false(there(PGS, 0));
}

static void what_was_vouched_for_is_no_count(void **state) {
    (void)state;
    record(0, PGS, RECORD_COUNTS, STATUS_SUCCESS, ROWS_UNKNOWN);
    assert_true(there(PGS, ROWS_UNKNOWN));
    assert_false(there(PGS, 1));
    assert_false(there(PGS, 0));
}

static void no_data_is_there_when_it_is_no_data(void **state) {
    (void)state;
    record(0, PGS, RECORD_SHORT, STATUS_NO_DATA, 0);
    assert_true(there(PGS, 0));
    assert_false(there(PGS, 1));
    assert_false(there(PGS, ROWS_UNKNOWN));
    record(0, PGS, RECORD_SHORT, STATUS_NO_DATA, ROWS_UNKNOWN);
    assert_true(there(PGS, 0));
}

static void a_premature_one_is_there_until_its_group_starts(void **state) {
    (void)state;
    record(0, PCF, RECORD_PREMATURE, STATUS_SUCCESS, 212);
    assert_true(there(PCF, 212));
    assert_false(there(PCF, 213));
    states[0].groups[1].phase = GROUP_TRIGGERED;
    assert_false(there(PCF, 212));
    record(0, PCF, RECORD_OLD, STATUS_SUCCESS, 212);
    assert_false(there(PCF, 212));
    record(0, PCF, RECORD_OLD, STATUS_NO_DATA, 0);
    assert_false(there(PCF, 0));
    states[0].groups[1].phase = GROUP_WAITING;
    record(0, PCF, RECORD_PREMATURE, STATUS_FAILED, 212);
    assert_false(there(PCF, 212));
}

static void the_plan_says_what_is_sent_and_what_is_there(void **state) {
    (void)state;
    struct backfill_plan plan = plan_of_csv(
        "game_date,pgs,upgc,pcf\n"
        "2021-11-17,232,0,9\n"
        "2021-11-18,,212,\n",
        nba_pipeline()->upstream);
    record(0, PGS, RECORD_COUNTS, STATUS_SUCCESS, 241);
    record(1, UPGC, RECORD_COUNTS, STATUS_SUCCESS, 212);
    backfill_plan_compare(&plan, states);
    assert_int_equal(backfill_plan_to_send(&plan), 1);
    struct printed printed;
    printed_start(&printed);
    backfill_print_dates(&plan, states, &plain, printed.out);
    backfill_print_totals(&plan, printed.out);
    assert_string_equal(printed_end(&printed),
        "2021-11-17  send upgc no data; there already pgs 241\n"
        "2021-11-18  there already upgc 212\n"
        "backfill bf-20251204: 2 dates, 1 completion to send, 2 there already\n"
        "left out: 1 row count of Phase 4 (--phase4 sends it too)\n");
    printed_free(&printed);
}

/* A completion under the same id is no re-run, whatever its rows. */
static void a_second_count_under_the_same_id_is_said(void **state) {
    (void)state;
    struct backfill_plan plan = plan_of_csv("game_date,pgs\n2021-11-17,240\n", SET(PGS));
    record(0, PGS, RECORD_COUNTS, STATUS_SUCCESS, 232);
    states[0].records[PGS].execution_id = "bf-20251204/2021-11-17/pgs";
    backfill_plan_compare(&plan, states);
    assert_int_equal(plan.same_id, 0);
    states[0].groups[0].phase = GROUP_TRIGGERED;
    backfill_plan_compare(&plan, states);
    assert_int_equal(plan.same_id, 1);
    struct printed printed;
    printed_start(&printed);
    backfill_print_totals(&plan, printed.out);
    check_contains(printed_end(&printed), "with another --id");
    printed_free(&printed);
    plan.id = "bf-2";
    backfill_plan_compare(&plan, states);
    assert_int_equal(plan.same_id, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(dates_alone_vouch_for_the_upstream),
        TEST(dates_without_games_are_left_out),
        TEST(counts_are_sorted_and_the_groups_left_out),
        TEST(dates_narrow_a_file),
        TEST(too_many_dates_are_refused),
        TEST(dates_far_away_are_refused),
        TEST(ids_are_stable_and_readable),
        TEST(rows_become_success_and_none_become_no_data),
        TEST(what_has_at_least_these_rows_is_there),
        TEST(what_falls_short_is_not_there),
        TEST(what_was_vouched_for_is_no_count),
        TEST(no_data_is_there_when_it_is_no_data),
        TEST(a_premature_one_is_there_until_its_group_starts),
        TEST(the_plan_says_what_is_sent_and_what_is_there),
        TEST(a_second_count_under_the_same_id_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
