/*
 * A Redis whose master changes: sentinels name it, and the link, the commands and the daemon follow. What
 * decides: after kill -9 of the master under load every date goes through, with its four triggers, in order.
 */
#include "redis/link.h"
#include "redis/sync.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/redis_sentinels.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>

enum { DATES = 60, FOUND_MS = 15000, STAYS_MS = 8000 };

struct fixture {
    struct redis_sentinels *set;
    struct arena *arena;
    struct redis_settings settings;
    struct redis_server *server;
    struct system system;
    uv_loop_t loop;
    struct log_capture capture;
    struct redis_link *link;
    bool closed, lost;
    long long answer;
    size_t wanted;
};

static void start_set(struct fixture *fixture, struct redis_sentinels_options options) {
    fixture->set = redis_sentinels_start(options);
    check_ok(redis_settings_parse(redis_sentinels_url(fixture->set), fixture->arena, &fixture->settings));
    fixture->settings.password = options.password;
}

/* --- The link ------------------------------------------------------------------------------------------- */

static void on_lost(void *context) {
    struct fixture *fixture = context;
    fixture->lost = true;
}

static void open_link(struct fixture *fixture, const struct redis_settings *settings) {
    struct redis_link_events events = {.on_lost = on_lost, .context = fixture};
    check_ok(redis_link_open(&fixture->loop, settings, &fixture->capture.log, events, &fixture->link));
}

static bool is_connected(void *context) {
    const struct fixture *fixture = context;
    return redis_link_connected(fixture->link);
}

static bool is_lost(void *context) {
    const struct fixture *fixture = context;
    return fixture->lost;
}

static void on_number(void *context, const redisReply *reply) {
    struct fixture *fixture = context;
    fixture->answer = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

static bool is_answered(void *context) {
    const struct fixture *fixture = context;
    return fixture->answer != 0;
}

/* INCR; -1 when it failed. */
static long long increase(struct fixture *fixture) {
    fixture->answer = 0;
    if (!is_ok(redis_link_sendv(fixture->link, on_number, fixture, "INCR", "n", NULL)))
        return -1;
    loop_until(&fixture->loop, is_answered, fixture, FOUND_MS, "the answer");
    return fixture->answer;
}

static void await_connection(struct fixture *fixture) {
    loop_until(&fixture->loop, is_connected, fixture, FOUND_MS, "a connection to the master");
}

static void the_link_follows_the_master(void **state) {
    struct fixture *fixture = *state;
    start_set(fixture, (struct redis_sentinels_options){.password = "secret"});
    redis_server_kill(redis_sentinels_sentinel(fixture->set, 0)); /* the next one knows it, too */
    open_link(fixture, &fixture->settings);
    await_connection(fixture);
    assert_int_equal(increase(fixture), 1);
    redis_server_await_copies(redis_sentinels_server(fixture->set, 0), 1);
    redis_server_kill(redis_sentinels_server(fixture->set, 0));
    loop_until(&fixture->loop, is_lost, fixture, FOUND_MS, "the loss");
    await_connection(fixture);
    assert_int_equal(redis_sentinels_master(fixture->set), 1);
    assert_int_equal(increase(fixture), 2);
    assert_int_equal(log_capture_count(&fixture->capture, "no connection to Redis at sentinel://"), 1);
    assert_int_equal(log_capture_count(&fixture->capture, "/phasegate again"), 1);
    assert_int_equal(log_capture_count(&fixture->capture, "secret"), 0);
}

/* A sentinel that is behind names a server that is a replica by now: it is not used. */
static void a_replica_is_not_taken_for_the_master(void **state) {
    struct fixture *fixture = *state;
    start_set(fixture, (struct redis_sentinels_options){0});
    redis_server_freeze(redis_sentinels_sentinel(fixture->set, 1));
    redis_server_freeze(redis_sentinels_sentinel(fixture->set, 2)); /* so that nobody mends it */
    int port = redis_server_settings(redis_sentinels_server(fixture->set, 1))->port;
    redis_server_do(redis_sentinels_server(fixture->set, 0), "REPLICAOF 127.0.0.1 %d", port);
    open_link(fixture, &fixture->settings);
    loop_never(&fixture->loop, is_connected, fixture, 1500, "a connection to a replica");
    assert_true(log_capture_count(&fixture->capture, "is a replica") > 0);
    redisContext *connection = NULL;
    check_fails(redis_connect(&fixture->settings, 300, &connection), CODE_UNAVAILABLE, "is a replica");
}

/* Its connection stays, when nobody cuts it, so its answers have to be heard. */
static void a_server_that_has_become_a_replica_is_left(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){.tcp = true});
    open_link(fixture, redis_server_settings(fixture->server));
    await_connection(fixture);
    assert_int_equal(increase(fixture), 1);
    redis_server_do(fixture->server, "REPLICAOF 127.0.0.1 1");
    assert_int_equal(increase(fixture), -1);
    loop_until(&fixture->loop, is_lost, fixture, FOUND_MS, "the link to leave it");
    assert_int_equal(log_capture_count(&fixture->capture, "it is a replica now"), 1);
}

/* Makes sentinels, all or the one that is asked first, name the fixture's server as the master; the old one,
 * of which they know nothing any more, lives on as a master. */
static void depose(struct fixture *fixture, bool all) {
    int port = redis_server_settings(fixture->server)->port;
    for (int i = 0; i < REDIS_SENTINELS; i++) {
        if (!all && i != 1)
            continue;
        struct redis_server *sentinel = redis_sentinels_sentinel(fixture->set, i);
        redis_server_do(sentinel, "SENTINEL REMOVE phasegate");
        redis_server_do(sentinel, "SENTINEL MONITOR phasegate 127.0.0.1 %d 3", port);
    }
}

static void start_link_and_another_master(struct fixture *fixture) {
    start_set(fixture, (struct redis_sentinels_options){0});
    fixture->server = redis_server_start((struct redis_server_options){.tcp = true});
    redis_server_do(fixture->server, "SET n 100");
    open_link(fixture, &fixture->settings);
    await_connection(fixture);
    assert_int_equal(increase(fixture), 1);
}

/* What it takes is lost, whatever it says of itself. */
static void an_old_master_that_lives_is_left(void **state) {
    struct fixture *fixture = *state;
    start_link_and_another_master(fixture);
    depose(fixture, true);
    loop_until(&fixture->loop, is_lost, fixture, FOUND_MS, "the link to leave the old master");
    await_connection(fixture);
    assert_int_equal(increase(fixture), 101);
    assert_int_equal(log_capture_count(&fixture->capture, "as the master now"), 1);
}

/* One may be behind, or cut off; it takes two in a row. */
static void one_sentinel_alone_moves_nobody(void **state) {
    struct fixture *fixture = *state;
    start_link_and_another_master(fixture);
    depose(fixture, false);
    loop_never(&fixture->loop, is_lost, fixture, STAYS_MS, "the loss of a master that two of three name");
    assert_int_equal(increase(fixture), 2);
}

static void sentinels_that_cannot_help_are_told_of(void **state) {
    struct fixture *fixture = *state;
    redisContext *connection = NULL;
    struct redis_settings nobody = {.kind = REDIS_BY_SENTINEL,
        .seeds = {{.host = "127.0.0.1", .port = 1}},
        .seed_count = 1,
        .master = "phasegate"};
    check_fails(redis_connect(&nobody, 100, &connection), CODE_UNAVAILABLE, "sentinel 127.0.0.1:1");
    start_set(fixture, (struct redis_sentinels_options){0});
    fixture->settings.master = "mymaster";
    check_fails(
        redis_connect(&fixture->settings, 100, &connection), CODE_UNAVAILABLE, "no master named mymaster");
}

/* Closing while the sentinels are asked waits for the thread and leaves nothing behind. */
static void it_may_be_closed_while_it_asks(void **state) {
    struct fixture *fixture = *state;
    start_set(fixture, (struct redis_sentinels_options){0});
    redis_server_freeze(redis_sentinels_sentinel(fixture->set, 0));
    open_link(fixture, &fixture->settings);
    loop_never(&fixture->loop, is_connected, fixture, 50, "an answer of a frozen sentinel");
}

/* --- The daemon ----------------------------------------------------------------------------------------- */

static void open_system(struct fixture *fixture, enum system_bus bus, const char *const *environment) {
    system_open(&fixture->system,
        (struct system_options){.bus = bus,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .environment = environment,
            .store_url = redis_sentinels_url(fixture->set),
            .store = fixture->settings});
}

static void publish_dates(struct system *system) {
    for (int i = 0; i < DATES * 5; i++) {
        int processor = PGS + i % 5;
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = SYSTEM_FIRST_DATE + i / 5,
                .rows = event_rows(processor, SYSTEM_FIRST_DATE + i / 5),
                .tag = i / 5 % 2 ? EVENT_ATTRIBUTE : EVENT_LIVE,
                .execution = execution,
                .correlation = "failover",
                .timestamp_ms = INT64_C(1764502927104)});
    }
}

static bool enough_triggers(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->system.player) >= fixture->wanted;
}

static void until_triggers(struct fixture *fixture, size_t wanted) {
    fixture->wanted = wanted;
    player_until(
        fixture->system.player, enough_triggers, fixture, SYSTEM_DEADLINE_MS, "triggers before the kill");
}

static void check_all_done(struct system *system) {
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    system_until_outbox_empty(system);
}

/* What was acked and published is on a replica at least, so that the failover loses nothing of it. */
static void everything_comes_out_although_the_master_is_killed(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    static const char *const durable[] = {"PHASEGATE_STORE_DURABILITY=replicas 1", NULL};
    start_set(fixture, (struct redis_sentinels_options){.replicas = 2});
    open_system(fixture, SYSTEM_FAKE, durable);
    daemon_start(system->daemon);
    daemon_await_running(system->daemon);
    system_open_player(system);
    publish_dates(system);
    player_answer(system->player, 1);
    until_triggers(fixture, DATES / 2);
    redis_server_kill(redis_sentinels_server(fixture->set, 0));
    until_triggers(fixture, DATES);
    check_all_done(system);
    assert_int_not_equal(redis_sentinels_master(fixture->set), 0);
    daemon_stop(system->daemon);
}

/* The store's Redis is the bus, too: stream, groups and acks move to the new master with it. */
static void the_streams_bus_follows_as_well(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    start_set(fixture, (struct redis_sentinels_options){0});
    open_system(fixture, SYSTEM_STREAMS, NULL);
    system_start(system);
    publish_dates(system);
    player_until_confirmed(system->player);
    until_triggers(fixture, DATES / 2);
    redis_server_await_copies(redis_sentinels_server(fixture->set, 0), 1);
    redis_server_kill(redis_sentinels_server(fixture->set, 0));
    player_answer(system->player, 1);
    check_all_done(system);
    daemon_stop(system->daemon);
}

static void commands_find_the_master(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    start_set(fixture, (struct redis_sentinels_options){0});
    open_system(fixture, SYSTEM_STREAMS, NULL);
    struct commands *commands = commands_new(PHASEGATE_BINARY, NULL);
    const char *config = daemon_config(system->daemon);
    system_start(system);
    check_run(commands, 0, "publish", "--config", config, "-P", "pgs", "-d", "2021-10-19", "--rows", "12");
    redis_server_do(redis_sentinels_sentinel(fixture->set, 0), "SENTINEL FAILOVER phasegate");
    redis_sentinels_await_other(fixture->set, 0);
    check_run(commands, 0, "status", "--config", config, "--dates", "2021-10-19", "--no-color");
    check_run(commands, 0, "history", "--config", config, "2021-10-19", "--no-color");
    commands_free(&commands);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || !(fixture->arena = arena_new(64 * 1024)))
        return -1;
    uv_loop_init(&fixture->loop);
    log_capture_open(&fixture->capture);
    *state = fixture;
    return 0;
}

static void on_closed(void *context) {
    struct fixture *fixture = context;
    fixture->closed = true;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    if (fixture->link) {
        redis_link_close(fixture->link, on_closed, fixture);
        loop_until_true(&fixture->loop, &fixture->closed, FOUND_MS, "the link to close");
    }
    loop_close(&fixture->loop);
    log_capture_close(&fixture->capture);
    if (fixture->system.daemon)
        system_close(&fixture->system);
    redis_server_free(&fixture->server);
    redis_sentinels_free(&fixture->set);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_link_follows_the_master),
        TEST(a_replica_is_not_taken_for_the_master),
        TEST(a_server_that_has_become_a_replica_is_left),
        TEST(an_old_master_that_lives_is_left),
        TEST(one_sentinel_alone_moves_nobody),
        TEST(sentinels_that_cannot_help_are_told_of),
        TEST(it_may_be_closed_while_it_asks),
        TEST(everything_comes_out_although_the_master_is_killed),
        TEST(the_streams_bus_follows_as_well),
        TEST(commands_find_the_master),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
