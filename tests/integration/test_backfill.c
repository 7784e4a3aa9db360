/*
 * phasegate backfill as an operator and a script run it: the real binary, a real Redis as store and bus, and
 * the real daemon; from one date to four seasons, broken off and continued, paused and cancelled.
 */
#include "core/completion.h"
#include "state/reader.h"
#include "support/check.h"
#include "support/four_seasons.h"
#include "support/nba.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORDS_MAX = 24, COMMAND_MS = 60000, DEADLINE_MS = 30000, OUTPUT_MAX = 4 << 20, UPSTREAM = 5 };

#define NOVEMBER SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv"
#define STREAM "pg:bus:{nba-phase3-complete}"

static struct redis_server *server;
static struct temp_dir dir;
static struct process daemon_process, background;
static struct arena *arena;
static struct reader *reader;
static char store_url[160], data_directory[160], output_file[128], csv[128];
static game_date seasons[FOUR_SEASONS_DATES];

/* What the last command printed, on standard output and error. */
static char output[OUTPUT_MAX];

/* --- Commands ------------------------------------------------------------------------------------------- */

static const char *const *environment(void) {
    static const char *const variables[] = {
        store_url, data_directory, "LC_ALL=C.UTF-8", "PHASEGATE_CONFIG=", NULL};
    return variables;
}

static void read_output(void) {
    FILE *file = fopen(output_file, "r");
    size_t size = file ? fread(output, 1, sizeof output - 1, file) : 0;
    output[size] = '\0';
    if (file)
        fclose(file);
}

static void start(const char *const *argv, struct process *process) {
    remove(output_file);
    check_ok(process_spawn(argv, environment(), output_file, process));
}

static int finish(struct process *process) {
    if (!process_wait(process, COMMAND_MS)) {
        process_kill(process);
        read_output();
        fail_msg("phasegate did not end within %d ms; it printed:\n%s", COMMAND_MS, output);
    }
    read_output();
    return process->status;
}

static int run_words(const char *const *words) {
    const char *argv[WORDS_MAX] = {PHASEGATE_BINARY};
    for (int i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    struct process process = PROCESS_NONE;
    start(argv, &process);
    return finish(&process);
}

#define check_run(expected, ...)                                                                             \
    do {                                                                                                     \
        int status_ = run_words((const char *const[]){__VA_ARGS__, NULL});                                   \
        if (status_ != (expected))                                                                           \
            fail_msg("exit status %d, expected %d; it printed:\n%s", status_, (expected), output);           \
    } while (0)

static void check_output(const char *part) {
    if (!strstr(output, part))
        fail_msg("expected to find\n  %s\nin\n%s", part, output);
}

static void check_output_lacks(const char *part) {
    if (strstr(output, part))
        fail_msg("expected not to find\n  %s\nin\n%s", part, output);
}

static json_t *output_json(void) {
    json_error_t error;
    json_t *json = json_loads(output, 0, &error);
    if (!json)
        fail_msg("not JSON: %s\n%s", error.text, output);
    return json;
}

/* --- Waiting, always for something ---------------------------------------------------------------------- */

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Asks again every 10 ms; fails the test after the deadline. */
static void await(bool (*holds)(void *context), void *context, const char *waited_for) {
    int64_t deadline_ms = monotonic_ms() + patient_ms(DEADLINE_MS);
    while (!holds(context)) {
        if (monotonic_ms() > deadline_ms)
            fail_msg("waited for %s", waited_for);
        poll(NULL, 0, 10);
    }
}

static bool daemon_is_running(void *context) {
    (void)context;
    char tail[4096];
    return strstr(process_output_tail(&daemon_process, tail, sizeof tail), "running") != NULL;
}

static void start_daemon(void) {
    char log[128];
    snprintf(log, sizeof log, "%s/log", dir.path);
    const char *const argv[] = {PHASEGATE_BINARY, "serve", "--create", NULL};
    check_ok(process_spawn(argv, environment(), log, &daemon_process));
    check_ok(process_await(&daemon_process, daemon_is_running, NULL, DEADLINE_MS));
}

static long long published(void) {
    return redis_server_ask_number(server, "XLEN " STREAM);
}

/* Everything that was published was consumed. */
static bool all_is_consumed(void *context) {
    (void)context;
    redisReply *reply = redis_server_ask(server, "XINFO GROUPS " STREAM);
    bool consumed = reply->elements == 1;
    for (size_t i = 0; consumed && i + 1 < reply->element[0]->elements; i += 2) {
        const char *key = reply->element[0]->element[i]->str;
        const redisReply *value = reply->element[0]->element[i + 1];
        if (strcmp(key, "lag") == 0 || strcmp(key, "pending") == 0)
            consumed = value->type == REDIS_REPLY_INTEGER && value->integer == 0;
    }
    freeReplyObject(reply);
    return consumed;
}

static struct date_state *states_of(const game_date *dates, size_t count) {
    arena_reset(arena);
    struct date_state *states = arena_alloc(arena, count * sizeof *states);
    assert_non_null(states);
    check_ok(reader_dates(reader, nba_pipeline(), dates, count, arena, states));
    return states;
}

static enum group_phase phase_of(const char *text, int group) {
    game_date date;
    check_ok(date_parse(text, strlen(text), &date));
    return states_of(&date, 1)->groups[group - 1].phase;
}

struct awaited_group {
    const char *date;
    int group;
    enum group_phase phase;
};

static bool group_is_there(void *context) {
    const struct awaited_group *awaited = context;
    return phase_of(awaited->date, awaited->group) == awaited->phase;
}

static void await_group(const char *date, int group, enum group_phase phase) {
    struct awaited_group awaited = {date, group, phase};
    await(group_is_there, &awaited, group_phase_name(phase));
}

/* --- Each test's world ---------------------------------------------------------------------------------- */

static int set_up(void **state) {
    (void)state;
    daemon_process = background = PROCESS_NONE;
    dir = temp_dir_make();
    arena = arena_new(64 << 20);
    server = redis_server_start((struct redis_server_options){0});
    check_ok(reader_open(redis_server_settings(server), &reader));
    snprintf(store_url, sizeof store_url, "PHASEGATE_STORE_URL=%s", redis_server_url(server));
    snprintf(data_directory, sizeof data_directory, "PHASEGATE_DATA=%s", dir.path);
    snprintf(output_file, sizeof output_file, "%s/output", dir.path);
    snprintf(csv, sizeof csv, "%s/rows.csv", dir.path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    process_kill(&background);
    process_stop(&daemon_process, DEADLINE_MS);
    reader_close(&reader);
    redis_server_free(&server);
    arena_free(&arena);
    temp_dir_remove(&dir);
    return 0;
}

static void write_file(const char *text) {
    FILE *file = fopen(csv, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int64_t season_rows(int date, int processor) {
    return 10 + date % 97 * 5 + processor;
}

static void write_seasons(void) {
    FILE *file = fopen(csv, "w");
    assert_non_null(file);
    fputs("game_date,pgs,upgc,utgc,togs,tdgs\n", file);
    for (int d = 0; d < FOUR_SEASONS_DATES; d++) {
        char date[DATE_TEXT_MAX];
        fputs(date_format(seasons[d], date), file);
        for (int p = 0; p < UPSTREAM; p++)
            fprintf(file, ",%d", (int)season_rows(d, p));
        fputc('\n', file);
    }
    assert_int_equal(fclose(file), 0);
}

/* Each of the 4,590 is recorded as it was sent, counts, and has started its date's group 1. */
static void check_seasons(const char *id) {
    const struct date_state *states = states_of(seasons, FOUR_SEASONS_DATES);
    for (int d = 0; d < FOUR_SEASONS_DATES; d++) {
        for (int p = 0; p < UPSTREAM; p++) {
            const struct record *record = &states[d].records[p];
            char execution_id[COMPLETION_ID_MAX + 1], date[DATE_TEXT_MAX];
            snprintf(execution_id, sizeof execution_id, "%s/%s/%s", id, date_format(seasons[d], date),
                nba_pipeline()->processors[p].abbr);
            assert_int_equal(record->mark, RECORD_COUNTS);
            assert_int_equal(record->record_count, season_rows(d, p));
            assert_true(record->backfill);
            assert_string_equal(record->execution_id, execution_id);
            assert_string_equal(record->correlation_id, id);
        }
        assert_int_equal(states[d].run, 1);
        assert_int_not_equal(states[d].groups[0].phase, GROUP_WAITING);
    }
}

/* A history key is there only where something came twice, or too late. */
static void check_nothing_came_twice(void) {
    assert_int_equal(published(), FOUR_SEASONS_DATES * UPSTREAM);
    redisReply *reply = redis_server_ask(server, "KEYS pg:*:h");
    assert_int_equal(reply->elements, 0);
    freeReplyObject(reply);
}

/* --- Four seasons --------------------------------------------------------------------------------------- */

static void four_seasons_go_in_one_go(void **state) {
    (void)state;
    write_seasons();
    start_daemon();
    check_run(0, "backfill", csv, "--id", "four-seasons");
    check_output("backfill four-seasons: 918 dates, 4590 completions to send\n");
    check_output("sent 4590 of 4590");
    await(all_is_consumed, NULL, "all to be consumed");
    check_seasons("four-seasons");
    check_nothing_came_twice();
    check_run(0, "backfill", csv);
    check_output("nothing to do: all 4590 are there already");
    assert_int_equal(published(), FOUR_SEASONS_DATES * UPSTREAM);
}

static bool some_are_published(void *context) {
    return published() >= *(const int *)context;
}

/* The command that was printed behind the words, with the binary for its name; a shell takes it apart. */
static void run_as_told(const char *words) {
    const char *told = strstr(output, words);
    assert_non_null(told);
    told += strlen(words);
    assert_int_equal(strncmp(told, "\n  phasegate ", 13), 0);
    told += 13;
    char command[1024];
    snprintf(command, sizeof command, "exec '%s' %.*s", PHASEGATE_BINARY, (int)strcspn(told, "\n"), told);
    const char *const argv[] = {"sh", "-c", command, NULL};
    start(argv, &background);
    int status = finish(&background);
    if (status != 0)
        fail_msg("%s: exit status %d; it printed:\n%s", command, status, output);
}

static void a_backfill_that_is_broken_off_goes_on(void **state) {
    (void)state;
    int enough = 700;
    write_seasons();
    start_daemon();
    const char *const argv[] = {
        PHASEGATE_BINARY, "backfill", "--rate", "2500", "--id", "bf-one", "--file", csv, NULL};
    start(argv, &background);
    await(some_are_published, &enough, "some to be published");
    kill(background.pid, SIGINT);
    assert_int_equal(finish(&background), 1);
    check_output("stopped: sent ");
    check_output(" of 4590 in ");
    check_output_lacks("under way");
    long long before = published();
    assert_in_range(before, enough, FOUR_SEASONS_DATES * UPSTREAM - 1);
    await(all_is_consumed, NULL, "what was sent to be consumed");

    run_as_told("go on with:");
    char rest[64];
    snprintf(rest, sizeof rest, "%lld completions to send, %lld there already",
        FOUR_SEASONS_DATES * UPSTREAM - before, before);
    check_output(rest);
    await(all_is_consumed, NULL, "the rest to be consumed");
    check_seasons("bf-one");
    check_nothing_came_twice();
}

/* Without a daemon nothing is recorded, so all is sent again: the ids make it harmless. */
static void sending_twice_is_harmless(void **state) {
    (void)state;
    check_run(0, "backfill", NOVEMBER, "--id", "bf-one");
    check_run(0, "backfill", NOVEMBER, "--id", "bf-one");
    check_output("sent 80 of 80");
    assert_int_equal(published(), 160);
    start_daemon();
    await(all_is_consumed, NULL, "all to be consumed");
    check_run(0, "status", "--start-date", "2021-11-15", "--end-date", "2021-11-30");
    check_output("16 dates: 1 running, 14 held, 1 no games");
    game_date date;
    check_ok(date_parse("2021-11-15", 10, &date));
    const struct date_state *now = states_of(&date, 1);
    assert_int_equal(now->run, 1);
    assert_int_equal(now->stale.group, 0);
}

/* --- The plan ------------------------------------------------------------------------------------------- */

static void a_dry_run_sends_nothing(void **state) {
    (void)state;
    check_run(0, "backfill", NOVEMBER, "--dry-run", "--start-date", "2021-11-16", "--end-date", "2021-11-17");
    check_output("2021-11-16  send pgs no data, upgc 105, utgc 6, togs no data, tdgs no data\n");
    check_output("2021-11-17  send pgs 232, upgc 382, utgc 22, togs no data, tdgs no data\n");
    check_output("2 dates, 10 completions to send");
    check_output("left out: 10 row counts of Phase 4");
    check_run(0, "backfill", NOVEMBER, "--dry-run", "--dates", "2021-11-17", "--phase4");
    check_output("tdgs no data, psza 280, tdza 30, pcf 382");
    assert_int_equal(published(), 0);
}

static void the_rows_come_in_either_form_and_from_standard_input(void **state) {
    (void)state;
    write_file("game_date,processor,record_count\n2021-11-17,player_game_summary,232\n2021-11-17,togs,0\n");
    char command[512];
    snprintf(command, sizeof command, "exec '%s' backfill -n - < %s", PHASEGATE_BINARY, csv);
    const char *const argv[] = {"sh", "-c", command, NULL};
    start(argv, &background);
    assert_int_equal(finish(&background), 0);
    check_output("2021-11-17  send pgs 232, togs no data\n");
}

static void dates_alone_vouch_for_their_tables(void **state) {
    (void)state;
    start_daemon();
    check_run(0, "backfill", "2021-11-17,2021-11-18", "--processors", "TeamOffenseGameSummaryProcessor,tdgs");
    check_output("2 dates, 4 completions to send");
    await(all_is_consumed, NULL, "all to be consumed");
    check_run(0, "status", "2021-11-17", "--json");
    check_output("waits for pgs, upgc, utgc");
    check_run(0, "backfill", "2021-11-17", "-P", "togs");
    check_output("nothing to do: all 1 are there already");
}

static void wrong_usage_says_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *words[6];
        const char *part;
    } cases[] = {
        {{"backfill"}, "nothing is chosen"},
        {{"backfill", "YESTERDAY"}, "YESTERDAY is neither a date (YYYY-MM-DD) nor a file"},
        {{"backfill", "2021-02-30"}, "2021-02-30"},
        {{"backfill", "2021-11-17", "-P", "pgz"}, "did you mean pgs?"},
        {{"backfill", "2021-11-17", "--id", "a b"}, "--id: \"a b\""},
        {{"backfill", "2021-11-17", "--rate", "0"}, "--rate"},
        {{"backfill", "2021-11-17", "--timeout", "5"}, "--timeout goes with --wait"},
        {{"backfill", "2021-11-17", "--all"}, "--all goes with"},
        {{"backfill", "2021-11-17", "--phase4", "-P", "pgs"}, "--phase4"},
        {{"backfill", "2121-11-17"}, "2121-11-17"},
        {{"backfill", "pause", "--rate", "5"}, "backfill pause takes no --rate"},
        {{"backfill", "resume", "2021-11-17"}, "backfill resume takes no 2021-11-17"},
        {{"backfill", "cancel"}, "backfill cancel takes dates"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(run_words(cases[i].words), 2);
        check_output(cases[i].part);
    }
}

static void a_bad_row_is_named_by_file_and_line(void **state) {
    (void)state;
    char where[160];
    write_file("game_date,pgs\n2021-11-17,232\n2021-11-18,many\n");
    snprintf(where, sizeof where, "%s:3: ", csv);
    check_run(2, "backfill", csv);
    check_output(where);
    check_output("many");
    write_file("game_date,pgz\n2021-11-17,232\n");
    check_run(2, "backfill", csv);
    check_output("pgs");
    assert_int_equal(published(), 0);
}

static void what_cannot_be_reached_is_exit_status_3(void **state) {
    (void)state;
    redis_server_stop(server);
    check_run(3, "backfill", "2021-11-17");
    check_output("phasegate: ");
    check_run(3, "backfill", "2021-11-17", "--no-resume");
    check_run(3, "backfill", "pause");
    redis_server_restart(server);
}

/* --- Waiting -------------------------------------------------------------------------------------------- */

static void waiting_ends_with_what_is_held_and_why(void **state) {
    (void)state;
    start_daemon();
    check_run(1, "backfill", NOVEMBER, "--dates", "2021-11-16,2021-11-17,2021-11-25", "--wait");
    check_output("2021-11-16  held    waits for pgs, togs, tdgs\n");
    check_output("2021-11-17  held    waits for togs, tdgs\n");
    check_output("3 dates: 0 done, 1 no games, 2 held, 0 failed\n");
    check_run(0, "backfill", NOVEMBER, "--dates", "2021-11-25", "--wait");
}

static void answer(const char *processor, const char *status) {
    check_ok(process_spawn((const char *const[]){PHASEGATE_BINARY, "publish", "-P", processor, "-d",
                               "2021-11-15", "--rows", "30", "--status", status, NULL},
        environment(), NULL, &background));
    assert_true(process_wait(&background, COMMAND_MS));
    assert_int_equal(background.status, 0);
}

static void waiting_ends_when_the_date_is_done(void **state) {
    (void)state;
    static const char *const members[] = {"psza", "tdza", "pcf", "pdc", "mlfs"};
    static const int groups[] = {1, 1, 2, 3, 4};
    struct process waiting = PROCESS_NONE;
    const char *const argv[] = {
        PHASEGATE_BINARY, "backfill", NOVEMBER, "--dates", "2021-11-15", "--wait", NULL};
    start_daemon();
    start(argv, &waiting);
    for (int i = 0; i < 5; i++) {
        await_group("2021-11-15", groups[i], GROUP_TRIGGERED);
        assert_true(process_running(&waiting));
        answer(members[i], "success");
    }
    assert_int_equal(finish(&waiting), 0);
    check_output("1 date: 1 done, 0 no games, 0 held, 0 failed\n");
}

static void waiting_ends_with_what_failed(void **state) {
    (void)state;
    start_daemon();
    check_run(0, "backfill", NOVEMBER, "--dates", "2021-11-15");
    await_group("2021-11-15", 1, GROUP_TRIGGERED);
    answer("psza", "failed");
    await_group("2021-11-15", 1, GROUP_FAILED);
    check_run(1, "backfill", NOVEMBER, "--dates", "2021-11-15", "--wait");
    check_output("2021-11-15  failed  group 1 failed: psza\n");
}

static void waiting_has_a_timeout(void **state) {
    (void)state;
    start_daemon();
    check_run(1, "backfill", NOVEMBER, "--dates", "2021-11-15", "--wait", "--timeout", "1", "--json");
    json_t *json = output_json(), *wait = json_object_get(json, "wait");
    assert_true(json_is_true(json_object_get(wait, "timed_out")));
    assert_int_equal(json_integer_value(json_object_get(wait, "open")), 1);
    json_t *date = json_array_get(json_object_get(json, "dates"), 0);
    assert_string_equal(json_string_value(json_object_get(date, "fate")), "open");
    json_t *totals = json_object_get(json, "completions");
    assert_int_equal(json_integer_value(json_object_get(totals, "sent")), 5);
    json_decref(json);
}

static void waiting_can_be_interrupted(void **state) {
    (void)state;
    struct process waiting = PROCESS_NONE;
    const char *const argv[] = {
        PHASEGATE_BINARY, "backfill", NOVEMBER, "--dates", "2021-11-15", "--wait", NULL};
    start_daemon();
    start(argv, &waiting);
    await_group("2021-11-15", 1, GROUP_TRIGGERED);
    kill(waiting.pid, SIGTERM);
    assert_int_equal(finish(&waiting), 1);
    check_output("stopped waiting; 1 date:");
}

/* --- pause, cancel, resume ------------------------------------------------------------------------------ */

enum { CAP = 15, DATES = 20 };

static struct backfill_state look(void) {
    struct backfill_state now;
    arena_reset(arena);
    check_ok(reader_backfill(reader, nba_pipeline(), arena, &now));
    return now;
}

static bool the_rest_waits(void *context) {
    (void)context;
    struct backfill_state now = look();
    return now.in_flight[0] == CAP && now.waiting_count == DATES - CAP;
}

static void start_twenty(void) {
    start_daemon();
    check_run(0, "backfill", "--start-date", "2022-01-01", "--end-date", "2022-01-20");
    await(the_rest_waits, NULL, "the cap in flight and the rest waiting");
}

static bool four_wait(void *context) {
    (void)context;
    return look().waiting_count == 4;
}

static void what_waits_is_paused_and_resumed(void **state) {
    (void)state;
    start_twenty();
    check_run(0, "backfill", "pause");
    check_output("backfill of nba is paused: 5 triggers wait, 15 in flight will still finish");
    assert_int_not_equal(look().paused_ms, 0);
    check_run(0, "backfill", "pause");
    check_output("was paused already");
    check_run(0, "backfill", "pause", "--json");
    json_t *json = output_json();
    assert_int_equal(json_integer_value(json_object_get(json, "waiting")), 5);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(json, "in_flight"), 0)), 15);
    json_decref(json);
    check_run(0, "backfill", "resume");
    check_output("backfill of nba is resumed: 5 triggers wait");
    check_run(0, "backfill", "resume");
    check_output("was not paused");
    assert_int_equal(look().paused_ms, 0);
}

static void what_waits_is_cancelled(void **state) {
    (void)state;
    start_twenty();
    check_run(0, "backfill", "cancel", "2022-01-20", "--dry-run");
    check_output("2022-01-20 group 1: would be cancelled\n1 trigger would be cancelled\n");
    assert_int_equal(look().waiting_count, 5);
    check_run(0, "backfill", "cancel", "--dates", "2022-01-20");
    check_output("2022-01-20 group 1: cancelled\n1 trigger cancelled\n");
    check_output("bring back with:\n  phasegate replay --dates 2022-01-20\n");
    assert_int_equal(phase_of("2022-01-20", 1), GROUP_CANCELLED);
    run_as_told("bring back with:");
    await(the_rest_waits, NULL, "what was cancelled to wait again");
    check_run(0, "backfill", "cancel", "--dates", "2022-01-20");
    await(four_wait, NULL, "four to be left");
    check_run(1, "backfill", "cancel", "2022-01-20");
    check_output("nothing to cancel: no backfill trigger waits for these dates");
    check_run(1, "backfill", "cancel", "2022-01-01"); /* in flight */
    check_run(0, "backfill", "cancel", "--all", "--json");
    json_t *json = output_json();
    assert_int_equal(json_array_size(json_object_get(json, "triggers")), 4);
    json_decref(json);
    assert_int_equal(look().waiting_count, 0);
    assert_int_equal(look().in_flight[0], CAP);
    check_run(1, "backfill", "2022-01-20", "--wait");
    check_output("2022-01-20  held    group 1 cancelled");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    four_seasons_dates(seasons);
    const struct CMUnitTest tests[] = {
        TEST(four_seasons_go_in_one_go),
        TEST(a_backfill_that_is_broken_off_goes_on),
        TEST(sending_twice_is_harmless),
        TEST(a_dry_run_sends_nothing),
        TEST(the_rows_come_in_either_form_and_from_standard_input),
        TEST(dates_alone_vouch_for_their_tables),
        TEST(wrong_usage_says_what_is_wrong),
        TEST(a_bad_row_is_named_by_file_and_line),
        TEST(what_cannot_be_reached_is_exit_status_3),
        TEST(waiting_ends_with_what_is_held_and_why),
        TEST(waiting_ends_when_the_date_is_done),
        TEST(waiting_ends_with_what_failed),
        TEST(waiting_has_a_timeout),
        TEST(waiting_can_be_interrupted),
        TEST(what_waits_is_paused_and_resumed),
        TEST(what_waits_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
