#include "core/game_calendar.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct game_calendar *calendar;

static int tear_down(void **state) {
    (void)state;
    game_calendar_free(&calendar);
    return 0;
}

static struct result parse(const char *games, const char *seasons) {
    game_calendar_free(&calendar);
    return game_calendar_parse((struct calendar_text){"games.csv", games},
        (struct calendar_text){"seasons.csv", seasons}, 14, &calendar);
}

static game_date day(const char *text) {
    game_date date;
    check_ok(date_parse(text, strlen(text), &date));
    return date;
}

static void check_games(const char *date, enum games expected) {
    struct game_day found = game_calendar_day(calendar, day(date));
    if (found.games != expected)
        fail_msg("%s: expected %d, got %d", date, expected, found.games);
}

static void check_bootstrap(const char *date, bool expected) {
    if (game_calendar_day(calendar, day(date)).bootstrap != expected)
        fail_msg("%s: expected bootstrap %d", date, expected);
}

static void check_season(const char *date, const char *name) {
    const struct season *season = game_calendar_season(calendar, day(date));
    if (name && season)
        assert_string_equal(season->name, name);
    else if (name || season)
        fail_msg(
            "%s: expected season %s, got %s", date, name ? name : "none", season ? season->name : "none");
}

static void refused(const char *games, const char *seasons, enum code code, const char *why) {
    struct result r = parse(games, seasons);
    assert_string_equal(r.text, why);
    assert_int_equal(r.code, code);
    assert_null(calendar);
}

/* --- Games. --------------------------------------------------------------------------------------------- */

static void listed_dates_have_games(void **state) {
    (void)state;
    check_ok(parse("game_date,num_games\n2021-11-24,13\n2021-11-26,14\n2021-11-27,0\n2021-11-28,1\n", NULL));
    assert_true(game_calendar_has_games(calendar));
    check_games("2021-11-24", GAMES_PLAYED);
    check_games("2021-11-25", GAMES_NONE); /* Thanksgiving */
    check_games("2021-11-26", GAMES_PLAYED);
    check_games("2021-11-27", GAMES_NONE);
    check_games("2021-11-28", GAMES_PLAYED);
}

static void outside_its_dates_nothing_is_known(void **state) {
    (void)state;
    check_ok(parse("game_date,num_games\n2021-11-24,13\n2021-11-26,0\n", NULL));
    check_games("2021-11-23", GAMES_UNKNOWN);
    check_games("1946-01-01", GAMES_UNKNOWN);
    check_games("2021-11-26", GAMES_NONE);
    check_games("2021-11-27", GAMES_UNKNOWN);
}

static void order_of_lines_and_columns_is_free(void **state) {
    (void)state;
    check_ok(
        parse("note,num_games,game_date\nlast,14,2021-11-26\n,13,2021-11-24\n\"first, early\",1,2021-11-02\n",
            "first_game_date,season\n2022-10-18,2022-23\n2021-10-19,2021-22\n"));
    check_games("2021-11-01", GAMES_UNKNOWN);
    check_games("2021-11-02", GAMES_PLAYED);
    check_games("2021-11-03", GAMES_NONE);
    check_games("2021-11-24", GAMES_PLAYED);
    check_games("2021-11-26", GAMES_PLAYED);
    check_games("2021-11-27", GAMES_UNKNOWN);
    check_season("2021-12-01", "2021-22");
    check_season("2022-12-01", "2022-23");
}

static void a_spreadsheet_may_have_saved_it(void **state) {
    (void)state;
    check_ok(parse("\xef\xbb\xbfgame_date,num_games\r\n\r\n\"2021-11-24\",13\r\n2021-11-26,14",
        "\xef\xbb\xbfseason,first_game_date\r\n2021-22,2021-10-19\r\n\r\n"));
    check_games("2021-11-24", GAMES_PLAYED);
    check_games("2021-11-26", GAMES_PLAYED);
    check_season("2021-11-24", "2021-22");
}

/* --- Seasons. ------------------------------------------------------------------------------------------- */

static const char seasons[] = "season,first_game_date\n2021-22,2021-10-19\n2022-23,2022-10-18\n";

static void a_season_lasts_until_the_next(void **state) {
    (void)state;
    check_ok(parse(NULL, seasons));
    assert_false(game_calendar_has_games(calendar));
    check_season("2021-10-18", NULL);
    check_season("2021-10-19", "2021-22");
    check_season("2022-10-17", "2021-22");
    check_season("2022-10-18", "2022-23");
    check_season("2099-01-01", "2022-23");
    const struct season *last = game_calendar_season(calendar, day("2023-01-01"));
    assert_int_equal(last->first, day("2022-10-18"));
    assert_int_equal(last->last, INT32_MAX);
    assert_int_equal(game_calendar_season(calendar, day("2022-01-01"))->last, day("2022-10-17"));
}

static void a_season_begins_with_its_bootstrap(void **state) {
    (void)state;
    check_ok(parse(NULL, seasons));
    check_bootstrap("2021-10-18", false);
    check_bootstrap("2021-10-19", true);
    check_bootstrap("2021-11-01", true);
    check_bootstrap("2021-11-02", false);
    check_bootstrap("2022-10-17", false);
    check_bootstrap("2022-10-18", true);
    check_bootstrap("2022-10-31", true);
    check_bootstrap("2022-11-01", false);
}

static void the_bootstrap_may_be_nothing(void **state) {
    (void)state;
    check_ok(game_calendar_parse(
        (struct calendar_text){0}, (struct calendar_text){"seasons.csv", seasons}, 0, &calendar));
    check_bootstrap("2021-10-19", false);
    check_season("2021-10-19", "2021-22");
}

/* --- Nothing. ------------------------------------------------------------------------------------------- */

static void check_knows_nothing(void) {
    check_games("2021-11-24", GAMES_UNKNOWN);
    check_bootstrap("2021-10-19", false);
    check_season("2021-11-24", NULL);
    assert_false(game_calendar_has_games(calendar));
}

static void without_files_nothing_is_known(void **state) {
    (void)state;
    check_knows_nothing(); /* NULL */
    game_calendar_free(&calendar);
    check_ok(parse(NULL, NULL));
    assert_non_null(calendar);
    check_knows_nothing();
    check_ok(parse("game_date,num_games\n", "season,first_game_date"));
    check_knows_nothing();
}

/* --- Refusals. ------------------------------------------------------------------------------------------ */

static void bad_lines_are_refused(void **state) {
    (void)state;
    refused(
        "", NULL, CODE_INVALID, "games.csv:1: the file is empty; expected a line that titles the columns");
    refused("2021-11-15,11\n", NULL, CODE_INVALID,
        "games.csv:1: no column is titled game_date; the first one is \"2021-11-15\"");
    refused("game_date;num_games\n", NULL, CODE_INVALID,
        "games.csv:1: no column is titled game_date; the first one is \"game_date;num_games\"");
    refused("game_date,games\n", NULL, CODE_INVALID,
        "games.csv:1: no column is titled num_games; the first one is \"game_date\"");
    refused("game_date,num_games\n2021-11-15,3\n15.11.2021,3\n", NULL, CODE_INVALID,
        "games.csv:3: \"15.11.2021\" is not a date like 2021-11-17");
    refused("game_date,num_games\n2021-02-29,3\n", NULL, CODE_INVALID,
        "games.csv:2: 2021-02-29 does not exist: February 2021 has 28 days");
    refused("game_date,num_games\n2021-11-15\n", NULL, CODE_INVALID,
        "games.csv:2: num_games: got \"\", expected a whole number from 0 to 1000");
    refused("game_date,num_games\n2021-11-15,-1\n", NULL, CODE_INVALID,
        "games.csv:2: num_games: got \"-1\", expected a whole number from 0 to 1000");
    refused("game_date,num_games\n2021-11-15,3,4\n", NULL, CODE_INVALID,
        "games.csv:2: more cells than the 2 columns of the header");
    refused(NULL, "season,first_game_date\n2021-22,soon\n", CODE_INVALID,
        "seasons.csv:2: \"soon\" is not a date like 2021-11-17");
    refused(NULL, "season,first_game_date\n,2021-10-19\n", CODE_INVALID,
        "seasons.csv:2: season: nothing, expected a name like 2021-22");
    refused("game_date,num_games\n", "game_date,num_games\n", CODE_INVALID,
        "seasons.csv:1: no column is titled first_game_date; the first one is \"game_date\"");
}

static void twice_is_refused(void **state) {
    (void)state;
    refused("game_date,num_games\n2021-11-15,3\n2021-11-14,3\n\n2021-11-15,3\n2021-11-15,3\n", NULL,
        CODE_INVALID, "games.csv:5: 2021-11-15 is listed twice; expected once (first on line 2)");
    refused(NULL, "season,first_game_date\na,2021-10-19\nb,2021-10-19\n", CODE_INVALID,
        "seasons.csv:3: 2021-10-19 is listed twice; expected once (first on line 2)");
    refused(NULL, "season,first_game_date\na,2021-10-19\nb,2022-10-19\na,2023-10-19\n", CODE_INVALID,
        "seasons.csv:4: season a is listed twice; expected once (also on line 2)");
}

static char *many_dates(int count, const char *title, const char *before_number) {
    size_t size = 64 + (size_t)count * 32;
    char *text = malloc(size), date[DATE_TEXT_MAX];
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, size, "%s\n", title);
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(
            text + used, size - used, "%s,%s%d\n", date_format(i, date), before_number, 1 + i % 1000);
    return text;
}

static void as_many_as_there_may_be(void **state) {
    (void)state;
    char *text = many_dates(CALENDAR_DATES_MAX, "game_date,num_games", "");
    check_ok(parse(text, NULL));
    for (game_date date = 0; date < CALENDAR_DATES_MAX; date++)
        assert_int_equal(game_calendar_day(calendar, date).games, GAMES_PLAYED);
    assert_int_equal(game_calendar_day(calendar, CALENDAR_DATES_MAX).games, GAMES_UNKNOWN);
    free(text);
    text = many_dates(CALENDAR_DATES_MAX + 1, "game_date,num_games", "");
    refused(text, NULL, CODE_LIMIT, "games.csv:40002: more than 40000 dates");
    free(text);

    text = many_dates(CALENDAR_SEASONS_MAX, "first_game_date,season", "s");
    check_ok(parse(NULL, text));
    assert_string_equal(game_calendar_season(calendar, 99)->name, "s100");
    free(text);
    text = many_dates(CALENDAR_SEASONS_MAX + 1, "first_game_date,season", "s");
    refused(NULL, text, CODE_LIMIT, "seasons.csv:202: more than 200 seasons");
    free(text);
}

/* --- The real files. ------------------------------------------------------------------------------------ */

static char *file_text(const char *path) {
    enum { SIZE = 1 << 16 };
    char *text = calloc(1, SIZE);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(text);
    assert_in_range(fread(text, 1, SIZE - 1, file), 1, SIZE - 2);
    fclose(file);
    return text;
}

static void november_2021(void **state) {
    (void)state;
    char *games = file_text(TEST_DATA "/nov2021_games.csv"),
         *starts = file_text(TEST_DATA "/season_starts.csv");
    check_ok(parse(games, starts));
    free(games);
    free(starts);
    check_games("2021-11-14", GAMES_UNKNOWN);
    check_games("2021-11-15", GAMES_PLAYED);
    check_games("2021-11-24", GAMES_PLAYED);
    check_games("2021-11-25", GAMES_NONE);
    check_games("2021-11-30", GAMES_PLAYED);
    check_games("2021-12-01", GAMES_UNKNOWN);
    check_season("2021-11-15", "2021-22");
    check_season("2025-01-01", "2024-25");
    check_bootstrap("2021-11-01", true);
    check_bootstrap("2021-11-15", false);
    check_bootstrap("2024-10-22", true);
}

#define test(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(listed_dates_have_games),
        test(outside_its_dates_nothing_is_known),
        test(order_of_lines_and_columns_is_free),
        test(a_spreadsheet_may_have_saved_it),
        test(a_season_lasts_until_the_next),
        test(a_season_begins_with_its_bootstrap),
        test(the_bootstrap_may_be_nothing),
        test(without_files_nothing_is_known),
        test(bad_lines_are_refused),
        test(twice_is_refused),
        test(as_many_as_there_may_be),
        test(november_2021),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
