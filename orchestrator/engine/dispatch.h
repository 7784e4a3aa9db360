/*
 * The way out: triggers of the outbox are published, and leave the outbox when the bus has confirmed them.
 * Triggers of one date go one after the other, each confirmed before the next leaves; dates do not wait for
 * each other. What fails is tried again with back-off, for ever.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_DISPATCH_H
#define PHASEGATE_ENGINE_DISPATCH_H

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus.h"
#include "state/store.h"

struct dispatcher;

struct dispatcher_parts {
    uv_loop_t *loop;
    struct clock clock;
    const struct log *log;
    struct store *store;
    struct bus *bus;
    void (*on_idle)(void *context); /* nothing is left to publish or confirm */
    void *context;
};

/* NULL when out of memory. */
struct dispatcher *dispatcher_new(struct dispatcher_parts parts);

/*
 * Takes over an outbox entry that was decided by then, and says whether it did; one that it has already is
 * passed over. The pipeline outlives the dispatcher; the strings are copied. An entry that cannot be read
 * stays in the outbox, with an error in the log.
 */
bool dispatcher_add(struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field,
    const char *facts, int64_t decided_by_ms);

/* The store is there again: what waited to be confirmed is, at once. */
void dispatcher_store_ready(struct dispatcher *dispatcher);

/* Triggers taken over and not yet out of the outbox. */
size_t dispatcher_pending(const struct dispatcher *dispatcher);

/*
 * Did it pass entries over because it had too many in hand? Then the outbox has to be read again, once there
 * is room; asking clears it.
 */
bool dispatcher_overflowed(struct dispatcher *dispatcher);

/* From here on it calls neither bus nor store; what is left stays in the outbox. */
void dispatcher_stop(struct dispatcher *dispatcher);

/*
 * Frees it, when neither bus nor store will call back any more. What is left stays in the outbox, for the
 * next start. Closes its timer: run the loop once more. Safe on NULL.
 */
void dispatcher_free(struct dispatcher **dispatcher);

#endif
