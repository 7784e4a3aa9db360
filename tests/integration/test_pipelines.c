/*
 * Several pipelines in one process: each has its own topics, dates, outbox and quarantine; what is wrong with
 * one holds up no other; and a daemon that is told one of them serves only that.
 */
#include "support/await.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/daemon.h"
#include "support/process.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIGGER_MS = 30000, YAML_MAX = 4096, DATES = 20 };

/* The same in all but its name, so that whatever is mixed up would fit the other. */
#define PIPELINE(name)                                                                                       \
    "  - name: " name                                                                                        \
    "\n"                                                                                                     \
    "    completions:\n"                                                                                     \
    "      - {topic: " name "-caught, subscription: " name                                                   \
    "-gate}\n"                                                                                               \
    "    triggers: {topic: " name                                                                            \
    "-start}\n"                                                                                              \
    "    processors:\n"                                                                                      \
    "      - {name: salmon, abbr: sal}\n"                                                                    \
    "      - {name: herring, abbr: her}\n"                                                                   \
    "      - {name: mackerel, abbr: mac}\n"                                                                  \
    "    groups:\n"                                                                                          \
    "      - processors: [mackerel]\n"                                                                       \
    "        needs: [salmon, herring]\n"

struct fixture {
    struct redis_server *server;
    struct daemon *daemon;
    struct commands *commands;
    char yaml[YAML_MAX];
};

static void start(struct fixture *fixture) {
    daemon_start(fixture->daemon);
    daemon_await_running(fixture->daemon);
}

static void publish(struct fixture *fixture, const char *pipeline, const char *processor, const char *date) {
    check_run(fixture->commands, 0, "publish", "--config", daemon_config(fixture->daemon), "--pipeline",
        pipeline, "-P", processor, "-d", date, "--rows", "7");
}

struct awaited {
    struct fixture *fixture;
    const char *key; /* of a stream */
    long long count;
};

static bool has_come(void *context) {
    const struct awaited *awaited = context;
    return redis_server_ask_number(awaited->fixture->server, "XLEN %s", awaited->key) >= awaited->count;
}

static void await_triggers(struct fixture *fixture, const char *stream, long long count) {
    struct awaited awaited = {fixture, stream, count};
    if (!await_until(has_come, &awaited, TRIGGER_MS))
        fail_msg("%s: %lld triggers have not come", stream, count);
    assert_int_equal(redis_server_ask_number(fixture->server, "XLEN %s", stream), count);
}

/* Each trigger of the stream is of this pipeline. */
static void check_all_of(struct fixture *fixture, const char *stream, const char *pipeline) {
    static const char script[] =
        "for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do local found = false "
        "for _, field in ipairs(entry[2]) do found = found or field:find(ARGV[1] .. '/2021-11-', 1, true) "
        "end "
        "if not found then return 0 end end return 1";
    if (redis_server_ask_number(fixture->server, "EVAL %s 1 %s %s", script, stream, pipeline) != 1)
        fail_msg("%s has a trigger that is not of %s", stream, pipeline);
}

/* --- The tests ------------------------------------------------------------------------------------------ */

static void the_same_date_of_two_pipelines_is_two_dates(void **state) {
    struct fixture *fixture = *state;
    start(fixture);
    publish(fixture, "north", "salmon", "2021-11-17");
    publish(fixture, "south", "herring", "2021-11-17"); /* together they would be whole */
    publish(fixture, "north", "herring", "2021-11-17");
    await_triggers(fixture, "pg:bus:{north-start}", 1);
    check_all_of(fixture, "pg:bus:{north-start}", "north");
    assert_int_equal(redis_server_ask_number(fixture->server, "EXISTS pg:bus:{south-start}"), 0);
    publish(fixture, "south", "salmon", "2021-11-17");
    await_triggers(fixture, "pg:bus:{south-start}", 1);
    check_all_of(fixture, "pg:bus:{south-start}", "south");
    await_triggers(fixture, "pg:bus:{north-start}", 1);
    daemon_stop(fixture->daemon);
}

/* The same dates of both are under way in the same moment. */
static void two_pipelines_go_at_the_same_time(void **state) {
    struct fixture *fixture = *state;
    char date[16];
    start(fixture);
    daemon_freeze(fixture->daemon);
    for (int i = 1; i <= DATES; i++) {
        snprintf(date, sizeof date, "2021-11-%02d", i);
        publish(fixture, "north", "salmon", date);
        publish(fixture, "south", "salmon", date);
        publish(fixture, "north", "herring", date);
        publish(fixture, "south", "herring", date);
    }
    daemon_thaw(fixture->daemon);
    await_triggers(fixture, "pg:bus:{north-start}", DATES);
    await_triggers(fixture, "pg:bus:{south-start}", DATES);
    check_all_of(fixture, "pg:bus:{north-start}", "north");
    check_all_of(fixture, "pg:bus:{south-start}", "south");
    daemon_stop(fixture->daemon);
}

/* Its dates' keys are something else, so that it can store nothing. */
static void a_pipeline_that_is_stuck_holds_up_no_other(void **state) {
    struct fixture *fixture = *state;
    char date[16];
    start(fixture);
    for (int i = 1; i <= DATES; i++)
        redis_server_do(fixture->server, "SET pg:{north:2021-11}:%02d %s", i, "somebody was here");
    for (int i = 1; i <= DATES; i++) {
        snprintf(date, sizeof date, "2021-11-%02d", i);
        publish(fixture, "north", "salmon", date);
        publish(fixture, "south", "salmon", date);
        publish(fixture, "south", "herring", date);
    }
    await_triggers(fixture, "pg:bus:{south-start}", DATES);
    assert_int_equal(redis_server_ask_number(fixture->server, "EXISTS pg:bus:{north-start}"), 0);
    for (int i = 1; i <= DATES; i++)
        redis_server_do(fixture->server, "DEL pg:{north:2021-11}:%02d", i);
    daemon_stop(fixture->daemon);
}

/* serve --pipeline: the other one's messages wait for who serves it. */
static void a_daemon_may_serve_one_of_them(void **state) {
    struct fixture *fixture = *state;
    start(fixture); /* so that the groups of both are there */
    daemon_stop(fixture->daemon);
    char log[PROCESS_PATH_MAX];
    struct temp_dir dir = temp_dir_make();
    struct process one = PROCESS_NONE;
    snprintf(log, sizeof log, "%s/log", dir.path);
    const char *const argv[] = {
        PHASEGATE_BINARY, "serve", "--config", daemon_config(fixture->daemon), "--pipeline", "south", NULL};
    check_ok(process_spawn(argv, NULL, log, &one));
    static const char *const names[] = {"north", "south"};
    for (int i = 0; i < 2; i++) {
        publish(fixture, names[i], "salmon", "2021-11-17");
        publish(fixture, names[i], "herring", "2021-11-17");
    }
    await_triggers(fixture, "pg:bus:{south-start}", 1);
    assert_int_equal(redis_server_ask_number(fixture->server, "EXISTS pg:bus:{north-start}"), 0);
    assert_true(process_stop(&one, TRIGGER_MS));
    assert_int_equal(one.status, 0);
    temp_dir_remove(&dir);
    start(fixture);
    await_triggers(fixture, "pg:bus:{north-start}", 1);
    await_triggers(fixture, "pg:bus:{south-start}", 1);
    daemon_stop(fixture->daemon);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->server = redis_server_start((struct redis_server_options){0});
    fixture->commands = commands_new(PHASEGATE_BINARY, NULL);
    fixture->daemon = daemon_new((struct daemon_options){
        .binary = PHASEGATE_BINARY, .redis_url = redis_server_url(fixture->server), .create = true});
    snprintf(fixture->yaml, sizeof fixture->yaml,
        "store: {url: \"%s\"}\nbus: {kind: redis}\nengine: {lease_seconds: 1}\npipelines:\n%s%s",
        redis_server_url(fixture->server), PIPELINE("north"), PIPELINE("south"));
    daemon_configure(fixture->daemon, fixture->yaml);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    commands_free(&fixture->commands);
    daemon_free(&fixture->daemon);
    redis_server_free(&fixture->server);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_same_date_of_two_pipelines_is_two_dates),
        TEST(two_pipelines_go_at_the_same_time),
        TEST(a_pipeline_that_is_stuck_holds_up_no_other),
        TEST(a_daemon_may_serve_one_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
