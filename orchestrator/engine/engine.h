/*
 * The engine: the daemon without its process. It receives completions of all its pipelines, applies them to
 * the store, and publishes the triggers that follow, backfill ones as the gate lets them; it looks after
 * settle times and deadlines; it recovers the outbox at each start and after each loss of the store, and
 * takes over what other replicas leave; it says at each sweep that it is alive; and it drains when told to
 * stop.
 *
 *     bus -> intake (decode, apply, ack) -> store -> dispatch (gate, publish, confirm) -> bus
 *                                             ^ timers, recovery, heartbeat
 *
 * Everything happens on the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_ENGINE_H
#define PHASEGATE_ENGINE_ENGINE_H

#include "alerts/alerts.h"
#include "base/clock.h"
#include "base/log.h"
#include "bus/bus.h"
#include "core/game_calendar.h"
#include "core/pipeline.h"
#include "redis/settings.h"
#include "state/store.h"

struct engine;

enum { ENGINE_SWEEP_MS = 5000, ENGINE_LEASE_SECONDS = 30 };

struct engine_options {
    uv_loop_t *loop;
    struct clock clock;
    const struct log *log;
    const struct redis_settings *redis;
    struct alerts *alerts; /* NULL: none */
    struct bus *bus;       /* the engine's from a successful engine_start on: it closes it */
    const struct pipeline *const *pipelines;
    int pipeline_count;
    size_t in_hand_max; /* deliveries out at once, per subscription */
    int drain_seconds;  /* how long a stop may take */
    int sweep_ms;       /* how often outbox, timers and slots are looked after; 0: ENGINE_SWEEP_MS. At least
                           three times in the length of a lease */
    int lease_seconds;  /* how long others leave a trigger alone that is ours to publish; 0:
                           ENGINE_LEASE_SECONDS */
    const char *replica_name;            /* replica.h; NULL: a new one at each start */
    struct quarantine_limits quarantine; /* zeroed: the defaults */
    const char *epoch_file; /* what is remembered of the store over restarts (epoch.h); NULL: nothing is */
    bool create;            /* make topics and subscriptions that are missing */

    /* The engine is running: store ready, outbox read, receiving. Called once. */
    void (*on_running)(void *context);
    /*
     * The engine has stopped and is gone; ok when everything in hand was finished. A failure that is not
     * retryable, without engine_stop being called, says that it cannot start.
     */
    void (*on_stopped)(void *context, struct result result);
    void *context;
};

/* Starts; the options' pointers outlive the engine. On failure the bus is still the caller's. */
struct result engine_start(const struct engine_options *options, struct engine **engine) MUST_CHECK;

/*
 * From here on the pipeline's completions are judged with this calendar; NULL: with none, as at first. It
 * stays the caller's, who keeps it until another one is set or the engine has stopped.
 */
void engine_set_calendar(
    struct engine *engine, const struct pipeline *pipeline, const struct game_calendar *calendar);

/*
 * Drains and stops: no more receiving, what is in hand is finished and acked, the outbox published but for
 * what waits for a slot. Idempotent.
 */
void engine_stop(struct engine *engine);

#endif
