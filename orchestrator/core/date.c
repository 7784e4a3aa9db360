#include "core/date.h"

#include "base/calendar.h"
#include "base/text.h"

#include <string.h>

enum {
    DATE_LENGTH = DATE_TEXT_MAX - 1,
    MONTH_LENGTH = MONTH_TEXT_MAX - 1,
    PLAUSIBLE_FIRST = -8766, /* 1946-01-01 */
    PLAUSIBLE_DAYS_AHEAD = 400,
};

static const int64_t day_ms = 86400000;

static const char *const month_names[] = {"", "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December"};

/* Exactly count digits. */
static bool digits(const char *text, int count, int *value) {
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = *value * 10 + (text[i] - '0');
    }
    return true;
}

struct result date_parse(const char *text, size_t length, game_date *date) {
    struct calendar_day day;
    char shown[TEXT_SHOWN_MAX];
    if (length != DATE_LENGTH || !digits(text, 4, &day.year) || text[4] != '-'
        || !digits(text + 5, 2, &day.month) || text[7] != '-' || !digits(text + 8, 2, &day.day))
        return fail(CODE_INVALID, "\"%s\" is not a date like 2021-11-17",
            text_show(text, length, shown, sizeof shown));
    if (day.month < 1 || day.month > 12)
        return fail(CODE_INVALID, "%.*s does not exist: months go from 01 to 12", DATE_LENGTH, text);
    int days = calendar_month_days(day.year, day.month);
    if (day.day < 1 || day.day > days)
        return fail(CODE_INVALID, "%.*s does not exist: %s %.4s has %d days", DATE_LENGTH, text,
            month_names[day.month], text, days);
    *date = calendar_number(day);
    return ok();
}

struct result date_parse_plausible(const char *text, size_t length, int64_t now_ms, game_date *date) {
    game_date parsed;
    struct result r = date_parse(text, length, &parsed);
    if (!is_ok(r))
        return r;
    game_date last = date_of_ms(now_ms) + PLAUSIBLE_DAYS_AHEAD;
    if (parsed < PLAUSIBLE_FIRST || parsed > last) {
        char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
        return fail(CODE_INVALID, "%.*s is too far away; expected a date from %s to %s", DATE_LENGTH, text,
            date_format(PLAUSIBLE_FIRST, from), date_format(last, to));
    }
    *date = parsed;
    return ok();
}

char *date_format(game_date date, char text[DATE_TEXT_MAX]) {
    struct calendar_day day = calendar_day(date);
    memcpy(text, "YYYY-MM-DD", DATE_TEXT_MAX);
    text_digits(text, 4, day.year);
    text_digits(text + 5, 2, day.month);
    text_digits(text + 8, 2, day.day);
    return text;
}

char *month_format(game_date date, char text[MONTH_TEXT_MAX]) {
    char whole[DATE_TEXT_MAX];
    memcpy(text, date_format(date, whole), MONTH_LENGTH);
    text[MONTH_LENGTH] = '\0';
    return text;
}

struct result month_parse(const char *text, game_date *first) {
    size_t length = strlen(text);
    struct calendar_day day = {.day = 1};
    if (length == MONTH_LENGTH && digits(text, 4, &day.year) && text[4] == '-'
        && digits(text + 5, 2, &day.month) && day.month >= 1 && day.month <= 12) {
        *first = calendar_number(day);
        return ok();
    }
    char shown[TEXT_SHOWN_MAX];
    return fail(
        CODE_INVALID, "\"%s\" is not a month like 2021-11", text_show(text, length, shown, sizeof shown));
}

int date_day(game_date date) {
    return calendar_day(date).day;
}

game_date date_next_month(game_date date) {
    struct calendar_day day = calendar_day(date);
    return date + calendar_month_days(day.year, day.month) - day.day + 1;
}

game_date date_of_ms(int64_t ms) {
    int64_t number = ms / day_ms - (ms % day_ms < 0);
    if (number < CALENDAR_FIRST)
        return CALENDAR_FIRST;
    return number > CALENDAR_LAST ? CALENDAR_LAST : (game_date)number;
}
