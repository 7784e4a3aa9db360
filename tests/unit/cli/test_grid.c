#include "cli/grid.h"
#include "printed.h"
#include "support/nba.h"
#include "support/november.h"

static const struct term utf8 = {.utf8 = true}, ascii = {0};

static struct date_state found[NOVEMBER_DATES];

static int read_november(void **state) {
    (void)state;
    november_states(SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv", found);
    return 0;
}

static struct grid grid_of(const struct date_state *states, size_t count) {
    return (struct grid){nba_pipeline(), states, count, NOVEMBER_NOW_MS};
}

static void check_grid(const struct grid *grid, const struct term *term, const char *expected) {
    struct printed printed;
    printed_start(&printed);
    grid_print(grid, term, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void november_2021_at_a_glance(void **state) {
    (void)state;
    struct grid grid = grid_of(found, NOVEMBER_DATES);
    check_grid(&grid, &utf8,
        "date        pgs upgc utgc togs tdgs │  psza tdza   pcf   pdc  mlfs │ 1 2 3 4\n"
        "2021-11-15  241  389   22   88   88 │   272   30   389   202   389 │ ✓ ✓ ✓ ✓  done\n"
        "2021-11-16    0  105    6    0    0 │ (272) (30)     ·  (54)     · │ · · · ·  waits for pgs, togs, "
        "tdgs\n"
        "2021-11-17  232  382   22    0    0 │ (280) (30) (382) (207) (382) │ · · · ·  waits for togs, tdgs\n"
        "2021-11-18    0  212   12    0    0 │ (280) (30) (212) (110) (212) │ · · · ·  waits for pgs, togs, "
        "tdgs\n"
        "2021-11-19  190  314   18    0    0 │ (289) (30) (314) (177) (314) │ · · · ·  waits for togs, tdgs\n"
        "2021-11-20  203  312   18    0    0 │ (294) (30) (312) (181) (312) │ · · · ·  waits for togs, tdgs\n"
        "2021-11-21    0  179   10    0    0 │ (294) (30) (179)  (95)     · │ · · · ·  waits for pgs, togs, "
        "tdgs\n"
        "2021-11-22  225  346   20    0    0 │ (303) (30) (346) (207) (346) │ · · · ·  waits for togs, tdgs\n"
        "2021-11-23    0  141    8    0    0 │ (303) (30)     ·  (75)     · │ · · · ·  waits for pgs, togs, "
        "tdgs\n"
        "2021-11-24  276  450   26    0    0 │ (313) (30) (450) (276)     · │ · · · ·  waits for togs, tdgs\n"
        "2021-11-25    –    –    –    –    – │     ·    ·     ·     ·     · │ · · · ·  no games\n"
        "2021-11-26  269  418   24    0    0 │ (316) (30) (418) (253)     · │ · · · ·  waits for togs, tdgs\n"
        "2021-11-27  161  289   16    0    0 │ (322) (30) (289) (171)     · │ · · · ·  waits for togs, tdgs\n"
        "2021-11-28    0  169   10    0    0 │ (322) (30) (169) (107)     · │ · · · ·  waits for pgs, togs, "
        "tdgs\n"
        "2021-11-29  201  325   18    0    0 │ (325) (29)     ·     ·     · │ · · · ·  waits for togs, tdgs\n"
        "2021-11-30    0  179   10    0    0 │ (325) (29)     ·     ·     · │ · · · ·  waits for pgs, togs, "
        "tdgs\n");
}

static void ascii_where_the_locale_is(void **state) {
    (void)state;
    struct date_state states[2] = {found[0], found[10]};
    states[0].groups[1].phase = GROUP_READY;
    states[0].groups[2].phase = GROUP_TRIGGERED;
    states[0].groups[3].phase = GROUP_FAILED;
    states[0].records[PGS].status = STATUS_FAILED;
    states[0].records[PGS].mark = RECORD_SHORT;
    struct grid grid = grid_of(states, 2);
    check_grid(&grid, &ascii,
        "date        pgs upgc utgc togs tdgs | psza tdza pcf pdc mlfs | 1 2 3 4\n"
        "2021-11-15    X  389   22   88   88 |  272   30 389 202  389 | d r t X  group 2 waits for a slot "
        "for 30 min\n"
        "2021-11-25    -    -    -    -    - |    .    .   .   .    . | . . . .  no games\n");
}

static void check_totals(const struct date_state *states, size_t count, const char *expected) {
    struct grid grid = grid_of(states, count);
    struct printed printed;
    printed_start(&printed);
    grid_print_totals(&grid, &utf8, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

/* 2021-11-15, stale, stalled, and cancelled in run 2; what run 1 did in groups 3 and 4 is to be redone. */
static void what_is_the_matter_with_a_group(void **state) {
    (void)state;
    const struct processor *pgs = &nba_pipeline()->processors[PGS];
    struct date_state states[3] = {found[0], found[0], found[0]};
    states[0].groups[3] = (struct group_state){0};
    states[0].stale = (struct stale){3, NOVEMBER_NOW_MS - 60000, NOVEMBER_NOW_MS + 540000, pgs};
    states[1].groups[3].phase = GROUP_TRIGGERED;
    states[1].records[MLFS].mark = RECORD_NONE;
    states[1].stall = (struct stall){4, 1, NOVEMBER_NOW_MS};
    states[2].run = 2;
    states[2].groups[2] = (struct group_state){.phase = GROUP_CANCELLED, .run = 2};
    states[2].groups[3] = (struct group_state){0};
    states[2].records[PDC].mark = states[2].records[MLFS].mark = RECORD_OLD;
    struct grid grid = grid_of(states, 3);
    check_grid(&grid, &utf8,
        "date        pgs upgc utgc togs tdgs │ psza tdza pcf   pdc  mlfs │ 1 2 3 4\n"
        "2021-11-15  241  389   22   88   88 │  272   30 389   202   389 │ ✓ ✓ ↻ ·  re-run of pgs; run 2 "
        "opens "
        "in 9 min\n"
        "2021-11-15  241  389   22   88   88 │  272   30 389   202     · │ ✓ ✓ ✓ !  stalled: group 4 waits "
        "for "
        "mlfs for 9 min\n"
        "2021-11-15  241  389   22   88   88 │  272   30 389 [202] [389] │ ✓ ✓ ⊘ ·  run 2: group 3 "
        "cancelled: "
        "phasegate replay --dates 2021-11-15\n");
    check_grid(&grid, &ascii,
        "date        pgs upgc utgc togs tdgs | psza tdza pcf   pdc  mlfs | 1 2 3 4\n"
        "2021-11-15  241  389   22   88   88 |  272   30 389   202   389 | d d s .  re-run of pgs; run 2 "
        "opens "
        "in 9 min\n"
        "2021-11-15  241  389   22   88   88 |  272   30 389   202     . | d d d !  stalled: group 4 waits "
        "for "
        "mlfs for 9 min\n"
        "2021-11-15  241  389   22   88   88 |  272   30 389 [202] [389] | d d c .  run 2: group 3 "
        "cancelled: "
        "phasegate replay --dates 2021-11-15\n");
}

/* Four seasons, stale every one: no note breaks a line. */
static void four_seasons_are_a_line_a_date(void **state) {
    (void)state;
    enum { DATES = 918 };
    static struct date_state states[DATES];
    for (int i = 0; i < DATES; i++) {
        states[i] = found[0];
        states[i].date += i;
        states[i].stale = (struct stale){1, NOVEMBER_NOW_MS - 60000, 0, NULL};
    }
    struct grid grid = grid_of(states, DATES);
    struct printed printed;
    printed_start(&printed);
    grid_print(&grid, &(struct term){.utf8 = true, .width = 100}, printed.out);
    int lines = 0;
    char *text = (char *)printed_end(&printed);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
        assert_true(term_columns(line) <= 100);
    assert_int_equal(lines, DATES + 1);
    printed_free(&printed);
    check_totals(states, DATES, "918 dates: 918 stale\n");
}

static void check_backfill(struct backfill_state backfill, const char *expected) {
    struct printed printed;
    printed_start(&printed);
    grid_print_backfill(nba_pipeline(), &backfill, &utf8, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void backfill_in_one_line(void **state) {
    (void)state;
    check_backfill((struct backfill_state){0}, "");
    check_backfill((struct backfill_state){.in_flight = {9, 3}, .waiting_count = 903},
        "backfill: 12 in flight, 903 waiting\n");
    check_backfill((struct backfill_state){.paused_ms = NOVEMBER_NOW_MS},
        "backfill: paused since 2021-12-04 18:00:00 (phasegate backfill resume), 0 in flight, 0 waiting\n");
}

static void it_fits_a_terminal(void **state) {
    (void)state;
    struct grid grid = grid_of(found, NOVEMBER_DATES);
    for (int width = 90; width <= 120; width += 10) {
        struct printed printed;
        printed_start(&printed);
        grid_print(&grid, &(struct term){.utf8 = true, .width = width}, printed.out);
        char *text = (char *)printed_end(&printed);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            assert_true(term_columns(line) <= width);
        printed_free(&printed);
    }
}

static void check_mark(struct record record, const char *expected, enum tone tone) {
    char text[GRID_MARK_MAX];
    assert_int_equal(grid_mark(&record, &utf8, text), tone);
    assert_string_equal(text, expected);
}

static void every_record_has_a_mark_of_its_own(void **state) {
    (void)state;
    check_mark((struct record){0}, "·", TONE_DIM);
    check_mark(
        (struct record){RECORD_COUNTS, .status = STATUS_SUCCESS, .record_count = 241}, "241", TONE_GOOD);
    check_mark((struct record){RECORD_COUNTS, .status = STATUS_SUCCESS, .record_count = ROWS_UNKNOWN}, "ok",
        TONE_GOOD);
    check_mark((struct record){RECORD_COUNTS, .status = STATUS_SUCCESS, .record_count = 0}, "0",
        TONE_GOOD); /* allow_empty */
    check_mark(
        (struct record){RECORD_COUNTS, .status = STATUS_PARTIAL, .record_count = 98}, "~98", TONE_GOOD);
    check_mark((struct record){RECORD_COUNTS, .status = STATUS_NO_DATA, .record_count = 0}, "–", TONE_GOOD);
    check_mark((struct record){RECORD_SHORT, .status = STATUS_SUCCESS, .record_count = 0}, "0", TONE_BAD);
    check_mark((struct record){RECORD_SHORT, .status = STATUS_SUCCESS, .record_count = 5}, "5!", TONE_BAD);
    check_mark(
        (struct record){RECORD_SHORT, .status = STATUS_SUCCESS, .record_count = ROWS_UNKNOWN}, "?", TONE_BAD);
    check_mark(
        (struct record){RECORD_SHORT, .status = STATUS_PARTIAL, .record_count = 180}, "~180!", TONE_BAD);
    check_mark(
        (struct record){RECORD_SHORT, .status = STATUS_SKIPPED, .record_count = ROWS_UNKNOWN}, "–", TONE_BAD);
    check_mark((struct record){RECORD_SHORT, .status = STATUS_FAILED, .record_count = 180}, "✗", TONE_BAD);
    check_mark(
        (struct record){RECORD_PREMATURE, .status = STATUS_SUCCESS, .record_count = 212}, "(212)", TONE_DIM);
    check_mark(
        (struct record){RECORD_PREMATURE, .status = STATUS_FAILED, .record_count = 212}, "(✗)", TONE_DIM);
    check_mark((struct record){RECORD_PREMATURE, .status = STATUS_PARTIAL, .record_count = INT64_MAX},
        "(~9223372036854775807)", TONE_DIM);
    check_mark((struct record){RECORD_OLD, .status = STATUS_SUCCESS, .record_count = 212}, "[212]", TONE_DIM);
    check_mark((struct record){RECORD_OLD, .status = STATUS_FAILED, .record_count = 212}, "[✗]", TONE_DIM);
    check_mark((struct record){RECORD_SHORT, .set_aside = true, .status = STATUS_FAILED}, "[✗]", TONE_DIM);
}

static void colors_say_it_too(void **state) {
    (void)state;
    struct grid grid = grid_of(&found[3], 1);
    struct printed printed;
    printed_start(&printed);
    grid_print(&grid, &(struct term){.color = true, .utf8 = true}, printed.out);
    const char *text = printed_end(&printed);
    check_contains(text, "\033[31m0\033[0m");
    check_contains(text, "\033[32m212\033[0m");
    check_contains(text, "\033[2m(280)\033[0m");
    check_contains(text, "\033[33mwaits for pgs, togs, tdgs\033[0m");
    printed_free(&printed);
}

static void totals_count_every_date_once(void **state) {
    (void)state;
    check_totals(found, NOVEMBER_DATES, "16 dates: 1 done, 14 held, 1 no games\n");
    struct date_state states[4] = {found[0], found[0], found[0], {.date = 1}};
    states[1].groups[3].phase = GROUP_TRIGGERED;
    states[2].groups[3].phase = GROUP_FAILED;
    check_totals(states, 4, "4 dates: 1 done, 1 running, 1 failed, 1 nothing received\n");
    check_totals(states, 1, "1 date: 1 done\n");
    struct date_state others[4] = {found[0], found[2], found[0], found[0]};
    others[0].stale = (struct stale){.group = 1, .since_ms = 1};
    others[1].stall = (struct stall){1, 1, NOVEMBER_NOW_MS};
    others[2].groups[3].phase = GROUP_CANCELLED;
    others[3].groups[3].phase = GROUP_READY;
    check_totals(others, 4, "4 dates: 1 running, 1 stalled, 1 stale, 1 cancelled\n");
}

static void the_legend_explains_every_mark(void **state) {
    (void)state;
    struct printed printed;
    printed_start(&printed);
    grid_print_legend(&utf8, printed.out);
    assert_string_equal(printed_end(&printed),
        "rows    241 satisfies  ok vouched for  0  5! too few  ~9! partial  – no data  ✗ failed  (212) "
        "premature"
        "  [212] to be redone  · nothing yet\n"
        "groups  · waiting  ○ ready  ▶ triggered  ✓ done  ✗ failed  ⊘ cancelled  ↻ stale  ! stalled\n");
    printed_free(&printed);
}

static void the_legend_breaks_where_the_terminal_ends(void **state) {
    (void)state;
    struct printed printed;
    printed_start(&printed);
    grid_print_legend(&(struct term){.utf8 = true, .width = 60}, printed.out);
    check_contains(
        printed_end(&printed), "rows    241 satisfies  ok vouched for  0  5! too few\n        ~9! partial");
    printed_free(&printed);
}

/* A pipeline of another shape: nothing in the grid is about basketball. */
static void any_pipeline_has_a_grid(void **state) {
    (void)state;
    static const struct processor processors[] = {
        {.index = 0, .group = 2, .name = "late", .abbr = "z"},
        {.index = 1, .group = 0, .name = "source", .abbr = "source_1"},
        {.index = 2, .group = 1, .name = "middle", .abbr = "mid"},
    };
    static const struct group groups[] = {{1, SET(2), SET(1), 1}, {2, SET(0), SET(2), 1}};
    static const struct pipeline pipeline = {
        .name = "other", .processors = processors, .processor_count = 3, .groups = groups, .group_count = 2};
    struct date_state one = {.date = 0, .known = true};
    one.records[1] = (struct record){RECORD_COUNTS, .status = STATUS_SUCCESS, .record_count = 1234567};
    const struct grid grid = {&pipeline, &one, 1, 0};
    check_grid(&grid, &utf8,
        "date        source_1 │ mid z │ 1 2\n"
        "1970-01-01   1234567 │   · · │ · ·  group 1 is about to start\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(november_2021_at_a_glance),
        cmocka_unit_test(ascii_where_the_locale_is),
        cmocka_unit_test(what_is_the_matter_with_a_group),
        cmocka_unit_test(four_seasons_are_a_line_a_date),
        cmocka_unit_test(backfill_in_one_line),
        cmocka_unit_test(it_fits_a_terminal),
        cmocka_unit_test(every_record_has_a_mark_of_its_own),
        cmocka_unit_test(colors_say_it_too),
        cmocka_unit_test(totals_count_every_date_once),
        cmocka_unit_test(the_legend_explains_every_mark),
        cmocka_unit_test(the_legend_breaks_where_the_terminal_ends),
        cmocka_unit_test(any_pipeline_has_a_grid),
    };
    return cmocka_run_group_tests(tests, read_november, NULL);
}
