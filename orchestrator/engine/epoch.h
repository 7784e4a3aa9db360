/*
 * Has the store forgotten? Each replica raises the epoch of its pipelines at every connection of the store,
 * before anything else is done with it, at every sweep, and behind the completions that it applies, and
 * remembers what it saw, here and in a file. The comparison is the store's (state/epoch.h); saying so, once
 * and loudly, is done here, and so is telling the engine of a rebuild, during which nothing is decided.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_EPOCH_H
#define PHASEGATE_ENGINE_EPOCH_H

#include "alerts/alerts.h"
#include "base/clock.h"
#include "base/log.h"
#include "state/epoch.h"

struct epochs;

enum {
    EPOCH_WRITE_MS = 60000,    /* how often the file is written, at most, while nothing special happens */
    EPOCH_SWEEPS_OF_TURN = 12, /* in one of these, a minute, all months of a pipeline are looked at */
};

struct epochs_parts {
    struct clock clock;
    const struct log *log;
    struct store *store;
    struct alerts *alerts; /* NULL: none */
    const struct pipeline *const *pipelines;
    int pipeline_count;
    const char *replica; /* names this process among those that share the store; outlives the epochs */
    const char *file;    /* what to remember over restarts; NULL: nothing is */

    /* All pipelines have been asked on this connection: now the store may be worked with. */
    void (*on_known)(void *context);
    /* A rebuild of the pipeline has begun, or is over. May be NULL. */
    void (*on_rebuild)(void *context, const struct pipeline *pipeline, bool under_way);
    void *context;
};

/* Reads the file. NULL when out of memory. */
struct epochs *epochs_new(struct epochs_parts parts);

/* The store is there (again): asks for all pipelines; on_known follows. */
void epochs_store_ready(struct epochs *epochs);

/* Raises them all, and looks at the months that have changed; of the pipelines whose turn it is, at all. What
 * is still to be answered is not asked again. */
void epochs_sweep(struct epochs *epochs);

/* Something was stored for the pipeline: raises its epoch behind it, so that the loss of it will show. What
 * comes while an answer is under way shares one more. */
void epochs_touch(struct epochs *epochs, const struct pipeline *pipeline);

/* Is a rebuild of the pipeline under way, as far as is known? */
bool epochs_rebuilding(const struct epochs *epochs, const struct pipeline *pipeline);

/* When the store will not call back any more; writes the file a last time. Safe on NULL. */
void epochs_free(struct epochs **epochs);

#endif
