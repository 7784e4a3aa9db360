#include "support/store_harness_call.h"

#include "support/check.h"
#include "support/loop.h"

#include <stdlib.h>
#include <string.h>

enum { SOON_MS = 10000, ARENA_MAX = 64 << 20, LIST_STEP = 64, IN_FLIGHT_MAX = 1000 };

/* --- Opening and closing -------------------------------------------------------------------------------- */

static struct store_harness *harness_new(void) {
    struct store_harness *harness = calloc(1, sizeof *harness);
    if (!harness || !(harness->arena = arena_new(ARENA_MAX)))
        fail_msg("out of memory");
    uv_loop_init(&harness->loop);
    log_capture_open(&harness->capture);
    return harness;
}

struct store_harness *harness_start(struct redis_server_options options) {
    struct store_harness *harness = harness_new();
    harness->server = redis_server_start(options);
    harness->settings = *redis_server_settings(harness->server);
    return harness;
}

struct store_harness *harness_open_over(const struct redis_settings *settings) {
    struct store_harness *harness = harness_new();
    harness->settings = *settings;
    harness_connect(harness);
    return harness;
}

struct store_harness *harness_open(struct redis_server_options options) {
    struct store_harness *harness = harness_start(options);
    harness_connect(harness);
    return harness;
}

/* store_is_ready tells. */
static void on_change(void *context) {
    (void)context;
}

static void on_refused(void *context, struct result reason) {
    struct store_harness *harness = context;
    harness->refused = reason;
}

static bool is_ready(void *context) {
    const struct store_harness *harness = context;
    return store_is_ready(harness->store);
}

static bool is_refused(void *context) {
    const struct store_harness *harness = context;
    return !is_ok(harness->refused);
}

static bool is_settled(void *context) {
    return is_ready(context) || is_refused(context);
}

static void open_store(struct store_harness *harness) {
    struct store_events events = {
        .on_ready = on_change, .on_lost = on_change, .on_refused = on_refused, .context = harness};
    harness->refused = ok();
    check_ok(store_open(&harness->loop, &harness->settings, &harness->capture.log, events, &harness->store));
    loop_until(&harness->loop, is_settled, harness, SOON_MS, "the store");
}

void harness_connect(struct store_harness *harness) {
    open_store(harness);
    check_ok(harness->refused);
    harness_reopen_reader(harness);
}

void harness_connect_refused(struct store_harness *harness) {
    open_store(harness);
    if (!is_refused(harness))
        fail_msg("the store was not refused");
}

void harness_await_ready(struct store_harness *harness) {
    loop_until(&harness->loop, is_ready, harness, SOON_MS, "the store to be ready again");
}

void harness_reopen_reader(struct store_harness *harness) {
    if (harness->reader)
        reader_close(&harness->reader);
    check_ok(reader_open(&harness->settings, &harness->reader));
}

static void on_closed(void *context) {
    struct store_harness *harness = context;
    harness->closed = true;
}

void harness_disconnect(struct store_harness *harness) {
    if (harness->reader)
        reader_close(&harness->reader);
    if (!harness->store)
        return;
    harness->closed = false;
    store_close(harness->store, on_closed, harness);
    loop_until_true(&harness->loop, &harness->closed, SOON_MS, "the store to close");
    harness->store = NULL;
}

void harness_reset(struct store_harness *harness) {
    harness_disconnect(harness);
    redis_server_do(harness->server, "FLUSHALL");
    harness_connect(harness);
}

void harness_forget(struct store_harness *harness) {
    arena_reset(harness->arena);
}

void harness_close(struct store_harness **harness) {
    struct store_harness *closing = *harness;
    if (!closing)
        return;
    *harness = NULL;
    harness_disconnect(closing);
    loop_close(&closing->loop);
    redis_server_free(&closing->server);
    log_capture_close(&closing->capture);
    arena_free(&closing->arena);
    free(closing);
}

/* The harness is there before what may fail: the tear-down follows in any case. */
int open_harness(void **state) {
    struct store_harness *harness = *state = harness_start((struct redis_server_options){0});
    harness_connect(harness);
    return 0;
}

int close_harness(void **state) {
    struct store_harness *harness = *state;
    harness_close(&harness);
    return 0;
}

/* --- Calls ---------------------------------------------------------------------------------------------- */

static bool is_answered(void *context) {
    const struct store_harness *harness = context;
    return harness->answer.waiting == 0;
}

void harness_call_begin(struct store_harness *harness, const struct pipeline *pipeline, size_t calls) {
    harness->answer = (struct store_answer){.waiting = calls, .result = ok(), .pipeline = pipeline};
}

struct result harness_call_finish(struct store_harness *harness, const char *what) {
    loop_until(&harness->loop, is_answered, harness, SOON_MS, what);
    return harness->answer.result;
}

void harness_call_done(void *context, struct result result) {
    struct store_harness *harness = context;
    harness->answer.waiting--;
    if (is_ok(harness->answer.result))
        harness->answer.result = result;
}

static struct result copy_applied(
    struct store_harness *harness, const struct applied *applied, struct applied_copy *copy) {
    *copy = (struct applied_copy){
        .verdict = applied->verdict,
        .closed_no_games = applied->closed_no_games,
        .group = applied->group,
        .group_run = applied->group_run,
        .stale_from = applied->stale_from,
        .group_state = arena_strdup(harness->arena, applied->group_state),
        .field = arena_strdup(harness->arena, applied->outbox_field),
        .facts = arena_strdup(harness->arena, applied->outbox_facts),
        .lease = applied->lease,
    };
    if (!applied->outbox_field)
        return ok();
    return trigger_from_outbox(
        harness->answer.pipeline, copy->field, copy->facts, harness->arena, &copy->trigger);
}

static void on_applied(void *context, struct result result, const struct applied *applied) {
    struct store_harness *harness = context;
    if (is_ok(result))
        result = copy_applied(harness, applied, &harness->answer.applied);
    harness_call_done(harness, result);
}

struct result harness_try_apply(struct store_harness *harness, const struct pipeline *pipeline,
    const struct completion *completion, int64_t now_ms, struct applied_copy *applied) {
    harness_call_begin(harness, pipeline, 1);
    store_apply(harness->store, pipeline, completion, now_ms, on_applied, harness);
    struct result result = harness_call_finish(harness, "an answer to apply");
    if (is_ok(result))
        *applied = harness->answer.applied;
    return result;
}

struct applied_copy harness_apply(struct store_harness *harness, const struct pipeline *pipeline,
    const struct completion *completion, int64_t now_ms) {
    struct applied_copy applied = {0};
    check_ok(harness_try_apply(harness, pipeline, completion, now_ms, &applied));
    return applied;
}

struct applied_copy harness_apply_times(struct store_harness *harness, const struct pipeline *pipeline,
    const struct completion *completion, int64_t now_ms, size_t times) {
    while (times > 0) {
        size_t batch = times < IN_FLIGHT_MAX ? times : IN_FLIGHT_MAX;
        harness_call_begin(harness, pipeline, batch);
        for (size_t i = 0; i < batch; i++)
            store_apply(harness->store, pipeline, completion, now_ms, on_applied, harness);
        check_ok(harness_call_finish(harness, "the answers to many applies"));
        times -= batch;
    }
    return harness->answer.applied;
}

struct result harness_try_confirm(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, const char *bus_message_id, int64_t now_ms) {
    harness_call_begin(harness, pipeline, 1);
    store_confirm(harness->store, pipeline, trigger, bus_message_id, now_ms, harness_call_done, harness);
    return harness_call_finish(harness, "an answer to confirm");
}

void harness_confirm(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, const char *bus_message_id, int64_t now_ms) {
    check_ok(harness_try_confirm(harness, pipeline, trigger, bus_message_id, now_ms));
}

void *harness_call_grow(struct store_harness *harness, void *things, size_t count, size_t size) {
    if (count % LIST_STEP != 0)
        return things;
    void *more = arena_alloc(harness->arena, (count + LIST_STEP) * size);
    if (more && count > 0)
        memcpy(more, things, count * size);
    return more;
}

struct result harness_arena_is_full(void) {
    return fail(CODE_LIMIT, "the harness' arena is full; harness_forget was not called");
}

static struct result add_trigger(struct store_harness *harness, const char *field, const char *facts) {
    struct store_answer *answer = &harness->answer;
    answer->triggers =
        harness_call_grow(harness, answer->triggers, answer->trigger_count, sizeof *answer->triggers);
    if (!answer->triggers)
        return harness_arena_is_full();
    return trigger_from_outbox(
        answer->pipeline, field, facts, harness->arena, &answer->triggers[answer->trigger_count++]);
}

static void on_outbox(void *context, struct result result, const char *field, const char *facts) {
    struct store_harness *harness = context;
    if (!is_ok(result) || !field) {
        harness_call_done(harness, result);
        return;
    }
    result = add_trigger(harness, field, facts);
    if (is_ok(harness->answer.result))
        harness->answer.result = result;
}

struct result harness_try_outbox(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger **triggers, size_t *count) {
    harness_call_begin(harness, pipeline, 1);
    store_outbox(harness->store, pipeline, on_outbox, harness);
    struct result result = harness_call_finish(harness, "the outbox");
    if (is_ok(result)) {
        *triggers = harness->answer.triggers;
        *count = harness->answer.trigger_count;
    }
    return result;
}

size_t harness_outbox(
    struct store_harness *harness, const struct pipeline *pipeline, const struct trigger **triggers) {
    size_t count = 0;
    check_ok(harness_try_outbox(harness, pipeline, triggers, &count));
    return count;
}

/* --- Quarantine ----------------------------------------------------------------------------------------- */

void harness_quarantine(struct store_harness *harness, const struct pipeline *pipeline,
    const struct message *message, const char *topic, const char *reason, int64_t now_ms) {
    struct quarantine_drops drops;
    check_ok(harness_try_quarantine(
        harness, pipeline, message, topic, reason, HARNESS_QUARANTINE_LIMITS, now_ms, &drops));
}

static void on_quarantined(void *context, struct result result, const struct quarantine_drops *drops) {
    struct store_harness *harness = context;
    if (drops)
        harness->answer.drops = *drops;
    harness_call_done(harness, result);
}

static struct result finish_quarantine(struct store_harness *harness, struct quarantine_drops *drops) {
    struct result result = harness_call_finish(harness, "an answer to quarantine");
    if (is_ok(result))
        *drops = harness->answer.drops;
    return result;
}

struct result harness_try_quarantine(struct store_harness *harness, const struct pipeline *pipeline,
    const struct message *message, const char *topic, const char *reason, struct quarantine_limits limits,
    int64_t now_ms, struct quarantine_drops *drops) {
    harness_call_begin(harness, pipeline, 1);
    store_quarantine(
        harness->store, pipeline, message, topic, reason, limits, now_ms, on_quarantined, harness);
    return finish_quarantine(harness, drops);
}

struct result harness_try_tidy_quarantine(struct store_harness *harness, const struct pipeline *pipeline,
    struct quarantine_limits limits, int64_t now_ms, struct quarantine_drops *drops) {
    harness_call_begin(harness, pipeline, 1);
    store_tidy_quarantine(harness->store, pipeline, limits, now_ms, on_quarantined, harness);
    return finish_quarantine(harness, drops);
}

void harness_quarantine_drop(
    struct store_harness *harness, const struct pipeline *pipeline, const char *message_id) {
    harness_call_begin(harness, pipeline, 1);
    store_quarantine_drop(harness->store, pipeline, message_id, harness_call_done, harness);
    check_ok(harness_call_finish(harness, "an answer to quarantine_drop"));
}

/* --- Reading -------------------------------------------------------------------------------------------- */

const struct date_state *harness_date(
    struct store_harness *harness, const struct pipeline *pipeline, game_date date) {
    struct date_state *state = arena_alloc(harness->arena, sizeof *state);
    if (!state)
        fail_msg("the harness' arena is full");
    check_ok(reader_dates(harness->reader, pipeline, &date, 1, harness->arena, state));
    return state;
}

size_t harness_history(struct store_harness *harness, const struct pipeline *pipeline, game_date date,
    struct history_entry **entries, int64_t *dropped) {
    size_t count = 0;
    check_ok(reader_history(harness->reader, pipeline, date, harness->arena, entries, &count, dropped));
    return count;
}
