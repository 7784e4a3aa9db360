/*
 * A month's slot that has forgotten, as a node of a Cluster may: what is found, by whom, and what is none.
 * Two replicas, each a client of its own; one redis-server stands for all nodes, and a month's keys are
 * deleted or put back to what they were.
 */
#include "state/epoch.h"
#include "support/check.h"
#include "support/nba.h"
#include "support/store_harness.h"
#include "support/store_harness_call.h"

#include <stdio.h>
#include <string.h>

#define NOW_MS ((int64_t)1764871200000)
#define EPOCH "pg:{nba}:epoch"
#define STEPS "pg:{nba:2021-11}:steps"

enum { NOVEMBER = 18932 /* 2021-11-01 */, DECEMBER = NOVEMBER + 30, LEASE_MS = 30000 };

struct replica {
    struct store_harness *harness;
    const char *name;
    struct epoch_memory memory;
    struct lost_epoch lost;
};

static struct redis_server *server;
static struct replica a, b;
static int found;

static void on_raised(void *context, struct result result, const struct epoch *epoch) {
    struct replica *replica = context;
    if (epoch) {
        replica->memory = epoch->now;
        replica->lost = epoch->lost;
    }
    harness_call_done(replica->harness, result);
}

static enum forgotten raise_epoch(struct replica *replica) {
    harness_call_begin(replica->harness, nba_pipeline(), 1);
    store_raise_epoch(replica->harness->store, nba_pipeline(), replica->name, replica->name, &replica->memory,
        NOW_MS, on_raised, replica);
    check_ok(harness_call_finish(replica->harness, "an epoch to be raised"));
    return replica->lost.what;
}

static void on_checked(void *context, struct result result, int lost) {
    found = lost;
    harness_call_done(context, result);
}

/* How many months were found to have forgotten. */
static int check_scope(struct replica *replica, enum month_scope scope, int64_t now_ms) {
    struct store_harness *harness = replica->harness;
    harness_call_begin(harness, nba_pipeline(), 1);
    store_check_months(
        harness->store, nba_pipeline(), replica->memory.identity, scope, now_ms, on_checked, harness);
    check_ok(harness_call_finish(harness, "the months to be checked"));
    return found;
}

static int check_at(struct replica *replica, int64_t now_ms) {
    return check_scope(replica, MONTHS_ALL, now_ms);
}

static int check(struct replica *replica) {
    return check_at(replica, NOW_MS);
}

static int check_changed(struct replica *replica) {
    return check_scope(replica, MONTHS_CHANGED, NOW_MS);
}

/* So many steps of the month, each another event. */
static void step(struct replica *replica, game_date month, int times) {
    static int executions;
    char execution[32];
    for (int i = 0; i < times; i++) {
        snprintf(execution, sizeof execution, "run-%d", ++executions);
        const struct completion completion = {.processor = &nba_pipeline()->processors[PGS],
            .date = month + 3,
            .status = STATUS_SUCCESS,
            .record_count = 10,
            .timestamp_ms = NOW_MS + executions,
            .execution_id = execution};
        harness_apply(replica->harness, nba_pipeline(), &completion, NOW_MS);
    }
}

static void lose_november(void) {
    redis_server_do(server, "EVAL %s 0",
        "for _, key in ipairs(redis.call('KEYS', 'pg:{nba:2021-11}:*')) do redis.call('DEL', key) end");
}

/* The slot's keys as they are now, and put back to that. */
static void keep_november(void) {
    redis_server_do(server, "EVAL %s 0",
        "for _, key in ipairs(redis.call('KEYS', 'pg:{nba:2021-11}:*')) do "
        "redis.call('SET', 'kept:' .. key, redis.call('DUMP', key)) end");
}

static void put_november_back(void) {
    lose_november();
    redis_server_do(server, "EVAL %s 0",
        "for _, key in ipairs(redis.call('KEYS', 'kept:*')) do "
        "redis.call('RESTORE', string.sub(key, 6), 0, redis.call('GET', key)) end");
}

static long long steps(void) {
    return redis_server_ask_number(server, "EVAL %s 1 " STEPS,
        "local sum = 0 for _, count in ipairs(redis.call('HVALS', KEYS[1])) do sum = sum + count end "
        "return sum");
}

/* --- What is counted ------------------------------------------------------------------------------------ */

static void every_step_of_a_date_is_counted(void **state) {
    const struct pipeline *pipeline = nba_pipeline();
    struct store_harness *h = a.harness;
    struct trigger trigger = {.date = NOVEMBER + 3, .group = 1, .run = 1};
    long long count = 0;
    (void)state;
    for (int processor = PGS; processor <= TDGS; processor++) {
        const struct completion completion = {.processor = &pipeline->processors[processor],
            .date = NOVEMBER + 3,
            .status = STATUS_SUCCESS,
            .record_count = 10,
            .timestamp_ms = NOW_MS,
            .execution_id = "run"};
        harness_apply(h, pipeline, &completion, NOW_MS);
        assert_int_equal(steps(), ++count);
    }
    harness_confirm(h, pipeline, &trigger, "m1", NOW_MS);
    assert_int_equal(steps(), ++count);
    harness_tick(h, pipeline, NOVEMBER + 3, NOW_MS);
    assert_int_equal(steps(), ++count);
    harness_replay(h, pipeline, NOVEMBER + 3, REPLAY_AGAIN, 0, NOW_MS);
    assert_int_equal(steps(), ++count);
    assert_true(harness_cancel(h, pipeline, &trigger, NOW_MS));
    assert_int_equal(steps(), ++count);
}

/* Nothing was written before it was found, and so nothing is counted either. */
static void a_refused_step_is_not_counted(void **state) {
    struct applied_copy applied;
    const struct completion completion = {.processor = &nba_pipeline()->processors[PGS],
        .date = NOVEMBER + 3,
        .status = STATUS_SUCCESS,
        .timestamp_ms = NOW_MS,
        .execution_id = "run"};
    (void)state;
    redis_server_do(server, "SET pg:{nba:2021-11}:due x");
    check_fails(harness_try_apply(a.harness, nba_pipeline(), &completion, NOW_MS, &applied), CODE_INTERNAL,
        "WRONGTYPE");
    assert_int_equal(steps(), 0);
    redis_server_do(server, "DEL pg:{nba:2021-11}:due");
    redis_server_do(server, "SET " STEPS " x");
    check_fails(harness_try_apply(a.harness, nba_pipeline(), &completion, NOW_MS, &applied), CODE_INTERNAL,
        "WRONGTYPE");
    assert_int_equal(redis_server_ask_number(server, "EXISTS pg:{nba:2021-11}:04"), 0);
}

/* --- What is none --------------------------------------------------------------------------------------- */

static void what_only_grows_is_no_loss(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        step(i % 2 ? &a : &b, NOVEMBER, 3);
        step(&a, DECEMBER, 1);
        assert_int_equal(check(&a), 0);
        assert_int_equal(check(&b), 0);
    }
    assert_int_equal(raise_epoch(&a), FORGOTTEN_NOTHING);
}

/* It writes without an epoch, and learns of one later: an upgrade, or months from before it was counted. */
static void a_month_without_a_count_is_no_loss(void **state) {
    (void)state;
    step(&a, NOVEMBER, 2);
    redis_server_do(server, "DEL " STEPS);
    harness_disconnect(a.harness);
    harness_connect(a.harness);
    assert_int_equal(check(&a), 0);
}

/* Everything is gone, and not the month alone: the epoch tells that. */
static void the_loss_of_everything_is_not_that_of_months(void **state) {
    (void)state;
    step(&a, NOVEMBER, 5);
    assert_int_equal(check(&a), 0);
    redis_server_do(server, "FLUSHALL");
    harness_disconnect(b.harness);
    harness_connect(b.harness);
    step(&b, NOVEMBER, 1); /* so that the month is in the list */
    assert_int_equal(check(&a), 0);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_EMPTY);
    store_forget_months(a.harness->store, nba_pipeline());
    assert_int_equal(check(&a), 0);
    raise_epoch(&a);
    assert_string_equal(a.lost.months, "");
}

/* --- What is one ---------------------------------------------------------------------------------------- */

/* At start: nothing is remembered but by the pipeline's slot, which lies on another node. */
static void a_newcomer_finds_an_empty_month(void **state) {
    (void)state;
    step(&a, NOVEMBER, 5);
    step(&a, DECEMBER, 5);
    assert_int_equal(check_at(&a, NOW_MS - 1000), 0);
    lose_november();
    assert_int_equal(check(&b), 1);
    assert_int_equal(raise_epoch(&b), FORGOTTEN_MONTHS);
    assert_string_equal(b.lost.months, "2021-11");
    assert_int_equal(b.lost.since_ms, NOW_MS - 1000);
    assert_int_equal(b.lost.noticed_ms, NOW_MS);
    assert_int_equal(b.lost.seek_ms, 0);
}

static void a_newcomer_finds_an_older_month(void **state) {
    (void)state;
    step(&a, NOVEMBER, 5);
    keep_november();
    step(&a, NOVEMBER, 1);
    assert_int_equal(check(&a), 0);
    put_november_back();
    assert_int_equal(check(&b), 1);
}

/* A failover of a moment: nobody had looked since, and another replica has made up for it. */
static void others_do_not_hide_it(void **state) {
    (void)state;
    step(&a, NOVEMBER, 3);
    keep_november();
    step(&a, NOVEMBER, 1);
    put_november_back();
    step(&b, NOVEMBER, 9);
    assert_int_equal(check(&b), 0);
    assert_int_equal(check(&a), 1);
    assert_int_equal(raise_epoch(&b), FORGOTTEN_MONTHS);
}

/* The replica itself has made up for it before it looked: the answers had shown it. */
static void ones_own_steps_do_not_hide_it(void **state) {
    (void)state;
    step(&a, NOVEMBER, 3);
    lose_november();
    step(&a, NOVEMBER, 9);
    assert_int_equal(check(&a), 1);
    assert_int_equal(check(&a), 0);
}

/* So that a store of very many months is not asked for each of them at every sweep. */
static void a_month_at_rest_is_left_to_the_look_at_all(void **state) {
    (void)state;
    step(&a, NOVEMBER, 3);
    assert_int_equal(check_changed(&a), 0);
    lose_november();
    assert_int_equal(check_changed(&a), 0);
    step(&a, DECEMBER, 1);
    assert_int_equal(check_changed(&a), 0);
    assert_int_equal(check(&a), 1);
}

static void a_month_that_has_changed_is_looked_at(void **state) {
    const struct trigger trigger = {.date = NOVEMBER + 3, .group = 1, .run = 1};
    (void)state;
    step(&a, NOVEMBER, 3);
    lose_november();
    assert_int_equal(check_changed(&a), 1);
    step(&a, NOVEMBER, 1);
    assert_int_equal(check_changed(&a), 0);
    lose_november();
    step(&a, NOVEMBER, 1); /* whose answer shows it */
    assert_int_equal(check_changed(&a), 1);
    step(&a, NOVEMBER, 1);
    assert_int_equal(check_changed(&a), 0);
    harness_confirm(a.harness, nba_pipeline(), &trigger, "m1", NOW_MS);
    lose_november();
    assert_int_equal(check_changed(&a), 1);
}

/* Each time: a process that knows nothing finds it. */
static void what_was_looked_at_is_noted_for_others(void **state) {
    (void)state;
    step(&a, NOVEMBER, 3);
    assert_int_equal(check_changed(&a), 0);
    step(&a, NOVEMBER, 2);
    assert_int_equal(check_changed(&a), 0);
    lose_november();
    step(&b, NOVEMBER, 4); /* one less than there had been */
    assert_int_equal(check(&b), 1);
}

/* Who finds it second knows that it was noted, also when it is settled by then; the next one is another. */
static void it_is_noted_once(void **state) {
    (void)state;
    step(&a, NOVEMBER, 3);
    step(&b, NOVEMBER, 3);
    assert_int_equal(check(&a), 0);
    assert_int_equal(check(&b), 0);
    lose_november();
    assert_int_equal(check(&a), 1);
    harness_call_begin(a.harness, nba_pipeline(), 1);
    store_settle_epoch(a.harness->store, nba_pipeline(), harness_call_done, a.harness);
    check_ok(harness_call_finish(a.harness, "the loss to be settled"));
    assert_int_equal(check(&b), 0);
    assert_int_equal(raise_epoch(&b), FORGOTTEN_NOTHING);
    step(&b, NOVEMBER, 2);
    assert_int_equal(check(&b), 0);
    assert_int_equal(check(&a), 0);
    lose_november();
    assert_int_equal(check(&b), 1);
    assert_int_equal(raise_epoch(&b), FORGOTTEN_MONTHS);
}

static long long note_lost_november(void) {
    return redis_server_ask_number(server,
        "FCALL pg_note_month 2 " EPOCH " pg:{nba}:steps %lld %s 2021-11 0 0 1 0", (long long)NOW_MS,
        a.memory.identity);
}

/* Both have read what must be there before either noted that it is not; the first may be settled by then. */
static void two_that_find_it_at_once_note_it_once(void **state) {
    (void)state;
    assert_int_equal(note_lost_november(), 1);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_MONTHS);
    redis_server_do(server, "HDEL " EPOCH " lost");
    assert_int_equal(note_lost_november(), 1);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_NOTHING);
}

static void all_lost_months_are_named(void **state) {
    (void)state;
    step(&a, NOVEMBER, 3);
    step(&a, DECEMBER, 3);
    assert_int_equal(check(&a), 0);
    lose_november();
    assert_int_equal(check(&a), 1);
    redis_server_do(server, "DEL pg:{nba:2021-12}:steps");
    lose_november();
    assert_int_equal(check(&a), 1); /* of the other nothing was known since */
    raise_epoch(&a);
    assert_string_equal(a.lost.months, "2021-11,2021-12");
}

/* The rest of the store was lost, too: that is more. */
static void the_loss_of_the_store_comes_first(void **state) {
    (void)state;
    step(&a, NOVEMBER, 3);
    assert_int_equal(check(&a), 0);
    lose_november();
    assert_int_equal(check(&a), 1);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_MONTHS);
    redis_server_do(server, "HSET " EPOCH " value 0");
    assert_int_equal(raise_epoch(&a), FORGOTTEN_OLDER);
    assert_int_equal(a.lost.seek_ms, 0);
}

/* --- The frame ------------------------------------------------------------------------------------------ */

static int open_server(void **state) {
    (void)state;
    server = redis_server_start((struct redis_server_options){0});
    return 0;
}

static int close_server(void **state) {
    (void)state;
    redis_server_free(&server);
    return 0;
}

static struct replica new_replica(const char *name) {
    struct replica replica = {.harness = harness_open_over(redis_server_settings(server)), .name = name};
    harness_be(replica.harness, name, LEASE_MS);
    return replica;
}

static int set_up(void **state) {
    (void)state;
    redis_server_do(server, "FLUSHALL");
    a = new_replica("a");
    b = new_replica("b");
    raise_epoch(&a);
    raise_epoch(&b);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    harness_close(&a.harness);
    harness_close(&b.harness);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_step_of_a_date_is_counted),
        TEST(a_refused_step_is_not_counted),
        TEST(what_only_grows_is_no_loss),
        TEST(a_month_without_a_count_is_no_loss),
        TEST(the_loss_of_everything_is_not_that_of_months),
        TEST(a_newcomer_finds_an_empty_month),
        TEST(a_newcomer_finds_an_older_month),
        TEST(others_do_not_hide_it),
        TEST(ones_own_steps_do_not_hide_it),
        TEST(a_month_at_rest_is_left_to_the_look_at_all),
        TEST(a_month_that_has_changed_is_looked_at),
        TEST(what_was_looked_at_is_noted_for_others),
        TEST(it_is_noted_once),
        TEST(two_that_find_it_at_once_note_it_once),
        TEST(all_lost_months_are_named),
        TEST(the_loss_of_the_store_comes_first),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
