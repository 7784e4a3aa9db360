/* phasegate serve: the daemon. The engine on a loop, with signals, logs, the pipelines' calendars and, where
 * asked for, a Redis of its own. */
#include "base/log_fold.h"
#include "cli/alerts_setup.h"
#include "cli/command.h"
#include "cli/setup.h"
#include "engine/engine.h"
#include "redis/embedded.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct serve_fields {
    bool create;
};

static const struct option_row serve_options[] = {
    {"create", 0, OPTION_FLAG, NULL, offsetof(struct serve_fields, create),
        "make topics and subscriptions that are missing (embedded: always)"},
    {0},
};

enum { SIGNALS = 3, FLUSH_MS = 5000 };

struct serving {
    uv_loop_t loop;
    struct log_sink sink;
    struct log log;
    struct setup setup;
    const struct pipeline *const *pipelines;
    int pipeline_count;
    struct game_calendar **calendars; /* of the pipelines, each NULL where there is none */
    struct embedded *embedded;
    struct alerts *alerts; /* NULL: none */
    struct engine *engine;
    uv_signal_t signals[SIGNALS];
    uv_timer_t flush; /* of the log */
    struct result outcome;
};

/* --- Logs ----------------------------------------------------------------------------------------------- */

static enum severity severity_of(const char *level) {
    static const char *const levels[] = {"debug", "info", "notice", "warning", "error", "critical"};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(level, levels[i]) == 0)
            return (enum severity)i;
    }
    return LOG_INFO;
}

static struct log_sink make_sink(const struct config_log *config, const struct common_options *options) {
    bool terminal = isatty(STDERR_FILENO);
    bool text = strcmp(config->format, "text") == 0 || (strcmp(config->format, "auto") == 0 && terminal);
    struct term term = term_detect(STDERR_FILENO, options->no_color);
    return (struct log_sink){
        .fd = STDERR_FILENO,
        .format = text ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON,
        .least = options->verbose ? LOG_DEBUG : severity_of(config->level),
        .color = term.color,
        .clock = clock_system(),
        .fold = log_fold_new(),
    };
}

/* What was folded is told also when nothing else happens. */
static void on_flush(uv_timer_t *timer) {
    const struct serving *serving = timer->data;
    log_flush(&serving->sink, false);
}

static void close_log(struct serving *serving) {
    log_flush(&serving->sink, true);
    log_fold_free(&serving->sink.fold);
}

/*
 * A core dump, and whoever reads it, shall not find what this process signs in with: that stands in private
 * memory, also where hiredis (redis/auth.h) and libcurl (alerts/http.c) need it. Rejected: the C library's
 * filling of all that is freed (M_PERTURB), which costs each message and misses small pieces and what is in
 * use; and no dump at all (PR_SET_DUMPABLE), which also keeps debuggers and profilers out, and operators want
 * the core of a crash.
 */
static void keep_secrets_apart(const struct serving *serving) {
    umask(S_IRWXG | S_IRWXO); /* what it and its redis-server write is nobody else's */
    setup_hide_secrets(&serving->setup, &serving->log);
}

static void warn(const struct serving *serving) {
    char text[SETUP_WARNING_MAX];
    for (int i = 0; setup_warning(&serving->setup, i, text); i++)
        log_warning(&serving->log, "%s", text);
}

/* --- Stopping ------------------------------------------------------------------------------------------- */

static void close_signals(struct serving *serving) {
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&serving->signals[i], NULL);
    uv_close((uv_handle_t *)&serving->flush, NULL);
}

static void on_embedded_stopped(void *context) {
    close_signals(context);
}

static void on_alerts_closed(void *context) {
    struct serving *serving = context;
    serving->alerts = NULL;
    if (serving->embedded)
        embedded_stop(serving->embedded, on_embedded_stopped, serving);
    else
        close_signals(serving);
}

/* What there is besides the engine. */
static void close_rest(struct serving *serving) {
    alerts_close(serving->alerts, on_alerts_closed, serving);
}

static void on_stopped(void *context, struct result result) {
    struct serving *serving = context;
    serving->engine = NULL;
    serving->outcome = result;
    if (is_ok(result))
        log_info(&serving->log, "stopped: everything in hand was finished");
    close_rest(serving);
}

/* The first signal drains; a second one leaves at once, which loses nothing either. */
static void on_signal(uv_signal_t *handle, int number) {
    struct serving *serving = handle->data;
    (void)number;
    uv_signal_stop(handle);
    if (serving->engine)
        engine_stop(serving->engine);
}

/* --- Calendars ------------------------------------------------------------------------------------------ */

static const char *or_none(const char *file) {
    return file && *file ? file : "none";
}

static void log_calendar(const struct log *log, const struct pipeline *pipeline,
    const struct game_calendar *calendar, int64_t now_ms) {
    const struct season *season = game_calendar_season(calendar, date_of_ms(now_ms));
    if (calendar)
        log_info(log, "calendar loaded: games from %s, seasons from %s; this is season %s",
            or_none(pipeline->games_file), or_none(pipeline->seasons_file),
            season ? season->name : "unknown");
    else
        log_info(log, "no calendar: the configuration names no file");
}

/* Reads the pipeline's calendar anew. After a failure the one that is there stays. */
static MUST_CHECK struct result load_calendar(struct serving *serving, int index) {
    const struct pipeline *pipeline = serving->pipelines[index];
    struct game_calendar *calendar, *old = serving->calendars[index];
    struct log log = log_with(&serving->log, "pipeline", pipeline->name);
    struct result result = setup_calendar(&serving->setup, pipeline, &calendar);
    if (!is_ok(result))
        return result;
    serving->calendars[index] = calendar;
    if (serving->engine)
        engine_set_calendar(serving->engine, pipeline, calendar);
    game_calendar_free(&old);
    log_calendar(&log, pipeline, calendar, clock_now_ms(&serving->sink.clock));
    return ok();
}

static MUST_CHECK struct result load_calendars(struct serving *serving) {
    serving->calendars =
        arena_alloc(serving->setup.arena, (size_t)serving->pipeline_count * sizeof(struct game_calendar *));
    struct result result = serving->calendars ? ok() : fail(CODE_INTERNAL, "out of memory");
    for (int i = 0; i < serving->pipeline_count && is_ok(result); i++)
        result = load_calendar(serving, i);
    return result;
}

static void free_calendars(struct serving *serving) {
    for (int i = 0; serving->calendars && i < serving->pipeline_count; i++)
        game_calendar_free(&serving->calendars[i]);
}

static void on_reload(uv_signal_t *handle, int number) {
    struct serving *serving = handle->data;
    (void)number;
    for (int i = 0; serving->engine && i < serving->pipeline_count; i++) {
        struct log log = log_with(&serving->log, "pipeline", serving->pipelines[i]->name);
        struct result result = load_calendar(serving, i);
        if (!is_ok(result))
            log_error(&log, "the calendar stays as it was: %s", result.text);
    }
}

/* --- Signals -------------------------------------------------------------------------------------------- */

static void watch_signals(struct serving *serving) {
    static const struct {
        int number;
        uv_signal_cb handler;
    } watched[SIGNALS] = {{SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGHUP, on_reload}};
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&serving->loop, &serving->signals[i]);
        serving->signals[i].data = serving;
        uv_signal_start(&serving->signals[i], watched[i].handler, watched[i].number);
    }
    uv_timer_init(&serving->loop, &serving->flush);
    serving->flush.data = serving;
    uv_timer_start(&serving->flush, on_flush, FLUSH_MS, FLUSH_MS);
}

/* --- Starting ------------------------------------------------------------------------------------------- */

static void on_running(void *context) {
    struct serving *serving = context;
    log_notice(&serving->log, "running");
}

static MUST_CHECK struct result all_pipelines(struct serving *serving) {
    struct setup *setup = &serving->setup;
    int all = config_pipeline_count(setup->config);
    const struct pipeline **list = arena_alloc(setup->arena, (size_t)all * sizeof *list);
    if (!list)
        return fail(CODE_INTERNAL, "out of memory");
    for (int i = 0; i < all; i++)
        list[i] = config_pipeline_at(setup->config, i);
    struct result result = ok();
    if (setup->pipeline_name) {
        all = 1;
        result = setup_pipeline(setup, &list[0]);
    }
    if (!is_ok(result))
        return result;
    serving->pipelines = list;
    serving->pipeline_count = all;
    return ok();
}

static MUST_CHECK struct result start_embedded(struct serving *serving) {
    const char *socket;
    struct result result = setup_socket(&serving->setup, &socket);
    if (is_ok(result))
        result = embedded_start(
            &serving->loop, serving->setup.data_directory, socket, &serving->log, &serving->embedded);
    return result;
}

static struct quarantine_limits quarantine_limits(const struct config_engine *config) {
    return (struct quarantine_limits){.age_ms = config->quarantine_days * (int64_t)24 * 60 * 60 * 1000,
        .bytes = config->quarantine_megabytes * (int64_t)1024 * 1024};
}

/* Where to remember the store's epoch; NULL: nowhere. */
static MUST_CHECK struct result find_epoch_file(const struct setup *setup, const char **file) {
    const char *configured = config_store(setup->config)->epoch_file;
    *file = *configured ? configured : NULL;
    if (*configured || !setup->embedded || !setup->data_directory)
        return ok();
    *file = arena_printf(setup->arena, "%s/phasegate.epoch", setup->data_directory);
    return *file ? ok() : fail(CODE_INTERNAL, "out of memory");
}

static MUST_CHECK struct result start_alerts(struct serving *serving) {
    struct alerts_settings settings;
    bool wanted;
    struct result result = setup_alerts(&serving->setup, &settings, &wanted);
    if (is_ok(result) && !wanted)
        log_info(&serving->log, "no alerts: there is no webhook");
    else if (is_ok(result))
        result = alerts_open(&serving->loop, serving->sink.clock, &serving->log, &settings, &serving->alerts);
    return result;
}

static MUST_CHECK struct result start_engine(struct serving *serving, bool create) {
    struct setup *setup = &serving->setup;
    struct redis_settings redis;
    struct engine_options options = {
        .loop = &serving->loop,
        .clock = serving->sink.clock,
        .log = &serving->log,
        .redis = &redis,
        .alerts = serving->alerts,
        .pipelines = serving->pipelines,
        .pipeline_count = serving->pipeline_count,
        .in_hand_max = (size_t)config_engine(setup->config)->in_hand_max,
        .drain_seconds = config_engine(setup->config)->drain_seconds,
        .quarantine = quarantine_limits(config_engine(setup->config)),
        .lease_seconds = config_engine(setup->config)->lease_seconds,
        .replica_name = setup->embedded ? "embedded" : NULL,
        .create = create || setup->embedded_bus,
        .on_running = on_running,
        .on_stopped = on_stopped,
        .context = serving,
    };
    struct result result = find_epoch_file(setup, &options.epoch_file);
    if (is_ok(result))
        result = setup_redis(setup, &redis);
    if (is_ok(result))
        result = setup_open_bus(setup, &serving->loop, &serving->log, &options.bus);
    if (!is_ok(result))
        return result;
    result = engine_start(&options, &serving->engine);
    if (!is_ok(result))
        bus_close(options.bus, NULL, NULL);
    for (int i = 0; i < serving->pipeline_count && is_ok(result); i++)
        engine_set_calendar(serving->engine, serving->pipelines[i], serving->calendars[i]);
    return result;
}

static MUST_CHECK struct result serve(struct serving *serving, bool create) {
    watch_signals(serving);
    struct result result = all_pipelines(serving);
    if (is_ok(result))
        result = load_calendars(serving);
    if (is_ok(result))
        result = start_alerts(serving);
    if (is_ok(result) && serving->setup.embedded)
        result = start_embedded(serving);
    if (is_ok(result))
        result = start_engine(serving, create);
    if (!is_ok(result)) {
        serving->outcome = result;
        close_rest(serving);
    } else {
        log_info(
            &serving->log, "phasegate %s starting with %s", PHASEGATE_VERSION, serving->setup.config_name);
    }
    uv_run(&serving->loop, UV_RUN_DEFAULT);
    return serving->outcome;
}

/* Into the log, since standard error is the log: once, and in its format. */
static void say(struct serving *serving, struct result *outcome) {
    if (!is_ok(*outcome))
        log_error(&serving->log, "%s", outcome->text);
    outcome->text[0] = '\0';
}

static struct result run_serve(const struct invocation *call, bool *answer) {
    (void)answer;
    const struct serve_fields *fields = call->fields;
    struct serving *serving = calloc(1, sizeof *serving);
    if (!serving)
        return fail(CODE_INTERNAL, "out of memory");
    struct result result = setup_load(call->common, &serving->setup);
    if (is_ok(result)) {
        serving->sink = make_sink(config_log(serving->setup.config), call->common);
        serving->log = log_root(&serving->sink);
        keep_secrets_apart(serving);
        warn(serving);
        uv_loop_init(&serving->loop);
        result = serve(serving, fields->create);
        uv_loop_close(&serving->loop);
        free_calendars(serving);
        say(serving, &result);
        close_log(serving);
    }
    setup_close(&serving->setup);
    free(serving);
    return result;
}

const struct command serve_command = {
    .name = "serve",
    .synopsis = "[--embedded] [--create]",
    .summary = "the daemon: receive completions, publish triggers",
    .description =
        "Receives the completions of all pipelines (or of --pipeline NAME), keeps each date's state in the\n"
        "store and publishes the triggers of the groups, in order. Logs go to standard error.\n"
        "\n"
        "--embedded needs nothing else: a redis-server is started in the data directory, as store and as\n"
        "bus. SIGTERM or Ctrl-C drains: what is in hand is finished, the rest waits for the next start. A\n"
        "second one leaves at once, which loses nothing either. SIGHUP reads the pipelines' calendars anew; "
        "a\n"
        "file that has become bad is logged, and the old calendar stays.\n",
    .options = serve_options,
    .fields_size = sizeof(struct serve_fields),
    .run = run_serve,
};
