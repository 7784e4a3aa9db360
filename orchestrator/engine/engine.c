#include "engine/engine.h"

#include "base/backoff.h"
#include "engine/dispatch.h"
#include "engine/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct engine {
    struct engine_options options;
    struct store *store;
    struct intake *intake;
    struct dispatcher *dispatcher;
    uv_timer_t *timer; /* while starting: the next try to create; while stopping: the deadline */
    uv_timer_t *sweep; /* the next look at the outbox */
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

/* --- Stopping ------------------------------------------------------------------------------------------- */

/*
 * The store goes first: its pending calls end, and those completions wait, unacked. Then the bus, which takes
 * back what is in hand. In between nobody calls either.
 */
static void on_bus_closed(void *context, struct result result) {
    struct engine *engine = context;
    (void)result; /* what the bus could not give back comes again by itself */
    intake_free(&engine->intake);
    dispatcher_free(&engine->dispatcher);
    uv_close((uv_handle_t *)engine->timer, (uv_close_cb)free);
    uv_close((uv_handle_t *)engine->sweep, (uv_close_cb)free);
    engine->options.on_stopped(engine->options.context, engine->outcome);
    free(engine);
}

static void on_store_closed(void *context) {
    struct engine *engine = context;
    bus_close(engine->options.bus, on_bus_closed, engine);
}

static void close_all(struct engine *engine) {
    if (engine->closing)
        return;
    engine->closing = true;
    uv_timer_stop(engine->timer);
    uv_timer_stop(engine->sweep);
    dispatcher_stop(engine->dispatcher);
    intake_store_lost(engine->intake);
    store_close(engine->store, on_store_closed, engine);
}

static void on_flushed(void *context, struct result result) {
    struct engine *engine = context;
    if (!is_ok(result))
        log_warning(engine->options.log, "some acks could not be sent; those messages will come again: %s",
            result.text);
    close_all(engine);
}

static void on_drain_deadline(uv_timer_t *timer) {
    struct engine *engine = timer->data;
    engine->outcome = fail(CODE_UNAVAILABLE,
        "stopped after %d s with %zu completions not acked and %zu triggers not published; both are kept and "
        "come again",
        engine->options.drain_seconds, intake_in_hand(engine->intake),
        dispatcher_pending(engine->dispatcher));
    close_all(engine);
}

/* The last step of a drain, once nothing is in hand. */
static void close_when_idle(struct engine *engine) {
    if (!engine->stopping || engine->flushing || engine->closing)
        return;
    if (intake_in_hand(engine->intake) == 0 && dispatcher_pending(engine->dispatcher) == 0) {
        engine->flushing = true;
        bus_flush(engine->options.bus, on_flushed, engine);
    }
}

void engine_stop(struct engine *engine) {
    if (engine->stopping)
        return;
    engine->stopping = true;
    log_info(engine->options.log, "stopping: finishing %zu completions and %zu triggers in hand",
        intake_in_hand(engine->intake), dispatcher_pending(engine->dispatcher));
    intake_stop(engine->intake);
    uv_timer_start(engine->timer, on_drain_deadline, (uint64_t)engine->options.drain_seconds * 1000, 0);
    close_when_idle(engine);
}

/* --- The outbox, recovered ------------------------------------------------------------------------------ */

/*
 * Triggers come to the dispatcher as the store decides them. Some do not: those decided by a replica that
 * died, by a call whose answer was lost, or while the dispatcher had no room. So the outbox is read at each
 * start and each connection, and swept from then on. A sweep leaves young entries to whoever decided them.
 */
enum { SWEEP_MS = 5000, LEFT_ALONE_MS = 10000 };

/* A sweep of one pipeline's outbox; freed with its last call. */
struct recovery {
    struct engine *engine;
    const struct pipeline *pipeline;
    int64_t decided_by_ms;
    size_t taken;
};

static void on_outbox_entry(void *context, struct result result, const char *field, const char *facts) {
    struct recovery *recovery = context;
    struct engine *engine = recovery->engine;
    if (field) {
        if (dispatcher_add(engine->dispatcher, recovery->pipeline, field, facts, recovery->decided_by_ms))
            recovery->taken++;
        return;
    }
    struct log log = log_with(engine->options.log, "pipeline", recovery->pipeline->name);
    if (!is_ok(result) && !result.retryable)
        log_error(&log, "cannot read the outbox: %s", result.text);
    else if (recovery->taken > 0)
        log_info(&log, "took %zu triggers over from the outbox", recovery->taken);
    free(recovery);
}

static void recover_outbox(struct engine *engine, int64_t decided_by_ms) {
    for (int i = 0; i < engine->options.pipeline_count; i++) {
        struct recovery *recovery = calloc(1, sizeof *recovery);
        if (!recovery) {
            log_error(
                engine->options.log, "out of memory; the outbox is read when the store is next connected");
            return;
        }
        *recovery = (struct recovery){
            .engine = engine, .pipeline = engine->options.pipelines[i], .decided_by_ms = decided_by_ms};
        store_outbox(engine->store, recovery->pipeline, on_outbox_entry, recovery);
    }
}

static void on_sweep(uv_timer_t *timer) {
    struct engine *engine = timer->data;
    if (engine->store_ready && !engine->stopping)
        recover_outbox(engine, clock_now_ms(&engine->options.clock) - LEFT_ALONE_MS);
}

static void on_dispatcher_idle(void *context) {
    struct engine *engine = context;
    if (dispatcher_overflowed(engine->dispatcher) && engine->store_ready)
        recover_outbox(engine, INT64_MAX);
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
            result = intake_open(engine->intake, pipeline, &pipeline->completions[s]);
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

/* --- The store's and the intake's events ---------------------------------------------------------------- */

static void on_store_ready(void *context) {
    struct engine *engine = context;
    engine->store_ready = true;
    recover_outbox(engine, INT64_MAX);
    dispatcher_store_ready(engine->dispatcher);
    intake_store_ready(engine->intake);
    receive_when_possible(engine);
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

static void on_due(void *context, const struct pipeline *pipeline, const char *field, const char *facts) {
    struct engine *engine = context;
    dispatcher_add(engine->dispatcher, pipeline, field, facts, INT64_MAX);
}

static void on_intake_idle(void *context) {
    close_when_idle(context);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static bool make_parts(struct engine *engine) {
    const struct engine_options *options = &engine->options;
    engine->dispatcher = dispatcher_new((struct dispatcher_parts){.loop = options->loop,
        .clock = options->clock,
        .log = options->log,
        .store = engine->store,
        .bus = options->bus,
        .on_idle = on_dispatcher_idle,
        .context = engine});
    engine->intake = intake_new((struct intake_parts){.loop = options->loop,
        .clock = options->clock,
        .log = options->log,
        .store = engine->store,
        .bus = options->bus,
        .in_hand_max = options->in_hand_max,
        .on_due = on_due,
        .on_idle = on_intake_idle,
        .context = engine});
    return engine->dispatcher && engine->intake;
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

static void close_timer(uv_timer_t *timer) {
    if (timer)
        uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

static void discard(struct engine *engine) {
    close_timer(engine->timer);
    close_timer(engine->sweep);
    free(engine);
}

static MUST_CHECK struct result open_store(struct engine *engine) {
    const struct engine_options *options = &engine->options;
    struct store_events events = {.on_ready = on_store_ready,
        .on_lost = on_store_lost,
        .on_refused = on_store_refused,
        .context = engine};
    struct result result = store_open(options->loop, options->redis, options->log, events, &engine->store);
    if (is_ok(result) && !make_parts(engine)) {
        intake_free(&engine->intake);
        dispatcher_free(&engine->dispatcher);
        store_close(engine->store, NULL, NULL);
        return fail(CODE_LIMIT, "out of memory");
    }
    return result;
}

struct result engine_start(const struct engine_options *options, struct engine **engine) {
    struct engine *started = calloc(1, sizeof *started);
    if (!started)
        return fail(CODE_LIMIT, "out of memory");
    started->options = *options;
    started->timer = new_timer(started);
    started->sweep = new_timer(started);
    started->backoff = (struct backoff){.first_ms = 200, .max_ms = 10000};
    started->created = !options->create;
    struct result result =
        started->timer && started->sweep ? open_store(started) : fail(CODE_LIMIT, "out of memory");
    if (!is_ok(result)) {
        discard(started);
        return result;
    }
    uv_timer_start(started->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    if (options->create)
        create_all(started);
    *engine = started;
    return ok();
}
