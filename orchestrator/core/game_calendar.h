/*
 * The calendar of games: which dates have games, and when each season starts. Optional: without it nothing is
 * known of any date. Read from two small CSV files, each optional too; pure functions over their text.
 *
 * Games: "game_date,num_games", further columns ignored. From its first to its last date, a date that is not
 * listed, or is listed with 0, has no games; outside that, nothing is known. Seasons:
 * "season,first_game_date"; a season lasts until the next one starts. The order of columns is free.
 */
#ifndef PHASEGATE_CORE_GAME_CALENDAR_H
#define PHASEGATE_CORE_GAME_CALENDAR_H

#include "base/result.h"
#include "core/date.h"

struct game_calendar;

enum games { GAMES_UNKNOWN, GAMES_NONE, GAMES_PLAYED };

/* What the calendar says of one date; zero: nothing. */
struct game_day {
    enum games games;
    bool bootstrap; /* in the first days of a season, when Phase 4 has little or nothing to write */
};

struct season {
    const char *name; /* "2021-22" */
    game_date first;
    game_date last; /* the day before the next season; of the last season INT32_MAX */
};

/* One file's text and what messages call it. text NULL: there is no such file. */
struct calendar_text {
    const char *name;
    const char *text;
};

enum { CALENDAR_DATES_MAX = 40000, CALENDAR_SEASONS_MAX = 200 };

/*
 * Reads both texts, which are copied. CODE_INVALID says file, line and what was expected; a date or season
 * twice is an error, order is not. On failure *calendar is untouched.
 */
struct result game_calendar_parse(struct calendar_text games, struct calendar_text seasons,
    int bootstrap_days, struct game_calendar **calendar) MUST_CHECK;

/* Sets the pointer to NULL; safe on NULL. */
void game_calendar_free(struct game_calendar **calendar);

/* A NULL calendar knows nothing. */
struct game_day game_calendar_day(const struct game_calendar *calendar, game_date date);

/* The season that the date falls in; NULL when it is before the first, or none are known. */
const struct season *game_calendar_season(const struct game_calendar *calendar, game_date date);

/* Does it list games, so that it knows which dates to expect? */
bool game_calendar_has_games(const struct game_calendar *calendar);

#endif
