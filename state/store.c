#include "state/store.h"

#include "base/crash_point.h"
#include "state/applies.h"
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
    struct turn turn;
    struct applies applies;
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

/* What came in the turn goes together, and leaves before the loop turns again. */
static void on_turn_over(void *context) {
    struct store *store = context;
    struct applies *applies = &store->applies;
    bool applying = applies->completions.count > 0, confirming = applies->confirmations.count > 0;
    batch_send(store, &apply_batch, &applies->completions);
    batch_send(store, &confirm_batch, &applies->confirmations);
    if (!store->ready)
        return;
    redis_link_flush(store->link);
    if (applying)
        crash_point(while_applying);
    if (confirming)
        crash_point(while_confirming);
}

struct result store_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct store_events events, struct store **store) {
    struct store *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail(CODE_LIMIT, "out of memory");
    opened->log = log_with(log, "part", "store");
    opened->events = events;
    opened->applies.completions = turn_list_of(apply_batch.item_size);
    opened->applies.confirmations = turn_list_of(confirm_batch.item_size);
    opened->replica.uptime = clock_uptime();
    const struct redis_link_events link_events = {
        .on_connect = on_connect, .on_lost = on_lost, .on_master = on_master, .context = opened};
    struct result result = redis_link_open(loop, settings, &opened->log, link_events, &opened->link);
    if (!is_ok(result)) {
        free(opened);
        return result;
    }
    turn_init(&opened->turn, loop, on_turn_over, opened);
    *store = opened;
    return ok();
}

bool store_is_ready(const struct store *store) {
    return store->ready;
}

static void on_all_closed(void *context) {
    struct store *store = context;
    if (store->closed)
        store->closed(store->closed_context);
    months_clear(&store->months);
    month_memories_free(&store->memories);
    free(store);
}

static void on_link_closed(void *context) {
    struct store *store = context;
    on_turn_over(store);
    turn_close(&store->turn, on_all_closed);
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

struct months *store_known_months(struct store *store) {
    return &store->months;
}

struct turn *store_turn(struct store *store) {
    return &store->turn;
}

struct applies *store_applies(struct store *store) {
    return &store->applies;
}

void store_note_step(struct store *store, int64_t count) {
    month_step_answered(store->answered_step, count);
}

void store_note_answer(struct store *store, int64_t sent_ms, struct month_step step) {
    store->answered_ms = sent_ms;
    store->answered_step = step;
}

struct lease store_new_lease(const struct store *store, bool taken_over) {
    int64_t length_ms = store->replica.lease_ms, margin_ms = length_ms / LEASE_MARGIN;
    return (struct lease){.until_ms = store->answered_ms + length_ms - margin_ms, .taken_over = taken_over};
}

/* --- Completions and triggers
 * ---------------------------------------------------------------------------------------------- */

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
