/*
 * Completions on their way into the store. Those that come in one turn of the loop go together: a call of
 * pg_apply_all for each month, in which the completions of one date are one step. A call costs Redis as much
 * as what it does, and a date is read and written once for all of its completions.
 *
 * On the loop's thread. Only the files of the store's client include it.
 */
#ifndef PHASEGATE_STATE_APPLIES_H
#define PHASEGATE_STATE_APPLIES_H

#include "state/call.h"

#include <uv.h>

/* A completion on its way. */
struct apply {
    const struct pipeline *pipeline;
    const struct completion *completion;
    int64_t now_ms;
    bool rebuilt; /* for a rebuild, which takes one after the other */
    size_t place; /* in the order in which they came */
    store_applied_fn *applied;
    void *context;
};

struct apply_list {
    struct apply *items;
    size_t count, room;
};

struct applies {
    struct store *store;
    uv_idle_t turn; /* active while any wait for its end */
    struct apply_list waiting;
    struct opening *openings; /* months that are being made known, and who waits for them */
    void (*closed)(struct store *store);
};

void applies_init(struct applies *applies, struct store *store, uv_loop_t *loop);

/* Sends what waits, at once. */
void applies_flush(struct applies *applies);

/* When nothing waits. Calls closed, with the store, when the loop has let go of it. */
void applies_close(struct applies *applies, void (*closed)(struct store *store));

#endif
