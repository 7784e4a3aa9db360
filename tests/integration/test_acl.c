/*
 * The users of deploy/redis.acl: the daemon and every command work as them, over Redis Streams, the bus that
 * asks for most; and they may do nothing else. Redis keeps a list of what it refused, ACL LOG: a command that
 * the code uses and the file lacks stands there even where the code can do without the answer.
 */
#include "support/acl_file.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/daemon.h"
#include "support/player.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 512, FILE_BYTES_MAX = 1 << 20, DEADLINE_MS = 40000, LINE_BYTES = 256 };

#define DAY ((game_date)18919)

struct fixture {
    struct temp_dir dir;
    struct redis_server *redis;
    struct daemon *daemon;
    struct player *player;
    struct commands *commands, *readers;
    char url[160], config[PATH_BYTES];
    const char *environment[6], *readers_environment[6];
};

/* --- The file ------------------------------------------------------------------------------------------- */

static char *read_file(const char *path) {
    FILE *file = fopen(path, "re");
    char *text = calloc(1, FILE_BYTES_MAX);
    if (!file || !text || fread(text, 1, FILE_BYTES_MAX - 1, file) == 0)
        fail_msg("%s cannot be read", path);
    fclose(file);
    return text;
}

static void fill_environment(struct fixture *fixture, const char *user, const char **environment) {
    environment[0] = fixture->config;
    environment[1] = user;
    environment[2] = "PHASEGATE_STORE_PASSWORD=" ACL_PASSWORD;
    environment[3] = "LC_ALL=C.UTF-8";
    environment[4] = NULL;
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    char path[PATH_BYTES];
    fixture->dir = temp_dir_make();
    snprintf(path, sizeof path, "%s/redis.acl", fixture->dir.path);
    acl_file_write(SOURCE_DIR "/deploy/redis.acl", path);
    fixture->redis = redis_server_start(
        (struct redis_server_options){.arguments = (const char *[]){"--aclfile", path, NULL}});
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    player_free(&fixture->player);
    daemon_free(&fixture->daemon);
    commands_free(&fixture->commands);
    commands_free(&fixture->readers);
    redis_server_free(&fixture->redis);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture) {
    static const char *const user[] = {"PHASEGATE_STORE_USERNAME=" ACL_FULL, NULL};
    fixture->daemon = daemon_new((struct daemon_options){.binary = PHASEGATE_BINARY,
        .redis_url = redis_server_url(fixture->redis),
        .password = ACL_PASSWORD,
        .create = true,
        .environment = user});
    daemon_start(fixture->daemon);
    daemon_await_running(fixture->daemon);
    fixture->player = player_new(
        (struct player_options){.redis = redis_server_settings(fixture->redis), .first = DAY, .count = 1});
    snprintf(fixture->config, sizeof fixture->config, "PHASEGATE_CONFIG=%s", daemon_config(fixture->daemon));
    fill_environment(fixture, user[0], fixture->environment);
    fill_environment(fixture, "PHASEGATE_STORE_USERNAME=" ACL_READ_ONLY, fixture->readers_environment);
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    fixture->readers = commands_new(PHASEGATE_BINARY, fixture->readers_environment);
}

/* --- What was refused ----------------------------------------------------------------------------------- */

static void check_nothing_was_refused(struct fixture *fixture) {
    redisReply *log = redis_server_ask(fixture->redis, "ACL LOG");
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *entry = log->element[i];
        char text[1024] = "";
        for (size_t j = 0; j + 1 < entry->elements; j += 2) {
            const redisReply *value = entry->element[j + 1];
            size_t used = strlen(text);
            if (value->type == REDIS_REPLY_STRING)
                snprintf(text + used, sizeof text - used, "%s %s; ", entry->element[j]->str, value->str);
        }
        fail_msg("deploy/redis.acl lacks something: %s", text);
    }
    freeReplyObject(log);
}

/* What the user is told; the caller's. */
static char *ask_as(struct fixture *fixture, const char *user, const char *command) {
    const struct redis_settings *settings = redis_server_settings(fixture->redis);
    redisContext *connection = redisConnectUnix(settings->path);
    assert_true(connection && !connection->err);
    freeReplyObject(redisCommand(connection, "AUTH %s %s", user, ACL_PASSWORD));
    redisReply *reply = redisCommand(connection, command);
    assert_non_null(reply);
    char *text = strdup(reply->type == REDIS_REPLY_ERROR ? reply->str : "");
    freeReplyObject(reply);
    redisFree(connection);
    return text;
}

static void check_refused(struct fixture *fixture, const char *user, const char *command) {
    char *answer = ask_as(fixture, user, command);
    if (strncmp(answer, "NOPERM", strlen("NOPERM")) != 0)
        fail_msg("%s may do this: %s (%s)", user, command, *answer ? answer : "done");
    free(answer);
}

/* --- Work ----------------------------------------------------------------------------------------------- */

static void publish_phase3(struct fixture *fixture) {
    for (int processor = PGS; processor <= TDGS; processor++)
        player_publish(fixture->player,
            &(struct event){.processor = processor,
                .date = DAY,
                .rows = event_rows(processor, DAY),
                .execution = "acl",
                .correlation = "acl",
                .timestamp_ms = INT64_C(1764502927104)});
    player_answer(fixture->player, 1);
}

static bool all_triggered(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->player) == PLAYER_GROUPS;
}

static bool has_quarantined(void *context) {
    struct fixture *fixture = context;
    return redis_server_ask_number(fixture->redis, "ZCARD pg:{nba}:quarantine") > 0;
}

/* A message that cannot be understood, shown, tried again and dropped. */
static void quarantine(struct fixture *fixture) {
    static const struct message bad = {.data = "no JSON", .size = 7};
    player_publish_message(fixture->player, "nba-phase3-complete", &bad);
    player_until(fixture->player, has_quarantined, fixture, DEADLINE_MS, "a message in quarantine");
    redisReply *ids = redis_server_ask(fixture->redis, "ZRANGE pg:{nba}:quarantine 0 0");
    assert_int_equal(ids->elements, 1);
    const char *id = ids->element[0]->str;
    check_run(fixture->readers, 0, "quarantine", "list");
    check_run(fixture->readers, 0, "quarantine", "show", id);
    check_run(fixture->commands, 0, "quarantine", "retry", id);
    check_run(fixture->commands, 0, "quarantine", "drop", "--all");
    freeReplyObject(ids);
}

static void look(struct commands *commands) {
    check_run(commands, 0, "status", "2021-10-19");
    check_run(commands, 0, "status", "--replicas");
    check_run(commands, 0, "explain", "2021-10-19");
    check_run(commands, 0, "history", "2021-10-19");
    check_run(commands, 0, "gaps");
    check_run(commands, 0, "preflight", "2021-10-19");
    check_run(commands, 0, "quarantine", "list");
}

static void change(struct commands *commands) {
    check_run(commands, 0, "publish", "-P", "pgs", "-d", "2021-10-20", "--rows", "10");
    check_run(commands, 1, "backfill", "--dates", "2021-10-20,2021-10-21", "--wait", "--timeout", "1");
    check_run(commands, 0, "backfill", "pause");
    check_run(commands, 0, "replay", "--running", "--dates", "2021-10-20");
    check_run(commands, 0, "replay", "--rerun", "--running", "--dates", "2021-10-20");
    check_run(commands, 0, "replay", "--missed", "--start-date", "2021-10-19", "--end-date", "2021-10-21");
    check_run(commands, 1, "backfill", "--dates", "2021-10-22", "--wait", "--timeout", "1");
    check_run(commands, 0, "backfill", "cancel", "--dates", "2021-10-22");
    check_run(commands, 0, "backfill", "resume");
    check_run(commands, 0, "replay", "--seek", "2025-01-01");
    check_run(commands, 0, "replay", "--seek", "2025-01-01", "--rebuild", "--quiet", "1");
    check_run(commands, 0, "replay", "--accept-loss");
}

static void everything_works_as_these_users(void **state) {
    struct fixture *fixture = *state;
    start(fixture);
    publish_phase3(fixture);
    player_until(fixture->player, all_triggered, fixture, DEADLINE_MS, "four triggers");
    player_until_confirmed(fixture->player);
    quarantine(fixture);
    look(fixture->commands);
    look(fixture->readers);
    player_free(&fixture->player); /* it plays no other dates */
    change(fixture->commands);
    daemon_stop(fixture->daemon);
    daemon_start(fixture->daemon); /* to a store that has its library */
    daemon_await_running(fixture->daemon);
    daemon_stop(fixture->daemon);
    check_nothing_was_refused(fixture);
}

/* --- Nothing else --------------------------------------------------------------------------------------- */

static void nothing_else_is_allowed(void **state) {
    struct fixture *fixture = *state;
    static const char *const refused[] = {"CONFIG GET *", "CONFIG SET dir /tmp", "KEYS *", "SCAN 0",
        "FLUSHALL", "FLUSHDB", "SHUTDOWN NOSAVE", "SAVE", "BGSAVE", "REPLICAOF NO ONE", "MONITOR", "ACL LIST",
        "ACL SETUSER default on", "MODULE LIST", "CLIENT LIST", "CLIENT KILL TYPE normal", "SCRIPT FLUSH",
        "FUNCTION FLUSH", "FUNCTION DELETE phasegate", "EVALSHA x 0", "EVAL x 1 pg:{nba}:months",
        "GET pg:{nba}:months", "SET other 1", "HGETALL other", "HSET other a b", "DEL pg:bus:{x}",
        "XREAD STREAMS other 0", "XADD other * a b", "XADD pg:{nba}:months * a b", "XDEL pg:bus:{x} 1-1",
        "SUBSCRIBE all", "PUBLISH all x", "SWAPDB 0 1", "MIGRATE h 1 k 0 1", "RESTORE k 0 x", "RENAME a b",
        "SLOWLOG GET", "LATENCY DOCTOR"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        check_refused(fixture, ACL_FULL, refused[i]);
        check_refused(fixture, ACL_READ_ONLY, refused[i]);
    }
    char *script =
        ask_as(fixture, ACL_FULL, "EVAL return{redis.call('FLUSHALL')} 0"); /* it may run; that may not */
    assert_non_null(strstr(script, "can't run this command"));
    free(script);
    static const char *const writing[] = {"HSET pg:{nba}:counters a 1", "DEL pg:{nba}:months",
        "FCALL pg_apply_all 0", "FUNCTION LOAD x", "ZADD pg:{nba}:months 1 a", "XADD pg:bus:{x} * a b",
        "HGETALL pg:bus:{x}"};
    for (size_t i = 0; i < sizeof writing / sizeof *writing; i++)
        check_refused(fixture, ACL_READ_ONLY, writing[i]);
}

static void a_reader_changes_nothing(void **state) {
    struct fixture *fixture = *state;
    start(fixture);
    static const char *const dates[] = {"backfill", "--dates", "2021-10-20", NULL};
    static const char *const pause[] = {"backfill", "pause", NULL};
    assert_int_not_equal(commands_run(fixture->readers, dates), 0);
    assert_int_not_equal(commands_run(fixture->readers, pause), 0);
    assert_int_equal(redis_server_ask_number(fixture->redis, "XLEN pg:bus:{nba-phase3-complete}"), 0);
    assert_int_equal(redis_server_ask_number(fixture->redis, "ZCARD pg:{nba}:months"), 0);
}

/* --- What scripts call ---------------------------------------------------------------------------------- */

/* "XGROUP" and "SETID" of redis.call('XGROUP', 'SETID', …; the rest of the line follows. False when there is
 * none. */
static const char *next_call(const char *text, char name[LINE_BYTES], char second[LINE_BYTES]) {
    while (text && (text = strstr(text, "redis."))) {
        text += strlen("redis.");
        second[0] = '\0';
        if (sscanf(text, "call('%63[A-Z]', '%63[A-Z]'", name, second) >= 1
            || sscanf(text, "pcall('%63[A-Z]', '%63[A-Z]'", name, second) >= 1
            || sscanf(text, "call(\"%63[A-Z]\"", name) == 1)
            return text;
    }
    return NULL;
}

/* The same of (const char *[]){"CLUSTER", "SLOTS"}, a command of C. */
static const char *next_command(const char *text, char name[LINE_BYTES], char second[LINE_BYTES]) {
    static const char start[] = "(const char *[]){";
    while (text && (text = strstr(text, start))) {
        text += strlen(start);
        second[0] = '\0';
        if (sscanf(text, "\"%63[A-Z]\", \"%63[A-Z]\"", name, second) >= 1)
            return text;
    }
    return NULL;
}

static bool is_granted(const char *granted, const char *name, const char *second) {
    char plain[LINE_BYTES], with[LINE_BYTES];
    snprintf(plain, sizeof plain, " +%.60s ", name);
    snprintf(with, sizeof with, " +%.60s|%.60s ", name, second);
    return strcasestr(granted, plain) || strcasestr(granted, with);
}

typedef const char *next_fn(const char *text, char name[LINE_BYTES], char second[LINE_BYTES]);

static size_t check_calls(const char *path, next_fn *next, const char *granted) {
    char name[LINE_BYTES], second[LINE_BYTES], *text = read_file(path);
    size_t count = 0;
    for (const char *at = text; (at = next(at, name, second)); count++) {
        if (!is_granted(granted, name, second))
            fail_msg("%s calls %s %s, which deploy/redis.acl does not grant", path, name, second);
    }
    free(text);
    return count;
}

static size_t check_folder(const char *folder, const char *ending, next_fn *next, const char *granted) {
    DIR *files = opendir(folder);
    size_t count = 0;
    assert_non_null(files);
    for (const struct dirent *entry; (entry = readdir(files));) {
        size_t length = strlen(entry->d_name);
        char path[2 * PATH_BYTES];
        if (length < strlen(ending) || strcmp(entry->d_name + length - strlen(ending), ending) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count += check_calls(path, next, granted);
    }
    closedir(files);
    return count;
}

/* The user's own commands, or those that are for the keys of the streams alone. */
static char *granted_to(const char *user, bool streams) {
    char *text = read_file(SOURCE_DIR "/deploy/redis.acl"), start[LINE_BYTES];
    snprintf(start, sizeof start, "user %s ", user);
    char *line = strstr(text, start), *selector = line ? strchr(line, '(') : NULL;
    assert_non_null(line);
    assert_non_null(selector);
    *strchr(line, ')') = ' ';
    *selector = '\0';
    char *granted = strdup(streams ? selector + 1 : line);
    free(text);
    size_t length = strlen(granted);
    granted = realloc(granted, length + 2);
    assert_non_null(granted);
    strcpy(granted + length, " ");
    return granted;
}

/* Also those that a test comes by only now and then. */
static void whatever_scripts_call_is_granted(void **state) {
    (void)state;
    char *granted = granted_to(ACL_FULL, false);
    assert_true(check_folder(SOURCE_DIR "/state/lua", ".lua", next_call, granted) > 40);
    assert_true(check_folder(SOURCE_DIR "/orchestrator/redis", ".c", next_command, granted) > 4);
    free(granted);
    granted = granted_to(ACL_FULL, true);
    assert_true(check_folder(SOURCE_DIR "/orchestrator/bus", ".c", next_call, granted) > 5);
    free(granted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_scripts_call_is_granted),
        cmocka_unit_test_setup_teardown(everything_works_as_these_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_else_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_changes_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
