#include "core/row_counts.h"

#include "support/check.h"
#include "support/nba.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(64 << 20);
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
    struct result r = parse(text, &counts, &count);
    assert_string_equal(r.text, reason);
    assert_int_equal(r.code, CODE_INVALID);
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
    assert_int_equal(counts[1].line, 2);
    assert_int_equal(counts[2].line, 3);
}

static void a_line_for_each_count(void **state) {
    (void)state;
    struct row_count *counts;
    size_t count;
    check_ok(
        parse("game_date,processor,record_count\n2021-11-15,pgs,241\n2021-11-15,player_composite_factors,0\n"
              "2021-11-16,ml_feature_store_v2,\n2021-11-16,mlfs,7\n",
            &counts, &count));
    assert_int_equal(count, 3);
    check_count(counts[0], "2021-11-15", PGS, 241);
    check_count(counts[1], "2021-11-15", PCF, 0);
    check_count(counts[2], "2021-11-16", MLFS, 7);
    assert_int_equal(counts[2].line, 5);
}

static void the_order_of_columns_is_free(void **state) {
    (void)state;
    struct row_count *counts;
    size_t count;
    check_ok(parse("record_count,game_date,processor\r\n241,2021-11-15,pgs\r\n", &counts, &count));
    assert_int_equal(count, 1);
    check_count(counts[0], "2021-11-15", PGS, 241);
    check_ok(parse("upgc,game_date,pgs\n389,2021-11-15,241\n", &counts, &count));
    assert_int_equal(count, 2);
    check_count(counts[0], "2021-11-15", UPGC, 389);
    check_count(counts[1], "2021-11-15", PGS, 241);
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
    refused("", "rows.csv:1: the file is empty; expected a line that titles the columns");
    refused("date,pgs\n", "rows.csv:1: no column is titled game_date; the first one is \"date\"");
    refused(
        "game_date,pgz\n", "rows.csv:1: no processor of pipeline nba is called \"pgz\"; the closest is pgs");
    refused("game_date,pgs\n2021-11-15,241\nYESTERDAY,1\n",
        "rows.csv:3: \"YESTERDAY\" is not a date like 2021-11-17");
    refused(
        "game_date,pgs\n2021-02-30,1\n", "rows.csv:2: 2021-02-30 does not exist: February 2021 has 28 days");
    refused("game_date,pgs\n2021-11-15,-1\n",
        "rows.csv:2: pgs: got \"-1\", expected a whole number from 0 to 1000000000000");
    refused("game_date,pgs\n2021-11-15,1000000000001\n",
        "rows.csv:2: pgs: got \"1000000000001\", expected a whole number from 0 to 1000000000000");
    refused("game_date,pgs\n2021-11-15,1,2\n", "rows.csv:2: more cells than the 2 columns of the header");
    refused("game_date,pgs,player_game_summary\n",
        "rows.csv:1: \"pgs\" and \"player_game_summary\" are the same processor; expected one column for it");
}

static void a_fault_of_the_long_form(void **state) {
    (void)state;
    refused("game_date,processor,rows\n",
        "rows.csv:1: no column is titled record_count; the first one is \"game_date\"");
    refused("game_date,pgs,record_count\n",
        "rows.csv:1: no column is titled processor; the first one is \"game_date\"");
    refused("processor,record_count\n",
        "rows.csv:1: no column is titled game_date; the first one is \"processor\"");
    refused("status,game_date,processor,record_count,pgs\n",
        "rows.csv:1: beside game_date, processor and record_count there is \"status\", \"pgs\"; expected "
        "these alone");
    refused("game_date,processor,record_count\n2021-11-15,pgz,1\n",
        "rows.csv:2: no processor of pipeline nba is called \"pgz\"; the closest is pgs");
    refused("game_date,processor,record_count\n2021-11-15,pgs,x\n",
        "rows.csv:2: pgs: got \"x\", expected a whole number from 0 to 1000000000000");
}

/* Two counts of one table and date, whatever they say: which one holds? */
static void a_table_is_counted_once_for_a_date(void **state) {
    (void)state;
    refused("game_date,pgs\n2021-11-15,1\n2021-11-14,1\n2021-11-15,1\n",
        "rows.csv:4: pgs: 2021-11-15 is counted twice; expected once (first on line 2)");
    refused(
        "game_date,processor,record_count\n2021-11-15,pgs,1\n2021-11-15,upgc,1\n"
        "2021-11-15,player_game_summary,2\n",
        "rows.csv:4: pgs: 2021-11-15 is counted twice; expected once (first on line 2)");
}

static char *large_table(int dates) {
    size_t size = 64 + (size_t)dates * 64;
    char *text = malloc(size), date[DATE_TEXT_MAX];
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, size, "game_date,pgs,upgc,utgc,togs,tdgs,psza,tdza,pcf,pdc,mlfs\n");
    for (int i = 0; i < dates; i++)
        used += (size_t)snprintf(
            text + used, size - used, "%s,241,389,22,88,88,272,30,389,202,%d\n", date_format(i, date), i);
    return text;
}

static void a_long_history_takes_no_time(void **state) {
    (void)state;
    enum { DATES = 10000 };
    struct row_count *counts;
    size_t count;
    char *text = large_table(DATES);
    clock_t begin = clock();
    check_ok(parse(text, &counts, &count));
    assert_true(clock() - begin < CLOCKS_PER_SEC);
    free(text);
    assert_int_equal(count, DATES * NBA_PROCESSORS);
    check_count(counts[count - 1], "1997-05-18", MLFS, DATES - 1);
}

static void too_large_for_the_arena(void **state) {
    (void)state;
    struct row_count *counts = NULL;
    size_t count = 77;
    char *text = large_table(100);
    for (size_t most = 1 << 10; most <= 24 << 10; most *= 2) {
        struct arena *small = arena_new(most);
        check_fails(row_counts_parse(nba_pipeline(), "rows.csv", text, small, &counts, &count), CODE_LIMIT,
            "rows.csv: too large");
        arena_free(&small);
    }
    assert_int_equal(count, 77);
    free(text);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(every_cell_is_a_count),
        test(a_line_for_each_count),
        test(the_order_of_columns_is_free),
        test(full_names_aliases_and_quotes_are_known),
        test(an_empty_cell_says_nothing),
        test(the_title_line_alone_is_no_count),
        test(a_fault_is_told_with_file_and_line),
        test(a_fault_of_the_long_form),
        test(a_table_is_counted_once_for_a_date),
        test(a_long_history_takes_no_time),
        test(too_large_for_the_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
