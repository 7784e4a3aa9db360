/*
 * durability: replicas N. What is not on a replica is not stored: nothing is acked, nothing published; and
 * when there is a replica it goes on, without a restart. One WAIT covers what was sent before it.
 */
#include "redis/link.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/redis_server.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 20, SOON_MS = 10000, CALLS = 1000, SHORT_MS = 300, LONG_MS = 5000 };

struct fixture {
    struct redis_server *master, *replica;
    struct redis_settings settings;
    struct system system;
    uv_loop_t loop;
    struct log_capture capture;
    struct redis_link *link;
    int connects;
    int good, refused, broken;
    long long last;
    bool in_order;
};

static void follow(struct fixture *fixture) {
    redis_server_do(fixture->replica, "REPLICAOF 127.0.0.1 %d", redis_server_settings(fixture->master)->port);
    redis_server_await_copies(fixture->master, 1);
}

static void start_servers(struct fixture *fixture, bool with_replica) {
    static const char *const arguments[] = {"--repl-diskless-sync-delay", "0", NULL};
    const struct redis_server_options options = {.tcp = true, .arguments = arguments};
    fixture->master = redis_server_start(options);
    fixture->replica = redis_server_start(options);
    fixture->settings = *redis_server_settings(fixture->master);
    fixture->settings.replicas = 1;
    fixture->settings.replicas_timeout_ms = with_replica ? LONG_MS : SHORT_MS;
    if (with_replica)
        follow(fixture);
}

/* --- The link ------------------------------------------------------------------------------------------- */

static void on_connect(void *context) {
    struct fixture *fixture = context;
    fixture->connects++;
}

static bool is_connected(void *context) {
    const struct fixture *fixture = context;
    return redis_link_connected(fixture->link);
}

static void open_link(struct fixture *fixture) {
    struct redis_link_events events = {.on_connect = on_connect, .context = fixture};
    check_ok(
        redis_link_open(&fixture->loop, &fixture->settings, &fixture->capture.log, events, &fixture->link));
    loop_until(&fixture->loop, is_connected, fixture, SOON_MS, "a connection");
}

static void on_number(void *context, const redisReply *reply) {
    struct fixture *fixture = context;
    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        fixture->in_order = fixture->in_order && reply->integer == fixture->last + 1;
        fixture->last = reply->integer;
        fixture->good++;
        return;
    }
    struct result result = redis_reply_result(reply);
    assert_int_equal(result.code, CODE_UNAVAILABLE);
    fixture->refused += reply ? 1 : 0;
    fixture->broken += reply ? 0 : 1;
}

static void increase(struct fixture *fixture, int times) {
    fixture->in_order = true;
    for (int i = 0; i < times; i++)
        check_ok(redis_link_sendv(fixture->link, on_number, fixture, "INCR", "n", NULL));
}

static bool all_answered(void *context) {
    const struct fixture *fixture = context;
    return fixture->good + fixture->refused + fixture->broken >= CALLS;
}

static void one_wait_covers_many_calls(void **state) {
    struct fixture *fixture = *state;
    start_servers(fixture, true);
    open_link(fixture);
    increase(fixture, CALLS);
    loop_until(&fixture->loop, all_answered, fixture, SOON_MS, "all answers");
    assert_int_equal(fixture->good, CALLS);
    assert_true(fixture->in_order);
    long long waits = redis_server_calls(fixture->master, "wait");
    assert_true(waits >= 1 && waits <= 10);
    assert_int_equal(
        redis_server_ask_number(fixture->replica, "EVAL %s 0", "return tonumber(redis.call('GET','n'))"),
        CALLS);
}

/* An answer is there only when the replica has it: looked at in the moment of the answer. */
static void check_replica(void *context, const redisReply *reply) {
    struct fixture *fixture = context;
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    redisReply *there = redis_server_ask(fixture->replica, "GET n");
    fixture->good += there->type == REDIS_REPLY_STRING && atoll(there->str) == reply->integer;
    fixture->refused += there->type != REDIS_REPLY_STRING || atoll(there->str) != reply->integer;
    freeReplyObject(there);
}

static bool one_answered(void *context) {
    const struct fixture *fixture = context;
    return fixture->good + fixture->refused + fixture->broken > 0;
}

static void an_answer_means_that_the_replica_has_it(void **state) {
    struct fixture *fixture = *state;
    start_servers(fixture, true);
    open_link(fixture);
    for (int i = 0; i < 50; i++) {
        fixture->good = 0;
        check_ok(redis_link_sendv(fixture->link, check_replica, fixture, "INCR", "n", NULL));
        loop_until(&fixture->loop, one_answered, fixture, SOON_MS, "the answer");
        assert_int_equal(fixture->refused, 0);
    }
}

/* Whoever was refused makes the call again, as the daemon does. */
static bool good_after_all(void *context) {
    struct fixture *fixture = context;
    if (fixture->refused > 0) {
        fixture->refused = 0;
        increase(fixture, 1);
    }
    return fixture->good > 0;
}

static bool told_to_go_on(void *context) {
    const struct fixture *fixture = context;
    return fixture->connects > 1;
}

static void without_a_replica_calls_fail_until_there_is_one(void **state) {
    struct fixture *fixture = *state;
    start_servers(fixture, false);
    open_link(fixture);
    increase(fixture, CALLS);
    loop_until(&fixture->loop, all_answered, fixture, SOON_MS, "all answers");
    assert_int_equal(fixture->refused, CALLS);
    assert_true(redis_link_connected(fixture->link)); /* the server is there, after all */
    fixture->refused = 0;
    increase(fixture, 1);
    loop_until(&fixture->loop, one_answered, fixture, SOON_MS, "the next answer");
    assert_int_equal(fixture->refused, 1);
    follow(fixture);
    loop_until(&fixture->loop, good_after_all, fixture, SOON_MS, "an answer");
    loop_until(&fixture->loop, told_to_go_on, fixture, SOON_MS, "the word that it goes on");
}

/* What is held when the connection breaks is told so, in its order, and once. */
static void what_is_held_ends_with_the_connection(void **state) {
    struct fixture *fixture = *state;
    start_servers(fixture, false);
    fixture->settings.replicas_timeout_ms = LONG_MS;
    open_link(fixture);
    increase(fixture, CALLS / 2);
    loop_never(&fixture->loop, one_answered, fixture, 100, "an answer before its time");
    increase(fixture, CALLS - CALLS / 2);
    redis_server_kill(fixture->master);
    loop_until(&fixture->loop, all_answered, fixture, SOON_MS, "all answers");
    assert_int_equal(fixture->broken, CALLS);
}

static void closing_ends_what_is_held(void **state) {
    struct fixture *fixture = *state;
    start_servers(fixture, false);
    fixture->settings.replicas_timeout_ms = LONG_MS;
    open_link(fixture);
    increase(fixture, CALLS);
    loop_never(&fixture->loop, one_answered, fixture, 100, "an answer before its time");
    redis_link_close(fixture->link, NULL, NULL);
    fixture->link = NULL;
    assert_int_equal(fixture->broken, CALLS);
}

/* --- The daemon ----------------------------------------------------------------------------------------- */

static void publish_dates(struct system *system, int first, int after_last) {
    for (int i = first * 5; i < after_last * 5; i++) {
        int processor = PGS + i % 5;
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = SYSTEM_FIRST_DATE + i / 5,
                .rows = event_rows(processor, SYSTEM_FIRST_DATE + i / 5),
                .execution = execution,
                .correlation = "durability",
                .timestamp_ms = INT64_C(1764502927104)});
    }
    player_answer(system->player, 1);
}

static bool first_is_done(void *context) {
    struct fixture *fixture = context;
    return player_triggers(fixture->system.player) >= PLAYER_GROUPS && system_outbox(&fixture->system) == 0;
}

static bool more_triggers(void *context) {
    struct fixture *fixture = context;
    return player_triggers(fixture->system.player) > PLAYER_GROUPS;
}

/* The replica goes while the daemon runs: what comes then is decided, and neither acked nor published. */
static void nothing_is_acked_or_published_without_a_replica(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    static const char *const durable[] = {"PHASEGATE_STORE_DURABILITY=replicas 1", NULL};
    start_servers(fixture, true);
    system_open(system,
        (struct system_options){.bus = SYSTEM_FAKE,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .environment = durable,
            .store_url = redis_server_url(fixture->master),
            .store = *redis_server_settings(fixture->master)});
    system_start(system);
    publish_dates(system, 0, 1); /* so that the month is known */
    player_until(system->player, first_is_done, fixture, SYSTEM_DEADLINE_MS, "the first date");
    size_t acked = fake_pubsub_counts(system->fake, "phasegate-nba-phase3").acked;
    redis_server_freeze(fixture->replica);
    publish_dates(system, 1, DATES);
    player_until_confirmed(system->player);
    system_until_said(system, "0 of 1 replicas had what was written");
    loop_never(player_loop(system->player), more_triggers, fixture, 2000, "a trigger");
    assert_true(system_outbox(system) > 0); /* decided they are */
    assert_int_equal(fake_pubsub_counts(system->fake, "phasegate-nba-phase3").acked, acked);
    assert_int_equal(daemon_said(system->daemon, "0 of 1 replicas had what was written"), 1);
    redis_server_thaw(fixture->replica);
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    daemon_stop(system->daemon);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
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
    if (fixture->replica)
        redis_server_thaw(fixture->replica);
    if (fixture->system.daemon)
        system_close(&fixture->system);
    redis_server_free(&fixture->replica);
    redis_server_free(&fixture->master);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_wait_covers_many_calls),
        TEST(an_answer_means_that_the_replica_has_it),
        TEST(without_a_replica_calls_fail_until_there_is_one),
        TEST(what_is_held_ends_with_the_connection),
        TEST(closing_ends_what_is_held),
        TEST(nothing_is_acked_or_published_without_a_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
