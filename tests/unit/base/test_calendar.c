#include "base/calendar.h"
#include "support/check.h"

static void known_days_have_their_numbers(void **state) {
    (void)state;
    const struct {
        struct calendar_day day;
        int32_t number;
    } known[] = {
        {{0, 1, 1}, CALENDAR_FIRST},
        {{1969, 12, 31}, -1},
        {{1970, 1, 1}, 0},
        {{2000, 2, 29}, 11016},
        {{2021, 11, 17}, 18948},
        {{9999, 12, 31}, CALENDAR_LAST},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(calendar_number(known[i].day), known[i].number);
}

/* Every day of ten thousand years: numbers follow one another without gap, and lead back to the day. */
static void every_day_follows_the_one_before(void **state) {
    (void)state;
    int32_t number = CALENDAR_FIRST;
    for (int year = 0; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= calendar_month_days(year, month); day++, number++) {
                struct calendar_day back = calendar_day(number);
                if (calendar_number((struct calendar_day){year, month, day}) != number || back.year != year
                    || back.month != month || back.day != day)
                    fail_msg("%04d-%02d-%02d is not day %d", year, month, day, number);
            }
        }
    }
    assert_int_equal(number, CALENDAR_LAST + 1);
}

static void february_knows_its_leap_years(void **state) {
    (void)state;
    assert_int_equal(calendar_month_days(2021, 2), 28);
    assert_int_equal(calendar_month_days(2024, 2), 29);
    assert_int_equal(calendar_month_days(1900, 2), 28);
    assert_int_equal(calendar_month_days(2000, 2), 29);
    assert_int_equal(calendar_month_days(2021, 12), 31);
}

static void numbers_outside_give_the_first_and_last_day(void **state) {
    (void)state;
    assert_int_equal(calendar_day(INT32_MIN).year, 0);
    assert_int_equal(calendar_day(INT32_MAX).year, 9999);
    assert_int_equal(calendar_day(INT32_MAX).day, 31);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_days_have_their_numbers),
        cmocka_unit_test(every_day_follows_the_one_before),
        cmocka_unit_test(february_knows_its_leap_years),
        cmocka_unit_test(numbers_outside_give_the_first_and_last_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
