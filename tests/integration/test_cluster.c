/*
 * A Redis Cluster as the store: keys of many months on all nodes, every function of the library on each, and
 * nodes that die, take over and hand slots on while the daemon works.
 */
#include "redis/client.h"
#include "redis/link.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/redis_cluster.h"
#include "support/store_harness.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 150, FOUND_MS = 20000, KEYS = 64, CLIENT_MS = 5000, WRONG = 2 };

struct fixture {
    struct redis_test_cluster *cluster;
    struct arena *arena;
    struct redis_settings settings;
    struct system system;
    struct store_harness *harness;
    uv_loop_t loop;
    struct log_capture capture;
    struct redis_link *link;
    bool closed;
    int connects, losses;
    size_t wanted;
};

static void start_cluster(struct fixture *fixture, struct redis_cluster_options options) {
    fixture->cluster = redis_cluster_start(options);
    check_ok(redis_settings_parse(redis_cluster_url(fixture->cluster), fixture->arena, &fixture->settings));
    fixture->settings.password = options.password;
}

static struct redis_server *master_of(struct fixture *fixture, const char *key) {
    int slot = redis_cluster_slot(fixture->cluster, key);
    return redis_cluster_server(fixture->cluster, redis_cluster_master(fixture->cluster, slot));
}

/* --- The link ------------------------------------------------------------------------------------------- */

static void on_connect(void *context) {
    struct fixture *fixture = context;
    fixture->connects++;
}

static void on_lost(void *context) {
    struct fixture *fixture = context;
    fixture->losses++;
}

static bool is_connected(void *context) {
    const struct fixture *fixture = context;
    return redis_link_connected(fixture->link);
}

static void open_link(struct fixture *fixture) {
    struct redis_link_events events = {.on_connect = on_connect, .on_lost = on_lost, .context = fixture};
    check_ok(
        redis_link_open(&fixture->loop, &fixture->settings, &fixture->capture.log, events, &fixture->link));
    loop_until(&fixture->loop, is_connected, fixture, FOUND_MS, "the Cluster");
}

struct answer {
    bool came;
    long long number; /* -1: failed */
};

static void on_answer(void *context, const redisReply *reply) {
    struct answer *answer = context;
    answer->came = true;
    answer->number = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

/* INCR of the key; -1 when it failed. */
static long long increase(struct fixture *fixture, const char *key) {
    struct answer *answer = arena_alloc(fixture->arena, sizeof *answer);
    *answer = (struct answer){0};
    if (!is_ok(redis_link_sendv(fixture->link, on_answer, answer, "INCR", key, NULL)))
        return -1;
    loop_until_true(&fixture->loop, &answer->came, FOUND_MS, "the answer");
    return answer->number;
}

struct increasing {
    struct fixture *fixture;
    const char *key;
};

static bool increases(void *context) {
    const struct increasing *increasing = context;
    return increase(increasing->fixture, increasing->key) > 0;
}

static void each_key_finds_its_node(void **state) {
    struct fixture *fixture = *state;
    char key[16];
    start_cluster(fixture, (struct redis_cluster_options){.password = "secret"});
    open_link(fixture);
    assert_int_equal(fixture->connects, 1);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        assert_int_equal(increase(fixture, key), 1);
    }
    long long total = 0;
    for (int i = 0; i < REDIS_CLUSTER_MASTERS; i++) {
        long long here = redis_server_ask_number(redis_cluster_server(fixture->cluster, i), "DBSIZE");
        assert_true(here > 0);
        total += here;
    }
    assert_int_equal(total, KEYS);
    assert_int_equal(log_capture_count(&fixture->capture, "secret"), 0);
}

static void a_slot_that_moves_is_followed(void **state) {
    struct fixture *fixture = *state;
    start_cluster(fixture, (struct redis_cluster_options){0});
    int slot = redis_cluster_slot(fixture->cluster, "{a}"),
        from = redis_cluster_master(fixture->cluster, slot);
    int to = (from + 1) % REDIS_CLUSTER_MASTERS;
    open_link(fixture);
    assert_int_equal(increase(fixture, "{a}1"), 1);
    redis_cluster_move_begin(fixture->cluster, slot, to);
    assert_int_equal(increase(fixture, "{a}1"), 2); /* still there */
    assert_int_equal(increase(fixture, "{a}2"), 1); /* ASK: a new key begins where the slot goes */
    redis_cluster_move_keys(fixture->cluster, slot, to);
    assert_int_equal(increase(fixture, "{a}1"), 3); /* ASK: moved */
    redis_cluster_move_end(fixture->cluster, slot, to);
    assert_int_equal(increase(fixture, "{a}1"), 4); /* MOVED */
    assert_int_equal(increase(fixture, "{a}2"), 2);
    assert_int_equal(redis_server_ask_number(redis_cluster_server(fixture->cluster, to), "DBSIZE"), 2);
    assert_int_equal(fixture->losses, 0);
}

/* One node lost: its keys fail at once and come back with the replica; the others never notice. */
static void a_dead_node_holds_up_its_own_keys_only(void **state) {
    struct fixture *fixture = *state;
    start_cluster(fixture, (struct redis_cluster_options){0});
    int slot = redis_cluster_slot(fixture->cluster, "{a}"),
        dead = redis_cluster_master(fixture->cluster, slot);
    const char *other =
        redis_cluster_master(fixture->cluster, redis_cluster_slot(fixture->cluster, "{b}")) != dead ? "{b}"
                                                                                                    : "{c}";
    open_link(fixture);
    assert_int_equal(increase(fixture, "{a}"), 1);
    redis_server_await_copies(master_of(fixture, "{a}"), 1);
    redis_server_kill(redis_cluster_server(fixture->cluster, dead));
    assert_int_equal(increase(fixture, "{a}"), -1);
    assert_int_equal(increase(fixture, other), 1);
    assert_true(redis_link_connected(fixture->link));
    loop_until(&fixture->loop, increases, &(struct increasing){fixture, "{a}"}, FOUND_MS, "the replica");
    assert_int_not_equal(redis_cluster_master(fixture->cluster, slot), dead);
    assert_int_equal(increase(fixture, "{a}"), 3);
    assert_int_equal(fixture->losses, 0);
    assert_true(fixture->connects > 1); /* so that what failed is looked at again */
}

static void only_the_loss_of_all_nodes_is_a_loss(void **state) {
    struct fixture *fixture = *state;
    start_cluster(fixture, (struct redis_cluster_options){.append_only = true});
    open_link(fixture);
    assert_int_equal(increase(fixture, "{a}"), 1);
    for (int i = 0; i < REDIS_CLUSTER_SERVERS; i++)
        redis_server_kill(redis_cluster_server(fixture->cluster, i));
    assert_int_equal(increase(fixture, "{a}"), -1);
    assert_int_equal(increase(fixture, "{b}"), -1);
    assert_int_equal(increase(fixture, "{c}"), -1);
    loop_never(&fixture->loop, is_connected, fixture, 300, "a connection to nobody");
    assert_int_equal(fixture->losses, 1);
    for (int i = 0; i < REDIS_CLUSTER_SERVERS; i++)
        redis_server_restart(redis_cluster_server(fixture->cluster, i));
    loop_until(
        &fixture->loop, increases, &(struct increasing){fixture, "{a}"}, FOUND_MS, "the Cluster again");
}

/* --- The client ----------------------------------------------------------------------------------------- */

static long long take_number(struct redis_client *client) {
    redisReply *reply = NULL;
    check_ok(redis_client_next(client, &reply));
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

/* Answers come in the order of the questions, whichever nodes gave them, and whatever moved or died. */
static void the_client_asks_all_nodes_in_one_go(void **state) {
    struct fixture *fixture = *state;
    struct redis_client *client = NULL;
    char key[16];
    start_cluster(fixture, (struct redis_cluster_options){0});
    int slot = redis_cluster_slot(fixture->cluster, "key-7"),
        from = redis_cluster_master(fixture->cluster, slot), to = (from + 1) % REDIS_CLUSTER_MASTERS;
    check_ok(redis_client_open(&fixture->settings, CLIENT_MS, &client));
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "key-%d", i);
            check_ok(
                redis_client_put(client, 3, (const char *[]){"INCRBY", key, i < KEYS / 2 ? "1" : "2"}, NULL));
        }
        for (int i = 0; i < KEYS; i++)
            assert_int_equal(take_number(client), round * (i < KEYS / 2 ? 1 : 2));
        if (round == 1) {
            redis_cluster_move_begin(fixture->cluster, slot, to);
            redis_cluster_move_keys(fixture->cluster, slot, to);
        } else if (round == 2) {
            redis_cluster_move_end(fixture->cluster, slot, to);
        }
    }
    redis_client_close(&client);
}

static void the_client_waits_for_a_replica_to_take_over(void **state) {
    struct fixture *fixture = *state;
    struct redis_client *client = NULL;
    redisReply *reply = NULL;
    start_cluster(fixture, (struct redis_cluster_options){0});
    check_ok(redis_client_open(&fixture->settings, CLIENT_MS, &client));
    check_ok(redis_client_ask(client, &reply, 2, (const char *[]){"INCR", "{a}"}, NULL));
    freeReplyObject(reply);
    redis_server_await_copies(master_of(fixture, "{a}"), 1);
    redis_server_kill(master_of(fixture, "{a}"));
    check_ok(redis_client_ask(client, &reply, 2, (const char *[]){"INCR", "{a}"}, NULL));
    assert_int_equal(reply->integer, 2);
    freeReplyObject(reply);
    redis_client_close(&client);
}

/* --- The store ------------------------------------------------------------------------------------------ */

static struct completion completion_of(int processor, game_date date) {
    return (struct completion){.processor = &nba_pipeline()->processors[processor],
        .date = date,
        .status = STATUS_SUCCESS,
        .record_count = 10,
        .timestamp_ms = INT64_C(1764502927104),
        .backfill = true,
        .execution_id = "run"};
}

/* A Cluster refuses a call whose keys are not all in one slot: so each function is called once at least. */
static void the_keys_of_every_call_share_a_slot(void **state) {
    struct fixture *fixture = *state;
    const struct pipeline *pipeline = nba_pipeline();
    int64_t now_ms = INT64_C(1764502928000);
    start_cluster(fixture, (struct redis_cluster_options){0});
    struct store_harness *harness = fixture->harness = harness_open_over(&fixture->settings);
    for (int month = 0; month < 12; month++) { /* which are on all three nodes */
        game_date date = SYSTEM_FIRST_DATE + month * 31;
        struct trigger trigger = {.date = date, .group = 1, .run = 1, .backfill = true};
        struct completion completion;
        bool cancelled = false;
        int freed = 0;
        for (int processor = PGS; processor <= TDGS; processor++) {
            completion = completion_of(processor, date);
            harness_apply(harness, pipeline, &completion, now_ms);
        }
        assert_int_equal(harness_claim(harness, pipeline, &trigger, now_ms), CLAIM_GRANTED);
        harness_confirm(harness, pipeline, &trigger, "m1", now_ms);
        harness_tick(harness, pipeline, date, now_ms);
        harness_replay(harness, pipeline, date, REPLAY_AGAIN, 0, now_ms);
        check_ok(harness_try_cancel(harness, pipeline, &trigger, now_ms, &cancelled));
        assert_true(cancelled);
        check_ok(harness_try_reclaim(harness, pipeline, 1, now_ms, &freed));
        assert_int_equal(freed, 1);
        check_ok(harness_try_release(harness, pipeline, &trigger));
        harness_replay(harness, pipeline, date, REPLAY_RERUN, 0, now_ms);
    }
    const struct trigger *triggers = NULL;
    const game_date *dates = NULL;
    size_t count = 0;
    assert_int_equal(harness_outbox(harness, pipeline, &triggers), 12);
    check_ok(harness_try_due(harness, pipeline, INT64_MAX / 2, &dates, &count));
    check_ok(harness_try_pause(harness, pipeline, true, now_ms));
    struct message message = {.id = "m7", .data = "x", .size = 1};
    struct quarantine_drops drops;
    check_ok(harness_try_quarantine(
        harness, pipeline, &message, "topic", "no JSON", HARNESS_QUARANTINE_LIMITS, now_ms, &drops));
}

/* --- The daemon ----------------------------------------------------------------------------------------- */

static void start_system(struct fixture *fixture, const char *const *environment) {
    system_open(&fixture->system,
        (struct system_options){.bus = SYSTEM_FAKE,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .environment = environment,
            .store_url = redis_cluster_url(fixture->cluster),
            .store = fixture->settings});
    system_start(&fixture->system);
}

static void publish_dates(struct system *system, int first, int count) {
    for (int i = first * 5; i < (first + count) * 5; i++) {
        int processor = PGS + i % 5;
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = SYSTEM_FIRST_DATE + i / 5,
                .rows = event_rows(processor, SYSTEM_FIRST_DATE + i / 5),
                .tag = i / 5 % 3 ? EVENT_LIVE : EVENT_ATTRIBUTE,
                .execution = execution,
                .correlation = "cluster",
                .timestamp_ms = INT64_C(1764502927104)});
    }
    player_answer(system->player, 1);
}

static bool enough_triggers(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->system.player) >= fixture->wanted;
}

static void until_triggers(struct fixture *fixture, size_t wanted) {
    fixture->wanted = wanted;
    player_until(fixture->system.player, enough_triggers, fixture, SYSTEM_DEADLINE_MS, "triggers to come");
}

static void check_all_done(struct system *system) {
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    system_until_outbox_empty(system);
    daemon_stop(system->daemon);
}

/* With a copy of all that was acked: the failover loses nothing. */
static void everything_comes_out_although_a_master_is_killed(void **state) {
    struct fixture *fixture = *state;
    static const char *const durable[] = {"PHASEGATE_STORE_DURABILITY=replicas 1", NULL};
    start_cluster(fixture, (struct redis_cluster_options){0});
    int slot = redis_cluster_slot(fixture->cluster, "pg:{nba:2021-11}:outbox"),
        dead = redis_cluster_master(fixture->cluster, slot);
    start_system(fixture, durable);
    publish_dates(&fixture->system, 0, DATES / 2);
    until_triggers(fixture, DATES / 2);
    redis_server_kill(redis_cluster_server(fixture->cluster, dead));
    publish_dates(&fixture->system, DATES / 2, DATES - DATES / 2);
    redis_cluster_await_other(fixture->cluster, slot, dead);
    redis_server_restart(redis_cluster_server(fixture->cluster, dead)); /* the copy of what comes now */
    check_all_done(&fixture->system);
}

static void slots_move_under_load(void **state) {
    struct fixture *fixture = *state;
    start_cluster(fixture, (struct redis_cluster_options){0});
    static const char *const keys[] = {"{nba:2021-11}", "{nba:2021-12}", "{nba}"};
    start_system(fixture, NULL);
    publish_dates(&fixture->system, 0, DATES);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int slot = redis_cluster_slot(fixture->cluster, keys[i]);
        int to = (redis_cluster_master(fixture->cluster, slot) + 1) % REDIS_CLUSTER_MASTERS;
        until_triggers(fixture, (i + 1) * DATES / 2);
        redis_cluster_move_begin(fixture->cluster, slot, to);
        player_run(fixture->system.player, 200);
        redis_cluster_move_keys(fixture->cluster, slot, to);
        player_run(fixture->system.player, 200);
        redis_cluster_move_end(fixture->cluster, slot, to);
    }
    check_all_done(&fixture->system);
}

static void commands_read_all_nodes(void **state) {
    struct fixture *fixture = *state;
    start_cluster(fixture, (struct redis_cluster_options){0});
    start_system(fixture, NULL);
    publish_dates(&fixture->system, 0, DATES);
    system_until_dates(&fixture->system, date_is_done, "all dates to be done");
    struct commands *commands = commands_new(PHASEGATE_BINARY, NULL);
    const char *config = daemon_config(fixture->system.daemon);
    check_run(commands, 0, "status", "--config", config, "--start-date", "2021-10-19", "--end-date",
        "2022-03-17", "--json");
    json_t *answer = commands_json(commands);
    assert_int_equal(json_array_size(json_object_get(answer, "dates")), DATES);
    json_decref(answer);
    check_run(commands, 0, "explain", "--config", config, "2021-12-01");
    check_run(commands, 0, "history", "--config", config, "2022-01-05");
    check_run(commands, 0, "quarantine", "list", "--config", config);
    check_run(commands, 0, "replay", "--config", config, "--dates", "2021-12-01", "--rerun");
    commands_free(&commands);
}

static void streams_on_a_cluster_are_refused(void **state) {
    struct fixture *fixture = *state;
    struct commands *commands = commands_new(PHASEGATE_BINARY, NULL);
    struct daemon *daemon =
        daemon_new((struct daemon_options){.binary = PHASEGATE_BINARY, .redis_url = "cluster://127.0.0.1:1"});
    (void)fixture;
    check_run(commands, WRONG, "config", "check", daemon_config(daemon));
    commands_check_output(commands, "is a Redis Cluster, and the bus of Redis Streams needs a single Redis");
    commands_free(&commands);
    daemon_free(&daemon);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || !(fixture->arena = arena_new(1024 * 1024)))
        return -1;
    uv_loop_init(&fixture->loop);
    log_capture_open(&fixture->capture);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    if (fixture->link)
        redis_link_close(fixture->link, NULL, NULL);
    loop_close(&fixture->loop);
    log_capture_close(&fixture->capture);
    harness_close(&fixture->harness);
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
        TEST(each_key_finds_its_node),
        TEST(a_slot_that_moves_is_followed),
        TEST(a_dead_node_holds_up_its_own_keys_only),
        TEST(only_the_loss_of_all_nodes_is_a_loss),
        TEST(the_client_asks_all_nodes_in_one_go),
        TEST(the_client_waits_for_a_replica_to_take_over),
        TEST(the_keys_of_every_call_share_a_slot),
        TEST(everything_comes_out_although_a_master_is_killed),
        TEST(slots_move_under_load),
        TEST(commands_read_all_nodes),
        TEST(streams_on_a_cluster_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
