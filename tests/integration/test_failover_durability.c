/*
 * What a failover leaves of what was answered, and why `replicas N` has to be all the replicas that may be
 * promoted. Three servers; what sentinels do is done here by hand, in the order in which they do it: they
 * promote one replica, and only then, a second or more later, tell the other one and the old master. In
 * between the old master, if it lives, has a replica that confirms what nobody will keep.
 */
#include "redis/link.h"
#include "support/await.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/redis_server.h"

#include <stdlib.h>
#include <string.h>

enum { SERVERS = 3, SOON_MS = 10000, PATIENCE_MS = 3000 };

struct fixture {
    struct redis_server *servers[SERVERS]; /* the first is the master */
    int replicas;                          /* how many are to be in step … */
    struct redis_server *of;               /* … with whom */
    uv_loop_t loop;
    struct log_capture capture;
    struct redis_link *link;
    struct result answer;
    bool answered;
};

static bool says(struct redis_server *server, const char *line) {
    redisReply *reply = redis_server_ask(server, "INFO replication");
    bool says = strstr(reply->str, line);
    freeReplyObject(reply);
    return says;
}

static bool are_in_step(void *context) {
    const struct fixture *fixture = context;
    int in_step = 0;
    for (int i = 0; i < SERVERS; i++)
        in_step += says(fixture->servers[i], "master_link_status:up") ? 1 : 0;
    return in_step == fixture->replicas && says(fixture->of, "connected_slaves:2");
}

static void follow(struct fixture *fixture, int replica, int master) {
    redis_server_do(fixture->servers[replica], "REPLICAOF 127.0.0.1 %d",
        redis_server_settings(fixture->servers[master])->port);
}

static void await_in_step(struct fixture *fixture, int master) {
    fixture->of = fixture->servers[master];
    fixture->replicas = SERVERS - 1;
    if (!await_until(are_in_step, fixture, SOON_MS))
        fail_msg("the replicas are not in step");
}

static bool is_connected(void *context) {
    const struct fixture *fixture = context;
    return redis_link_connected(fixture->link);
}

/* A master with two replicas, and a link that waits for so many of them. */
static void start(struct fixture *fixture, int replicas) {
    static const char *const arguments[] = {"--repl-diskless-sync-delay", "0", NULL};
    for (int i = 0; i < SERVERS; i++) {
        fixture->servers[i] =
            redis_server_start((struct redis_server_options){.tcp = true, .arguments = arguments});
        if (i > 0)
            follow(fixture, i, 0);
    }
    await_in_step(fixture, 0);
    struct redis_settings settings = *redis_server_settings(fixture->servers[0]);
    settings.replicas = replicas;
    settings.replicas_timeout_ms = PATIENCE_MS;
    check_ok(redis_link_open(
        &fixture->loop, &settings, &fixture->capture.log, (struct redis_link_events){0}, &fixture->link));
    loop_until(&fixture->loop, is_connected, fixture, SOON_MS, "a connection");
}

static void on_answer(void *context, const redisReply *reply) {
    struct fixture *fixture = context;
    fixture->answer = redis_reply_result(reply);
    fixture->answered = true;
}

static bool is_answered(void *context) {
    const struct fixture *fixture = context;
    return fixture->answered;
}

static struct result set(struct fixture *fixture, const char *value) {
    fixture->answered = false;
    check_ok(redis_link_sendv(fixture->link, on_answer, fixture, "SET", "n", value, NULL));
    loop_until(&fixture->loop, is_answered, fixture, SOON_MS, "an answer");
    return fixture->answer;
}

static void finish_failover(struct fixture *fixture) {
    follow(fixture, 2, 1);
    follow(fixture, 0, 1);
    await_in_step(fixture, 1);
}

static long long kept(struct fixture *fixture, int server) {
    return redis_server_ask_number(
        fixture->servers[server], "EVAL %s 0", "return tonumber(redis.call('GET','n'))");
}

static bool next_master_has_one(void *context) {
    const struct fixture *fixture = context;
    redisReply *reply = redis_server_ask(fixture->servers[1], "GET n");
    bool has = reply->str && strcmp(reply->str, "1") == 0;
    freeReplyObject(reply);
    return has;
}

static void one_of_two_confirms_what_a_failover_takes_back(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    check_ok(set(fixture, "1"));
    if (!await_until(
            next_master_has_one, fixture, SOON_MS)) /* it was perhaps the other one that confirmed it */
        fail_msg("the write does not reach the replica");
    redis_server_do(fixture->servers[1], "REPLICAOF NO ONE");
    check_ok(set(fixture, "2")); /* by the other replica's word, which is still the old master's */
    assert_int_equal(kept(fixture, 2), 2);
    finish_failover(fixture);
    for (int i = 0; i < SERVERS; i++)
        assert_int_equal(kept(fixture, i), 1);
}

static void nothing_that_all_have_confirmed_is_taken_back(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 2);
    check_ok(set(fixture, "1"));
    redis_server_do(fixture->servers[1], "REPLICAOF NO ONE");
    struct result refused = set(fixture, "2");
    assert_int_equal(refused.code, CODE_UNAVAILABLE);
    assert_non_null(strstr(refused.text, "NOREPLICAS 1 of 2"));
    finish_failover(fixture);
    for (int i = 0; i < SERVERS; i++)
        assert_int_equal(kept(fixture, i), 1);
}

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
    for (int i = 0; i < SERVERS; i++)
        redis_server_free(&fixture->servers[i]);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_of_two_confirms_what_a_failover_takes_back),
        TEST(nothing_that_all_have_confirmed_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
