#include "core/row_counts.h"

#include "support/check.h"
#include "support/nba.h"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct result parse(const char *text, struct row_count **counts, size_t *count) {
    return row_counts_parse(nba_pipeline(), "rows.csv", text, arena, counts, count);
}

static void refused(const char *text, const char *reason) {
    struct row_count *counts = NULL;
    size_t count = 77;
    check_fails(parse(text, &counts, &count), CODE_INVALID, reason);
    assert_null(counts);
    assert_int_equal(count, 77);
}

static void check_count(struct row_count found, const char *date, int processor, int64_t rows) {
    char text[DATE_TEXT_MAX];
    assert_string_equal(date_format(found.date, text), date);
    assert_int_equal(found.processor->index, processor);
    assert_int_equal(found.rows, rows);
}

static void every_cell_is_a_count(void **state) {
    (void)state;
    struct row_count *counts;
    size_t count;
    check_ok(parse("game_date,pgs,upgc\n2021-11-15,241,389\n2021-11-16,0,105\n", &counts, &count));
    assert_int_equal(count, 4);
    check_count(counts[0], "2021-11-15", PGS, 241);
    check_count(counts[1], "2021-11-15", UPGC, 389);
    check_count(counts[2], "2021-11-16", PGS, 0);
    check_count(counts[3], "2021-11-16", UPGC, 105);
}

static void full_names_aliases_and_quotes_are_known(void **state) {
    (void)state;
    struct row_count *counts;
    size_t count;
    check_ok(parse("game_date,player_game_summary,ml_feature_store_v2\r\n\"2021-11-15\", 241 ,389\r\n\r\n",
        &counts, &count));
    assert_int_equal(count, 2);
    check_count(counts[0], "2021-11-15", PGS, 241);
    check_count(counts[1], "2021-11-15", MLFS, 389);
}

static void an_empty_cell_says_nothing(void **state) {
    (void)state;
    struct row_count *counts;
    size_t count;
    check_ok(parse("game_date,pgs,upgc\n2021-11-15,,389\n2021-11-16,241,\n2021-11-17", &counts, &count));
    assert_int_equal(count, 2);
    check_count(counts[0], "2021-11-15", UPGC, 389);
    check_count(counts[1], "2021-11-16", PGS, 241);
}

static void the_title_line_alone_is_no_count(void **state) {
    (void)state;
    struct row_count *counts;
    size_t count;
    check_ok(parse("game_date,pgs", &counts, &count));
    assert_int_equal(count, 0);
}

static void a_fault_is_told_with_file_and_line(void **state) {
    (void)state;
    refused("", "rows.csv:1: the first column must be titled game_date");
    refused("date,pgs\n", "rows.csv:1: the first column must be titled game_date");
    refused(
        "game_date,pgz\n", "rows.csv:1: no processor of pipeline nba is called \"pgz\"; the closest is pgs");
    refused("game_date,pgs\n2021-11-15,241\nYESTERDAY,1\n", "rows.csv:3: \"YESTERDAY\"");
    refused("game_date,pgs\n2021-02-30,1\n", "rows.csv:2: 2021-02-30");
    refused("game_date,pgs\n2021-11-15,-1\n", "rows.csv:2: pgs: \"-1\" is not a row count");
    refused("game_date,pgs\n2021-11-15,12x\n", "rows.csv:2: pgs: \"12x\" is not a row count");
    refused("game_date,pgs\n2021-11-15,99999999999999999999\n", "is not a row count");
    refused("game_date,pgs\n2021-11-15,1,2\n", "rows.csv:2: more cells than the header has columns");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(every_cell_is_a_count),
        test(full_names_aliases_and_quotes_are_known),
        test(an_empty_cell_says_nothing),
        test(the_title_line_alone_is_no_count),
        test(a_fault_is_told_with_file_and_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
