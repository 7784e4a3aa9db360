/*
 * The way in: deliveries from the bus are decoded, applied to the store or put into quarantine, and acked
 * when, and only when, what they caused is stored. While the store is away nothing is acked and receiving
 * pauses; what is in hand waits, its lease extended by the bus, and is applied when the store is back.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_INTAKE_H
#define PHASEGATE_ENGINE_INTAKE_H

#include "alerts/alerts.h"
#include "base/clock.h"
#include "base/log.h"
#include "bus/bus.h"
#include "core/config.h"
#include "core/game_calendar.h"
#include "state/store.h"

struct intake;

struct intake_parts {
    uv_loop_t *loop;
    struct clock clock;
    const struct log *log;
    struct store *store;
    struct alerts *alerts; /* NULL: none */
    struct bus *bus;
    size_t in_hand_max; /* deliveries out at once, per subscription */
    struct quarantine_limits quarantine;
    struct replica_work *work; /* received, applied, duplicates and quarantined are counted there */

    /*
     * Is a rebuild of the pipeline under way? Then what is received is kept in the store for it, acked, and
     * not applied. NULL: never.
     */
    bool (*is_held)(void *context, const struct pipeline *pipeline);
    /* Something was stored. */
    void (*on_stored)(void *context, const struct pipeline *pipeline);
    /* A completion made a trigger due: the outbox entry, valid during the call, and its lease. */
    void (*on_due)(void *context, const struct pipeline *pipeline, const char *field, const char *facts,
        struct lease lease);
    /* A completion made the group done or failed: the trigger of that run is over. Called before on_due. */
    void (*on_over)(void *context, const struct pipeline *pipeline, game_date date, int group, int run);
    /* Nothing is in hand any more. */
    void (*on_idle)(void *context);
    void *context;
};

/* NULL when out of memory. */
struct intake *intake_new(struct intake_parts parts);

/*
 * Subscribes to one of the pipeline's sources. Both outlive the intake, and so does what points to the
 * calendar, which is looked up anew for each completion.
 */
struct result intake_open(struct intake *intake, const struct pipeline *pipeline, const struct source *source,
    const struct game_calendar *const *calendar) MUST_CHECK;

/* The store is there (again), or has gone. */
void intake_store_ready(struct intake *intake);
void intake_store_lost(struct intake *intake);

/*
 * Fills in each pipeline and for how long all its subscriptions have been receiving; how many there are. One
 * that is paused, since the store takes nothing, does not receive.
 */
size_t intake_receiving(const struct intake *intake, struct replica_receiving list[CONFIG_PIPELINES_MAX]);

/* Lets go of what is in quarantine for too long. Call it now and then. */
void intake_sweep(struct intake *intake);

/* Stops receiving for good; what is in hand is still finished. */
void intake_stop(struct intake *intake);

/* Deliveries received and not yet acked. */
size_t intake_in_hand(const struct intake *intake);

/*
 * Frees it, when no call of the store is under way any more, that is after store_close has called back.
 * Deliveries still in hand stay the bus's, to give back when it closes. Closes its timer: run the loop once
 * more. Safe on NULL.
 */
void intake_free(struct intake **intake);

#endif
