#include "cli/session.h"

#include "base/clock.h"
#include "state/reader.h"
#include "state/store.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    WAIT_MS = 10000,      /* for one answer */
    TRY_AGAIN_MS = 100,   /* after a publish that could not be confirmed */
    CLOSE_WAIT_MS = 2000, /* for the last handles to leave the loop */
};

enum awaited { AWAITED_NOTHING, AWAITED_STORE, AWAITED_PUBLISH, AWAITED_DROP };

struct session {
    const struct setup *setup;
    uv_loop_t loop;
    uv_timer_t timer;
    bool timer_fired;
    struct log_sink sink;
    struct log log;
    struct bus *bus;
    struct store *store;
    enum awaited awaited; /* what the next answer must be of */
    struct result answer;
    bool answered;
    char message_id[SESSION_ID_MAX];
};

/* --- The loop ------------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer) {
    struct session *session = timer->data;
    session->timer_fired = true;
}

static void start_timer(struct session *session, int64_t ms) {
    session->timer_fired = false;
    uv_update_time(&session->loop);
    uv_timer_start(&session->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

bool session_run(struct session *session, const bool *done, int64_t ms) {
    start_timer(session, ms);
    while (!*done && !session->timer_fired)
        uv_run(&session->loop, UV_RUN_ONCE);
    uv_timer_stop(&session->timer);
    return *done;
}

static void expect(struct session *session, enum awaited awaited) {
    session->awaited = awaited;
    session->answered = false;
}

/* A store that reconnects while something else is waited for answers nothing. */
static void answer(struct session *session, enum awaited awaited, struct result result) {
    if (session->awaited != awaited || session->answered)
        return;
    session->answer = result;
    session->answered = true;
}

static struct result answer_within(struct session *session, int64_t ms, const char *who) {
    bool answered = session_run(session, &session->answered, ms);
    session->awaited = AWAITED_NOTHING;
    if (answered)
        return session->answer;
    return fail(CODE_UNAVAILABLE, "%s did not answer within %d s", who, WAIT_MS / 1000);
}

static int64_t loop_now_ms(struct session *session) {
    uv_update_time(&session->loop);
    return (int64_t)uv_now(&session->loop);
}

/* --- Open ----------------------------------------------------------------------------------------------- */

struct result session_open(const struct setup *setup, bool verbose, struct session **session) {
    struct session *opened = calloc(1, sizeof *opened);
    if (!opened || uv_loop_init(&opened->loop) != 0) {
        free(opened);
        return fail(CODE_INTERNAL, "cannot make an event loop");
    }
    opened->setup = setup;
    opened->sink = (struct log_sink){
        .fd = STDERR_FILENO,
        .format = LOG_FORMAT_TEXT,
        .least = verbose ? LOG_DEBUG : LOG_ERROR,
        .clock = clock_system(),
    };
    opened->log = log_root(&opened->sink);
    uv_timer_init(&opened->loop, &opened->timer);
    opened->timer.data = opened;
    *session = opened;
    return ok();
}

/* A Redis that is down is said at once; the bus itself would try again for ever. */
static struct result check_redis(const struct setup *setup, const struct redis_settings *settings) {
    struct reader *reader = NULL;
    struct result r = reader_open(settings, &reader);
    reader_close(&reader);
    return setup_explain(setup, r);
}

static struct result need_bus(struct session *session) {
    if (session->bus)
        return ok();
    struct redis_settings settings;
    bool on_redis;
    struct result r = setup_bus_redis(session->setup, &settings, &on_redis);
    if (is_ok(r) && on_redis)
        r = check_redis(session->setup, &settings);
    if (is_ok(r))
        r = setup_open_bus(session->setup, &session->loop, &session->log, &session->bus);
    return r;
}

static void on_store_ready(void *context) {
    answer(context, AWAITED_STORE, ok());
}

static void on_store_refused(void *context, struct result reason) {
    answer(context, AWAITED_STORE, reason);
}

static void on_store_lost(void *context) {
    (void)context; /* what is under way ends as unavailable */
}

static struct result need_store(struct session *session) {
    if (session->store)
        return ok();
    struct redis_settings settings;
    struct result r = setup_redis(session->setup, &settings);
    if (!is_ok(r))
        return r;
    const struct store_events events = {
        .on_ready = on_store_ready,
        .on_lost = on_store_lost,
        .on_refused = on_store_refused,
        .context = session,
    };
    expect(session, AWAITED_STORE);
    r = store_open(&session->loop, &settings, &session->log, events, &session->store);
    return is_ok(r) ? answer_within(session, WAIT_MS, "the store") : r;
}

struct result session_bus(struct session *session, struct bus **bus) {
    struct result r = need_bus(session);
    if (is_ok(r))
        *bus = session->bus;
    return r;
}

struct result session_store(struct session *session, struct store **store) {
    struct result r = need_store(session);
    if (is_ok(r))
        *store = session->store;
    return r;
}

uv_loop_t *session_loop(struct session *session) {
    return &session->loop;
}

const struct log *session_log(const struct session *session) {
    return &session->log;
}

/* --- Calls ---------------------------------------------------------------------------------------------- */

static void on_published(void *context, struct result result, const char *message_id) {
    struct session *session = context;
    answer(session, AWAITED_PUBLISH, result);
    if (message_id)
        snprintf(session->message_id, sizeof session->message_id, "%s", message_id);
}

struct result session_publish(struct session *session, const char *topic, const struct message *message,
    char message_id[SESSION_ID_MAX]) {
    struct result r = need_bus(session);
    if (!is_ok(r))
        return r;
    int64_t deadline_ms = loop_now_ms(session) + WAIT_MS, left_ms = WAIT_MS;
    do {
        expect(session, AWAITED_PUBLISH);
        bus_publish(session->bus, topic, message, on_published, session);
        r = answer_within(session, left_ms, "the bus");
        left_ms = deadline_ms - loop_now_ms(session);
        static const bool never = false;
        if (r.retryable && left_ms > 0)
            session_run(session, &never, TRY_AGAIN_MS);
    } while (r.retryable && left_ms > 0);
    if (is_ok(r))
        snprintf(message_id, SESSION_ID_MAX, "%s", session->message_id);
    return r;
}

static void on_dropped(void *context, struct result result) {
    answer(context, AWAITED_DROP, result);
}

struct result session_quarantine_drop(
    struct session *session, const struct pipeline *pipeline, const char *id) {
    struct result r = need_store(session);
    if (!is_ok(r))
        return r;
    expect(session, AWAITED_DROP);
    store_quarantine_drop(session->store, pipeline, id, on_dropped, session);
    return answer_within(session, WAIT_MS, "the store");
}

/* --- Close ---------------------------------------------------------------------------------------------- */

struct closing {
    bool bus;
    bool store;
    bool all;
};

static void on_bus_closed(void *context, struct result result) {
    struct closing *closing = context;
    (void)result;
    closing->bus = true;
    closing->all = closing->bus && closing->store;
}

static void on_store_closed(void *context) {
    struct closing *closing = context;
    closing->store = true;
    closing->all = closing->bus && closing->store;
}

void session_close(struct session **session) {
    if (!*session)
        return;
    struct session *closed = *session;
    struct closing closing = {
        .bus = !closed->bus, .store = !closed->store, .all = !closed->bus && !closed->store};
    if (closed->bus)
        bus_close(closed->bus, on_bus_closed, &closing);
    if (closed->store)
        store_close(closed->store, on_store_closed, &closing);
    bool all = session_run(closed, &closing.all, CLOSE_WAIT_MS);
    uv_close((uv_handle_t *)&closed->timer, NULL);
    uv_run(&closed->loop, all ? UV_RUN_DEFAULT : UV_RUN_NOWAIT);
    *session = NULL;
    if (uv_loop_close(&closed->loop) == 0)
        free(closed); /* else something still holds the loop: the process is about to end, and takes both
                         along */
}
