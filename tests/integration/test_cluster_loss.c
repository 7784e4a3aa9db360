/*
 * One node of a Redis Cluster comes back empty, with all that it had: months, while the epoch is on another
 * node. The daemon says which months, while it runs and when it starts; a rebuild brings them back, and
 * nothing that was answered is triggered again.
 */
#include "support/await.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/redis_cluster.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 150, DEADLINE_MS = 20000, PROCESSORS = 5 };

static const char loss[] = "the store has forgotten: it lost what was in ";
static const char *const months[] = {"2021-10", "2021-11", "2021-12", "2022-01", "2022-02", "2022-03"};
enum { MONTHS = sizeof months / sizeof *months };

struct fixture {
    struct redis_test_cluster *cluster;
    struct arena *arena;
    struct redis_settings settings;
    struct system system;
    struct commands *commands;
    int home, dead; /* the pipeline's node, and the one that forgets */
};

static int node_of(const struct fixture *fixture, const char *month) {
    char key[32];
    snprintf(key, sizeof key, month ? "{nba:%s}" : "{nba}", month);
    return redis_cluster_master(fixture->cluster, redis_cluster_slot(fixture->cluster, key));
}

static void choose_node(struct fixture *fixture) {
    fixture->home = node_of(fixture, NULL);
    for (int i = 0; i < MONTHS; i++)
        if (node_of(fixture, months[i]) != fixture->home)
            fixture->dead = node_of(fixture, months[i]);
    assert_int_not_equal(fixture->dead, fixture->home);
}

static void publish_dates(struct system *system) {
    for (int i = 0; i < DATES * PROCESSORS; i++) {
        int processor = PGS + i % PROCESSORS;
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = SYSTEM_FIRST_DATE + i / PROCESSORS,
                .rows = event_rows(processor, SYSTEM_FIRST_DATE + i / PROCESSORS),
                .execution = execution,
                .correlation = "loss",
                .timestamp_ms = INT64_C(1764502927104)});
    }
    player_answer(system->player, 1);
}

/* All dates done, on all nodes. */
static void open_fixture(struct fixture *fixture) {
    fixture->cluster = redis_cluster_start((struct redis_cluster_options){0});
    check_ok(redis_settings_parse(redis_cluster_url(fixture->cluster), fixture->arena, &fixture->settings));
    choose_node(fixture);
    fixture->commands = commands_new(PHASEGATE_BINARY, NULL);
    system_open(&fixture->system,
        (struct system_options){.bus = SYSTEM_FAKE,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .store_url = redis_cluster_url(fixture->cluster),
            .store = fixture->settings});
    system_start(&fixture->system);
    publish_dates(&fixture->system);
    system_until_dates(&fixture->system, date_is_done, "all dates to be done");
    system_until_outbox_empty(&fixture->system);
}

/* Without a replica that could take over, and without a file. */
static void forget(struct fixture *fixture) {
    for (int i = REDIS_CLUSTER_MASTERS; i < REDIS_CLUSTER_SERVERS; i++)
        redis_server_kill(redis_cluster_server(fixture->cluster, i));
    redis_server_kill(redis_cluster_server(fixture->cluster, fixture->dead));
    redis_server_restart(redis_cluster_server(fixture->cluster, fixture->dead));
}

/* The lost months are named, and no others. */
static void check_months_named(struct fixture *fixture) {
    check_run(fixture->commands, 0, "status", "--config", daemon_config(fixture->system.daemon), "--json");
    json_t *status = commands_json(fixture->commands);
    const json_t *lost = json_object_get(json_object_get(status, "store"), "lost");
    const json_t *named = json_object_get(lost, "months");
    size_t expected = 0;
    assert_string_equal(json_string_value(json_object_get(lost, "what")), "months");
    for (int i = 0; i < MONTHS; i++)
        expected += node_of(fixture, months[i]) == fixture->dead;
    assert_int_equal(json_array_size(named), expected);
    for (size_t i = 0; i < expected; i++)
        assert_int_equal(node_of(fixture, json_string_value(json_array_get(named, i))), fixture->dead);
    json_decref(status);
}

static void check_nothing_lost(struct fixture *fixture) {
    check_run(fixture->commands, 0, "status", "--config", daemon_config(fixture->system.daemon), "--json");
    json_t *status = commands_json(fixture->commands);
    assert_true(json_is_null(json_object_get(json_object_get(status, "store"), "lost")));
    json_decref(status);
}

static void a_node_that_forgot_is_noticed_and_rebuilt(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture);
    size_t triggers = player_triggers(fixture->system.player);
    check_nothing_lost(fixture);
    forget(fixture);
    daemon_await_said(fixture->system.daemon, loss);
    check_months_named(fixture);
    check_run(fixture->commands, 0, "replay", "--config", daemon_config(fixture->system.daemon), "--seek",
        "7d", "--rebuild", "--quiet", "2");
    daemon_await_said(fixture->system.daemon, "the loss of the store's state has been settled");
    system_until_dates(&fixture->system, date_is_done, "all dates to be done again");
    assert_int_equal(player_triggers(fixture->system.player), triggers);
    system_check_triggers(&fixture->system);
    check_nothing_lost(fixture);
    daemon_stop(fixture->system.daemon);
}

/* What each month has by the pipeline's slot; so that a process that remembers nothing can know. */
static bool is_noted(void *context) {
    struct fixture *fixture = context;
    bool all = true;
    for (int i = 0; i < MONTHS && all; i++) {
        struct redis_server *home = redis_cluster_server(fixture->cluster, fixture->home);
        redisReply *reply = redis_server_ask(home, "HGET pg:{nba}:steps %s", months[i]);
        redisReply *counts =
            redis_server_ask(redis_cluster_server(fixture->cluster, node_of(fixture, months[i])),
                "HVALS pg:{nba:%s}:steps", months[i]);
        long long sum = 0;
        for (size_t c = 0; c < counts->elements; c++)
            sum += strtoll(counts->element[c]->str, NULL, 10);
        all = reply->str && strtoll(reply->str, NULL, 10) == sum;
        freeReplyObject(reply);
        freeReplyObject(counts);
    }
    return all;
}

/* No file, and another process: the pipeline's slot remembers. */
static void a_node_that_forgot_is_noticed_at_start(void **state) {
    struct fixture *fixture = *state;
    open_fixture(fixture);
    if (!await_until(is_noted, fixture, DEADLINE_MS))
        fail_msg("the steps of the months were not noted");
    daemon_stop(fixture->system.daemon);
    forget(fixture);
    redis_cluster_await_ok(fixture->cluster);
    daemon_start(fixture->system.daemon);
    daemon_await_said(fixture->system.daemon, loss);
    check_months_named(fixture);
    daemon_stop(fixture->system.daemon);
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || !(fixture->arena = arena_new(64 * 1024)))
        return -1;
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    commands_free(&fixture->commands);
    if (fixture->system.daemon)
        system_close(&fixture->system);
    redis_cluster_free(&fixture->cluster);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_node_that_forgot_is_noticed_and_rebuilt),
        TEST(a_node_that_forgot_is_noticed_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
