#include "core/game_calendar.h"

#include "base/arena.h"
#include "core/csv.h"

#include <stdlib.h>
#include <string.h>

enum { CALENDAR_ARENA_MAX = 4 << 20, GAMES_OF_A_DATE_MAX = 1000 };

/* A line of either file. */
struct entry {
    game_date date;
    int line;
    bool played;        /* of the games */
    const char *season; /* of the seasons */
};

struct game_calendar {
    struct arena *arena;    /* holds everything below */
    struct entry *dates;    /* by date */
    struct season *seasons; /* by date */
    int date_count;
    int season_count;
    int bootstrap_days;
};

/* --- Reading one file. ---------------------------------------------------------------------------------- */

/* What the two files differ in. */
struct kind {
    const char *date;  /* title of the column with the date */
    const char *value; /* title of the other one */
    const char *many;  /* what it has many of, for messages */
    int most;
    struct result (*read_value)(const struct csv *csv, int column, struct arena *arena, struct entry *entry);
};

static MUST_CHECK struct result read_games(
    const struct csv *csv, int column, struct arena *arena, struct entry *entry) {
    (void)arena;
    int64_t games = 0;
    struct result r = csv_number(csv, column, "num_games", GAMES_OF_A_DATE_MAX, &games);
    entry->played = games > 0;
    return r;
}

static MUST_CHECK struct result read_season(
    const struct csv *csv, int column, struct arena *arena, struct entry *entry) {
    const char *name = csv_cell(csv, column);
    if (*name == '\0')
        return csv_within(csv, fail(CODE_INVALID, "season: nothing, expected a name like 2021-22"));
    entry->season = arena_strdup(arena, name);
    return entry->season ? ok() : fail(CODE_LIMIT, "%s: the names of seasons are too long", csv->name);
}

static const struct kind games_kind = {"game_date", "num_games", "dates", CALENDAR_DATES_MAX, read_games};
static const struct kind seasons_kind = {
    "first_game_date", "season", "seasons", CALENDAR_SEASONS_MAX, read_season};

struct columns {
    int date;
    int value;
};

static MUST_CHECK struct result read_entry(const struct csv *csv, const struct kind *kind,
    const struct columns *columns, struct arena *arena, struct entry *entry) {
    entry->line = csv->line;
    struct result r = csv_date(csv, columns->date, &entry->date);
    return is_ok(r) ? kind->read_value(csv, columns->value, arena, entry) : r;
}

static MUST_CHECK struct result read_entries(
    struct csv *csv, const struct kind *kind, struct arena *arena, struct entry *entries, int *count) {
    struct columns columns = {0};
    bool more = true;
    int used = 0;
    struct result r = csv_require(csv, kind->date, &columns.date);
    if (is_ok(r))
        r = csv_require(csv, kind->value, &columns.value);
    while (is_ok(r) && more) {
        r = csv_next(csv, &more);
        if (!is_ok(r) || !more)
            break;
        if (used == kind->most)
            return csv_within(csv, fail(CODE_LIMIT, "more than %d %s", kind->most, kind->many));
        r = read_entry(csv, kind, &columns, arena, &entries[used++]);
    }
    if (is_ok(r))
        *count = used;
    return r;
}

static int by_date(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return x->date != y->date ? (x->date > y->date) - (x->date < y->date)
                              : (x->line > y->line) - (x->line < y->line);
}

static MUST_CHECK struct result check_once(const char *name, const struct entry *sorted, int count) {
    char text[DATE_TEXT_MAX];
    for (int i = 1; i < count; i++)
        if (sorted[i].date == sorted[i - 1].date)
            return fail(CODE_INVALID, "%s:%d: %s is listed twice; expected once (first on line %d)", name,
                sorted[i].line, date_format(sorted[i].date, text), sorted[i - 1].line);
    return ok();
}

static int lines_of(const char *text, int most) {
    int lines = 1;
    for (const char *at = text; lines < most && (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

/* The file's entries by date, none twice. */
static MUST_CHECK struct result read_file(struct calendar_text file, const struct kind *kind,
    struct arena *arena, struct entry **entries, int *count) {
    struct csv csv;
    int found = 0;
    struct entry *read = arena_alloc(arena, (size_t)lines_of(file.text, kind->most) * sizeof *read);
    if (!read)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = csv_begin(&csv, file.name, file.text);
    if (is_ok(r))
        r = read_entries(&csv, kind, arena, read, &found);
    if (!is_ok(r))
        return r;
    qsort(read, (size_t)found, sizeof *read, by_date);
    *entries = read;
    *count = found;
    return check_once(file.name, read, found);
}

/* --- The calendar. -------------------------------------------------------------------------------------- */

static MUST_CHECK struct result check_names(const char *name, const struct entry *entries, int count) {
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(entries[i].season, entries[j].season) == 0)
                return fail(CODE_INVALID,
                    "%s:%d: season %.60s is listed twice; expected once (also on line %d)", name,
                    entries[i].line, entries[i].season, entries[j].line);
    return ok();
}

static MUST_CHECK struct result seasons_build(
    struct game_calendar *calendar, const struct entry *entries, int count) {
    struct season *seasons = arena_alloc(calendar->arena, (size_t)count * sizeof *seasons);
    if (!seasons)
        return fail(CODE_INTERNAL, "out of memory");
    for (int i = 0; i < count; i++)
        seasons[i] = (struct season){.name = entries[i].season,
            .first = entries[i].date,
            .last = i + 1 < count ? entries[i + 1].date - 1 : INT32_MAX};
    calendar->seasons = seasons;
    calendar->season_count = count;
    return ok();
}

static MUST_CHECK struct result read_seasons(struct game_calendar *calendar, struct calendar_text file) {
    struct entry *entries = NULL;
    int count = 0;
    struct result r = read_file(file, &seasons_kind, calendar->arena, &entries, &count);
    if (is_ok(r))
        r = check_names(file.name, entries, count);
    return is_ok(r) && count > 0 ? seasons_build(calendar, entries, count) : r;
}

struct result game_calendar_parse(struct calendar_text games, struct calendar_text seasons,
    int bootstrap_days, struct game_calendar **calendar) {
    struct game_calendar *made = calloc(1, sizeof *made);
    if (!made || !(made->arena = arena_new(CALENDAR_ARENA_MAX))) {
        game_calendar_free(&made);
        return fail(CODE_INTERNAL, "out of memory");
    }
    made->bootstrap_days = bootstrap_days;
    struct result r = ok();
    if (games.text)
        r = read_file(games, &games_kind, made->arena, &made->dates, &made->date_count);
    if (is_ok(r) && seasons.text)
        r = read_seasons(made, seasons);
    if (is_ok(r))
        *calendar = made;
    else
        game_calendar_free(&made);
    return r;
}

void game_calendar_free(struct game_calendar **calendar) {
    if (!*calendar)
        return;
    arena_free(&(*calendar)->arena);
    free(*calendar);
    *calendar = NULL;
}

/* --- Asking it. ----------------------------------------------------------------------------------------- */

static int date_in_entry(const void *date, const void *entry) {
    game_date a = *(const game_date *)date, b = ((const struct entry *)entry)->date;
    return (a > b) - (a < b);
}

static enum games games_on(const struct game_calendar *calendar, game_date date) {
    int count = calendar->date_count;
    if (count == 0 || date < calendar->dates[0].date || date > calendar->dates[count - 1].date)
        return GAMES_UNKNOWN;
    const struct entry *listed =
        bsearch(&date, calendar->dates, (size_t)count, sizeof *listed, date_in_entry);
    return listed && listed->played ? GAMES_PLAYED : GAMES_NONE;
}

static int date_in_season(const void *date, const void *season) {
    game_date day = *(const game_date *)date;
    const struct season *s = season;
    return day < s->first ? -1 : day > s->last;
}

const struct season *game_calendar_season(const struct game_calendar *calendar, game_date date) {
    return calendar && calendar->season_count > 0 ? bsearch(&date, calendar->seasons,
               (size_t)calendar->season_count, sizeof *calendar->seasons, date_in_season)
                                                  : NULL;
}

struct game_day game_calendar_day(const struct game_calendar *calendar, game_date date) {
    if (!calendar)
        return (struct game_day){.games = GAMES_UNKNOWN};
    const struct season *season = game_calendar_season(calendar, date);
    return (struct game_day){.games = games_on(calendar, date),
        .bootstrap = season && date - season->first < calendar->bootstrap_days};
}

bool game_calendar_has_games(const struct game_calendar *calendar) {
    return calendar && calendar->date_count > 0;
}
