/*
 * Completions, and confirmations, that come in one turn of the loop go to Redis together. What that leads to
 * is what each by itself would have led to: the same random ones are given to two stores, one after the other
 * to the one, in bursts to the other, and the answers and everything that is kept are compared.
 */
#include "support/check.h"
#include "support/dice.h"
#include "support/loop.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BURSTS = 240,
    BURST_MAX = 80,
    DATES = 3,
    BURSTS_OF_DATES = 4,
    EXECUTIONS = 4,
    TEXT_MAX = 64,
    ANSWER_MS = 20000
};

/* 2021-11-25: from there on, a few dates at a time, into the next month. */
#define FIRST_DATE ((game_date)18956)

/* One completion of a burst, and what the store answered. */
struct told {
    struct completion completion;
    char execution[16], correlation[16];
    int64_t now_ms;
    size_t *waiting;
    struct result result;
    enum verdict verdict;
    bool closed;
    int group, run, stale_from;
    char state[16], field[TEXT_MAX], facts[512];
};

struct fixture {
    struct store_harness *apart, *together;
    struct told told[BURST_MAX];
    struct dice dice;
    int64_t now_ms;
    game_date first_date; /* of those that completions come for */
    size_t waiting;
    int verdicts[VERDICT_COUNT], triggers;
};

/* --- Bursts --------------------------------------------------------------------------------------------- */

static void draw(struct fixture *fixture, struct told *told) {
    static const enum status statuses[] = {STATUS_SUCCESS, STATUS_SUCCESS, STATUS_SUCCESS, STATUS_SUCCESS,
        STATUS_FAILED, STATUS_NO_DATA, STATUS_PARTIAL};
    struct dice *dice = &fixture->dice;
    *told = (struct told){.result = ok()};
    int processor = dice_below(dice, NBA_PROCESSORS);
    fixture->now_ms += dice_below(dice, 5000);
    told->now_ms = fixture->now_ms;
    told->completion.processor = &nba_pipeline()->processors[processor];
    told->completion.date = fixture->first_date + dice_below(dice, DATES);
    told->completion.status = dice_pick(dice, statuses);
    told->completion.record_count = told->completion.status == STATUS_NO_DATA ? 0 : 1 + dice_below(dice, 300);
    told->completion.timestamp_ms = told->now_ms - dice_below(dice, 20000);
    told->completion.backfill = dice_chance(dice, 30);
    snprintf(told->execution, sizeof told->execution, "x%d", dice_below(dice, EXECUTIONS));
    snprintf(told->correlation, sizeof told->correlation, "c%d", dice_below(dice, 2));
    told->completion.execution_id = told->execution;
    told->completion.correlation_id = dice_chance(dice, 50) ? told->correlation : NULL;
}

/* The very same completion, once more: what is ignored several times in a row is one entry of the history. */
static void repeat(struct fixture *fixture, struct told *told) {
    const struct told *before = told - 1;
    *told = *before;
    told->now_ms = fixture->now_ms += 1000;
    told->completion.execution_id = told->execution;
    told->completion.correlation_id = before->completion.correlation_id ? told->correlation : NULL;
}

static void copy_text(char *to, size_t size, const char *text) {
    snprintf(to, size, "%s", text ? text : "");
}

static void on_applied(void *context, struct result result, const struct applied *applied) {
    struct told *told = context;
    told->result = result;
    --*told->waiting;
    if (!applied)
        return;
    told->verdict = applied->verdict;
    told->closed = applied->closed_no_games;
    told->group = applied->group;
    told->run = applied->group_run;
    told->stale_from = applied->stale_from;
    copy_text(told->state, sizeof told->state, applied->group_state);
    copy_text(told->field, sizeof told->field, applied->outbox_field);
    copy_text(told->facts, sizeof told->facts, applied->outbox_facts);
}

static bool is_answered(void *context) {
    const size_t *waiting = context;
    return *waiting == 0;
}

static void tell_together(struct fixture *fixture, size_t count) {
    struct store_harness *harness = fixture->together;
    fixture->waiting = count;
    for (size_t i = 0; i < count; i++) {
        struct told *told = &fixture->told[i];
        told->waiting = &fixture->waiting;
        store_apply(harness->store, nba_pipeline(), &told->completion, told->now_ms, on_applied, told);
    }
    loop_until(&harness->loop, is_answered, &fixture->waiting, ANSWER_MS, "the answers to a burst");
}

static void check_same_text(const char *together, const char *apart) {
    assert_string_equal(together, apart ? apart : "");
}

static void tell_apart(struct fixture *fixture, const struct told *told) {
    struct applied_copy apart;
    check_ok(harness_try_apply(fixture->apart, nba_pipeline(), &told->completion, told->now_ms, &apart));
    check_ok(told->result);
    assert_int_equal(told->verdict, apart.verdict);
    assert_int_equal(told->closed, apart.closed_no_games);
    assert_int_equal(told->group, apart.group);
    assert_int_equal(told->run, apart.group_run);
    assert_int_equal(told->stale_from, apart.stale_from);
    check_same_text(told->state, apart.group_state);
    check_same_text(told->field, apart.field);
    check_same_text(told->facts, apart.facts);
}

static void on_confirmed(void *context, struct result result) {
    size_t *waiting = context;
    --*waiting;
    check_ok(result);
}

static void confirm_both(struct fixture *fixture, const struct told *told, const char *message) {
    struct trigger trigger;
    char id[TEXT_MAX + 8];
    snprintf(id, sizeof id, "nba/%s", told->field);
    assert_true(trigger_parse_id(nba_pipeline(), id, &trigger));
    harness_confirm(fixture->apart, nba_pipeline(), &trigger, message, fixture->now_ms);
    fixture->waiting++;
    store_confirm(fixture->together->store, nba_pipeline(), &trigger, message, fixture->now_ms, on_confirmed,
        &fixture->waiting);
}

/* The triggers leave, in both; now and then one is never confirmed, or a second time with another message. */
static void confirm_all(struct fixture *fixture, size_t count) {
    fixture->waiting = 0;
    for (size_t i = 0; i < count; i++) {
        const struct told *told = &fixture->told[i];
        if (!told->field[0] || dice_chance(&fixture->dice, 20))
            continue;
        confirm_both(fixture, told, told->field);
        if (dice_chance(&fixture->dice, 20))
            confirm_both(fixture, told, "again");
        fixture->triggers++;
    }
    loop_until(
        &fixture->together->loop, is_answered, &fixture->waiting, ANSWER_MS, "the answers to confirmations");
}

static void burst(struct fixture *fixture) {
    size_t count = 1 + (size_t)dice_below(&fixture->dice, BURST_MAX - 1);
    for (size_t i = 0; i < count; i++)
        if (i > 0 && dice_chance(&fixture->dice, 25))
            repeat(fixture, &fixture->told[i]);
        else
            draw(fixture, &fixture->told[i]);
    tell_together(fixture, count);
    for (size_t i = 0; i < count; i++) {
        tell_apart(fixture, &fixture->told[i]);
        fixture->verdicts[fixture->told[i].verdict]++;
    }
    confirm_all(fixture, count);
    harness_forget(fixture->apart);
}

/* --- What is kept --------------------------------------------------------------------------------------- */

static int by_text(const void *left, const void *right) {
    const redisReply *const *a = left, *const *b = right;
    return strcmp((*a)->str, (*b)->str);
}

static redisReply *read_key(struct store_harness *harness, const char *key) {
    redisReply *type = redis_server_ask(harness->server, "TYPE %s", key), *value;
    if (strcmp(type->str, "hash") == 0) {
        value = redis_server_ask(harness->server, "HGETALL %s", key);
        qsort(value->element, value->elements / 2, 2 * sizeof *value->element, by_text);
    } else if (strcmp(type->str, "zset") == 0) {
        value = redis_server_ask(harness->server, "ZRANGE %s 0 -1 WITHSCORES", key);
    } else {
        value = redis_server_ask(harness->server, "LRANGE %s 0 -1", key);
    }
    freeReplyObject(type);
    return value;
}

/* The count of calls is another one, of course. */
static bool counts_calls(const char *key) {
    return strstr(key, ":steps") != NULL;
}

static redisReply *keys_of(struct store_harness *harness) {
    redisReply *keys = redis_server_ask(harness->server, "KEYS *");
    qsort(keys->element, keys->elements, sizeof *keys->element, by_text);
    return keys;
}

static void check_same_key(struct fixture *fixture, const char *key) {
    redisReply *apart = read_key(fixture->apart, key), *together = read_key(fixture->together, key);
    if (apart->elements != together->elements)
        fail_msg("%s has %zu elements, expected %zu", key, together->elements, apart->elements);
    for (size_t i = 0; i < apart->elements; i++)
        if (strcmp(apart->element[i]->str, together->element[i]->str) != 0)
            fail_msg("%s has %s, expected %s", key, together->element[i]->str, apart->element[i]->str);
    freeReplyObject(apart);
    freeReplyObject(together);
}

static void check_same_store(struct fixture *fixture) {
    redisReply *apart = keys_of(fixture->apart), *together = keys_of(fixture->together);
    assert_int_equal(apart->elements, together->elements);
    for (size_t i = 0; i < apart->elements; i++) {
        assert_string_equal(apart->element[i]->str, together->element[i]->str);
        if (!counts_calls(apart->element[i]->str))
            check_same_key(fixture, apart->element[i]->str);
    }
    freeReplyObject(apart);
    freeReplyObject(together);
}

/* --- The tests ------------------------------------------------------------------------------------------ */

static void a_burst_is_what_its_completions_are(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < BURSTS; i++) {
        fixture->first_date = FIRST_DATE + i / BURSTS_OF_DATES;
        burst(fixture);
        if (i % 10 == 0)
            check_same_store(fixture);
    }
    check_same_store(fixture);
    for (int i = 0; i < VERDICT_COUNT - 1; i++) /* none names another run's trigger */
        assert_true(fixture->verdicts[i] > 10);
    assert_in_range(fixture->triggers, 20, BURSTS);
}

static struct told *add(struct fixture *fixture, size_t place, game_date date, int processor) {
    struct told *told = &fixture->told[place];
    *told = (struct told){.result = ok(), .now_ms = SCENE_MS};
    told->completion = (struct completion){.processor = &nba_pipeline()->processors[processor],
        .date = date,
        .status = STATUS_SUCCESS,
        .record_count = 10,
        .timestamp_ms = SCENE_MS - 1000,
        .execution_id = "x"};
    return told;
}

/* However they come. */
static void a_turn_is_a_call_for_each_month(void **state) {
    struct fixture *fixture = *state;
    struct redis_server *server = fixture->together->server;
    for (int turn = 0; turn < 2; turn++) { /* in the first, the months are made known */
        redis_server_do(server, "CONFIG RESETSTAT");
        for (size_t i = 0; i < 10; i++)
            add(fixture, i, SCENE_DATE + (i % 2 ? 30 : 0), PGS + (int)i / 2);
        tell_together(fixture, 10);
    }
    assert_int_equal(redis_server_calls(server, "fcall"), 2);
}

/* Only the completion that meets the broken value hears of it. */
static void a_broken_value_stops_nobody_else(void **state) {
    struct fixture *fixture = *state;
    redis_server_do(fixture->together->server, "HSET pg:{nba:2021-11}:17 pgs +spoiled");
    const struct told *meets = add(fixture, 0, SCENE_DATE, UPGC),
                      *premature = add(fixture, 1, SCENE_DATE, MLFS);
    const struct told *next_day = add(fixture, 2, SCENE_DATE + 1, UPGC);
    const struct told *next_month = add(fixture, 3, SCENE_DATE + 30, UPGC);
    tell_together(fixture, 4);
    assert_int_equal(meets->result.code, CODE_INTERNAL);
    assert_non_null(strstr(meets->result.text, "BROKEN key pg:{nba:2021-11}:17, field pgs is no completion"));
    check_ok(premature->result);
    assert_int_equal(premature->verdict, VERDICT_PREMATURE);
    check_ok(next_day->result);
    check_ok(next_month->result);
    redisReply *kept = redis_server_ask(fixture->together->server, "HKEYS pg:{nba:2021-11}:17");
    assert_int_equal(kept->elements, 3); /* what was there, and the premature one with its execution */
    freeReplyObject(kept);
    redis_server_do(fixture->together->server, "HDEL pg:{nba:2021-11}:17 pgs");
    tell_together(fixture, 1);
    check_ok(meets->result);
}

static void note_result(void *context, struct result result) {
    struct told *told = context;
    told->result = result;
    --*told->waiting;
}

static void confirm_first_groups(struct fixture *fixture, size_t count) {
    fixture->waiting = count;
    for (size_t i = 0; i < count; i++) {
        struct trigger trigger = {.date = SCENE_DATE + (game_date)i, .group = 1, .run = 1};
        fixture->told[i].waiting = &fixture->waiting;
        store_confirm(fixture->together->store, nba_pipeline(), &trigger, "m", SCENE_MS, note_result,
            &fixture->told[i]);
    }
    loop_until(
        &fixture->together->loop, is_answered, &fixture->waiting, ANSWER_MS, "the answers to confirmations");
}

static void check_triggered(struct fixture *fixture, size_t date) {
    const struct date_state *state =
        harness_date(fixture->together, nba_pipeline(), SCENE_DATE + (game_date)date);
    assert_int_equal(state->groups[0].phase, GROUP_TRIGGERED);
}

/* So many that they take more calls than one; the date of one of them is spoiled. */
static void a_broken_date_stops_no_other_confirmation(void **state) {
    struct fixture *fixture = *state;
    enum { MANY = 40, SPOILED = 7 };
    for (size_t i = 0; i < MANY; i++) {
        for (int processor = PGS; processor <= TDGS; processor++)
            add(fixture, (size_t)(processor - PGS), SCENE_DATE + (game_date)i, processor);
        tell_together(fixture, TDGS - PGS + 1);
    }
    redisReply *before = redis_server_ask(fixture->together->server, "HGET pg:{nba:2021-11}:24 .g1");
    redis_server_do(fixture->together->server, "HSET pg:{nba:2021-11}:24 .g1 spoiled");
    confirm_first_groups(fixture, MANY);
    for (size_t i = 0; i < MANY; i++) {
        if (i == SPOILED)
            continue;
        check_ok(fixture->told[i].result);
        check_triggered(fixture, i);
    }
    struct result spoiled = fixture->told[SPOILED].result;
    assert_int_equal(spoiled.code, CODE_INTERNAL);
    assert_non_null(strstr(spoiled.text, "BROKEN key pg:{nba:2021-11}:24, field .g1 is no group"));
    redis_server_do(fixture->together->server, "HSET pg:{nba:2021-11}:24 .g1 %s", before->str);
    freeReplyObject(before);
    confirm_first_groups(fixture, SPOILED + 1);
    check_ok(fixture->told[SPOILED].result);
    check_triggered(fixture, SPOILED);
}

/* The store is closed in the turn in which they came: each is answered, whether it was taken or not. */
static void each_is_answered_when_the_store_closes(void **state) {
    struct fixture *fixture = *state;
    struct trigger trigger = {.date = SCENE_DATE, .group = 1, .run = 1};
    fixture->waiting = 3;
    for (size_t i = 0; i < 3; i++) {
        struct told *told = add(fixture, i, SCENE_DATE, PGS + (int)i);
        told->waiting = &fixture->waiting;
        if (i < 2)
            store_apply(
                fixture->together->store, nba_pipeline(), &told->completion, told->now_ms, on_applied, told);
        else
            store_confirm(
                fixture->together->store, nba_pipeline(), &trigger, "m", SCENE_MS, note_result, told);
    }
    harness_disconnect(fixture->together);
    assert_int_equal(fixture->waiting, 0);
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    *state = fixture;
    fixture->dice.state = dice_seed();
    fixture->now_ms = SCENE_MS;
    fixture->apart = harness_open((struct redis_server_options){0});
    fixture->together = harness_open((struct redis_server_options){0});
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    harness_close(&fixture->apart);
    harness_close(&fixture->together);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_burst_is_what_its_completions_are),
        TEST(a_turn_is_a_call_for_each_month),
        TEST(a_broken_value_stops_nobody_else),
        TEST(a_broken_date_stops_no_other_confirmation),
        TEST(each_is_answered_when_the_store_closes),
    };
    return cmocka_run_group_tests_name("store_batches", tests, NULL, NULL);
}
