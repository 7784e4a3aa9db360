#include "cli/dates.h"
#include "support/check.h"

#include <string.h>

static int set_up(void **state) {
    *state = arena_new(16 << 20);
    return *state ? 0 : -1;
}

static int tear_down(void **state) {
    struct arena *arena = *state;
    arena_free(&arena);
    return 0;
}

static game_date day(const char *text) {
    game_date date;
    check_ok(date_parse(text, strlen(text), &date));
    return date;
}

static void a_range_includes_both_ends(void **state) {
    const struct date_options options = {.start = "2021-11-29", .end = "2021-12-01"};
    game_date *dates;
    size_t count;
    check_ok(dates_choose(&options, NULL, 0, *state, &dates, &count));
    assert_int_equal(count, 3);
    assert_int_equal(dates[0], day("2021-11-29"));
    assert_int_equal(dates[2], day("2021-12-01"));
}

static void a_range_of_one_day(void **state) {
    const struct date_options options = {.start = "2024-02-29", .end = "2024-02-29"};
    game_date *dates;
    size_t count;
    check_ok(dates_choose(&options, NULL, 0, *state, &dates, &count));
    assert_int_equal(count, 1);
}

static void all_forms_unite_sorted_without_doubles(void **state) {
    const struct date_options options = {
        .start = "2021-11-16",
        .end = "2021-11-17",
        .lists = {.items = {"2021-11-20,2021-11-16", "2021-11-01"}, .count = 2},
    };
    const char *const operands[] = {"2021-11-18", "2021-11-01,2021-11-17"};
    game_date *dates;
    size_t count;
    check_ok(dates_choose(&options, operands, 2, *state, &dates, &count));
    const char *const expected[] = {"2021-11-01", "2021-11-16", "2021-11-17", "2021-11-18", "2021-11-20"};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(dates[i], day(expected[i]));
}

static void none_given_is_none(void **state) {
    const struct date_options options = {0};
    game_date *dates;
    size_t count = 7;
    check_ok(dates_choose(&options, NULL, 0, *state, &dates, &count));
    assert_int_equal(count, 0);
}

static struct result choose(struct arena *arena, struct date_options options, const char *operand) {
    game_date *dates;
    size_t count;
    return dates_choose(&options, &operand, operand ? 1 : 0, arena, &dates, &count);
}

static void what_is_wrong_is_named(void **state) {
    check_fails(choose(*state, (struct date_options){.start = "2021-11-16"}, NULL), CODE_INVALID,
        "--start-date is given without --end-date");
    check_fails(choose(*state, (struct date_options){.end = "2021-11-16"}, NULL), CODE_INVALID,
        "--end-date is given without --start-date");
    check_fails(choose(*state, (struct date_options){.start = "2021-11-17", .end = "2021-11-16"}, NULL),
        CODE_INVALID, "--start-date 2021-11-17 is after --end-date 2021-11-16");
    check_fails(choose(*state, (struct date_options){.start = "2021-02-30", .end = "2021-11-16"}, NULL),
        CODE_INVALID, "--start-date: 2021-02-30");
    check_fails(choose(*state, (struct date_options){.start = "2021-11-16", .end = "YESTERDAY"}, NULL),
        CODE_INVALID, "--end-date: \"YESTERDAY\"");
    struct date_options list = {.lists = {.items = {"2021-11-16,,2021-11-17"}, .count = 1}};
    check_fails(choose(*state, list, NULL), CODE_INVALID, "--dates: \"\"");
    check_fails(choose(*state, (struct date_options){0}, "2021-11-16,"), CODE_INVALID, "\"\" is not a date");
    check_fails(
        choose(*state, (struct date_options){0}, "yesterday"), CODE_INVALID, "\"yesterday\" is not a date");
}

static void there_is_a_maximum(void **state) {
    check_ok(choose(*state, (struct date_options){.start = "2001-01-01", .end = "2014-09-09"}, NULL));
    check_fails(choose(*state, (struct date_options){.start = "2001-01-01", .end = "2014-09-10"}, NULL),
        CODE_LIMIT, "more than 5000 dates");
    check_fails(choose(*state, (struct date_options){.start = "0000-01-01", .end = "9999-12-31"}, NULL),
        CODE_LIMIT, "more than 5000 dates");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_range_includes_both_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_of_one_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_forms_unite_sorted_without_doubles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(none_given_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_a_maximum, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
