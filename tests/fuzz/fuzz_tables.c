/* CSV files: row counts, games and seasons, each from the same text. */
#include "core/game_calendar.h"
#include "core/row_counts.h"
#include "fuzz/fuzz.h"
#include "support/nba.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 1 << 20 };

/* The counts in the long form. */
static char *written(const struct row_count *counts, size_t count) {
    char *text = NULL, date[DATE_TEXT_MAX];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fuzz_check(out);
    fputs("game_date,processor,record_count\n", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s,%s,%" PRId64 "\n", date_format(counts[i].date, date), counts[i].processor->name,
            counts[i].rows);
    fclose(out);
    return text;
}

static void check_counts_again(const struct row_count *counts, size_t count) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    char *text = written(counts, count);
    struct row_count *again;
    size_t count_again;
    fuzz_check(is_ok(row_counts_parse(nba_pipeline(), "again.csv", text, arena, &again, &count_again)));
    fuzz_check(count_again == count);
    for (size_t i = 0; i < count; i++)
        fuzz_check(again[i].date == counts[i].date && again[i].processor == counts[i].processor
            && again[i].rows == counts[i].rows);
    free(text);
    arena_free(&arena);
}

static void check_counts(const char *text) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct row_count *counts;
    size_t count;
    struct result result = row_counts_parse(nba_pipeline(), "fuzz.csv", text, arena, &counts, &count);
    if (!is_ok(result))
        fuzz_check_reason(result);
    for (size_t i = 0; is_ok(result) && i < count; i++)
        fuzz_check(counts[i].rows >= 0 && counts[i].line > (i > 0 ? counts[i - 1].line - 1 : 1));
    if (is_ok(result) && count > 0)
        check_counts_again(counts, count);
    arena_free(&arena);
}

static void check_day(const struct game_calendar *calendar, game_date date) {
    const struct season *season = game_calendar_season(calendar, date);
    struct game_day day = game_calendar_day(calendar, date);
    fuzz_check(!season || (season->first <= date && date <= season->last));
    fuzz_check(!day.bootstrap || (season && date - season->first < 14));
    fuzz_check(game_calendar_has_games(calendar) || day.games == GAMES_UNKNOWN);
    if (season)
        fuzz_check(game_calendar_season(calendar, season->first) == season);
}

static void check_calendar(const char *games, const char *seasons) {
    struct game_calendar *calendar = NULL;
    struct result result = game_calendar_parse((struct calendar_text){"games.csv", games},
        (struct calendar_text){"seasons.csv", seasons}, 14, &calendar);
    if (!is_ok(result)) {
        fuzz_check_reason(result);
        fuzz_check(!calendar);
        return;
    }
    for (game_date date = 18000; date < 20500; date += 25)
        check_day(calendar, date);
    check_day(calendar, 0);
    game_calendar_free(&calendar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    check_counts(text);
    check_calendar(text, NULL);
    check_calendar(NULL, text);
    free(text);
    return 0;
}
