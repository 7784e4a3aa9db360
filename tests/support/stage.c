#include "support/stage.h"

#include "engine/engine.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/stage_config.h"
#include "support/stage_internal.h"

#include <stdlib.h>
#include <string.h>

enum { STATE_BYTES = 64 * 1024 };

/* --- The engine ----------------------------------------------------------------------------------------- */

static int64_t simulated_ms(void *context) {
    const struct stage *stage = context;
    return stage->now_ms;
}

int64_t stage_now_ms(const struct stage *stage) {
    return stage->daemon ? clock_system().now_ms(NULL) : stage->now_ms;
}

void stage_advance(struct stage *stage, int64_t ms) {
    stage->now_ms += ms;
}

static void on_running(void *context) {
    struct stage *stage = context;
    stage->running = true;
}

static void on_stopped(void *context, struct result result) {
    struct stage *stage = context;
    stage->engine = NULL;
    stage->running = false;
    stage->stopped = true;
    stage->outcome = result;
}

static struct bus *open_bus(struct stage *stage, const char *consumer) {
    const struct streams_settings settings = {
        .redis = redis_server_settings(stage->server), .consumer = consumer};
    struct bus *bus;
    check_ok(bus_open_streams(&stage->loop, &settings, &stage->capture.log, &bus));
    return bus;
}

static void start_alerts(struct stage *stage) {
    const struct clock clock = {.now_ms = simulated_ms, .context = stage};
    if (stage->options.alerts)
        check_ok(
            alerts_open(&stage->loop, clock, &stage->capture.log, stage->options.alerts, &stage->alerts));
}

static void on_alerts_closed(void *context) {
    struct stage *stage = context;
    stage->alerts = NULL;
}

static bool alerts_closed(void *context) {
    const struct stage *stage = context;
    return !stage->alerts;
}

static void start_engine(struct stage *stage) {
    start_alerts(stage);
    const struct engine_options options = {.loop = &stage->loop,
        .clock = {.now_ms = simulated_ms, .context = stage},
        .log = &stage->capture.log,
        .redis = redis_server_settings(stage->server),
        .alerts = stage->alerts,
        .bus = open_bus(stage, "engine"),
        .pipelines = &stage->pipeline,
        .pipeline_count = 1,
        .in_hand_max = 1000,
        .drain_seconds = 20,
        .sweep_ms = STAGE_SWEEP_MS,
        .lease_seconds = 1,
        .create = true,
        .on_running = on_running,
        .on_stopped = on_stopped,
        .context = stage};
    stage->stopped = false;
    check_ok(engine_start(&options, &stage->engine));
    loop_until_true(&stage->loop, &stage->running, STAGE_DEADLINE_MS, "the engine to run");
}

void stage_start(struct stage *stage) {
    if (stage->daemon) {
        daemon_start(stage->daemon);
        daemon_await_running(stage->daemon);
    } else {
        start_engine(stage);
    }
}

void stage_stop(struct stage *stage) {
    if (stage->daemon) {
        daemon_stop(stage->daemon);
        return;
    }
    engine_stop(stage->engine);
    loop_until_true(&stage->loop, &stage->stopped, STAGE_DEADLINE_MS, "the engine to stop");
    alerts_close(stage->alerts, on_alerts_closed, stage);
    loop_until(&stage->loop, alerts_closed, stage, STAGE_DEADLINE_MS, "the alerts to be closed");
    check_ok(stage->outcome);
}

/* What it held in hand is given to the next one at once, instead of when its leases have run out. */
void stage_kill(struct stage *stage) {
    static const char script[] =
        "for stream, group in pairs({['pg:bus:{nba-phase3-complete}'] = 'phasegate-nba-phase3', "
        "['pg:bus:{nba-phase4-complete}'] = 'phasegate-nba-phase4'}) do "
        "for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', 100000)) do "
        "redis.call('XCLAIM', stream, group, entry[2], 0, entry[1], 'IDLE', 3600000, 'JUSTID') end end";
    daemon_kill(stage->daemon);
    redis_server_do(stage->server, "EVAL %s 0", script);
}

void stage_set_calendar(struct stage *stage, const struct game_calendar *calendar) {
    engine_set_calendar(stage->engine, stage->pipeline, calendar);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static void ignore(void *context) {
    (void)context;
}

static void on_refused(void *context, struct result reason) {
    stage_violated(context, reason.text, "the operator's store");
}

static bool store_ready(void *context) {
    const struct stage *stage = context;
    return store_is_ready(stage->store);
}

static void open_store(struct stage *stage) {
    const struct redis_settings *redis = redis_server_settings(stage->server);
    struct store_events events = {
        .on_ready = ignore, .on_lost = ignore, .on_refused = on_refused, .context = stage};
    check_ok(store_open(&stage->loop, redis, &stage->capture.log, events, &stage->store));
    stage_until(stage, store_ready, stage, "the operator's store");
    check_ok(reader_open(redis, &stage->reader));
}

static void on_created(void *context, struct result result) {
    struct stage *stage = context;
    check_ok(result);
    stage->unconfirmed--;
}

static bool all_confirmed(void *context) {
    const struct stage *stage = context;
    return stage->unconfirmed == 0;
}

/* With the engine's subscriptions, so that nothing is lost that is published before it first starts. */
static void open_stage_bus(struct stage *stage) {
    static const struct source triggers = {.topic = "nba-phase4-trigger", .subscription = "stage-triggers"};
    struct subscription *subscription;
    stage->bus = open_bus(stage, "stage");
    stage->unconfirmed = 1 + (size_t)stage->pipeline->completion_count;
    bus_create(stage->bus, &triggers, on_created, stage);
    for (int i = 0; i < stage->pipeline->completion_count; i++)
        bus_create(stage->bus, &stage->pipeline->completions[i], on_created, stage);
    stage_until(stage, all_confirmed, stage, "topics");
    check_ok(bus_subscribe(stage->bus, &triggers, stage_receiver(stage), &subscription));
}

static void configure(struct stage *stage) {
    const char *url = stage->options.daemon ? redis_server_url(stage->server) : "";
    stage->yaml = stage_config_yaml(url, stage->options.backfill_cap, stage->options.settings);
    check_ok(config_parse("stage.yaml", stage->yaml, strlen(stage->yaml), NULL, &stage->config));
    stage->pipeline = config_pipeline_at(stage->config, 0);
    if (!stage->options.daemon)
        return;
    stage->daemon = daemon_new(
        (struct daemon_options){.binary = stage->options.daemon, .redis_url = url, .create = true});
    daemon_configure(stage->daemon, stage->yaml);
}

struct stage *stage_open(struct stage_options options) {
    struct stage *stage = calloc(1, sizeof *stage);
    if (!stage || !(stage->reading = arena_new(STATE_BYTES)))
        fail_msg("out of memory");
    stage->options = options;
    stage->now_ms = STAGE_START_MS;
    uv_loop_init(&stage->loop);
    log_capture_open(&stage->capture);
    stage->server = redis_server_start((struct redis_server_options){.append_only = options.daemon});
    configure(stage);
    open_store(stage);
    open_stage_bus(stage);
    return stage;
}

const struct pipeline *stage_pipeline(const struct stage *stage) {
    return stage->pipeline;
}

struct store *stage_store(struct stage *stage) {
    return stage->store;
}

struct daemon *stage_daemon(struct stage *stage) {
    return stage->daemon;
}

void stage_close(struct stage **closing) {
    struct stage *stage = *closing;
    if (!stage)
        return;
    *closing = NULL;
    if (stage->engine)
        stage_stop(stage);
    daemon_free(&stage->daemon);
    if (stage->store)
        store_close(stage->store, NULL, NULL);
    if (stage->bus)
        bus_close(stage->bus, NULL, NULL);
    loop_close(&stage->loop);
    if (stage->reader)
        reader_close(&stage->reader);
    redis_server_free(&stage->server);
    config_free(&stage->config);
    free(stage->yaml);
    log_capture_close(&stage->capture);
    arena_free(&stage->reading);
    free(stage);
}
