/*
 * The way out: triggers of the outbox are published, and leave the outbox when the bus has confirmed them.
 * Triggers of one date go one after the other, each confirmed before the next leaves; dates do not wait for
 * each other. Live triggers leave at once; backfill triggers when the gate lets them, and each attempt to
 * publish one asks it again, since a slot can be lost during an outage. What fails is tried again with
 * back-off, for ever.
 *
 * Of several replicas the one that has a trigger's lease publishes it. A live trigger that this one has
 * decided comes with it; for any other, and for each further attempt, the store is asked. What another
 * replica has is dropped here: it publishes it, or the next sweep finds it when the lease has run out. While
 * the bus takes its time the lease is renewed.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_DISPATCH_H
#define PHASEGATE_ENGINE_DISPATCH_H

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus.h"
#include "engine/gate.h"
#include "state/store.h"

struct dispatcher;

enum { DISPATCH_LIVE_MAX = 10000 }; /* live triggers in hand; of backfill, GATE_WAITING_MAX of each group */

struct dispatcher_parts {
    uv_loop_t *loop;
    struct clock clock;
    struct clock uptime; /* of the leases */
    int lease_ms;
    const struct log *log;
    struct store *store;
    struct bus *bus;
    const struct pipeline *const *pipelines;
    int pipeline_count;
    struct replica_work *work; /* published, confirmed and taken over are counted there */
    /* Is a rebuild of the pipeline under way? Then its triggers stay in the outbox. NULL: never. */
    bool (*is_held)(void *context, const struct pipeline *pipeline);
    void (*on_idle)(void *context); /* nothing is left to publish or confirm but what waits for a slot */
    void *context;
};

/* NULL when out of memory. */
struct dispatcher *dispatcher_new(struct dispatcher_parts parts);

/*
 * Takes over an outbox entry that was just decided, with its lease if it is a live one; one that it has
 * already is passed over. The strings are copied. An entry that cannot be read stays in the outbox, with an
 * error in the log.
 */
void dispatcher_add(struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field,
    const char *facts, struct lease lease);

/* The same for an entry found in the outbox; says whether it was taken over. */
bool dispatcher_recover(
    struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field, const char *facts);

/* For each sweep, at least three in the length of a lease: renews those of the triggers that are with the
 * bus. */
void dispatcher_sweep(struct dispatcher *dispatcher);

/* Should this outbox entry get out at once? One of backfill only while it is being published, else it waits
 * for its turn. */
bool dispatcher_wants_out(const struct dispatcher *dispatcher, const struct pipeline *pipeline,
    const char *field, const char *facts);

/* The gate that its backfill triggers go through. */
struct gate *dispatcher_gate(const struct dispatcher *dispatcher);

/* The store is there again: what waited to be confirmed is, at once, and what waits for a slot asks. */
void dispatcher_store_ready(struct dispatcher *dispatcher);

/* Dates whose triggers are being published or confirmed; those that wait for a slot are not counted. */
size_t dispatcher_busy(const struct dispatcher *dispatcher);

/*
 * Did it pass live entries over because it had too many in hand? Then the outbox has to be read again, once
 * there is room; asking clears it. Backfill entries that were passed over are left to the next sweep.
 */
bool dispatcher_overflowed(struct dispatcher *dispatcher);

/* Finishes what is under way and lets nothing more through the gate; what has failed is tried once more at
 * once. */
void dispatcher_drain(struct dispatcher *dispatcher);

/* From here on it calls neither bus nor store; what is left stays in the outbox. */
void dispatcher_stop(struct dispatcher *dispatcher);

/*
 * Frees it, when neither bus nor store will call back any more. What is left stays in the outbox, for the
 * next start. Closes its timer: run the loop once more. Safe on NULL.
 */
void dispatcher_free(struct dispatcher **dispatcher);

#endif
