/* The store's part of rule 8: slots of backfill triggers, pausing and cancelling what waits. */
#include "state/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Claim and release ---------------------------------------------------------------------------------- */

/*
 * Three questions, since outbox and ledger may live on different Cluster nodes: is the trigger still in the
 * outbox, is there a slot, and whose is the lease? In this order, so that one that another replica has
 * published keeps the slot that it is in flight with, one that was cancelled is gone also while the cap is in
 * flight, and slots go to the oldest dates whichever replica asks: nobody holds a lease that he cannot use.
 * A slot that is another replica's lease's stays: it is the trigger's. One whose trigger has gone in between
 * is found by the next reclaim.
 */
struct claiming {
    struct store *store;
    const struct pipeline *pipeline;
    struct trigger trigger;
    int64_t now_ms;
    store_claimed_fn *claimed;
    void *context;
};

static void tell_claim(
    struct claiming *claiming, struct result result, enum claim claim, struct lease lease) {
    claiming->claimed(claiming->context, result, claim, lease);
    free(claiming);
}

static void on_lease(void *context, struct result result, enum leasing leasing, struct lease lease) {
    static const enum claim claims[] = {
        [LEASE_GONE] = CLAIM_GONE, [LEASE_THEIRS] = CLAIM_THEIRS, [LEASE_OURS] = CLAIM_GRANTED};
    tell_claim(context, result, claims[leasing], lease);
}

static void on_claimed(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    struct claiming *claiming = context;
    (void)tell;
    if (is_ok(result)
        && (reply->type != REDIS_REPLY_INTEGER || reply->integer < CLAIM_FULL
            || reply->integer > CLAIM_PAUSED))
        result = fail(CODE_INTERNAL, "pg_claim answered what this phasegate does not understand");
    enum claim claim = is_ok(result) ? (enum claim)reply->integer : CLAIM_FULL;
    if (claim == CLAIM_GRANTED && store_replica(store)->id[0])
        store_lease(store, claiming->pipeline, &claiming->trigger, on_lease, claiming);
    else
        tell_claim(claiming, result, claim, (struct lease){0});
}

static void ask_for_slot(struct claiming *claiming) {
    const struct pipeline *pipeline = claiming->pipeline;
    const struct trigger *trigger = &claiming->trigger;
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_claim", 2);
    call_key(&call, key_slots(pipeline, trigger->group, key));
    call_key(&call, key_backfill(pipeline, key));
    call_outbox_field(&call, trigger);
    call_number(&call, claiming->now_ms);
    if (pipeline->group_deadline > 0)
        call_number(&call, claiming->now_ms + (int64_t)pipeline->group_deadline * 1000);
    else
        call_text(&call, "+inf");
    call_number(&call, pipeline->groups[trigger->group - 1].backfill_cap);
    call_send(claiming->store, &call, on_claimed, (union told){.claimed = claiming->claimed}, claiming);
}

/* Of a Cluster the others may be there: then only its month waits. */
static void tell_not_looked_up(struct claiming *claiming, struct result result) {
    bool others = result.retryable && redis_link_connected(store_link(claiming->store));
    tell_claim(claiming, others ? ok() : result, CLAIM_AWAY, (struct lease){0});
}

static void on_looked_up(void *context, const redisReply *reply) {
    struct claiming *claiming = context;
    struct result result = redis_reply_result(reply);
    if (!is_ok(result))
        tell_not_looked_up(claiming, result);
    else if (reply->integer == 0)
        tell_claim(claiming, result, CLAIM_GONE, (struct lease){0});
    else
        ask_for_slot(claiming);
}

void store_claim(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t now_ms, store_claimed_fn *claimed, void *context) {
    struct claiming *claiming = malloc(sizeof *claiming);
    if (!claiming) {
        claimed(context, fail(CODE_UNAVAILABLE, "out of memory"), CLAIM_FULL, (struct lease){0});
        return;
    }
    *claiming = (struct claiming){.store = store,
        .pipeline = pipeline,
        .trigger = *trigger,
        .now_ms = now_ms,
        .claimed = claimed,
        .context = context};
    char key[KEY_MAX];
    struct call field; /* for its text only */
    call_begin(&field, "", 0);
    call_outbox_field(&field, trigger);
    struct result result = redis_link_sendv(store_link(store), on_looked_up, claiming, "HEXISTS",
        key_outbox(pipeline, trigger->date, key), field.values[field.count - 1], NULL);
    if (!is_ok(result))
        tell_not_looked_up(claiming, result);
}

static void send_release(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    call_answered_fn *answered, store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_release", 1);
    call_key(&call, key_slots(pipeline, trigger->group, key));
    call_outbox_field(&call, trigger);
    call_send(store, &call, answered, (union told){.done = done}, context);
}

void store_release(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context) {
    send_release(store, pipeline, trigger, call_answer_done, done, context);
}

/* --- Who has one ---------------------------------------------------------------------------------------- */

struct asking {
    const struct pipeline *pipeline;
    store_slot_fn *slot;
    void *context;
};

static void on_asked(void *context, const redisReply *reply) {
    struct asking *asking = context;
    struct result result = redis_reply_result(reply);
    size_t count = is_ok(result) && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    struct trigger trigger;
    for (size_t i = 0; i < count; i++)
        if (trigger_parse_field(asking->pipeline, redis_reply_text(reply, i), &trigger))
            asking->slot(asking->context, ok(), &trigger);
    asking->slot(asking->context, result, NULL);
    free(asking);
}

void store_slots(
    struct store *store, const struct pipeline *pipeline, int group, store_slot_fn *slot, void *context) {
    char key[KEY_MAX];
    struct asking *asking = malloc(sizeof *asking);
    struct result result = fail(CODE_UNAVAILABLE, "out of memory");
    if (asking) {
        *asking = (struct asking){.pipeline = pipeline, .slot = slot, .context = context};
        result = redis_link_sendv(
            store_link(store), on_asked, asking, "ZRANGE", key_slots(pipeline, group, key), "0", "-1", NULL);
    }
    if (!is_ok(result)) {
        free(asking);
        slot(context, result, NULL);
    }
}

/* --- Reclaim -------------------------------------------------------------------------------------------- */

struct reclaim {
    struct store *store;
    const struct pipeline *pipeline;
    int64_t now_ms;
    store_freed_fn *freed;
    void *context;
    size_t open; /* questions not answered yet */
    int count;
    struct result result;
};

/* A slot that is asked about. */
struct slot {
    struct reclaim *reclaim;
    struct trigger trigger;
};

static void finish_if_last(struct reclaim *reclaim) {
    if (--reclaim->open > 0)
        return;
    reclaim->freed(reclaim->context, reclaim->result, reclaim->count);
    free(reclaim);
}

static void note(struct reclaim *reclaim, struct result result) {
    if (is_ok(reclaim->result))
        reclaim->result = result;
}

/* It may have been given back after all, in the time since the ledger was read: then this freed nothing. */
static void on_slot_released(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    struct reclaim *reclaim = context;
    (void)store;
    (void)tell;
    if (is_ok(result) && reply->integer == 1)
        reclaim->count++;
    note(reclaim, result);
    finish_if_last(reclaim);
}

static void free_slot(struct reclaim *reclaim, const struct trigger *trigger) {
    reclaim->open++;
    send_release(reclaim->store, reclaim->pipeline, trigger, on_slot_released, NULL, reclaim);
}

static void on_in_flight(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    struct slot *slot = context;
    struct reclaim *reclaim = slot->reclaim;
    (void)store;
    (void)tell;
    if (is_ok(result) && reply->integer == 0)
        free_slot(reclaim, &slot->trigger);
    note(reclaim, result);
    free(slot);
    finish_if_last(reclaim);
}

static void ask_in_flight(struct reclaim *reclaim, const struct trigger *trigger) {
    struct slot *slot = malloc(sizeof *slot);
    if (!slot) {
        note(reclaim, fail(CODE_UNAVAILABLE, "out of memory"));
        return;
    }
    *slot = (struct slot){.reclaim = reclaim, .trigger = *trigger};
    reclaim->open++;
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_in_flight", 1);
    call_key(&call, key_date(reclaim->pipeline, trigger->date, key));
    call_text(&call, reclaim->pipeline->definition);
    call_number(&call, trigger->group);
    call_number(&call, trigger->run);
    call_send(reclaim->store, &call, on_in_flight, (union told){.done = NULL}, slot);
}

static void on_slots(void *context, const redisReply *reply) {
    struct reclaim *reclaim = context;
    struct result result = redis_reply_result(reply);
    size_t count = is_ok(result) && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    note(reclaim, result);
    for (size_t i = 0; i + 1 < count; i += 2) {
        struct trigger trigger;
        if (!trigger_parse_field(reclaim->pipeline, redis_reply_text(reply, i), &trigger))
            continue;
        if (strtod(redis_reply_text(reply, i + 1), NULL) <= (double)reclaim->now_ms)
            free_slot(reclaim, &trigger);
        else
            ask_in_flight(reclaim, &trigger);
    }
    finish_if_last(reclaim);
}

void store_reclaim(struct store *store, const struct pipeline *pipeline, int group, int64_t now_ms,
    store_freed_fn *freed, void *context) {
    char key[KEY_MAX];
    struct reclaim *reclaim = malloc(sizeof *reclaim);
    struct result result = fail(CODE_UNAVAILABLE, "out of memory");
    if (reclaim) {
        *reclaim = (struct reclaim){.store = store,
            .pipeline = pipeline,
            .now_ms = now_ms,
            .freed = freed,
            .context = context,
            .open = 1};
        result = redis_link_sendv(store_link(store), on_slots, reclaim, "ZRANGE",
            key_slots(pipeline, group, key), "0", "-1", "WITHSCORES", NULL);
    }
    if (!is_ok(result)) {
        free(reclaim);
        freed(context, result, 0);
    }
}

/* --- Pause and cancel ----------------------------------------------------------------------------------- */

void store_pause_backfill(struct store *store, const struct pipeline *pipeline, bool paused, int64_t now_ms,
    store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_pause", 1);
    call_key(&call, key_backfill(pipeline, key));
    if (paused)
        call_number(&call, now_ms);
    else
        call_text(&call, "");
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}

static void on_cancelled(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    (void)store;
    tell.cancelled(context, result, is_ok(result) && reply->integer == 1);
}

void store_cancel(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t now_ms, store_cancelled_fn *cancelled, void *context) {
    struct call call;
    call_begin(&call, "pg_cancel", CALL_KEYS_OF_DATE);
    call_keys_of_date(&call, pipeline, trigger->date);
    call_date(&call, trigger->date);
    call_number(&call, trigger->group);
    call_number(&call, trigger->run);
    call_number(&call, now_ms);
    call_lane(&call, store);
    call_send(store, &call, on_cancelled, (union told){.cancelled = cancelled}, context);
}
