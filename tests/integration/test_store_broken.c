/*
 * Values that somebody has spoiled by hand, or a disk has: whatever stands in a field, a function either does
 * its step as a whole or answers which key and field are broken and leaves everything as it was. Every field
 * of dates in different states is spoiled in many ways, and every function is called on each.
 */
#include "state/rebuild.h"
#include "support/check.h"
#include "support/scene.h"
#include "support/store_harness_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_S = 3600, FIELDS_MAX = 64, VALUES_MAX = 128, VALUE_BYTES = 256 };

#define MONTH "pg:{nba:2021-11}"
#define DATE_KEY MONTH ":17"

/* --- Calls ---------------------------------------------------------------------------------------------- */

static struct completion again(struct scene *scene, int processor, enum status status) {
    struct completion completion = healthy(scene, processor);
    completion.status = status;
    completion.record_count = status == STATUS_SUCCESS ? 10 : 0;
    return completion;
}

static struct result apply(struct scene *scene, int processor, enum status status) {
    struct completion completion = again(scene, processor, status);
    struct applied_copy applied;
    return harness_try_apply(scene->harness, scene->pipeline, &completion, scene->now_ms, &applied);
}

static struct result apply_upstream(struct scene *scene) {
    return apply(scene, TDGS, STATUS_SUCCESS);
}

static struct result apply_no_data(struct scene *scene) {
    return apply(scene, TDGS, STATUS_NO_DATA);
}

static struct result apply_member(struct scene *scene) {
    return apply(scene, PSZA, STATUS_SUCCESS);
}

static struct result apply_failed(struct scene *scene) {
    return apply(scene, PCF, STATUS_FAILED);
}

static struct result tick_soon(struct scene *scene) {
    struct ticked_copy ticked;
    return harness_try_tick(scene->harness, scene->pipeline, scene->date, scene->now_ms, &ticked);
}

static struct result tick_late(struct scene *scene) {
    struct ticked_copy ticked;
    return harness_try_tick(
        scene->harness, scene->pipeline, scene->date, scene->now_ms + 48 * HOUR_S * INT64_C(1000), &ticked);
}

static struct result try_replay(struct scene *scene, enum replay mode) {
    struct replayed_copy replayed;
    return harness_try_replay(
        scene->harness, scene->pipeline, scene->date, mode, 0, scene->now_ms, &replayed);
}

static struct result replay_again(struct scene *scene) {
    return try_replay(scene, REPLAY_AGAIN);
}

static struct result replay_missed(struct scene *scene) {
    return try_replay(scene, REPLAY_MISSED);
}

static struct result replay_rerun(struct scene *scene) {
    return try_replay(scene, REPLAY_RERUN);
}

static struct trigger first_trigger(const struct scene *scene) {
    return (struct trigger){.date = scene->date, .group = 1, .run = 1};
}

static struct result confirm_first(struct scene *scene) {
    struct trigger trigger = first_trigger(scene);
    return harness_try_confirm(scene->harness, scene->pipeline, &trigger, "m9", scene->now_ms);
}

static struct result cancel_first(struct scene *scene) {
    struct trigger trigger = first_trigger(scene);
    bool cancelled;
    return harness_try_cancel(scene->harness, scene->pipeline, &trigger, scene->now_ms, &cancelled);
}

static void on_rebuilt(void *context, struct result result, const struct applied *applied) {
    (void)applied;
    harness_call_done(context, result);
}

static struct result rebuild(struct scene *scene) {
    struct completion completion = again(scene, PSZA, STATUS_SUCCESS);
    harness_call_begin(scene->harness, scene->pipeline, 1);
    store_rebuild_apply(
        scene->harness->store, scene->pipeline, &completion, scene->now_ms, on_rebuilt, scene->harness);
    return harness_call_finish(scene->harness, "a completion to be taken");
}

static void on_sent(void *context, struct result result, bool place) {
    (void)place;
    harness_call_done(context, result);
}

static struct result rebuild_sent(struct scene *scene) {
    struct trigger trigger = {.date = scene->date, .group = 2, .run = 2};
    harness_call_begin(scene->harness, scene->pipeline, 1);
    store_rebuild_sent(
        scene->harness->store, scene->pipeline, &trigger, scene->now_ms, "m8", on_sent, scene->harness);
    return harness_call_finish(scene->harness, "a sent trigger to be told");
}

typedef struct result call_fn(struct scene *scene);

static call_fn *const calls[] = {apply_upstream, apply_no_data, apply_member, apply_failed, tick_soon,
    tick_late, replay_again, replay_missed, replay_rerun, confirm_first, cancel_first, rebuild, rebuild_sent};
enum { CALLS = sizeof calls / sizeof *calls };

/* --- What is kept ----------------------------------------------------------------------------------------
 */

static void evaluate(struct scene *scene, const char *script) {
    redis_server_do(scene->harness->server, "EVAL %s 0", script);
}

static void keep_aside(struct scene *scene) {
    evaluate(
        scene, "for _, k in ipairs(redis.call('KEYS', 'pg:*')) do redis.call('COPY', k, 'kept:' .. k) end");
}

static void bring_back(struct scene *scene) {
    evaluate(scene,
        "for _, k in ipairs(redis.call('KEYS', 'pg:*')) do redis.call('DEL', k) end "
        "for _, k in ipairs(redis.call('KEYS', 'kept:*')) do redis.call('COPY', k, string.sub(k, 6)) end");
}

/* Everything that is kept, as one text; the caller's. */
static char *dump(struct scene *scene) {
    static const char script[] =
        "local out, keys = {}, redis.call('KEYS', 'pg:*') table.sort(keys) "
        "for _, k in ipairs(keys) do out[#out + 1] = k .. '=' .. redis.sha1hex(redis.call('DUMP', k)) end "
        "return table.concat(out, ' ')";
    redisReply *reply = redis_server_ask(scene->harness->server, "EVAL_RO %s 0", script);
    char *text = strdup(reply->str);
    freeReplyObject(reply);
    assert_non_null(text);
    return text;
}

/* --- Spoiled values --------------------------------------------------------------------------------------
 */

struct values {
    char texts[VALUES_MAX][VALUE_BYTES];
    size_t count;
};

static void add_value(struct values *values, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_value(struct values *values, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (values->count < VALUES_MAX)
        vsnprintf(values->texts[values->count++], VALUE_BYTES, format, arguments);
    va_end(arguments);
}

/* Cut behind each word, with each word replaced, and what has nothing to do with it. */
static struct values *spoil(const char *text) {
    static struct values values;
    static const char *const words[] = {"x", "-1", "99999999999999999999"};
    values.count = 0;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, " ");
        const char *rest = at + length;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            add_value(&values, "%.*s%s%s", (int)(at - text), text, words[i], rest);
        add_value(&values, "%.*s", (int)(at - text), text);
        at = *rest ? rest + 1 : rest;
    }
    add_value(&values, "somebody was here");
    add_value(&values, "%s and more", text);
    add_value(&values, "\n%s", text);
    return &values;
}

/* True when the call was refused. */
static bool check_call(struct scene *scene, call_fn *call, const char *field, const char *value) {
    char part[VALUE_BYTES];
    bring_back(scene);
    harness_forget(scene->harness);
    redis_server_do(scene->harness->server, "HSET " DATE_KEY " %s %s", field, value);
    char *before = dump(scene);
    struct result result = call(scene);
    char *after = dump(scene);
    snprintf(part, sizeof part, "BROKEN key " DATE_KEY ", field %s is no ", field);
    if (!is_ok(result) && !strstr(result.text, part))
        fail_msg("%s = \"%s\": %s", field, value, result.text);
    if (!is_ok(result) && strcmp(before, after) != 0)
        fail_msg("%s = \"%s\": refused, and half done: %s", field, value, result.text);
    free(before);
    free(after);
    return !is_ok(result);
}

/* What the functions have to understand of a date; the rest of its fields is passed on, whatever it is. */
static bool has_form(const char *field) {
    const char *dot = strrchr(field, '.');
    return !dot || dot == field;
}

/* Of a record, by its processor's next completion; of the others, by some call. */
static void check_minded(struct scene *scene, const char *field) {
    static const char spoiled[] = "somebody was here";
    const struct processor *processor = pipeline_processor(scene->pipeline, field);
    bool refused = false;
    for (size_t c = 0; c < CALLS; c++)
        refused |= check_call(scene, calls[c], field, spoiled);
    if (processor) {
        bring_back(scene);
        redis_server_do(scene->harness->server, "HSET " DATE_KEY " %s %s", field, spoiled);
        refused = !is_ok(apply(scene, processor->index, STATUS_SUCCESS));
    }
    if (!refused)
        fail_msg("%s is spoiled, and nobody minds", field);
}

static void check_field(struct scene *scene, const char *field, const char *value) {
    static const char *const alike[] = {"upgc", "utgc", "togs"}; /* to pgs */
    const struct values *values = spoil(value);
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        if (strcmp(field, alike[i]) == 0)
            return;
    for (size_t v = 0; v < values->count; v++)
        for (size_t c = 0; c < CALLS; c++)
            check_call(scene, calls[c], field, values->texts[v]);
    if (has_form(field))
        check_minded(scene, field);
}

/* A count that cannot be raised ends a step that would have to be counted. */
static void check_steps(struct scene *scene) {
    size_t refused = 0;
    for (size_t c = 0; c < CALLS; c++) {
        bring_back(scene);
        redis_server_do(scene->harness->server, "HSET " MONTH ":steps 0 spoiled");
        char *before = dump(scene);
        struct result result = calls[c](scene);
        char *after = dump(scene);
        assert_true(is_ok(result) || strstr(result.text, "BROKEN key " MONTH ":steps, field 0 is no "));
        assert_true(is_ok(result) || strcmp(before, after) == 0);
        refused += is_ok(result) ? 0 : 1;
        free(before);
        free(after);
    }
    assert_true(refused > 8);
}

/* Each field, spoiled in each way, under each call. */
static void check_every_field(struct scene *scene) {
    keep_aside(scene);
    redisReply *hash = redis_server_ask(scene->harness->server, "HGETALL " DATE_KEY);
    assert_true(hash->elements > 0);
    for (size_t i = 0; i + 1 < hash->elements; i += 2)
        check_field(scene, hash->element[i]->str, hash->element[i + 1]->str);
    freeReplyObject(hash);
    check_steps(scene);
}

/* --- Dates -----------------------------------------------------------------------------------------------
 */

static void a_date_that_lacks_tables(void **state) {
    struct scene *scene = *state;
    for (int processor = PGS; processor < TDGS; processor++)
        complete(scene, processor);
    complete(scene, TDZA); /* premature */
    check_every_field(scene);
}

static void a_date_without_games(void **state) {
    struct scene *scene = *state;
    for (int processor = PGS; processor <= TDGS; processor++)
        tell(scene, again(scene, processor, STATUS_NO_DATA));
    check_every_field(scene);
}

static void a_date_that_is_stalled_and_stale(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    tick_after(scene, 3 * HOUR_S);
    complete(scene, PGS);
    complete(scene, TDZA);
    assert_int_equal(state_of(scene)->stall.group, 1);
    assert_int_equal(state_of(scene)->stale.group, 1);
    check_every_field(scene);
}

static void a_date_in_its_second_run_that_failed(void **state) {
    struct scene *scene = *state;
    run_to(scene, 2);
    complete(scene, PGS);
    tick_after(scene, HOUR_S);
    confirm(scene, 1);
    complete(scene, PSZA);
    break_down(scene, TDZA);
    assert_int_equal(state_of(scene)->run, 2);
    assert_int_equal(phase_of(scene, 1), GROUP_FAILED);
    check_every_field(scene);
}

/* --- What is not of a date -------------------------------------------------------------------------------
 */

static void quarantine(struct scene *scene, const char *id, struct quarantine_limits limits) {
    const struct message message = {.id = id, .data = "?", .size = 1};
    struct quarantine_drops drops;
    check_ok(harness_try_quarantine(
        scene->harness, scene->pipeline, &message, "topic", "bad", limits, scene->now_ms, &drops));
}

/* Counters and entries that are spoiled hold up no other message. */
static void a_spoiled_quarantine_takes_messages(void **state) {
    struct scene *scene = *state;
    struct redis_server *server = scene->harness->server;
    quarantine(scene, "1", HARNESS_QUARANTINE_LIMITS);
    redis_server_do(server, "HSET pg:{nba}:counters quarantine_bytes x quarantined y quarantine_dropped z");
    redis_server_do(server, "SET pg:{nba}:quarantine:1 spoiled");
    quarantine(scene, "2", HARNESS_QUARANTINE_LIMITS);
    assert_true(redis_server_ask_number(server, "HINCRBY pg:{nba}:counters quarantine_bytes 0") > 0);
    quarantine(scene, "3", (struct quarantine_limits){.age_ms = INT64_C(1) << 40, .bytes = 1});
    assert_int_equal(redis_server_ask_number(server, "EXISTS pg:{nba}:quarantine:1"), 0);
    assert_int_equal(redis_server_ask_number(server, "ZCARD pg:{nba}:quarantine"), 1);
}

/* A lease that nobody can read is nobody's: the trigger goes out. */
static void a_spoiled_lease_is_nobodys(void **state) {
    struct scene *scene = *state;
    const struct trigger *triggers;
    harness_be(scene->harness, "one", 60000);
    complete_phase3(scene);
    redis_server_do(scene->harness->server, "HSET " MONTH ":leases 2021-11-17/g1/r1 spoiled");
    harness_be(scene->harness, "two", 60000);
    assert_int_equal(harness_outbox(scene->harness, scene->pipeline, &triggers), 1);
    assert_int_equal(harness_lease(scene->harness, scene->pipeline, &triggers[0], NULL), LEASE_OURS);
}

/* A replica that nobody can read is none. */
static void a_spoiled_replica_is_forgotten(void **state) {
    struct scene *scene = *state;
    redis_server_do(scene->harness->server, "HSET pg:{}:replicas ghost spoiled");
    harness_be(scene->harness, "one", 60000);
    const struct replica_report report = {.id = "one", .host = "host", .version = "1"};
    harness_heartbeat(scene->harness, &report);
    assert_int_equal(redis_server_ask_number(scene->harness->server, "HLEN pg:{}:replicas"), 1);
}

/* The epoch's numbers are looked at before one is raised. */
static void a_spoiled_epoch_is_left_as_it_is(void **state) {
    struct scene *scene = *state;
    redisContext *connection = redisConnectUnix(redis_server_settings(scene->harness->server)->path);
    static const char *const fields[] = {"value", "made", "seen", "lost"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        redis_server_do(scene->harness->server, "DEL pg:{nba}:epoch");
        redis_server_do(
            scene->harness->server, "HSET pg:{nba}:epoch identity a value 5 %s spoiled", fields[i]);
        char *before = dump(scene);
        redisReply *reply = redisCommand(connection, "FCALL pg_epoch 1 pg:{nba}:epoch 1000 b me c 7 7 900");
        char *after = dump(scene);
        assert_int_equal(reply->type, REDIS_REPLY_ERROR);
        assert_non_null(strstr(reply->str, "BROKEN key pg:{nba}:epoch, field "));
        assert_string_equal(before, after);
        freeReplyObject(reply);
        free(before);
        free(after);
    }
    redisFree(connection);
}

#define with(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        with(a_date_that_lacks_tables),
        with(a_date_without_games),
        with(a_date_that_is_stalled_and_stale),
        with(a_date_in_its_second_run_that_failed),
        with(a_spoiled_quarantine_takes_messages),
        with(a_spoiled_lease_is_nobodys),
        with(a_spoiled_replica_is_forgotten),
        with(a_spoiled_epoch_is_left_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
