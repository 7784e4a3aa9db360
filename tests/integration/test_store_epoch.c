/*
 * The epoch's one step: what counts as forgotten and what does not, for several replicas that remember
 * different things of one store.
 */
#include "state/epoch.h"

#include "support/check.h"
#include "support/nba.h"
#include "support/store_harness.h"
#include "support/store_harness_call.h"

#include <stdio.h>
#include <string.h>

#define NOW_MS ((int64_t)1764871200000)
#define KEY "pg:{nba}:epoch"

static struct store_harness *h;
static struct epoch answer;

struct replica {
    const char *name;
    struct epoch_memory memory;
};

static void on_raised(void *context, struct result result, const struct epoch *epoch) {
    if (epoch)
        answer = *epoch;
    harness_call_done(context, result);
}

/* What was found to be forgotten. */
static enum forgotten raise_at(struct replica *replica, int64_t now_ms) {
    static int identities;
    char fresh[EPOCH_IDENTITY_MAX];
    snprintf(fresh, sizeof fresh, "identity%d", ++identities);
    harness_call_begin(h, nba_pipeline(), 1);
    store_raise_epoch(h->store, nba_pipeline(), replica->name, fresh, &replica->memory, now_ms, on_raised, h);
    check_ok(harness_call_finish(h, "an epoch to be raised"));
    replica->memory = answer.now;
    return answer.found;
}

static enum forgotten raise_epoch(struct replica *replica) {
    return raise_at(replica, NOW_MS);
}

/* The hash as it is now, put back later: an older state of the store. */
static redisReply *keep(void) {
    return redis_server_ask(h->server, "HGETALL " KEY);
}

static void put_back(redisReply *kept) {
    redis_server_do(h->server, "DEL " KEY);
    for (size_t i = 0; i < kept->elements; i += 2)
        redis_server_do(h->server, "HSET " KEY " %s %s", kept->element[i]->str, kept->element[i + 1]->str);
    freeReplyObject(kept);
}

static void it_only_grows(void **state) {
    struct replica a = {.name = "a"}, b = {.name = "b"};
    int64_t last = 0;
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(raise_epoch(i % 3 ? &a : &b), FORGOTTEN_NOTHING);
        assert_true(answer.now.value > last);
        last = answer.now.value;
    }
    assert_string_equal(a.memory.identity, b.memory.identity);
    assert_int_equal(a.memory.own + b.memory.own, 10);
    assert_int_equal(answer.lost.what, FORGOTTEN_NOTHING);
}

static void an_empty_store_is_found_once(void **state) {
    struct replica a = {.name = "a"}, b = {.name = "b"};
    (void)state;
    raise_epoch(&a);
    raise_epoch(&b);
    redis_server_do(h->server, "DEL " KEY);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_EMPTY);
    assert_int_equal(raise_epoch(&b), FORGOTTEN_NOTHING); /* it was noticed */
    assert_int_equal(answer.lost.what, FORGOTTEN_EMPTY);
    assert_int_equal(answer.lost.seek_ms, 0);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_NOTHING);
}

/* One that knows nothing comes first, and the store looks like a new one. */
static void a_newcomer_does_not_hide_it(void **state) {
    struct replica a = {.name = "a"}, newcomer = {.name = "n"};
    (void)state;
    raise_epoch(&a);
    redis_server_do(h->server, "DEL " KEY);
    assert_int_equal(raise_epoch(&newcomer), FORGOTTEN_NOTHING);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_OTHER);
    assert_int_equal(raise_epoch(&newcomer), FORGOTTEN_NOTHING);
    assert_int_equal(answer.lost.what, FORGOTTEN_OTHER);
}

static void an_older_value_is_found(void **state) {
    struct replica a = {.name = "a"};
    (void)state;
    raise_epoch(&a);
    redisReply *kept = keep();
    raise_at(&a, NOW_MS + 5000);
    put_back(kept);
    assert_int_equal(raise_at(&a, NOW_MS + 9000), FORGOTTEN_OLDER);
    assert_int_equal(answer.lost.since_ms, NOW_MS + 5000);
    assert_int_equal(answer.lost.noticed_ms, NOW_MS + 9000);
    assert_int_equal(answer.lost.seek_ms, NOW_MS); /* up to there it is complete */
}

/* A failover of a moment: others have raised the value past what this one remembers. */
static void others_do_not_hide_it(void **state) {
    struct replica a = {.name = "a"}, b = {.name = "b"};
    (void)state;
    raise_epoch(&a);
    raise_epoch(&b);
    redisReply *kept = keep();
    raise_epoch(&a);
    put_back(kept);
    for (int i = 0; i < 5; i++)
        assert_int_equal(raise_epoch(&b), FORGOTTEN_NOTHING);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_OLDER);
    assert_int_equal(raise_epoch(&b), FORGOTTEN_NOTHING);
}

/* An answer that was lost on the way: the store has more than is remembered, which is no loss. */
static void more_than_is_remembered_is_no_loss(void **state) {
    struct replica a = {.name = "a"};
    (void)state;
    raise_epoch(&a);
    struct epoch_memory before = a.memory;
    raise_epoch(&a);
    a.memory = before;
    assert_int_equal(raise_epoch(&a), FORGOTTEN_NOTHING);
}

/* Another process, which remembers by the file: the own count is another's. */
static void a_new_process_goes_on(void **state) {
    struct replica a = {.name = "a"};
    (void)state;
    raise_epoch(&a);
    struct replica heir = {.name = "heir", .memory = a.memory};
    heir.memory.own = 0;
    assert_int_equal(raise_epoch(&heir), FORGOTTEN_NOTHING);
    assert_int_equal(raise_at(&heir, NOW_MS + 2 * INT64_C(86400000)), FORGOTTEN_NOTHING);
    assert_int_equal(redis_server_ask_number(h->server, "HEXISTS " KEY " by:a"), 1);
    struct replica third = {.name = "third"}; /* whoever is new clears up */
    assert_int_equal(raise_at(&third, NOW_MS + 2 * INT64_C(86400000)), FORGOTTEN_NOTHING);
    assert_int_equal(redis_server_ask_number(h->server, "HEXISTS " KEY " by:a"), 0);
    assert_int_equal(raise_at(&a, NOW_MS + 2 * INT64_C(86400000)), FORGOTTEN_NOTHING); /* it slept for days */
}

/* It remembers by the value alone. */
static void a_new_process_finds_an_older_value(void **state) {
    struct replica a = {.name = "a"};
    (void)state;
    raise_epoch(&a);
    redisReply *kept = keep();
    raise_epoch(&a);
    struct replica heir = {.name = "heir", .memory = a.memory};
    heir.memory.own = 0;
    put_back(kept);
    assert_int_equal(raise_epoch(&heir), FORGOTTEN_OLDER);
}

static void settled_is_settled(void **state) {
    struct replica a = {.name = "a"}, late = {.name = "late"};
    struct epoch_state is;
    (void)state;
    raise_epoch(&a);
    late.memory = a.memory;
    redis_server_do(h->server, "DEL " KEY);
    raise_epoch(&a);
    harness_call_begin(h, nba_pipeline(), 1);
    store_settle_epoch(h->store, nba_pipeline(), harness_call_done, h);
    check_ok(harness_call_finish(h, "a loss to be settled"));
    assert_int_equal(raise_epoch(&late), FORGOTTEN_NOTHING); /* it remembers the old one, which is known */
    check_ok(reader_epoch(h->reader, nba_pipeline(), &is));
    assert_int_equal(is.lost.what, FORGOTTEN_NOTHING);
    redis_server_do(h->server, "DEL " KEY);
    assert_int_equal(raise_epoch(&a), FORGOTTEN_EMPTY); /* the next one is a new one */
}

static int set_up(void **state) {
    h = *state;
    harness_reset(h);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_only_grows),
        TEST(an_empty_store_is_found_once),
        TEST(a_newcomer_does_not_hide_it),
        TEST(an_older_value_is_found),
        TEST(others_do_not_hide_it),
        TEST(more_than_is_remembered_is_no_loss),
        TEST(a_new_process_goes_on),
        TEST(a_new_process_finds_an_older_value),
        TEST(settled_is_settled),
    };
    return cmocka_run_group_tests(tests, open_harness, close_harness);
}
