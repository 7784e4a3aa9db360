/*
 * Timers: settle times (rule 5) and deadlines (rule 9). The store knows when to look at which date; a sweep
 * asks it, lets it do what is due, and says in the log what that was.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_TIMERS_H
#define PHASEGATE_ENGINE_TIMERS_H

#include "alerts/alerts.h"
#include "base/clock.h"
#include "base/log.h"
#include "state/store.h"

struct timers;

struct timers_parts {
    struct clock clock;
    const struct log *log;
    struct store *store;
    struct alerts *alerts; /* NULL: none */
    const struct pipeline *const *pipelines;
    int pipeline_count;
    /* Is a rebuild of the pipeline under way? Then nothing is due. NULL: never. */
    bool (*is_held)(void *context, const struct pipeline *pipeline);

    /* The deadline of a group passed: its trigger is in flight no more. Called before on_due. */
    void (*on_stalled)(void *context, const struct pipeline *pipeline, game_date date, int group, int run);
    /* A new run was opened from this group on. Called before on_due. */
    void (*on_new_run)(void *context, const struct pipeline *pipeline, int first_group);
    /* A trigger is due, anew or again: the outbox entry, valid during the call. */
    void (*on_due)(void *context, const struct pipeline *pipeline, const char *field, const char *facts,
        struct lease lease);
    void *context;
};

/* NULL when out of memory. */
struct timers *timers_new(struct timers_parts parts);

/* Does what is due now. A pipeline whose last sweep is not over yet is left out. */
void timers_sweep(struct timers *timers);

/* When the store will not call back any more. Safe on NULL. */
void timers_free(struct timers **timers);

#endif
