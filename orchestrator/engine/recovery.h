/*
 * Recovery: reading the outbox. Triggers come to the dispatcher as the store decides them, but some do not:
 * those decided by a replica that died, by a call whose answer was lost, by a command, or while the
 * dispatcher had no room. So the outbox is read at each start and each connection, and swept from then on;
 * what is leased to another replica is not shown.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_RECOVERY_H
#define PHASEGATE_ENGINE_RECOVERY_H

#include "alerts/alerts.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/dispatch.h"
#include "state/store.h"

struct recovery;

struct recovery_parts {
    struct clock clock;
    const struct log *log;
    struct store *store;
    struct alerts *alerts; /* NULL: none */
    struct dispatcher *dispatcher;
    const struct pipeline *const *pipelines;
    int pipeline_count;
    void (*on_read)(void *context); /* a pipeline's outbox has been read, or could not be */
    void *context;
};

/* NULL when out of memory. */
struct recovery *recovery_new(struct recovery_parts parts);

/* Gives the dispatcher all that is in the outbox. */
void recovery_read(struct recovery *recovery);

/* The same, leaving out a pipeline whose outbox is still being read. */
void recovery_sweep(struct recovery *recovery);

/* When the store will not call back any more. Safe on NULL. */
void recovery_free(struct recovery **recovery);

#endif
