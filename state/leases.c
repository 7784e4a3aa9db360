/* Leases: of several replicas, the one that publishes an entry of the outbox. */
#include "state/call.h"

static void on_leased(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { GONE, THEIRS, OURS, TAKEN_OVER };
    enum leasing leasing = LEASE_THEIRS;
    struct lease lease = {0};
    if (is_ok(result)
        && (reply->type != REDIS_REPLY_INTEGER || reply->integer < GONE || reply->integer > TAKEN_OVER))
        result = fail(CODE_INTERNAL, "pg_lease answered what this phasegate does not understand");
    if (is_ok(result) && reply->integer >= OURS) {
        leasing = LEASE_OURS;
        lease = store_new_lease(store, reply->integer == TAKEN_OVER);
    } else if (is_ok(result) && reply->integer == GONE) {
        leasing = LEASE_GONE;
    }
    tell.leased(context, result, leasing, lease);
}

void store_lease(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_leased_fn *leased, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_lease", 2);
    call_key(&call, key_outbox(pipeline, trigger->date, key));
    call_key(&call, key_leases(pipeline, trigger->date, key));
    call_outbox_field(&call, trigger);
    call_lessee(&call, store);
    call_send(store, &call, on_leased, (union told){.leased = leased}, context);
}

void store_unlease(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_unlease", 1);
    call_key(&call, key_leases(pipeline, trigger->date, key));
    call_outbox_field(&call, trigger);
    call_text(&call, store_replica(store)->id);
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}
