#include "engine/engine.h"

#include "base/backoff.h"
#include "base/crash_point.h"
#include "engine/dispatch.h"
#include "engine/epoch.h"
#include "engine/intake.h"
#include "engine/recovery.h"
#include "engine/replica.h"
#include "engine/timers.h"

#include <stdlib.h>

struct engine {
    struct engine_options options;
    struct replica replica;
    struct store *store;
    struct intake *intake;
    struct dispatcher *dispatcher;
    struct recovery *recovery;
    struct timers *timers;
    struct epochs *epochs;
    const struct game_calendar **calendars; /* of options.pipelines */
    uv_timer_t *timer; /* while starting: the next try to create; while stopping: the deadline */
    uv_timer_t *sweep;
    struct backoff backoff;
    int creating; /* answers of bus_create still to come */
    struct result create_result;
    bool created;
    bool store_ready;
    bool receiving;
    bool stopping;
    bool flushing;
    bool closing;
    struct result outcome;
};

/* --- Parts ---------------------------------------------------------------------------------------------- */

static void close_timer(uv_timer_t *timer) {
    if (timer)
        uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

static void discard(struct engine *engine) {
    close_timer(engine->timer);
    close_timer(engine->sweep);
    free(engine->calendars);
    free(engine);
}

static void free_parts(struct engine *engine) {
    intake_free(&engine->intake);
    recovery_free(&engine->recovery);
    timers_free(&engine->timers);
    epochs_free(&engine->epochs);
    dispatcher_free(&engine->dispatcher);
}

/* --- Stopping ------------------------------------------------------------------------------------------- */

/*
 * The alerts go first, which note in the store what they told. Then the store: its pending calls end, and
 * those completions wait, unacked. Then the bus, which takes back what is in hand. In between nobody calls
 * either.
 */
enum { ALERTS_DRAIN_MS = 3000 };

static void on_bus_closed(void *context, struct result result) {
    struct engine *engine = context;
    void (*on_stopped)(void *, struct result) = engine->options.on_stopped;
    void *stopped_context = engine->options.context;
    struct result outcome = engine->outcome;
    (void)result; /* what the bus could not give back comes again by itself */
    free_parts(engine);
    discard(engine);
    on_stopped(stopped_context, outcome);
}

static void on_store_closed(void *context) {
    struct engine *engine = context;
    bus_close(engine->options.bus, on_bus_closed, engine);
}

static void on_alerts_drained(void *context) {
    struct engine *engine = context;
    store_close(engine->store, on_store_closed, engine);
}

static void close_all(struct engine *engine) {
    if (engine->closing)
        return;
    engine->closing = true;
    uv_timer_stop(engine->timer);
    uv_timer_stop(engine->sweep);
    dispatcher_stop(engine->dispatcher);
    intake_store_lost(engine->intake);
    alerts_drain(engine->options.alerts, ALERTS_DRAIN_MS, on_alerts_drained, engine);
}

static void on_left(void *context, struct result result) {
    (void)result; /* then it is silent from here on, and forgotten later */
    close_all(context);
}

static void on_flushed(void *context, struct result result) {
    struct engine *engine = context;
    if (!is_ok(result))
        log_warning(engine->options.log, "some acks could not be sent; those messages will come again: %s",
            result.text);
    if (!engine->closing)
        replica_end(&engine->replica, engine->store, clock_now_ms(&engine->options.clock), on_left, engine);
}

static void on_drain_deadline(uv_timer_t *timer) {
    struct engine *engine = timer->data;
    engine->outcome = fail(CODE_UNAVAILABLE,
        "stopped after %d s with %zu completions not acked and triggers of %zu dates not published; both are "
        "kept and come again",
        engine->options.drain_seconds, intake_in_hand(engine->intake), dispatcher_busy(engine->dispatcher));
    close_all(engine);
}

/* The last step of a drain, once nothing is in hand. */
static void close_when_idle(struct engine *engine) {
    if (!engine->stopping || engine->flushing || engine->closing)
        return;
    if (intake_in_hand(engine->intake) == 0 && dispatcher_busy(engine->dispatcher) == 0) {
        engine->flushing = true;
        bus_flush(engine->options.bus, on_flushed, engine);
        crash_point(while_flushing);
    }
}

void engine_stop(struct engine *engine) {
    if (engine->stopping)
        return;
    engine->stopping = true;
    log_info(engine->options.log, "stopping: finishing %zu completions and the triggers of %zu dates in hand",
        intake_in_hand(engine->intake), dispatcher_busy(engine->dispatcher));
    intake_stop(engine->intake);
    crash_point(while_draining);
    dispatcher_drain(engine->dispatcher);
    uv_timer_start(engine->timer, on_drain_deadline, (uint64_t)engine->options.drain_seconds * 1000, 0);
    close_when_idle(engine);
}

/* --- Sweeping ------------------------------------------------------------------------------------------- */

static void beat(struct engine *engine) {
    struct replica_receiving receiving[CONFIG_PIPELINES_MAX];
    size_t count = intake_receiving(engine->intake, receiving);
    replica_beat(&engine->replica, engine->store, receiving, count, clock_now_ms(&engine->options.clock));
}

static void on_sweep(uv_timer_t *timer) {
    struct engine *engine = timer->data;
    if (engine->stopping)
        return;
    epochs_sweep(engine->epochs);
    if (!engine->store_ready)
        return;
    beat(engine);
    dispatcher_sweep(engine->dispatcher);
    recovery_sweep(engine->recovery);
    timers_sweep(engine->timers);
    gate_sweep(dispatcher_gate(engine->dispatcher));
    alerts_sweep(engine->options.alerts);
    intake_sweep(engine->intake);
}

static void on_outbox_read(void *context) {
    close_when_idle(context);
}

static void on_dispatcher_idle(void *context) {
    struct engine *engine = context;
    if (dispatcher_overflowed(engine->dispatcher) && engine->store_ready)
        recovery_read(engine->recovery);
    else
        close_when_idle(engine);
}

/* --- Starting ------------------------------------------------------------------------------------------- */

static void refuse_to_start(struct engine *engine, struct result reason) {
    engine->outcome = reason;
    engine->stopping = true;
    close_all(engine);
}

static void receive_when_possible(struct engine *engine) {
    if (engine->receiving || engine->stopping || !engine->created || !engine->store_ready)
        return;
    engine->receiving = true;
    struct result result = ok();
    for (int i = 0; i < engine->options.pipeline_count && is_ok(result); i++) {
        const struct pipeline *pipeline = engine->options.pipelines[i];
        for (int s = 0; s < pipeline->completion_count && is_ok(result); s++)
            result = intake_open(engine->intake, pipeline, &pipeline->completions[s], &engine->calendars[i]);
    }
    if (!is_ok(result))
        refuse_to_start(engine, result);
    else
        engine->options.on_running(engine->options.context);
}

static void create_all(struct engine *engine);

static void on_create_retry(uv_timer_t *timer) {
    create_all(timer->data);
}

static void on_created(void *context, struct result result) {
    struct engine *engine = context;
    if (!is_ok(result))
        engine->create_result = result;
    if (--engine->creating > 0 || engine->stopping)
        return;
    if (is_ok(engine->create_result)) {
        crash_point(after_create);
        engine->created = true;
        receive_when_possible(engine);
    } else if (engine->create_result.retryable) {
        if (engine->backoff.failures == 0)
            log_warning(engine->options.log, "cannot create topics and subscriptions yet, trying again: %s",
                engine->create_result.text);
        uv_timer_start(engine->timer, on_create_retry, backoff_next_ms(&engine->backoff), 0);
    } else {
        refuse_to_start(engine, fail_within(engine->create_result, "creating topics and subscriptions"));
    }
}

static void create_all(struct engine *engine) {
    engine->create_result = ok();
    engine->creating = 1;
    for (int i = 0; i < engine->options.pipeline_count; i++) {
        const struct pipeline *pipeline = engine->options.pipelines[i];
        engine->creating += pipeline->completion_count + 1;
        for (int s = 0; s < pipeline->completion_count; s++)
            bus_create(engine->options.bus, &pipeline->completions[s], on_created, engine);
        bus_create(engine->options.bus, &pipeline->triggers, on_created, engine);
    }
    on_created(engine, ok());
}

/* --- The parts' events ----------------------------------------------------------------------------- */

/* The epoch first: a rebuild that is under way must be known before anything is applied or published. */
static void on_store_ready(void *context) {
    struct engine *engine = context;
    if (engine->closing)
        return;
    epochs_store_ready(engine->epochs);
}

static void on_epochs_known(void *context) {
    struct engine *engine = context;
    if (engine->closing)
        return;
    engine->store_ready = true;
    beat(engine);
    recovery_read(engine->recovery);
    dispatcher_store_ready(engine->dispatcher);
    intake_store_ready(engine->intake);
    receive_when_possible(engine);
}

static bool is_held(void *context, const struct pipeline *pipeline) {
    const struct engine *engine = context;
    return epochs_rebuilding(engine->epochs, pipeline);
}

/* What waits in the outbox when it is over was decided by the command. */
static void on_rebuild(void *context, const struct pipeline *pipeline, bool under_way) {
    struct engine *engine = context;
    (void)pipeline;
    if (!under_way && engine->store_ready)
        recovery_read(engine->recovery);
}

static void on_store_lost(void *context) {
    struct engine *engine = context;
    engine->store_ready = false;
    intake_store_lost(engine->intake);
}

static void on_store_refused(void *context, struct result reason) {
    struct engine *engine = context;
    if (!engine->receiving && !engine->stopping)
        refuse_to_start(engine, reason);
    else
        log_error(engine->options.log, "the store refuses this phasegate: %s", reason.text);
}

static void on_due(void *context, const struct pipeline *pipeline, const char *field, const char *facts,
    struct lease lease) {
    struct engine *engine = context;
    dispatcher_add(engine->dispatcher, pipeline, field, facts, lease);
}

static void on_stored(void *context, const struct pipeline *pipeline) {
    struct engine *engine = context;
    epochs_touch(engine->epochs, pipeline);
}

static void on_over(void *context, const struct pipeline *pipeline, game_date date, int group, int run) {
    struct engine *engine = context;
    gate_release(dispatcher_gate(engine->dispatcher), pipeline, date, group, run);
}

static void on_new_run(void *context, const struct pipeline *pipeline, int first_group) {
    struct engine *engine = context;
    gate_new_run(dispatcher_gate(engine->dispatcher), pipeline, first_group);
}

static void on_intake_idle(void *context) {
    close_when_idle(context);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static struct dispatcher *make_dispatcher(struct engine *engine) {
    const struct engine_options *options = &engine->options;
    return dispatcher_new((struct dispatcher_parts){.loop = options->loop,
        .clock = options->clock,
        .uptime = engine->replica.uptime,
        .lease_ms = engine->replica.lease_ms,
        .log = options->log,
        .store = engine->store,
        .bus = options->bus,
        .pipelines = options->pipelines,
        .pipeline_count = options->pipeline_count,
        .work = &engine->replica.work,
        .is_held = is_held,
        .on_idle = on_dispatcher_idle,
        .context = engine});
}

static struct intake *make_intake(struct engine *engine) {
    static const struct quarantine_limits default_limits = {
        .age_ms = QUARANTINE_DAYS * (int64_t)24 * 60 * 60 * 1000,
        .bytes = QUARANTINE_MEGABYTES * (int64_t)1024 * 1024};
    const struct engine_options *options = &engine->options;
    return intake_new((struct intake_parts){.loop = options->loop,
        .clock = options->clock,
        .log = options->log,
        .store = engine->store,
        .alerts = options->alerts,
        .bus = options->bus,
        .in_hand_max = options->in_hand_max,
        .quarantine = options->quarantine.bytes > 0 ? options->quarantine : default_limits,
        .is_held = is_held,
        .on_stored = on_stored,
        .work = &engine->replica.work,
        .on_due = on_due,
        .on_over = on_over,
        .on_idle = on_intake_idle,
        .context = engine});
}

static struct recovery *make_recovery(struct engine *engine) {
    const struct engine_options *options = &engine->options;
    return recovery_new((struct recovery_parts){.clock = options->clock,
        .log = options->log,
        .store = engine->store,
        .alerts = options->alerts,
        .dispatcher = engine->dispatcher,
        .pipelines = options->pipelines,
        .pipeline_count = options->pipeline_count,
        .on_read = on_outbox_read,
        .context = engine});
}

static struct timers *make_timers(struct engine *engine) {
    const struct engine_options *options = &engine->options;
    return timers_new((struct timers_parts){.clock = options->clock,
        .log = options->log,
        .store = engine->store,
        .alerts = options->alerts,
        .pipelines = options->pipelines,
        .pipeline_count = options->pipeline_count,
        .is_held = is_held,
        .on_stalled = on_over,
        .on_new_run = on_new_run,
        .on_due = on_due,
        .context = engine});
}

static struct epochs *make_epochs(struct engine *engine) {
    const struct engine_options *options = &engine->options;
    return epochs_new((struct epochs_parts){.clock = options->clock,
        .log = options->log,
        .store = engine->store,
        .alerts = options->alerts,
        .pipelines = options->pipelines,
        .pipeline_count = options->pipeline_count,
        .replica = engine->replica.id,
        .file = options->epoch_file,
        .on_known = on_epochs_known,
        .on_rebuild = on_rebuild,
        .context = engine});
}

static bool make_parts(struct engine *engine) {
    engine->dispatcher = make_dispatcher(engine);
    engine->intake = make_intake(engine);
    engine->recovery = make_recovery(engine);
    engine->timers = make_timers(engine);
    engine->epochs = make_epochs(engine);
    return engine->dispatcher && engine->intake && engine->recovery && engine->timers && engine->epochs;
}

static MUST_CHECK struct result open_store(struct engine *engine) {
    const struct engine_options *options = &engine->options;
    struct store_events events = {.on_ready = on_store_ready,
        .on_lost = on_store_lost,
        .on_refused = on_store_refused,
        .context = engine};
    struct result result = store_open(options->loop, options->redis, options->log, events, &engine->store);
    if (!is_ok(result))
        return result;
    store_set_replica(engine->store, replica_of_store(&engine->replica));
    if (!make_parts(engine)) {
        free_parts(engine);
        store_close(engine->store, NULL, NULL);
        return fail(CODE_LIMIT, "out of memory");
    }
    if (is_ok(result))
        alerts_attach(options->alerts, engine->store, options->pipelines, options->pipeline_count);
    return result;
}

static uv_timer_t *new_timer(struct engine *engine) {
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (timer && uv_timer_init(engine->options.loop, timer) != 0) {
        free(timer);
        return NULL;
    }
    if (timer)
        timer->data = engine;
    return timer;
}

void engine_set_calendar(
    struct engine *engine, const struct pipeline *pipeline, const struct game_calendar *calendar) {
    for (int i = 0; i < engine->options.pipeline_count; i++)
        if (engine->options.pipelines[i] == pipeline)
            engine->calendars[i] = calendar;
}

struct result engine_start(const struct engine_options *options, struct engine **engine) {
    struct engine *started = calloc(1, sizeof *started);
    if (!started)
        return fail(CODE_LIMIT, "out of memory");
    started->options = *options;
    replica_begin(&started->replica, options->log, options->replica_name,
        options->lease_seconds > 0 ? options->lease_seconds : ENGINE_LEASE_SECONDS,
        options->sweep_ms > 0 ? options->sweep_ms : ENGINE_SWEEP_MS, clock_now_ms(&options->clock));
    started->timer = new_timer(started);
    started->sweep = new_timer(started);
    started->backoff = (struct backoff){.first_ms = 200, .max_ms = 10000};
    started->calendars = calloc((size_t)options->pipeline_count, sizeof(const struct game_calendar *));
    started->created = !options->create;
    struct result result = started->timer && started->sweep && started->calendars
        ? open_store(started)
        : fail(CODE_LIMIT, "out of memory");
    if (!is_ok(result)) {
        discard(started);
        return result;
    }
    uint64_t sweep_ms = (uint64_t)started->replica.sweep_ms;
    uv_timer_start(started->sweep, on_sweep, sweep_ms, sweep_ms);
    crash_point(at_start);
    if (options->create)
        create_all(started);
    *engine = started;
    return ok();
}
