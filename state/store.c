#include "state/store.h"

#include "state/call.h"
#include "state/library.h"
#include "state/months.h"
#include "state/rebuild.h"
#include "state/trouble.h"

#include <stdlib.h>

struct store {
    struct redis_link *link;
    struct log log;
    struct store_events events;
    struct trouble trouble;
    struct months months; /* those that are known since the last on_connect */
    struct month_memories memories;
    struct store_replica replica;
    int lane;
    int64_t answered_ms; /* when the call that is being answered was sent; by the uptime clock */
    struct month_step answered_step;
    bool ready;
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
};

/* --- Connection ----------------------------------------------------------------------------------------- */

/* A replica that has become the master may have lost the last months that were made known. */
static void on_connect(void *context) {
    struct store *store = context;
    if (store->closing)
        return;
    months_clear(&store->months);
    store->ready = true;
    store->events.on_ready(store->events.context);
}

static void on_library(void *context, struct redis_link *master, struct result result) {
    struct store *store = context;
    if (store->closing)
        return;
    if (is_ok(result)) {
        redis_link_admit(store->link, master);
        return;
    }
    if (!result.retryable)
        store->events.on_refused(store->events.context, result);
    else
        log_warning(&store->log, "the store is not ready, trying again: %s", result.text);
    if (!store->closing)
        redis_link_drop(master);
}

static void on_master(void *context, struct redis_link *master) {
    struct store *store = context;
    library_ensure(master, &store->log, on_library, store);
}

static void on_lost(void *context) {
    struct store *store = context;
    months_clear(&store->months);
    if (!store->ready)
        return;
    store->ready = false;
    store->events.on_lost(store->events.context);
}

struct result store_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct store_events events, struct store **store) {
    struct store *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail(CODE_LIMIT, "out of memory");
    opened->log = log_with(log, "part", "store");
    opened->events = events;
    opened->replica.uptime = clock_uptime();
    const struct redis_link_events link_events = {
        .on_connect = on_connect, .on_lost = on_lost, .on_master = on_master, .context = opened};
    struct result result = redis_link_open(loop, settings, &opened->log, link_events, &opened->link);
    if (!is_ok(result)) {
        free(opened);
        return result;
    }
    *store = opened;
    return ok();
}

bool store_is_ready(const struct store *store) {
    return store->ready;
}

static void on_link_closed(void *context) {
    struct store *store = context;
    if (store->closed)
        store->closed(store->closed_context);
    months_clear(&store->months);
    month_memories_free(&store->memories);
    free(store);
}

void store_close(struct store *store, void (*closed)(void *context), void *context) {
    store->closed = closed;
    store->closed_context = context;
    store->closing = true;
    store->ready = false;
    redis_link_close(store->link, on_link_closed, store);
}

struct redis_link *store_link(struct store *store) {
    return store->link;
}

void store_note_reply(struct store *store, bool proves_room, const redisReply *reply) {
    trouble_note(&store->trouble, &store->log, proves_room, reply);
}

/* --- Leases: what the client's files share -------------------------------------------------------------- */

/*
 * Lane 0 is the commands'; the replicas share the others, by their ids. Two in one lane only see less: a
 * count that one of them lost may have been made up for by the other.
 */
enum { LANES = 64 };

static int lane_of(const char *replica) {
    uint32_t hash = 2166136261; /* FNV-1a */
    for (const char *c = replica; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619;
    return replica[0] ? 1 + (int)(hash % (LANES - 1)) : 0;
}

void store_set_replica(struct store *store, struct store_replica replica) {
    store->replica = replica;
    store->lane = lane_of(replica.id);
}

int store_lane(const struct store *store) {
    return store->lane;
}

struct month_memories *store_months(struct store *store) {
    return &store->memories;
}

const struct store_replica *store_replica(const struct store *store) {
    return &store->replica;
}

int64_t store_uptime_ms(const struct store *store) {
    return clock_now_ms(&store->replica.uptime);
}

void store_note_answer(struct store *store, int64_t sent_ms, struct month_step step) {
    store->answered_ms = sent_ms;
    store->answered_step = step;
}

struct lease store_new_lease(const struct store *store, bool taken_over) {
    int64_t length_ms = store->replica.lease_ms, margin_ms = length_ms / LEASE_MARGIN;
    return (struct lease){.until_ms = store->answered_ms + length_ms - margin_ms, .taken_over = taken_over};
}

/* --- Apply ---------------------------------------------------------------------------------------------- */

static const char *const verdict_names[] = {
    [VERDICT_APPLIED] = "applied",
    [VERDICT_DUPLICATE] = "duplicate",
    [VERDICT_LATE] = "late",
    [VERDICT_PREMATURE] = "premature",
    [VERDICT_OTHER_RUN] = "other_run",
};

const char *verdict_name(enum verdict verdict) {
    return verdict_names[verdict];
}

static struct result read_applied(
    const struct store *store, const redisReply *reply, struct applied *applied) {
    enum { VERDICT, CLOSED, GROUP, GROUP_RUN, PHASE, STALE_FROM, FIELD, FACTS, STEPS, PARTS };
    struct result result = reply_check(reply, PARTS, "pg_apply");
    if (!is_ok(result))
        return result;
    int verdict = reply_int(reply, VERDICT);
    if (verdict < 0 || verdict >= VERDICT_COUNT)
        return fail(CODE_INTERNAL, "pg_apply answered a verdict that this phasegate does not understand");
    month_step_answered(store->answered_step, reply->element[STEPS]->integer);
    *applied = (struct applied){
        .verdict = (enum verdict)verdict,
        .closed_no_games = reply_int(reply, CLOSED) != 0,
        .group = reply_int(reply, GROUP),
        .group_run = reply_int(reply, GROUP_RUN),
        .group_state = reply_text(reply, PHASE),
        .stale_from = reply_int(reply, STALE_FROM),
        .outbox_field = reply_text(reply, FIELD),
        .outbox_facts = reply_text(reply, FACTS),
        .lease = store_new_lease(store, false),
    };
    return ok();
}

static void on_applied(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    struct applied applied = {0};
    if (is_ok(result))
        result = read_applied(store, reply, &applied);
    tell.applied(context, result, is_ok(result) ? &applied : NULL);
}

static void call_apply(struct store *store, struct call *call, const char *function,
    const struct pipeline *pipeline, const struct completion *completion, int64_t now_ms) {
    call_begin(call, function, CALL_KEYS_OF_DATE);
    call->proves_room = true;
    call->month = month_memory_of(&store->memories, pipeline, completion->date);
    call_keys_of_date(call, pipeline, completion->date);
    call_text(call, pipeline->definition);
    call_text(call, pipeline->name);
    call_date(call, completion->date);
    call_number(call, now_ms);
    call_text(call, completion->processor->abbr);
    call_text(call, completion_satisfies(completion) ? "1" : "0");
    call_text(call, status_name(completion->status));
    if (completion->record_count == ROWS_UNKNOWN)
        call_text(call, "?");
    else
        call_number(call, completion->record_count);
    call_number(call, completion->records_failed);
    call_number(call, completion->timestamp_ms);
    call_text(call, completion->backfill ? "b" : "l");
    call_text(call, completion->execution_id);
    call_text(call, completion->correlation_id);
    call_text(call, completion->trigger_id);
    call_text(call, completion->trigger_message_id);
    call_text(call, completion->error_message);
    call_text(call, completion->day.games == GAMES_NONE ? "1" : "0");
    call_lessee(call, store);
    call_lane(call, store);
}

/* A completion that waits for its month to be known: a date that no reader and no sweep finds is as good as
 * lost. */
struct opening {
    const struct pipeline *pipeline;
    game_date date;
    struct call call;
    void *context;
};

static void on_month_opened(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    struct opening *opening = context;
    (void)reply;
    if (is_ok(result)) {
        months_add(&store->months, opening->pipeline, opening->date);
        call_send(store, &opening->call, on_applied, tell, opening->context);
    } else {
        tell.applied(opening->context, result, NULL);
    }
    free(opening);
}

static void open_month(struct store *store, struct opening *opening, union told tell) {
    char key[KEY_MAX], month[MONTH_TEXT_MAX];
    struct call call;
    call_begin(&call, "pg_open_month", 1);
    call_key(&call, key_months(opening->pipeline, key));
    call_text(&call, month_format(opening->date, month));
    call_send(store, &call, on_month_opened, tell, opening);
}

static void send_completion(struct store *store, const char *function, const struct pipeline *pipeline,
    const struct completion *completion, int64_t now_ms, store_applied_fn *applied, void *context) {
    union told tell = {.applied = applied};
    if (months_has(&store->months, pipeline, completion->date)) {
        struct call call;
        call_apply(store, &call, function, pipeline, completion, now_ms);
        call_send(store, &call, on_applied, tell, context);
        return;
    }
    struct opening *opening = malloc(sizeof *opening);
    if (!opening) {
        applied(context, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    opening->pipeline = pipeline;
    opening->date = completion->date;
    opening->context = context;
    call_apply(store, &opening->call, function, pipeline, completion, now_ms);
    open_month(store, opening, tell);
}

void store_apply(struct store *store, const struct pipeline *pipeline, const struct completion *completion,
    int64_t now_ms, store_applied_fn *applied, void *context) {
    send_completion(store, "pg_apply", pipeline, completion, now_ms, applied, context);
}

void store_rebuild_apply(struct store *store, const struct pipeline *pipeline,
    const struct completion *completion, int64_t published_ms, store_applied_fn *applied, void *context) {
    send_completion(store, "pg_rebuild_apply", pipeline, completion, published_ms, applied, context);
}

void store_confirm(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *bus_message_id, int64_t now_ms, store_done_fn *done, void *context) {
    struct call call;
    call_begin(&call, "pg_confirm", CALL_KEYS_OF_DATE);
    call_keys_of_date(&call, pipeline, trigger->date);
    call_text(&call, pipeline->definition);
    call_date(&call, trigger->date);
    call_number(&call, now_ms);
    call_number(&call, trigger->group);
    call_number(&call, trigger->run);
    call_text(&call, bus_message_id);
    call_lane(&call, store);
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}
