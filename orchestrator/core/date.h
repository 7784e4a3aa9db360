/*
 * A game date: a real day of the proleptic Gregorian calendar, without time or zone. It is kept as a day
 * number, so that ranges are loops and differences are subtractions.
 */
#ifndef PHASEGATE_CORE_DATE_H
#define PHASEGATE_CORE_DATE_H

#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

typedef int32_t game_date; /* days since 1970-01-01 */

enum { DATE_TEXT_MAX = 11, MONTH_TEXT_MAX = 8 };

/* Exactly "YYYY-MM-DD" of length bytes, a day that exists; CODE_INVALID says why not. */
struct result date_parse(const char *text, size_t length, game_date *date) MUST_CHECK;

/*
 * What date_parse takes, and not absurdly far away: from 1946-01-01 (no league is older) to 400 days after
 * now_ms. For dates that arrive in events; a far one would open a month of keys that nobody ever closes.
 */
struct result date_parse_plausible(
    const char *text, size_t length, int64_t now_ms, game_date *date) MUST_CHECK;

/* "2021-11-17"; returns text. */
char *date_format(game_date date, char text[DATE_TEXT_MAX]);

/* "2021-11": the month that names the date's keys; returns text. */
char *month_format(game_date date, char text[MONTH_TEXT_MAX]);

/* The first day of the month "YYYY-MM". */
struct result month_parse(const char *text, game_date *first) MUST_CHECK;

/* The day of the month, 1 to 31, and the first day of the following month. */
int date_day(game_date date);
game_date date_next_month(game_date date);

/* The UTC date of a time. */
game_date date_of_ms(int64_t ms);

#endif
