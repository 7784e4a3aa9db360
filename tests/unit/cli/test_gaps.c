#include "cli/gaps.h"

#include "covered.h"
#include "printed.h"

static const struct term utf8 = {.utf8 = true}, ascii = {0};
static struct covering covering;
static const struct coverage *coverage = &covering.coverage;

static int end(void **state) {
    (void)state;
    covering_end(&covering);
    return 0;
}

static void check_grid(bool all, const struct term *term, const char *expected) {
    struct printed printed;
    printed_start(&printed);
    check_ok(gaps_print_grid(coverage, all, term, printed.out));
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void check_totals(const struct term *term, const char *expected) {
    struct printed printed;
    printed_start(&printed);
    check_ok(gaps_print_totals(coverage, term, printed.out));
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void check_plan(const char *expected) {
    struct printed printed;
    printed_start(&printed);
    gaps_print_plan(coverage, &(struct common_options){0}, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void add(struct date_state state) {
    coverage_add(&covering.coverage, &state, false);
}

/* --- The grid ------------------------------------------------------------------------------------------- */

static void november_2021_and_what_it_lacks(void **state) {
    (void)state;
    covering_november(&covering);
    covering.coverage.count = 6;
    check_grid(false, &utf8,
        "date        pgs upgc utgc togs tdgs │ psza tdza pcf pdc mlfs\n"
        "2021-11-16    0    ✓    ✓    0    0 │   ()   ()   ·  ()    ·  backfill pgs, togs, tdgs\n"
        "2021-11-17    ✓    ✓    ✓    0    0 │   ()   ()  ()  ()   ()  backfill togs, tdgs\n"
        "2021-11-18    0    ✓    ✓    0    0 │   ()   ()  ()  ()   ()  backfill pgs, togs, tdgs\n"
        "2021-11-19    ✓    ✓    ✓    0    0 │   ()   ()  ()  ()   ()  backfill togs, tdgs\n"
        "2021-11-20    ✓    ✓    ✓    0    0 │   ()   ()  ()  ()   ()  backfill togs, tdgs\n"
        "✓ there  · nothing yet  0 zero rows  () premature\n\n");
    covering.coverage.count = 2;
    check_grid(true, &ascii,
        "date        pgs upgc utgc togs tdgs | psza tdza pcf pdc mlfs\n"
        "2021-11-15    +    +    +    +    + |    +    +   +   +    +\n"
        "2021-11-16    0    +    +    0    0 |   ()   ()   .  ()    .  backfill pgs, togs, tdgs\n"
        "+ there  . nothing yet  0 zero rows  () premature\n\n");
    covering.coverage.count = 1;
    check_grid(false, &utf8, "");
}

/* One date for each thing that a date may need, all in one month of games. */
static void add_every_need(void) {
    char games[CALENDAR_BYTES_MAX] = "game_date,num_games\n";
    for (int day = 1; day <= 30; day++)
        snprintf(games + strlen(games), sizeof games - strlen(games), "2021-12-%02d,9\n", day);
    covering_start(&covering, games, "season,first_game_date\n2021-22,2021-11-18\n"); /* until 12-01 */
    add(date_until("2021-12-01", 1, GROUP_FAILED));
    add(whole_date("2021-12-02"));
    add(date_until("2021-12-03", 1, GROUP_WAITING));
    add(date_until("2021-12-04", 2, GROUP_CANCELLED));
    add(date_until("2021-12-05", 2, GROUP_FAILED));
    struct date_state short_of = date_until("2021-12-06", 4, GROUP_TRIGGERED);
    short_of.records[MLFS] = (struct record){RECORD_SHORT, .status = STATUS_NO_DATA, .run = 1};
    short_of.records[MLFS].arrived_ms = NOVEMBER_NOW_MS;
    add(short_of);
    struct date_state stalled = date_until("2021-12-07", 3, GROUP_TRIGGERED);
    stalled.stall = (struct stall){.group = 3, .times = 1, .at_ms = NOVEMBER_NOW_MS};
    add(stalled);
    struct date_state held = whole_date("2021-12-08");
    held.stale = (struct stale){.group = 1, .since_ms = 1};
    add(held);
    struct date_state redo = whole_date("2021-12-09");
    redo.records[PCF] = (struct record){RECORD_SHORT, .status = STATUS_FAILED, .run = 1};
    add(redo);
    add(date_until("2021-12-10", 2, GROUP_TRIGGERED));
    struct date_state opens = whole_date("2021-12-11");
    opens.stale = (struct stale){.group = 1, .since_ms = 1, .due_ms = NOVEMBER_NOW_MS + 1};
    add(opens);
    add((struct date_state){.date = date_of("2021-12-12")});
}

static void every_need_in_words(void **state) {
    (void)state;
    add_every_need();
    check_grid(true, &utf8,
        "date        pgs upgc utgc togs tdgs │ psza tdza pcf pdc mlfs\n"
        "2021-12-01    ✓    ✓    ✓    ✓    ✓ │                         bootstrap\n"
        "2021-12-02    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ✓   ✓    ✓\n"
        "2021-12-03    ✓    ✓    ✓    ✓    ✓ │    ·    ·   ·   ·    ·  group 1 was never triggered\n"
        "2021-12-04    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ⊘   ·    ·  group 2 was cancelled\n"
        "2021-12-05    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ·   ·    ·  group 2 failed\n"
        "2021-12-06    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ✓   ✓    –  group 4 came back short\n"
        "2021-12-07    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ✓   !    ·  group 3 has stalled\n"
        "2021-12-08    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ✓   ✓    ✓  group 1 is stale, and held\n"
        "2021-12-09    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ✗   ✓    ✓  group 2 was done, and has to run "
        "again\n"
        "2021-12-10    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ▶   ·    ·  at work\n"
        "2021-12-11    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ✓   ✓    ✓  at work\n"
        "2021-12-12    ·    ·    ·    ·    · │    ·    ·   ·   ·    ·  backfill pgs, upgc, utgc, togs, tdgs\n"
        "✓ there  · nothing yet  ⊘ cancelled  ▶ running  ! stalled  ✗ failed  – no data\n\n");
}

/* --- The totals ----------------------------------------------------------------------------------------- */

static void coverage_of_november_2021(void **state) {
    (void)state;
    covering_november(&covering);
    check_totals(&utf8,
        "season   dates     pgs     upgc     utgc   togs   tdgs  │   psza   tdza    pcf    pdc   mlfs\n"
        "2021-22     15  60.0 %  100.0 %  100.0 %  6.6 %  6.6 %  │  6.6 %  6.6 %  6.6 %  6.6 %  6.6 %\n");
}

static void a_row_per_season_and_one_of_all(void **state) {
    (void)state;
    covering_start(&covering, NULL, "season,first_game_date\n2021-22,2021-10-19\n2022-23,2022-10-18\n");
    add(date_until("2021-09-01", 4, GROUP_WAITING));
    add(whole_date("2021-12-01"));
    add(whole_date("2022-10-18"));
    check_totals(&utf8,
        "season     dates      pgs     upgc     utgc     togs     tdgs  │     psza     tdza      pcf      "
        "pdc     mlfs\n"
        "no season      1  100.0 %  100.0 %  100.0 %  100.0 %  100.0 %  │  100.0 %  100.0 %  100.0 %  "
        "100.0 %    0.0 %\n"
        "2021-22        1  100.0 %  100.0 %  100.0 %  100.0 %  100.0 %  │  100.0 %  100.0 %  100.0 %  "
        "100.0 %  100.0 %\n"
        "2022-23        1  100.0 %  100.0 %  100.0 %  100.0 %  100.0 %  │\n"
        "all            3  100.0 %  100.0 %  100.0 %  100.0 %  100.0 %  │  100.0 %  100.0 %  100.0 %  "
        "100.0 %   50.0 %\n");
}

static void without_seasons_one_row(void **state) {
    (void)state;
    covering_start(&covering, NULL, NULL);
    add(whole_date("2021-12-01"));
    check_totals(&ascii,
        "season  dates      pgs     upgc     utgc     togs     tdgs  |     psza     tdza      pcf      pdc   "
        "  mlfs\n"
        "all         1  100.0 %  100.0 %  100.0 %  100.0 %  100.0 %  |  100.0 %  100.0 %  100.0 %  100.0 %  "
        "100.0 %\n");
}

/* --- The list ------------------------------------------------------------------------------------------- */

static void a_line_for_each_missing_table(void **state) {
    (void)state;
    covering_november(&covering);
    covering.coverage.count = 2;
    struct printed printed;
    printed_start(&printed);
    gaps_print_list(coverage, printed.out);
    assert_string_equal(printed_end(&printed),
        "2021-11-16,pgs,zero_rows\n2021-11-16,togs,zero_rows\n2021-11-16,tdgs,zero_rows\n"
        "2021-11-16,psza,premature\n2021-11-16,tdza,premature\n2021-11-16,pcf,not_started\n"
        "2021-11-16,pdc,premature\n2021-11-16,mlfs,not_started\n");
    printed_free(&printed);
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static int64_t number_at(const json_t *object, const char *key) {
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static const char *text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void json_has_dates_seasons_and_totals(void **state) {
    (void)state;
    covering_november(&covering);
    json_t *object = json_object();
    gaps_put_json(coverage, false, &object);
    json_t *dates = json_object_get(object, "dates"), *first = json_array_get(dates, 0);
    json_t *season = json_array_get(json_object_get(object, "seasons"), 0);
    json_t *pgs = json_object_get(json_object_get(season, "processors"), "player_game_summary");
    json_t *missing = json_array_get(json_object_get(first, "missing"), 0);
    assert_int_equal(number_at(object, "incomplete"), 14);
    assert_int_equal(json_array_size(dates), 14);
    assert_string_equal(text_at(first, "game_date"), "2021-11-16");
    assert_string_equal(text_at(first, "season"), "2021-22");
    assert_string_equal(text_at(first, "remedy"), "backfill");
    assert_true(json_is_null(json_object_get(first, "group")));
    assert_true(json_is_false(json_object_get(first, "bootstrap")));
    assert_int_equal(json_array_size(json_object_get(first, "missing")), 8);
    assert_string_equal(text_at(missing, "processor"), "player_game_summary");
    assert_string_equal(text_at(missing, "reason"), "zero_rows");
    assert_int_equal(json_array_size(json_object_get(object, "seasons")), 1);
    assert_string_equal(text_at(season, "season"), "2021-22");
    assert_int_equal(number_at(pgs, "present"), 9);
    assert_int_equal(number_at(pgs, "expected"), 15);
    assert_float_equal(json_real_value(json_object_get(pgs, "percent")), 60, 1e-9);
    assert_int_equal(number_at(json_object_get(object, "totals"), "dates"), 15);
    json_decref(object);
    object = json_object();
    gaps_put_json(coverage, true, &object);
    assert_int_equal(json_array_size(json_object_get(object, "dates")), 15);
    json_decref(object);
}

/* --- The plan ------------------------------------------------------------------------------------------- */

#define PHASE_3                                                                                              \
    "\n# 1. Phase 3. First run these processors for these dates: phasegate only announces tables, and\n"     \
    "#    what is announced and not there starts Phase 4 on missing data. Phase 4 follows by itself.\n"      \
    "#    A file of row counts announces what is really there: phasegate backfill --file ROWS.csv\n"
#define ASK_AGAIN "\n# Then ask again: what is missing after that has another reason.\n"

static void the_plan_for_november_2021(void **state) {
    (void)state;
    covering_november(&covering);
    check_plan(PHASE_3
        "# pgs, togs, tdgs: 6 dates\n"
        "phasegate backfill --dates 2021-11-16,2021-11-18,2021-11-21,2021-11-23,2021-11-28,2021-11-30 "
        "--processors pgs,togs,tdgs\n"
        "# togs, tdgs: 8 dates\n"
        "phasegate backfill --start-date 2021-11-24 --end-date 2021-11-27 --processors togs,tdgs\n"
        "phasegate backfill --dates 2021-11-17,2021-11-19,2021-11-20,2021-11-22,2021-11-29 "
        "--processors togs,tdgs\n" ASK_AGAIN);
}

static void the_plan_has_a_command_for_every_need(void **state) {
    (void)state;
    add_every_need();
    check_plan(PHASE_3
        "# pgs, upgc, utgc, togs, tdgs: 1 date\n"
        "phasegate backfill --dates 2021-12-12 --processors pgs,upgc,utgc,togs,tdgs\n"
        "\n# 2. Phase 4. Here Phase 3 is whole.\n"
        "# 1 date: a group has all that it needs, and its trigger never left\n"
        "phasegate replay --dates 2021-12-03 --missed\n"
        "# 1 date: cancelled; leave these out if that was meant to last\n"
        "phasegate replay --dates 2021-12-04 --missed\n"
        "# 1 date: a group failed; `phasegate explain DATE` says why: mend that first\n"
        "phasegate replay --dates 2021-12-05\n"
        "# 1 date: a group came back without enough rows; `phasegate explain DATE` says how\n"
        "phasegate replay --dates 2021-12-06\n"
        "# 1 date: stalled; make sure that its processors are not at work after all\n"
        "phasegate replay --dates 2021-12-07\n"
        "# 1 date: a re-run came after Phase 4 had started; this opens the new run\n"
        "phasegate replay --dates 2021-12-08 --rerun\n"
        "# 1 date: a table was taken back after its group was done\n"
        "phasegate replay --dates 2021-12-09 --rerun --from-group 2\n"
        "\n# 2 dates need nothing: at work, or a new run is about to open\n" ASK_AGAIN);
}

static void what_runs_needs_nothing(void **state) {
    (void)state;
    covering_start(&covering, NULL, NULL);
    add(whole_date("2021-12-01"));
    check_plan("# Nothing is missing.\n");
    add(date_until("2021-12-02", 2, GROUP_TRIGGERED));
    check_plan("\n# 1 date needs nothing: at work, or a new run is about to open\n");
}

static void no_range_spans_what_the_calendar_does_not_know(void **state) {
    (void)state;
    covering_start(&covering, NULL, NULL);
    add(date_until("2021-12-01", 1, GROUP_FAILED));
    add(date_until("2021-12-02", 1, GROUP_FAILED));
    add(date_until("2021-12-04", 1, GROUP_FAILED)); /* there may have been games on the 3rd */
    add(date_until("2021-12-05", 1, GROUP_FAILED));
    add(date_until("2021-12-06", 1, GROUP_FAILED));
    check_plan(
        "\n# 1. Phase 4. Here Phase 3 is whole.\n"
        "# 5 dates: a group failed; `phasegate explain DATE` says why: mend that first\n"
        "phasegate replay --start-date 2021-12-04 --end-date 2021-12-06\n"
        "phasegate replay --dates 2021-12-01,2021-12-02\n" ASK_AGAIN);
}

static void long_lists_are_several_commands(void **state) {
    (void)state;
    covering_start(&covering, NULL, NULL);
    for (int i = 0; i < 101; i++) {
        struct date_state failed = date_until("2021-01-01", 1, GROUP_FAILED);
        failed.date += 2 * i;
        add(failed);
    }
    struct printed printed;
    printed_start(&printed);
    gaps_print_plan(
        coverage, &(struct common_options){.config = "it's here", .pipeline = "nba"}, printed.out);
    const char *text = printed_end(&printed), *where = " --config 'it'\\''s here' --pipeline nba\n";
    int commands = 0, commas = 0;
    for (const char *at = text; (at = strstr(at, where)); at += strlen(where))
        commands++;
    for (const char *at = strstr(text, "replay --dates"); *at; at++)
        commas += *at == ',';
    assert_int_equal(commands, 3);
    assert_int_equal(commas, 101 - 3);
    check_contains(text, "phasegate replay --dates 2021-07-20 --config");
    printed_free(&printed);
}

static void a_range_is_no_longer_than_a_command_takes(void **state) {
    (void)state;
    char games[CALENDAR_BYTES_MAX] =
        "game_date,num_games\n2000-01-01,1\n2010-01-01,1\n2013-09-08,1\n2013-09-09,1\n";
    covering_start(&covering, games, NULL);
    static const char *const dates[] = {"2000-01-01", "2010-01-01", "2013-09-08", "2013-09-09"};
    for (int i = 0; i < 4; i++)
        add(date_until(dates[i], 1, GROUP_FAILED));
    struct printed printed;
    printed_start(&printed);
    gaps_print_plan(coverage, &(struct common_options){0}, printed.out);
    /* 5,000 days from 2000-01-01, inclusive, end on 2013-09-08. */
    check_contains(printed_end(&printed),
        "phasegate replay --start-date 2000-01-01 --end-date 2013-09-08\nphasegate replay --dates "
        "2013-09-09\n");
    printed_free(&printed);
}

static void a_processor_that_requires_rows_is_named(void **state) {
    (void)state;
    covering_november(&covering);
    static struct pipeline strict;
    static struct processor processors[NBA_PROCESSORS];
    strict = *nba_pipeline();
    memcpy(processors, strict.processors, sizeof processors);
    processors[TOGS].require_rows = true;
    strict.processors = processors;
    covering.coverage.pipeline = &strict;
    struct printed printed;
    printed_start(&printed);
    gaps_print_plan(coverage, &(struct common_options){0}, printed.out);
    check_contains(printed_end(&printed),
        "# togs must come with a row count: for these, give the file\n"
        "phasegate backfill --start-date 2021-11-24");
    printed_free(&printed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(november_2021_and_what_it_lacks, end),
        cmocka_unit_test_teardown(every_need_in_words, end),
        cmocka_unit_test_teardown(coverage_of_november_2021, end),
        cmocka_unit_test_teardown(a_row_per_season_and_one_of_all, end),
        cmocka_unit_test_teardown(without_seasons_one_row, end),
        cmocka_unit_test_teardown(a_line_for_each_missing_table, end),
        cmocka_unit_test_teardown(json_has_dates_seasons_and_totals, end),
        cmocka_unit_test_teardown(the_plan_for_november_2021, end),
        cmocka_unit_test_teardown(the_plan_has_a_command_for_every_need, end),
        cmocka_unit_test_teardown(what_runs_needs_nothing, end),
        cmocka_unit_test_teardown(no_range_spans_what_the_calendar_does_not_know, end),
        cmocka_unit_test_teardown(long_lists_are_several_commands, end),
        cmocka_unit_test_teardown(a_range_is_no_longer_than_a_command_takes, end),
        cmocka_unit_test_teardown(a_processor_that_requires_rows_is_named, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
