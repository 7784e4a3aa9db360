#include "core/date.h"
#include "support/check.h"

#include <string.h>

static struct result parse(const char *text, game_date *date) {
    return date_parse(text, strlen(text), date);
}

static game_date date_of(const char *text) {
    game_date date = 0;
    check_ok(parse(text, &date));
    return date;
}

static int64_t midnight_ms(const char *text) {
    return (int64_t)date_of(text) * 86400000;
}

static void dates_are_day_numbers(void **state) {
    (void)state;
    assert_int_equal(date_of("1970-01-01"), 0);
    assert_int_equal(date_of("2021-11-17"), 18948);
    assert_int_equal(date_of("1969-12-31"), -1);
    assert_int_equal(date_of("2021-12-01") - date_of("2021-11-30"), 1);
}

static void every_date_reads_back(void **state) {
    (void)state;
    char text[DATE_TEXT_MAX], before[DATE_TEXT_MAX] = "";
    for (game_date date = date_of("1946-01-01"); date <= date_of("2100-12-31"); date++) {
        date_format(date, text);
        assert_int_equal(date_of(text), date);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof before);
    }
}

static void what_is_no_date_is_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"", "YESTERDAY", "2021-11-1", "2021-11-171", "2021/11/17", "2021-11_17",
        "20211117", "21-11-17", " 2021-11-17", "2021-11-17 ", "2021-1a-17", "+021-11-17",
        "2021-11-17T00:00:00Z", "17-11-2021"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        game_date date = 7;
        check_fails(parse(wrong[i], &date), CODE_INVALID, "is not a date like 2021-11-17");
        assert_int_equal(date, 7);
    }
}

static void a_refusal_says_why(void **state) {
    (void)state;
    game_date date;
    assert_string_equal(parse("YESTERDAY", &date).text, "\"YESTERDAY\" is not a date like 2021-11-17");
    assert_string_equal(parse("a\nb", &date).text, "\"a\\x0ab\" is not a date like 2021-11-17");
    assert_string_equal(
        parse("2021-02-30", &date).text, "2021-02-30 does not exist: February 2021 has 28 days");
    assert_string_equal(
        parse("2024-02-30", &date).text, "2024-02-30 does not exist: February 2024 has 29 days");
    assert_string_equal(
        parse("2021-11-00", &date).text, "2021-11-00 does not exist: November 2021 has 30 days");
    assert_string_equal(
        parse("2021-13-01", &date).text, "2021-13-01 does not exist: months go from 01 to 12");
    assert_string_equal(
        parse("2021-00-01", &date).text, "2021-00-01 does not exist: months go from 01 to 12");
}

static void only_length_bytes_are_read(void **state) {
    (void)state;
    game_date date;
    check_ok(date_parse("2021-11-17/g2/r1", 10, &date));
    assert_int_equal(date, 18948);
    check_fails(date_parse("2021-11-17", 9, &date), CODE_INVALID, "\"2021-11-1\"");
    check_fails(date_parse("2021-11-1\0", 10, &date), CODE_INVALID, "\"2021-11-1\\x00\"");
}

static void plausible_dates_are_those_of_the_game(void **state) {
    (void)state;
    const int64_t now_ms = midnight_ms("2025-12-04") + 3600000;
    game_date date = 0;
    check_ok(date_parse_plausible("1946-01-01", 10, now_ms, &date));
    check_ok(date_parse_plausible("2027-01-08", 10, now_ms, &date)); /* 400 days ahead */
    assert_int_equal(date, date_of("2027-01-08"));
    check_fails(date_parse_plausible("1945-12-31", 10, now_ms, &date), CODE_INVALID,
        "1945-12-31 is too far away; expected a date from 1946-01-01 to 2027-01-08");
    check_fails(date_parse_plausible("2027-01-09", 10, now_ms, &date), CODE_INVALID, "is too far away");
    check_fails(date_parse_plausible("9999-12-31", 10, now_ms, &date), CODE_INVALID, "is too far away");
    check_fails(date_parse_plausible("2021-02-30", 10, now_ms, &date), CODE_INVALID, "does not exist");
    assert_int_equal(date, date_of("2027-01-08"));
}

static void months_are_read_and_written(void **state) {
    (void)state;
    char text[MONTH_TEXT_MAX];
    game_date first;
    assert_string_equal(month_format(date_of("2021-11-17"), text), "2021-11");
    check_ok(month_parse("2021-11", &first));
    assert_int_equal(first, date_of("2021-11-01"));
    const char *const wrong[] = {
        "", "2021", "2021-13", "2021-00", "2021-1", "2021-11-17", "2021/11", "2021-1x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_fails(month_parse(wrong[i], &first), CODE_INVALID, "is not a month like 2021-11");
}

static void months_follow_one_another(void **state) {
    (void)state;
    assert_int_equal(date_day(date_of("2021-11-17")), 17);
    assert_int_equal(date_next_month(date_of("2021-11-17")), date_of("2021-12-01"));
    assert_int_equal(date_next_month(date_of("2021-11-30")), date_of("2021-12-01"));
    assert_int_equal(date_next_month(date_of("2021-12-01")), date_of("2022-01-01"));
    assert_int_equal(date_next_month(date_of("2024-02-01")), date_of("2024-03-01"));
}

static void a_time_has_its_utc_date(void **state) {
    (void)state;
    assert_int_equal(date_of_ms(midnight_ms("2021-11-17")), date_of("2021-11-17"));
    assert_int_equal(date_of_ms(midnight_ms("2021-11-17") - 1), date_of("2021-11-16"));
    assert_int_equal(date_of_ms(0), 0);
    assert_int_equal(date_of_ms(-1), -1);
    assert_int_equal(date_of_ms(INT64_MAX), date_of("9999-12-31"));
    assert_int_equal(date_of_ms(INT64_MIN), date_of("0000-01-01"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_day_numbers),
        cmocka_unit_test(every_date_reads_back),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(only_length_bytes_are_read),
        cmocka_unit_test(plausible_dates_are_those_of_the_game),
        cmocka_unit_test(months_are_read_and_written),
        cmocka_unit_test(months_follow_one_another),
        cmocka_unit_test(a_time_has_its_utc_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
