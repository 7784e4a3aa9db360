/*
 * phasegate gaps and preflight as scripts call them, against a real redis-server: November 2021 as it was
 * found, with the real calendar and without one; and 918 dates.
 */
#include "core/config.h"
#include "core/row_counts.h"
#include "support/check.h"
#include "support/nba.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/season.h"
#include "support/temp_dir.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { WORDS_MAX = 24, COMMAND_MS = 20000, DEADLINE_MS = 20000, OUTPUT_MAX = 1 << 20 };

/* 2021-12-04 18:00:00 UTC, a minute per completion. */
#define BEGIN_MS ((int64_t)1638640800000)

static struct store_harness *harness;
static struct temp_dir dir;
static char store_url[160], data_directory[160], config_path[128], output[OUTPUT_MAX];

/* --- The command ---------------------------------------------------------------------------------------- */

static int run(const char *const *words) {
    const char *argv[WORDS_MAX] = {PHASEGATE_BINARY};
    const char *const variables[] = {store_url, data_directory, "LC_ALL=C.UTF-8", "PHASEGATE_CONFIG=", NULL};
    for (int i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    char path[128];
    snprintf(path, sizeof path, "%s/output", dir.path);
    remove(path);
    struct process process = PROCESS_NONE;
    check_ok(process_spawn(argv, variables, path, &process));
    if (!process_wait(&process, COMMAND_MS)) {
        process_kill(&process);
        fail_msg("phasegate %s did not end within %d ms", words[0], COMMAND_MS);
    }
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(output, 1, sizeof output - 1, file) : 0;
    output[size] = '\0';
    if (file)
        fclose(file);
    return process.status;
}

#define check_run(expected, ...)                                                                             \
    do {                                                                                                     \
        int status_ = run((const char *const[]){__VA_ARGS__, NULL});                                         \
        if (status_ != (expected))                                                                           \
            fail_msg("exit status %d, expected %d; it printed:\n%s", status_, (expected), output);           \
    } while (0)

#define WITH_CALENDAR "--config", config_path
#define NOVEMBER "--start-date", "2021-11-15", "--end-date", "2021-11-30"

static void check_output(const char *part) {
    if (!strstr(output, part))
        fail_msg("expected to find\n  %s\nin\n%s", part, output);
}

static json_t *output_json(void) {
    json_error_t error;
    json_t *json = json_loads(output, 0, &error);
    if (!json)
        fail_msg("not JSON: %s\n%s", error.text, output);
    return json;
}

static json_t *at(const json_t *object, const char *outer, const char *inner) {
    json_t *value = json_object_get(json_object_get(object, outer), inner);
    assert_non_null(value);
    return value;
}

static int64_t number_at(const json_t *object, const char *key) {
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

/* --- The store -------------------------------------------------------------------------------------------
 */

/* The built-in configuration, with the calendar of these files. */
static void write_config(const char *games, const char *seasons) {
    static const char games_at[] = "games_file: \"\"", seasons_at[] = "seasons_file: \"\"";
    const char *first = strstr(config_default_yaml, games_at), *second = strstr(first, seasons_at);
    snprintf(config_path, sizeof config_path, "%s/phasegate.yaml", dir.path);
    FILE *file = fopen(config_path, "w");
    assert_non_null(file);
    fprintf(file, "%.*sgames_file: \"%s\"%.*sseasons_file: \"%s\"%s", (int)(first - config_default_yaml),
        config_default_yaml, games, (int)(second - first - (int)sizeof games_at + 1),
        first + sizeof games_at - 1, seasons, second + sizeof seasons_at - 1);
    fclose(file);
}

static int set_up(void **state) {
    (void)state;
    dir = temp_dir_make();
    harness = harness_open((struct redis_server_options){0});
    snprintf(store_url, sizeof store_url, "PHASEGATE_STORE_URL=%s", redis_server_url(harness->server));
    snprintf(data_directory, sizeof data_directory, "PHASEGATE_DATA=%s", dir.path);
    write_config(TEST_DATA "/nov2021_games.csv", TEST_DATA "/season_starts.csv");
    return 0;
}

static struct process daemon_process = PROCESS_NONE;

static int tear_down(void **state) {
    (void)state;
    process_stop(&daemon_process, DEADLINE_MS);
    harness_close(&harness);
    temp_dir_remove(&dir);
    return 0;
}

static game_date date_of(const char *text) {
    game_date date;
    check_ok(date_parse(text, strlen(text), &date));
    return date;
}

/* What a backfill of this file tells: rows, or no data where there are none. */
static void tell_counts(const char *name, const char *execution, int64_t now_ms) {
    static char text[OUTPUT_MAX];
    struct row_count *counts;
    size_t count;
    char path[256];
    snprintf(path, sizeof path, SOURCE_DIR "/deploy/demo/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    check_ok(row_counts_parse(nba_pipeline(), name, text, harness->arena, &counts, &count));
    for (size_t i = 0; i < count; i++)
        if (counts[i].processor->group == 0)
            harness_apply(harness, nba_pipeline(),
                &(struct completion){.processor = counts[i].processor,
                    .date = counts[i].date,
                    .status = counts[i].rows > 0 ? STATUS_SUCCESS : STATUS_NO_DATA,
                    .record_count = counts[i].rows,
                    .timestamp_ms = now_ms,
                    .backfill = true,
                    .execution_id = execution},
                now_ms);
    harness_forget(harness);
}

/* As it was found: 2021-11-15 went through to the end, of the others Phase 3 was told. */
static void tell_november(void) {
    season_date(harness, nba_pipeline(), date_of("2021-11-15"), 0, SEASON_CALM);
    tell_counts("nov2021_row_counts.csv", "bf-1", BEGIN_MS);
}

/* --- November 2021 ---------------------------------------------------------------------------------------
 */

static void what_november_2021_lacked(void **state) {
    (void)state;
    harness_reset(harness);
    tell_november();
    check_run(1, "gaps", WITH_CALENDAR, NOVEMBER);
    check_output(
        "2021-11-16    –    ✓    ✓    –    – │    ·    ·   ·   ·    ·  backfill pgs, togs, tdgs\n"
        "2021-11-17    ✓    ✓    ✓    –    – │    ·    ·   ·   ·    ·  backfill togs, tdgs\n");
    check_output(
        "season   dates     pgs     upgc     utgc   togs   tdgs  │   psza   tdza    pcf    pdc   mlfs\n"
        "2021-22     15  60.0 %  100.0 %  100.0 %  6.6 %  6.6 %  │  6.6 %  6.6 %  6.6 %  6.6 %  6.6 %\n");
    check_output("pipeline nba, 2021-11-15 to 2021-11-30: gaps in 14 of 15 expected dates\n");
    assert_null(strstr(output, "2021-11-15  "));
    assert_null(strstr(output, "2021-11-25"));
    assert_null(strstr(output, "no calendar"));
    check_run(1, "gaps", WITH_CALENDAR, NOVEMBER, "--all");
    check_output("2021-11-15    ✓    ✓    ✓    ✓    ✓ │    ✓    ✓   ✓   ✓    ✓\n2021-11-16");

    check_run(1, "gaps", WITH_CALENDAR, "2021-11-16", "--list");
    assert_string_equal(output,
        "2021-11-16,pgs,no_data\n2021-11-16,togs,no_data\n2021-11-16,tdgs,no_data\n"
        "2021-11-16,psza,not_started\n2021-11-16,tdza,not_started\n2021-11-16,pcf,not_started\n"
        "2021-11-16,pdc,not_started\n2021-11-16,mlfs,not_started\n");
    check_run(0, "gaps", WITH_CALENDAR, "2021-11-15", "--list");
    assert_string_equal(output, "");
    check_run(0, "gaps", WITH_CALENDAR, "2021-11-25");
    check_output("pipeline nba, 2021-11-25: no dates are expected\n");
}

static void json_for_scripts(void **state) {
    (void)state;
    check_run(1, "gaps", WITH_CALENDAR, NOVEMBER, "--json");
    json_t *json = output_json(),
           *pgs = at(json_object_get(json, "totals"), "processors", "player_game_summary");
    assert_string_equal(json_string_value(json_object_get(json, "start_date")), "2021-11-15");
    assert_int_equal(number_at(json, "expected"), 15);
    assert_int_equal(number_at(json, "incomplete"), 14);
    assert_int_equal(json_array_size(json_object_get(json, "no_calendar")), 0);
    assert_int_equal(number_at(pgs, "present"), 9);
    check_output("\"percent\": 6.6"); /* not 6.5999999999999996 */
    json_decref(json);
    check_run(2, "gaps", "--json", "--list");
    check_output("choose one");
}

static void the_calendar_ends_and_says_so(void **state) {
    (void)state;
    check_run(1, "gaps", WITH_CALENDAR);
    check_output("gaps in 14 of 15 expected dates\n");
    check_output("no calendar for 2021-12-01 to 20");
    check_run(1, "gaps", WITH_CALENDAR, "--start-date", "2021-11-10", "--end-date", "2021-12-02");
    check_output(
        "\nno calendar for 2021-11-10 to 2021-11-14: only dates that phasegate has heard of are "
        "counted\nno calendar for 2021-12-01 to 2021-12-02: only dates");
    check_run(1, "gaps", WITH_CALENDAR, "--start-date", "2021-11-10", "--end-date", "2021-12-02", "--json");
    json_t *json = output_json(), *spans = json_object_get(json, "no_calendar");
    assert_int_equal(json_array_size(spans), 2);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(spans, 0), "end_date")), "2021-11-14");
    json_decref(json);

    check_run(1, "gaps"); /* without any: the sixteen that were heard of, one of them closed */
    check_output("gaps in 14 of 15 expected dates\n");
    check_output("no calendar for 2021-11-15 to 20");
    check_run(1, "gaps", "2021-12-03", "--list"); /* named, and never heard of */
    check_output("2021-12-03,pgs,nothing_received\n");
    check_run(1, "gaps", "2021-12-03");
    assert_null(strstr(output, "no calendar"));
}

static void today_is_not_over(void **state) {
    (void)state;
    char today[DATE_TEXT_MAX], yesterday[DATE_TEXT_MAX];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    date_format(date_of_ms(now.tv_sec * 1000LL), today);
    date_format(date_of_ms(now.tv_sec * 1000LL) - 1, yesterday);
    check_run(0, "gaps", today);
    check_output("1 date is not over yet: not counted");
    check_run(1, "gaps", "--json");
    json_t *json = output_json();
    assert_string_equal(json_string_value(json_object_get(json, "end_date")), yesterday);
    json_decref(json);
    check_run(1, "preflight", today);
    check_output("none is expected, so nothing is known of Phase 3");
}

static void preflight_says_no_and_why(void **state) {
    (void)state;
    check_run(1, "preflight", WITH_CALENDAR, NOVEMBER);
    check_output(
        "table  coverage     dates\n"
        "pgs      60.0 %   9 of 15\n"
        "upgc    100.0 %  15 of 15\n"
        "utgc    100.0 %  15 of 15\n"
        "togs      6.6 %   1 of 15\n"
        "tdgs      6.6 %   1 of 15\n"
        "\n"
        "player_game_summary is missing on\n"
        "    2021-11-16, 2021-11-18, 2021-11-21, 2021-11-23, 2021-11-28, 2021-11-30\n"
        "\n"
        "team_offense_game_summary is missing on\n"
        "    2021-11-16 to 2021-11-30\n");
    check_output(
        "no: 2021-11-15 to 2021-11-30: Phase 4 would run on missing data, below 95 %: pgs, togs, "
        "tdgs\n");
    check_run(1, "preflight", WITH_CALENDAR, "--dates", "2021-11-16,2021-11-18,2021-11-19");
    check_output("team_offense_game_summary is missing on\n    2021-11-16, 2021-11-18 to 2021-11-19\n");
    check_run(1, "preflight", WITH_CALENDAR, NOVEMBER, "--threshold", "7");
    check_run(0, "preflight", WITH_CALENDAR, NOVEMBER, "--threshold", "6");
    check_run(0, "preflight", WITH_CALENDAR, "2021-11-15", "--threshold", "100");
    check_output("yes: 2021-11-15: every Phase 3 table covers 100 % or more\n");
    check_run(1, "preflight", WITH_CALENDAR, "2021-11-25");
    check_output("no: 2021-11-25: none is expected");
    check_run(2, "preflight", "--threshold", "0", "2021-11-15");
    check_run(2, "preflight", "--threshold", "101", "2021-11-15");
    check_run(1, "preflight", WITH_CALENDAR, NOVEMBER, "--json");
    json_t *json = output_json(), *togs = at(json, "processors", "team_offense_game_summary");
    assert_true(json_is_false(json_object_get(json, "may_run")));
    assert_int_equal(number_at(json, "threshold"), 95);
    assert_true(json_is_false(json_object_get(togs, "enough")));
    assert_int_equal(json_array_size(json_object_get(togs, "missing")), 14);
    assert_true(
        json_is_true(json_object_get(at(json, "processors", "upcoming_team_game_context"), "enough")));
    assert_int_equal(json_object_size(json_object_get(json, "processors")), 5);
    json_decref(json);
}

/* In the order in which it really was repaired. */
static void the_repair_closes_phase_3(void **state) {
    (void)state;
    tell_counts("nov2021_repair_teams.csv", "bf-2", BEGIN_MS + 60000);
    check_run(1, "preflight", WITH_CALENDAR, NOVEMBER); /* nine dates of the fifteen are whole now */
    check_output("pgs      60.0 %   9 of 15\n");
    check_output("togs    100.0 %  15 of 15\n");
    check_run(1, "gaps", WITH_CALENDAR, NOVEMBER, "--fix-plan");
    check_output(
        "# pgs: 6 dates\nphasegate backfill --dates 2021-11-16,2021-11-18,2021-11-21,2021-11-23,"
        "2021-11-28,2021-11-30 --processors pgs --config ");
    check_output("\n# 8 dates need nothing: at work");
    tell_counts("nov2021_repair_players.csv", "bf-3", BEGIN_MS + 120000);
    check_run(0, "preflight", WITH_CALENDAR, NOVEMBER, "--threshold", "100");
    check_run(1, "gaps", WITH_CALENDAR, NOVEMBER, "--fix-plan");
    check_output("# 14 dates need nothing: at work");
    assert_null(strstr(output, "phasegate backfill"));
}

static void an_empty_store(void **state) {
    (void)state;
    harness_reset(harness);
    check_run(0, "gaps");
    assert_string_equal(output, "pipeline nba: no dates are expected\n");
    check_run(1, "preflight");
    check_output("no: all dates: none is expected");
    check_run(1, "gaps", WITH_CALENDAR);
    check_output("gaps in 15 of 15 expected dates\n");
    check_run(0, "gaps", "--json");
    json_t *json = output_json();
    assert_true(json_is_null(json_object_get(json, "start_date")));
    assert_int_equal(number_at(json, "expected"), 0);
    json_decref(json);
}

static void the_store_is_away(void **state) {
    (void)state;
    check_run(3, "gaps", "--embedded");
    check_run(3, "preflight", "--embedded", "2021-11-15");
}

static void paused_backfill_is_told(void **state) {
    (void)state;
    redis_server_do(harness->server, "HSET pg:{nba}:backfill paused 1638640800000");
    check_run(0, "gaps");
    check_output(
        "backfill is paused since 2021-12-04 18:00:00, its triggers wait: `phasegate backfill resume`");
    redis_server_do(harness->server, "DEL pg:{nba}:backfill");
}

/* --- The plan, as an operator pastes it ------------------------------------------------------------------
 */

static bool daemon_is_running(void *context) {
    (void)context;
    char tail[4096];
    return strstr(process_output_tail(&daemon_process, tail, sizeof tail), "running") != NULL;
}

static void start_daemon(void) {
    char log[128];
    snprintf(log, sizeof log, "%s/log", dir.path);
    const char *const argv[] = {PHASEGATE_BINARY, "serve", "--create", "--config", config_path, NULL};
    const char *const variables[] = {store_url, data_directory, NULL};
    check_ok(process_spawn(argv, variables, log, &daemon_process));
    check_ok(process_await(&daemon_process, daemon_is_running, NULL, DEADLINE_MS));
}

static int stop_daemon(void **state) {
    (void)state;
    process_stop(&daemon_process, DEADLINE_MS);
    return 0;
}

/* Runs what the last command printed, in a shell that ends at the first failure. */
static void paste_plan(void) {
    char path[128], directory[256], search[PATH_MAX];
    snprintf(path, sizeof path, "%s/plan.sh", dir.path);
    snprintf(directory, sizeof directory, "%s", PHASEGATE_BINARY);
    *strrchr(directory, '/') = '\0';
    snprintf(search, sizeof search, "PATH=%s:%s", directory, getenv("PATH"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(output, file);
    fclose(file);
    const char *const argv[] = {"sh", "-e", path, NULL};
    const char *const variables[] = {store_url, data_directory, search, NULL};
    struct process shell = PROCESS_NONE;
    char log[128], tail[4096];
    snprintf(log, sizeof log, "%s/shell", dir.path);
    check_ok(process_spawn(argv, variables, log, &shell));
    assert_true(process_wait(&shell, COMMAND_MS));
    if (shell.status != 0)
        fail_msg("the plan ended with %d:\n%s", shell.status, process_output_tail(&shell, tail, sizeof tail));
}

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Asks for the plan until it says so. */
static void await_plan(const char *part) {
    int64_t deadline_ms = monotonic_ms() + patient_ms(DEADLINE_MS);
    do {
        check_run(1, "gaps", WITH_CALENDAR, NOVEMBER, "--fix-plan");
        if (strstr(output, part))
            return;
    } while (monotonic_ms() < deadline_ms);
    fail_msg("waited for\n  %s\nin\n%s", part, output);
}

static void publish_failure(const char *date) {
    check_run(0, "publish", WITH_CALENDAR, "-P", "psza", "-d", date, "--status", "failed");
}

static void the_plan_closes_the_gaps(void **state) {
    (void)state;
    harness_reset(harness);
    tell_november();
    start_daemon();
    check_run(1, "gaps", WITH_CALENDAR, NOVEMBER, "--fix-plan");
    check_output("phasegate backfill --start-date 2021-11-24 --end-date 2021-11-27 --processors togs,tdgs");
    paste_plan();
    await_plan("# 14 dates need nothing: at work");
    assert_null(strstr(output, "phasegate backfill"));
    check_run(0, "preflight", WITH_CALENDAR, NOVEMBER);
    check_run(0, "gaps", WITH_CALENDAR, "2021-11-25"); /* announced by nobody, though within the range */

    publish_failure("2021-11-16");
    await_plan("phasegate replay --dates 2021-11-16 --config");
    publish_failure("2021-11-17");
    publish_failure("2021-11-18");
    await_plan("phasegate replay --start-date 2021-11-16 --end-date 2021-11-18 --config");
    check_output("# 11 dates need nothing");
    paste_plan();
    await_plan("# 14 dates need nothing: at work");
}

static void every_replay_is_good_usage(void **state) {
    (void)state;
    check_run(0, "replay", WITH_CALENDAR, "--dates", "2021-11-15", "--missed", "--dry-run");
    check_run(0, "replay", WITH_CALENDAR, "--dates", "2021-11-15", "--rerun", "--dry-run");
    check_run(
        0, "replay", WITH_CALENDAR, "--dates", "2021-11-15", "--rerun", "--from-group", "2", "--dry-run");
}

/* --- 918 dates ------------------------------------------------------------------------------------------ */

static int64_t children_ms(void) {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000LL
        + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void many_dates_in_no_time(void **state) {
    (void)state;
    enum { DATES = 918, LIMIT_MS = 1000 };
    harness_reset(harness);
    game_date first = date_of("2021-10-19");
    char games[128];
    snprintf(games, sizeof games, "%s/games.csv", dir.path);
    FILE *file = fopen(games, "w");
    assert_non_null(file);
    fputs("game_date,num_games\n", file);
    for (int i = 0; i < DATES; i++) {
        char text[DATE_TEXT_MAX];
        fprintf(file, "%s,9\n", date_format(first + i, text));
        if (i % 100 != 50)
            season_date(harness, nba_pipeline(), first + i, i, SEASON_CALM);
    }
    fclose(file);
    write_config(games, TEST_DATA "/season_starts.csv");
    int64_t before_ms = children_ms();
    check_run(1, "gaps", WITH_CALENDAR);
    int64_t took_ms = children_ms() - before_ms;
    print_message("918 dates in %d ms\n", (int)took_ms);
    check_output("gaps in 9 of 918 expected dates\n");
    check_output("all        918  99.0 %");
    assert_true(took_ms < LIMIT_MS);
    check_run(1, "gaps", WITH_CALENDAR, "--list");
    int lines = 0;
    for (const char *end = output; (end = strchr(end, '\n')); end++)
        lines++;
    assert_int_equal(lines, 9 * NBA_PROCESSORS);
    check_run(0, "preflight", WITH_CALENDAR);
    check_output("42 dates are of a bootstrap period: left out\n");
    check_run(1, "preflight", WITH_CALENDAR, "--start-date", "2021-10-19", "--end-date", "2021-11-01");
    check_output(
        "14 dates are of a bootstrap period: left out\nno: 2021-10-19 to 2021-11-01: none is expected");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_november_2021_lacked),
        cmocka_unit_test(json_for_scripts),
        cmocka_unit_test(the_calendar_ends_and_says_so),
        cmocka_unit_test(today_is_not_over),
        cmocka_unit_test(preflight_says_no_and_why),
        cmocka_unit_test(the_repair_closes_phase_3),
        cmocka_unit_test(an_empty_store),
        cmocka_unit_test(the_store_is_away),
        cmocka_unit_test(paused_backfill_is_told),
        cmocka_unit_test(the_plan_closes_the_gaps),
        cmocka_unit_test_teardown(every_replay_is_good_usage, stop_daemon),
        cmocka_unit_test(many_dates_in_no_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
