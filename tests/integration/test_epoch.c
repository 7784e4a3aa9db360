/*
 * Does the daemon notice that Redis forgot? The store is emptied, put back to an older state, or exchanged,
 * while the daemon runs and while it does not; and is left alone, which must not be noticed.
 */
#include "support/check.h"
#include "support/commands.h"
#include "support/system.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 512, ENVIRONMENT_MAX = 4 };

static const char loss[] = "the store has forgotten";

struct fixture {
    struct system system;
    struct commands *commands;
    struct temp_dir dir;
    char epoch_file[PATH_BYTES_MAX], store_url[PATH_BYTES_MAX];
    const char *environment[ENVIRONMENT_MAX];
    const char *no_environment[1];
    long long epoch;
};

static void open_fixture(struct fixture *fixture, bool with_file) {
    snprintf(
        fixture->epoch_file, sizeof fixture->epoch_file, "PHASEGATE_EPOCH_FILE=%s/epoch", fixture->dir.path);
    fixture->environment[0] = fixture->epoch_file;
    system_open(&fixture->system,
        (struct system_options){.bus = SYSTEM_FAKE,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = 1,
            .environment = with_file ? fixture->environment : fixture->no_environment});
    snprintf(fixture->store_url, sizeof fixture->store_url, "PHASEGATE_STORE_URL=%s",
        redis_server_url(fixture->system.redis));
    static const char *environment[3];
    environment[0] = fixture->store_url;
    environment[1] = "LC_ALL=C.UTF-8";
    fixture->commands = commands_new(PHASEGATE_BINARY, environment);
    system_start(&fixture->system);
}

static long long epoch_of(struct fixture *fixture) {
    redisReply *reply = redis_server_ask(fixture->system.redis, "HGET pg:{nba}:epoch value");
    long long value = reply->str ? strtoll(reply->str, NULL, 10) : 0;
    freeReplyObject(reply);
    return value;
}

static bool has_grown(struct fixture *fixture) {
    return epoch_of(fixture) > fixture->epoch;
}

/* Runs the system until the daemon has raised the epoch once more. */
static void until_raised(struct fixture *fixture) {
    fixture->epoch = epoch_of(fixture);
    for (int i = 0; i < 3000 && !has_grown(fixture); i++)
        usleep(10000);
    assert_true(has_grown(fixture));
}

static bool has_togs(const struct date_state *state) {
    return state->records[TOGS].mark == RECORD_COUNTS;
}

static void check_lost(struct fixture *fixture, const char *what) {
    check_run(fixture->commands, 0, "status", "--json");
    json_t *status = commands_json(fixture->commands);
    const json_t *lost = json_object_get(json_object_get(status, "store"), "lost");
    if (what)
        assert_string_equal(json_string_value(json_object_get(lost, "what")), what);
    else
        assert_true(json_is_null(lost));
    json_decref(status);
}

/* --- The files of Redis --------------------------------------------------------------------------------- */

/* What is there before is removed. */
static void copy_directory(const char *from, const char *to) {
    char command[4 * PATH_BYTES_MAX];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0);
}

static void directory_of(struct fixture *fixture, char path[PATH_BYTES_MAX]) {
    redisReply *reply = redis_server_ask(fixture->system.redis, "CONFIG GET dir");
    snprintf(path, PATH_BYTES_MAX, "%s/appendonlydir", reply->element[1]->str);
    freeReplyObject(reply);
}

static void keep_files(struct fixture *fixture) {
    char files[PATH_BYTES_MAX], kept[PATH_BYTES_MAX];
    directory_of(fixture, files);
    snprintf(kept, sizeof kept, "%s/kept", fixture->dir.path);
    redis_server_stop(fixture->system.redis);
    copy_directory(files, kept);
    redis_server_restart(fixture->system.redis);
}

static void put_files_back(struct fixture *fixture) {
    char files[PATH_BYTES_MAX], kept[PATH_BYTES_MAX];
    directory_of(fixture, files);
    snprintf(kept, sizeof kept, "%s/kept", fixture->dir.path);
    redis_server_stop(fixture->system.redis);
    copy_directory(kept, files);
    redis_server_restart(fixture->system.redis);
}

/* --- The tests ------------------------------------------------------------------------------------------ */

/* Said once, shown until it is settled, and not again. */
static void an_emptied_store_is_noticed(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture, false);
    assert_int_equal(daemon_said(fixture->system.daemon, "the store knows nothing of this pipeline yet"), 1);
    check_lost(fixture, NULL);
    redis_server_do(fixture->system.redis, "FLUSHALL");
    system_until_said(&fixture->system, "the store has forgotten: it came back empty");
    check_run(fixture->commands, 0, "status");
    commands_check_output(fixture->commands, "phasegate replay --pipeline nba --seek 7d --rebuild");
    check_lost(fixture, "empty");
    daemon_stop(fixture->system.daemon);
    daemon_start(fixture->system.daemon);
    daemon_await_running(fixture->system.daemon);
    until_raised(fixture);
    assert_int_equal(daemon_said(fixture->system.daemon, loss), 1); /* a new process says it once more */
    daemon_stop(fixture->system.daemon);
}

/* Nothing is remembered of what it knew, and no bus says whether a subscription has a past: an answer to a
 * trigger that it has not decided shows it. */
static void an_answer_to_an_unknown_trigger_is_told_once(void **state) {
    struct fixture *fixture = *state;
    static const int processors[] = {PSZA, TDZA};
    open_fixture(fixture, false);
    for (size_t i = 0; i < sizeof processors / sizeof *processors; i++)
        player_publish(fixture->system.player,
            &(struct event){.processor = processors[i],
                .date = SYSTEM_FIRST_DATE,
                .rows = event_rows(processors[i], SYSTEM_FIRST_DATE),
                .execution = "answer",
                .trigger_id = i > 0 ? "nba/2021-10-19/g1/r1" : NULL,
                .timestamp_ms = INT64_C(1764502927104)});
    system_until_said(&fixture->system, "which this store has not decided");
    system_publish(&fixture->system, PGS, "first");
    system_until_dates(&fixture->system, date_has_pgs, "the first table");
    assert_int_equal(daemon_said(fixture->system.daemon, "which this store has not decided"), 1);
    assert_int_equal(daemon_said(fixture->system.daemon, "team_defense_zone_analysis answers"), 1);
    check_lost(fixture, NULL);
    daemon_stop(fixture->system.daemon);
}

/* Of two daemons one finds it, and both know it for the same loss. */
static void of_two_replicas_both_say_the_same_loss(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture, false);
    struct daemon *other = system_another_daemon(&fixture->system);
    daemon_start(other);
    daemon_await_running(other);
    redis_server_do(fixture->system.redis, "FLUSHALL");
    daemon_await_said(fixture->system.daemon, loss);
    daemon_await_said(other, loss);
    check_lost(fixture, "empty");
    until_raised(fixture);
    until_raised(fixture);
    assert_int_equal(daemon_said(fixture->system.daemon, loss), 1);
    assert_int_equal(daemon_said(other, loss), 1);
    daemon_stop(other);
    daemon_free(&other);
    daemon_stop(fixture->system.daemon);
}

/* One event after the files were kept is enough: the epoch is raised behind each. */
static void an_older_store_is_noticed(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture, false);
    system_publish(&fixture->system, PGS, "first");
    system_until_dates(&fixture->system, date_has_pgs, "the first table");
    keep_files(fixture);
    system_publish(&fixture->system, TOGS, "second");
    system_until_dates(&fixture->system, has_togs, "the second table");
    until_raised(fixture);
    assert_int_equal(daemon_said(fixture->system.daemon, loss), 0);
    put_files_back(fixture);
    system_until_said(&fixture->system, "the store has forgotten: it came back as it was before");
    check_lost(fixture, "older");
    daemon_stop(fixture->system.daemon);
}

/* By the file, after a restart; the same store again is no loss. */
static void a_restart_remembers(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture, true);
    daemon_stop(fixture->system.daemon);
    daemon_start(fixture->system.daemon);
    daemon_await_running(fixture->system.daemon);
    assert_int_equal(daemon_said(fixture->system.daemon, loss), 0);
    assert_int_equal(daemon_said(fixture->system.daemon, "the store knows nothing of this pipeline yet"), 0);
    daemon_stop(fixture->system.daemon);
    redis_server_do(fixture->system.redis, "FLUSHALL");
    daemon_start(fixture->system.daemon);
    daemon_await_running(fixture->system.daemon);
    assert_int_equal(daemon_said(fixture->system.daemon, "the store has forgotten: it came back empty"), 1);
    daemon_stop(fixture->system.daemon);
}

/* The file is written as soon as there is something to remember. */
static void a_killed_daemon_has_remembered(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture, true);
    daemon_kill(fixture->system.daemon);
    redis_server_do(fixture->system.redis, "FLUSHALL");
    daemon_start(fixture->system.daemon);
    daemon_await_running(fixture->system.daemon);
    assert_int_equal(daemon_said(fixture->system.daemon, "the store has forgotten: it came back empty"), 1);
    daemon_stop(fixture->system.daemon);
}

static void a_restart_finds_an_older_store(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture, true);
    until_raised(fixture);
    keep_files(fixture);
    until_raised(fixture);
    daemon_stop(fixture->system.daemon);
    put_files_back(fixture);
    daemon_start(fixture->system.daemon);
    daemon_await_running(fixture->system.daemon);
    assert_int_equal(daemon_said(fixture->system.daemon, "it came back as it was before"), 1);
    daemon_stop(fixture->system.daemon);
}

/* A store that is lost and found again whole has forgotten nothing. */
static void what_comes_back_whole_is_no_loss(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture, false);
    for (int i = 0; i < 3; i++) {
        redis_server_kill(fixture->system.redis);
        redis_server_restart(fixture->system.redis);
        until_raised(fixture);
    }
    assert_int_equal(daemon_said(fixture->system.daemon, loss), 0);
    check_lost(fixture, NULL);
    daemon_stop(fixture->system.daemon);
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->dir = temp_dir_make();
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    commands_free(&fixture->commands);
    system_close(&fixture->system);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_emptied_store_is_noticed),
        TEST(an_answer_to_an_unknown_trigger_is_told_once),
        TEST(of_two_replicas_both_say_the_same_loss),
        TEST(an_older_store_is_noticed),
        TEST(a_restart_remembers),
        TEST(a_killed_daemon_has_remembered),
        TEST(a_restart_finds_an_older_store),
        TEST(what_comes_back_whole_is_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
