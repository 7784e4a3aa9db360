#include "cli/coverage.h"

#include "covered.h"

static struct covering covering;
static const struct coverage *coverage = &covering.coverage;

static int end(void **state) {
    (void)state;
    covering_end(&covering);
    return 0;
}

/* The one date, judged; the calendar knows it and nothing else. */
static const struct covered_date *judged(const struct date_state *state) {
    covering.coverage.count = 0;
    coverage_add(&covering.coverage, state, false);
    assert_int_equal(coverage->count, 1);
    return &coverage->dates[0];
}

static void november(void) {
    covering_start(&covering, "game_date,num_games\n2021-11-17,11\n", NULL);
}

/* --- Which dates are expected --------------------------------------------------------------------------- */

static void what_november_2021_lacked(void **state) {
    (void)state;
    covering_november(&covering);
    assert_int_equal(coverage->count, 15);
    assert_int_equal(coverage_incomplete(coverage), 14);
    for (size_t i = 0; i < coverage->count; i++) {
        assert_int_not_equal(coverage->dates[i].date, date_of("2021-11-25"));
        assert_string_equal(coverage->dates[i].season->name, "2021-22");
    }
    static const size_t present[NBA_PROCESSORS] = {
        [PGS] = 9, [UPGC] = 15, [UTGC] = 15, [TOGS] = 1, [TDGS] = 1, 1, 1, 1, 1, 1};
    struct coverage_total total = coverage_of_all(coverage);
    assert_int_equal(total.dates, 15);
    for (int i = 0; i < NBA_PROCESSORS; i++) {
        assert_int_equal(total.expected[i], 15);
        assert_int_equal(total.present[i], present[i]);
    }
    assert_int_equal(coverage->dates[0].missing, 0);
    assert_int_equal(coverage->dates[0].remedy, REMEDY_NONE);
    assert_int_equal(coverage->dates[3].absences[PGS], ABSENCE_ZERO_ROWS);
    assert_int_equal(coverage->dates[3].absences[PCF], ABSENCE_PREMATURE);
    assert_int_equal(coverage->dates[3].absences[UPGC], ABSENCE_NONE);
    assert_int_equal(coverage->dates[1].absences[MLFS], ABSENCE_NOT_STARTED);
}

static void what_the_calendar_says_comes_first(void **state) {
    (void)state;
    const struct game_day played = {.games = GAMES_PLAYED}, none = {.games = GAMES_NONE};
    struct date_state closed = {.known = true, .no_games_ms = 1}, unheard = {0},
                      whole = whole_date("2021-11-17");
    assert_true(coverage_expects(played, false, &unheard));
    assert_true(coverage_expects(played, false, &closed));
    assert_false(coverage_expects(none, true, &unheard));
    assert_false(coverage_expects(none, true, &whole));
}

static void without_a_calendar_what_was_heard_of_or_named(void **state) {
    (void)state;
    const struct game_day unknown = {.games = GAMES_UNKNOWN};
    struct date_state closed = {.known = true, .no_games_ms = 1}, unheard = {0},
                      whole = whole_date("2021-11-17");
    assert_true(coverage_expects(unknown, false, &whole));
    assert_false(coverage_expects(unknown, false, &unheard));
    assert_true(coverage_expects(unknown, true, &unheard));
    assert_false(coverage_expects(unknown, false, &closed));
    assert_false(coverage_expects(unknown, true, &closed));
}

static void bootstrap_expects_no_phase_4(void **state) {
    (void)state;
    covering_start(&covering, "game_date,num_games\n2021-10-19,2\n2021-11-01,9\n2021-11-02,9\n",
        "season,first_game_date\n2021-22,2021-10-19\n");
    struct date_state last = date_until("2021-11-01", 1, GROUP_FAILED),
                      after = date_until("2021-11-02", 1, GROUP_FAILED);
    last.stale = (struct stale){.group = 1, .since_ms = 1};
    coverage_add(&covering.coverage, &last, false);
    coverage_add(&covering.coverage, &after, false);
    assert_true(coverage->dates[0].bootstrap);
    assert_int_equal(coverage->dates[0].expected, nba_pipeline()->upstream);
    assert_int_equal(coverage->dates[0].missing, 0);
    assert_int_equal(coverage->dates[0].remedy, REMEDY_NONE);
    assert_false(coverage->dates[1].bootstrap);
    assert_int_equal(coverage->dates[1].missing, SET(PSZA) | SET(TDZA) | SET(PCF) | SET(PDC) | SET(MLFS));
    struct date_state empty = {.date = date_of("2021-10-19")};
    assert_int_equal(judged(&empty)->missing, nba_pipeline()->upstream);
    assert_int_equal(judged(&empty)->remedy, REMEDY_BACKFILL);
}

/* --- Why a table is missing ------------------------------------------------------------------------------
 */

static void check_record(int processor, struct record record, enum absence absence) {
    struct date_state state = whole_date("2021-11-17");
    state.records[processor] = record;
    const struct covered_date *covered = judged(&state);
    assert_string_equal(absence_name(covered->absences[processor]), absence_name(absence));
    assert_int_equal(covered->missing, absence == ABSENCE_NONE ? 0 : SET(processor));
}

static void every_reason_of_a_record(void **state) {
    (void)state;
    november();
    check_record(PGS, (struct record){RECORD_COUNTS, .status = STATUS_SUCCESS}, ABSENCE_NONE);
    check_record(
        PGS, (struct record){RECORD_COUNTS, .status = STATUS_NO_DATA}, ABSENCE_NONE); /* allow_empty */
    check_record(PGS, (struct record){.mark = RECORD_NONE}, ABSENCE_NOTHING);
    check_record(PGS, (struct record){RECORD_SHORT, .status = STATUS_SUCCESS}, ABSENCE_ZERO_ROWS);
    check_record(PGS, (struct record){RECORD_SHORT, .status = STATUS_SUCCESS, .record_count = 4},
        ABSENCE_TOO_FEW_ROWS);
    check_record(PGS, (struct record){RECORD_SHORT, .status = STATUS_SUCCESS, .record_count = ROWS_UNKNOWN},
        ABSENCE_NO_COUNT);
    check_record(
        PGS, (struct record){RECORD_SHORT, .status = STATUS_PARTIAL, .record_count = 90}, ABSENCE_PARTIAL);
    check_record(PGS, (struct record){RECORD_SHORT, .status = STATUS_FAILED}, ABSENCE_FAILED);
    check_record(PGS, (struct record){RECORD_SHORT, .status = STATUS_SKIPPED}, ABSENCE_SKIPPED);
    check_record(PGS, (struct record){RECORD_SHORT, .status = STATUS_NO_DATA}, ABSENCE_NO_DATA);
    check_record(MLFS, (struct record){RECORD_PREMATURE, .record_count = 212}, ABSENCE_PREMATURE);
    check_record(MLFS, (struct record){RECORD_OLD, .record_count = 212}, ABSENCE_OLD_RUN);
    check_record(MLFS, (struct record){.mark = RECORD_NONE}, ABSENCE_NOTHING);
}

static void check_group(struct date_state state, enum absence absence, enum remedy remedy) {
    const struct covered_date *covered = judged(&state);
    assert_string_equal(absence_name(covered->absences[PCF]), absence_name(absence));
    assert_string_equal(remedy_name(covered->remedy), remedy_name(remedy));
    assert_int_equal(covered->group, 2);
    assert_int_equal(covered->missing, SET(PCF) | SET(PDC) | SET(MLFS));
    assert_string_equal(absence_name(covered->absences[MLFS]), "not_started");
}

/* Puts group 2's trigger into the outbox. */
static void fill_outbox(const char *date) {
    static struct trigger trigger;
    trigger = (struct trigger){.date = date_of(date), .group = 2, .run = 1};
    covering.coverage.outbox = (struct replay_outbox){&trigger, 1};
}

static void what_a_group_that_is_not_done_needs(void **state) {
    (void)state;
    november();
    check_group(date_until("2021-11-17", 2, GROUP_WAITING), ABSENCE_NOT_STARTED, REMEDY_MISSED);
    check_group(date_until("2021-11-17", 2, GROUP_CANCELLED), ABSENCE_CANCELLED, REMEDY_CANCELLED);
    check_group(date_until("2021-11-17", 2, GROUP_TRIGGERED), ABSENCE_RUNNING, REMEDY_WAIT);
    check_group(date_until("2021-11-17", 2, GROUP_FAILED), ABSENCE_NOTHING, REMEDY_FAILED);

    struct date_state came = date_until("2021-11-17", 2, GROUP_FAILED);
    came.records[PCF] = (struct record){.mark = RECORD_SHORT, .status = STATUS_FAILED, .run = 1};
    check_group(came, ABSENCE_FAILED, REMEDY_FAILED);
    came.groups[1].phase = GROUP_TRIGGERED; /* replayed since */
    came.records[PCF].set_aside = true;
    check_group(came, ABSENCE_RUNNING, REMEDY_WAIT);
    came.records[PCF] = (struct record){.mark = RECORD_OLD, .status = STATUS_SUCCESS, .run = 1};
    check_group(came, ABSENCE_RUNNING, REMEDY_WAIT);

    struct date_state empty = date_until("2021-11-17", 2, GROUP_TRIGGERED);
    empty.records[PCF] = (struct record){
        .mark = RECORD_SHORT, .status = STATUS_NO_DATA, .run = 1, .arrived_ms = NOVEMBER_NOW_MS};
    check_group(empty, ABSENCE_NO_DATA, REMEDY_SHORT);
}

static void a_stall_is_no_work(void **state) {
    (void)state;
    november();
    struct date_state stalled = date_until("2021-11-17", 2, GROUP_TRIGGERED);
    stalled.stall = (struct stall){.group = 2, .times = 1, .at_ms = NOVEMBER_NOW_MS};
    check_group(stalled, ABSENCE_STALLED, REMEDY_STALLED);
}

static void a_ready_group_is_in_the_outbox_or_lost(void **state) {
    (void)state;
    november();
    struct date_state ready = date_until("2021-11-17", 2, GROUP_READY);
    check_group(ready, ABSENCE_NOT_STARTED, REMEDY_MISSED);
    fill_outbox("2021-11-17");
    check_group(ready, ABSENCE_RUNNING, REMEDY_WAIT);
    fill_outbox("2021-11-16");
    check_group(ready, ABSENCE_NOT_STARTED, REMEDY_MISSED);
    ready.groups[1].ready_ms = NOVEMBER_NOW_MS; /* only since the outbox was read */
    assert_int_equal(judged(&ready)->remedy, REMEDY_WAIT);
}

static void upstream_comes_first(void **state) {
    (void)state;
    november();
    struct date_state both = date_until("2021-11-17", 2, GROUP_FAILED);
    both.records[UTGC] = (struct record){0};
    both.stale = (struct stale){.group = 1, .since_ms = 1};
    assert_int_equal(judged(&both)->remedy, REMEDY_BACKFILL);
    assert_int_equal(judged(&both)->group, 0);
    struct date_state unheard = {.date = date_of("2021-11-17")};
    assert_int_equal(judged(&unheard)->remedy, REMEDY_BACKFILL);
    assert_int_equal(judged(&unheard)->missing, SET(NBA_PROCESSORS) - 1);
    assert_int_equal(judged(&unheard)->absences[PGS], ABSENCE_NOTHING);
    assert_int_equal(judged(&unheard)->absences[PSZA], ABSENCE_NOT_STARTED);
}

static void a_stale_date_needs_its_new_run(void **state) {
    (void)state;
    november();
    struct date_state stale = whole_date("2021-11-17");
    stale.stale = (struct stale){.group = 2, .since_ms = 1, .due_ms = NOVEMBER_NOW_MS + 1};
    assert_int_equal(judged(&stale)->remedy, REMEDY_WAIT);
    stale.stale.due_ms = 0;
    assert_int_equal(judged(&stale)->remedy, REMEDY_HELD);
    assert_int_equal(judged(&stale)->group, 2);
    assert_int_equal(judged(&stale)->missing, 0);
    assert_int_equal(coverage_incomplete(coverage), 0);
}

static void a_table_taken_back_needs_its_group_again(void **state) {
    (void)state;
    november();
    struct date_state taken = whole_date("2021-11-17");
    taken.records[PCF] = (struct record){.mark = RECORD_SHORT, .status = STATUS_FAILED, .run = 1};
    assert_int_equal(judged(&taken)->remedy, REMEDY_REDO);
    assert_int_equal(judged(&taken)->group, 2);
    taken = date_until("2021-11-17", 3, GROUP_WAITING); /* which needs psza */
    taken.records[PSZA] = (struct record){.mark = RECORD_SHORT, .status = STATUS_FAILED, .run = 1};
    assert_int_equal(judged(&taken)->remedy, REMEDY_REDO);
    assert_int_equal(judged(&taken)->group, 1);
}

/* --- Ranges --------------------------------------------------------------------------------------------- */

static void only_dates_without_games_lie_within_a_run(void **state) {
    (void)state;
    covering_november(&covering);
    for (size_t i = 0; i < coverage->count; i++)
        assert_int_equal(coverage->dates[i].joined, i > 0); /* also over 2021-11-25 */
    covering.coverage.count = 0;
    static const struct {
        const char *date;
        bool joined;
    } cases[] = {{"2021-11-23", false}, {"2021-11-26", false} /* not asked for: the 24th */,
        {"2021-11-27", true}, {"2021-11-30", false}, {"2021-12-01", true}, {"2021-12-03", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct date_state whole = whole_date(cases[i].date);
        coverage_add(&covering.coverage, &whole, true);
        assert_int_equal(coverage->dates[i].joined, cases[i].joined);
    }
}

static void without_bootstrap_no_run_spans_it(void **state) {
    (void)state;
    covering_start(&covering, "game_date,num_games\n2022-06-16,1\n2022-10-18,2\n2022-11-01,4\n2022-11-02,4\n",
        "season,first_game_date\n2021-22,2021-10-19\n2022-23,2022-10-18\n");
    static const char *const dates[] = {"2022-06-16", "2022-10-18", "2022-11-01", "2022-11-02"};
    for (int i = 0; i < 4; i++) {
        struct date_state whole = whole_date(dates[i]);
        coverage_add(&covering.coverage, &whole, false);
    }
    assert_true(coverage->dates[2].joined);
    coverage_without_bootstrap(&covering.coverage);
    assert_int_equal(coverage->count, 3);
    assert_int_equal(coverage->dates[1].date, date_of("2022-11-01"));
    assert_false(coverage->dates[0].joined);
    assert_false(coverage->dates[1].joined);
    assert_true(coverage->dates[2].joined);
}

static void check_unknown(const char *first, const char *last, size_t count, const char *spans) {
    struct date_span unknown[2], span = {date_of(first), date_of(last)};
    char text[2 * SPAN_TEXT_MAX + 2] = "", one[SPAN_TEXT_MAX];
    assert_int_equal(coverage_unknown(covering.calendar, span, unknown), count);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? ", " : "",
            date_span_text(unknown[i], one));
    assert_string_equal(text, spans);
}

static void where_the_calendar_ends(void **state) {
    (void)state;
    covering_november(&covering);
    check_unknown("2021-11-15", "2021-11-30", 0, "");
    check_unknown("2021-11-14", "2021-11-30", 1, "2021-11-14");
    check_unknown("2021-11-25", "2021-12-24", 1, "2021-12-01 to 2021-12-24");
    check_unknown("2021-11-01", "2021-12-01", 2, "2021-11-01 to 2021-11-14, 2021-12-01");
    check_unknown("2022-01-01", "2022-01-02", 1, "2022-01-01 to 2022-01-02");
    covering_end(&covering);
    check_unknown("2021-11-15", "2021-11-30", 1, "2021-11-15 to 2021-11-30");
}

/* --- Totals --------------------------------------------------------------------------------------------- */

static void each_season_has_its_own_total(void **state) {
    (void)state;
    covering_start(&covering, NULL, "season,first_game_date\n2021-22,2021-10-19\n2022-23,2022-10-18\n");
    static const char *const dates[] = {"2021-05-01", "2021-12-01", "2021-12-02", "2022-10-18", "2022-12-01"};
    struct coverage_total totals[COVERAGE_TOTALS_MAX];
    for (int i = 0; i < 5; i++) {
        struct date_state whole = whole_date(dates[i]);
        if (i == 2)
            whole.records[MLFS] = (struct record){0};
        coverage_add(&covering.coverage, &whole, false);
    }
    assert_int_equal(coverage_by_season(coverage, totals), 3);
    assert_null(totals[0].season);
    assert_string_equal(totals[1].season->name, "2021-22");
    assert_int_equal(totals[1].dates, 2);
    assert_int_equal(totals[1].expected[MLFS], 2);
    assert_int_equal(totals[1].present[MLFS], 1);
    assert_int_equal(totals[1].present[PGS], 2);
    assert_string_equal(totals[2].season->name, "2022-23");
    assert_int_equal(totals[2].expected[PGS], 2);
    assert_int_equal(totals[2].expected[MLFS], 1); /* the other is bootstrap */
    assert_int_equal(totals[2].present[MLFS], 1);
}

static void check_percent(size_t present, size_t expected, const char *percent) {
    char text[PERCENT_TEXT_MAX];
    assert_string_equal(coverage_percent(present, expected, text), percent);
}

static void percent_is_rounded_down(void **state) {
    (void)state;
    check_percent(1, 15, "6.6 %");
    check_percent(9, 15, "60.0 %");
    check_percent(2499, 2500, "99.9 %"); /* 99.96 */
    check_percent(918, 918, "100.0 %");
    check_percent(0, 918, "0.0 %");
    check_percent(0, 0, "");
}

static void every_word_is_there(void **state) {
    (void)state;
    for (int i = 0; i < ABSENCE_COUNT; i++)
        assert_non_null(absence_name((enum absence)i));
    for (int i = 0; i < REMEDY_COUNT; i++)
        assert_non_null(remedy_name((enum remedy)i));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_november_2021_lacked, end),
        cmocka_unit_test(what_the_calendar_says_comes_first),
        cmocka_unit_test(without_a_calendar_what_was_heard_of_or_named),
        cmocka_unit_test_teardown(bootstrap_expects_no_phase_4, end),
        cmocka_unit_test_teardown(every_reason_of_a_record, end),
        cmocka_unit_test_teardown(what_a_group_that_is_not_done_needs, end),
        cmocka_unit_test_teardown(a_stall_is_no_work, end),
        cmocka_unit_test_teardown(a_ready_group_is_in_the_outbox_or_lost, end),
        cmocka_unit_test_teardown(upstream_comes_first, end),
        cmocka_unit_test_teardown(a_stale_date_needs_its_new_run, end),
        cmocka_unit_test_teardown(a_table_taken_back_needs_its_group_again, end),
        cmocka_unit_test_teardown(only_dates_without_games_lie_within_a_run, end),
        cmocka_unit_test_teardown(without_bootstrap_no_run_spans_it, end),
        cmocka_unit_test_teardown(where_the_calendar_ends, end),
        cmocka_unit_test_teardown(each_season_has_its_own_total, end),
        cmocka_unit_test(percent_is_rounded_down),
        cmocka_unit_test(every_word_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
