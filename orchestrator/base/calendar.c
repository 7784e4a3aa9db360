#include "base/calendar.h"

#include <stdbool.h>

/* Days of a common year before the month's first; [13] is the whole year. */
static const int days_before[] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

static bool is_leap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int calendar_month_days(int year, int month) {
    return days_before[month + 1] - days_before[month] + (month == 2 && is_leap(year));
}

/* Days from 0000-01-01 to the first of January: 365 a year, and one for each leap year passed, of which 0000
 * is one. */
static int32_t year_start(int year) {
    return 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

/* Days from the first of January to the month's first. */
static int month_start(int year, int month) {
    return days_before[month] + (month > 2 && is_leap(year));
}

int32_t calendar_number(struct calendar_day day) {
    return CALENDAR_FIRST + year_start(day.year) + month_start(day.year, day.month) + day.day - 1;
}

struct calendar_day calendar_day(int32_t number) {
    if (number < CALENDAR_FIRST)
        number = CALENDAR_FIRST;
    if (number > CALENDAR_LAST)
        number = CALENDAR_LAST;
    int32_t days = number - CALENDAR_FIRST;
    int year = (int)((int64_t)days * 400 / 146097); /* 400 years have 146,097 days; right, or one off */
    if (year > 0)
        year--;
    while (year_start(year + 1) <= days)
        year++;
    int of_year = days - year_start(year);
    int month = of_year / 32 + 1; /* right, or one too few */
    if (month < 12 && month_start(year, month + 1) <= of_year)
        month++;
    return (struct calendar_day){.year = year, .month = month, .day = of_year - month_start(year, month) + 1};
}
