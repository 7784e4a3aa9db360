#include "bus/bus_ops.h"
#include "bus/pubsub_admin.h"
#include "bus/pubsub_late.h"
#include "bus/pubsub_names.h"
#include "bus/pubsub_publish.h"
#include "bus/pubsub_pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ENDPOINT "pubsub.googleapis.com:443"

enum {
    STREAMS_DEFAULT = 8,
    STREAMS_MAX = 64, /* they share a connection, on which Google allows 100 */
    LEASE_DEFAULT = 60,
    LEASE_LEAST = 10,
    LEASE_MOST = 600,
    SUBSCRIPTIONS_MAX = 64,
    CLOSE_CHECK_MS = 10, /* closing looks this often whether what must leave has left */
    CLOSE_GRACE_MS = 2000,
    CLIENT_ID_MAX = 37,
};

struct pubsub {
    struct bus bus; /* first: the bus is the pubsub */
    const struct log *log;
    char *project;
    char client_id[CLIENT_ID_MAX];
    int streams;
    int lease_seconds;
    struct rpc *rpc;
    struct rpc_channel *calls;
    struct pubsub_timers timers;
    struct pubsub_timer close_timer;
    struct pubsub_late late;
    struct pubsub_flush *flush;
    struct pubsub_publisher *publisher;
    struct pubsub_admin *admin;
    struct pubsub_puller *pullers[SUBSCRIPTIONS_MAX]; /* those that have ended too, till the bus closes */
    int puller_count;
    uint64_t close_until_ms;
    bus_done_fn *closed;
    void *context;
};

static struct pubsub *pubsub_of(struct bus *bus) {
    return (struct pubsub *)bus;
}

/* --- Calls of bus.h ------------------------------------------------------------------------------------- */

static void create(struct bus *bus, const struct source *source, bus_done_fn *done, void *context) {
    struct pubsub *pubsub = pubsub_of(bus);
    char topic[PUBSUB_NAME_MAX], subscription[PUBSUB_NAME_MAX];
    struct result r = pubsub_topic_name(pubsub->project, source->topic, topic);
    if (is_ok(r) && source->subscription)
        r = pubsub_subscription_name(pubsub->project, source->subscription, subscription);
    if (!is_ok(r))
        pubsub_late_done(&pubsub->late, done, context, r);
    else
        pubsub_admin_create(pubsub->admin, topic, source->subscription ? subscription : NULL,
            pubsub->lease_seconds, done, context);
}

static struct result subscribe(struct bus *bus, const struct source *source, struct receiver receiver,
    struct subscription **subscription) {
    struct pubsub *pubsub = pubsub_of(bus);
    char name[PUBSUB_NAME_MAX];
    if (pubsub->puller_count == SUBSCRIPTIONS_MAX)
        return fail(CODE_LIMIT, "a bus takes at most %d subscriptions", SUBSCRIPTIONS_MAX);
    struct result r = pubsub_subscription_name(pubsub->project, source->subscription, name);
    if (!is_ok(r))
        return r;
    struct pubsub_puller_settings settings = {
        .bus = bus,
        .timers = &pubsub->timers,
        .flush = pubsub->flush,
        .rpc = pubsub->rpc,
        .calls = pubsub->calls,
        .log = pubsub->log,
        .subscription = name,
        .client_id = pubsub->client_id,
        .streams = pubsub->streams,
        .lease_seconds = pubsub->lease_seconds,
        .receiver = receiver,
    };
    struct pubsub_puller *puller;
    r = pubsub_puller_start(&settings, &puller);
    if (!is_ok(r))
        return r;
    pubsub->pullers[pubsub->puller_count++] = puller;
    *subscription = pubsub_puller_subscription(puller);
    return ok();
}

static void pause_subscription(struct subscription *subscription) {
    pubsub_puller_pause(pubsub_puller_of(subscription));
}

static void resume_subscription(struct subscription *subscription) {
    pubsub_puller_resume(pubsub_puller_of(subscription));
}

static int64_t receiving_ms(struct subscription *subscription) {
    return pubsub_puller_receiving_ms(pubsub_puller_of(subscription));
}

static void unsubscribe(struct subscription *subscription) {
    pubsub_puller_stop(pubsub_puller_of(subscription));
}

static void ack(struct delivery *delivery) {
    pubsub_puller_return(delivery, PUBSUB_ACK);
}

static void nack(struct delivery *delivery) {
    pubsub_puller_return(delivery, PUBSUB_NACK);
}

static void publish(struct bus *bus, const char *topic, const struct message *message,
    bus_published_fn *published, void *context) {
    struct pubsub *pubsub = pubsub_of(bus);
    char name[PUBSUB_NAME_MAX];
    struct result r = pubsub_topic_name(pubsub->project, topic, name);
    if (!is_ok(r))
        pubsub_late_published(&pubsub->late, published, context, r);
    else
        pubsub_publish(pubsub->publisher, name, message, published, context);
}

static void seek(
    struct bus *bus, const struct source *source, int64_t time_ms, bus_done_fn *done, void *context) {
    struct pubsub *pubsub = pubsub_of(bus);
    char subscription[PUBSUB_NAME_MAX];
    struct result r = bus_check_moment(time_ms);
    if (is_ok(r))
        r = pubsub_subscription_name(pubsub->project, source->subscription, subscription);
    if (!is_ok(r))
        pubsub_late_done(&pubsub->late, done, context, r);
    else
        pubsub_admin_seek(pubsub->admin, subscription, time_ms, done, context);
}

/* It says nothing of what is left; but that it is there. */
static void look(struct bus *bus, const struct source *source, struct bus_backlog *backlog, bus_done_fn *done,
    void *context) {
    struct pubsub *pubsub = pubsub_of(bus);
    char subscription[PUBSUB_NAME_MAX];
    struct result r = pubsub_subscription_name(pubsub->project, source->subscription, subscription);
    backlog->left = BACKLOG_UNKNOWN;
    if (!is_ok(r))
        pubsub_late_done(&pubsub->late, done, context, r);
    else
        pubsub_admin_look(pubsub->admin, subscription, done, context);
}

static void flush(struct bus *bus, bus_done_fn *done, void *context) {
    struct pubsub *pubsub = pubsub_of(bus);
    for (int i = 0; i < pubsub->puller_count; i++)
        pubsub_puller_flush(pubsub->pullers[i]);
    pubsub_publisher_flush(pubsub->publisher);
    pubsub_flush_wait(pubsub->flush, done, context);
}

/* --- Closing: what is in hand leaves, then gRPC ends, then the timers, then the memory ------------------ */

static void pubsub_free(struct pubsub *pubsub) {
    for (int i = 0; i < pubsub->puller_count; i++)
        pubsub_puller_free(&pubsub->pullers[i]);
    pubsub_publisher_free(&pubsub->publisher);
    pubsub_admin_free(&pubsub->admin);
    pubsub_flush_free(&pubsub->flush);
    free(pubsub->project);
    free(pubsub);
}

static void on_timers_closed(void *context) {
    struct pubsub *pubsub = context;
    bus_done_fn *closed = pubsub->closed;
    void *closed_context = pubsub->context;
    pubsub_free(pubsub);
    if (closed)
        closed(closed_context, ok());
}

static void on_rpc_closed(void *context) {
    struct pubsub *pubsub = context;
    pubsub_flush_abort(pubsub->flush, fail(CODE_UNAVAILABLE, "the bus was closed"));
    pubsub_timers_close(&pubsub->timers, on_timers_closed, pubsub);
}

static bool all_left(const struct pubsub *pubsub) {
    for (int i = 0; i < pubsub->puller_count; i++)
        if (!pubsub_puller_done(pubsub->pullers[i]))
            return false;
    return pubsub_publisher_idle(pubsub->publisher) && pubsub_admin_idle(pubsub->admin)
        && pubsub_late_idle(&pubsub->late);
}

static void close_check(void *context) {
    struct pubsub *pubsub = context;
    if (all_left(pubsub) || pubsub_now_ms(&pubsub->timers) >= pubsub->close_until_ms)
        rpc_close(pubsub->rpc, on_rpc_closed, pubsub);
    else
        pubsub_timer_start(&pubsub->close_timer, CLOSE_CHECK_MS);
}

static void close_bus(struct bus *bus, bus_done_fn *closed, void *context) {
    struct pubsub *pubsub = pubsub_of(bus);
    pubsub->closed = closed;
    pubsub->context = context;
    for (int i = 0; i < pubsub->puller_count; i++)
        pubsub_puller_close(pubsub->pullers[i]);
    pubsub_publisher_close(pubsub->publisher);
    pubsub_admin_close(pubsub->admin);
    pubsub->close_until_ms = pubsub_now_ms(&pubsub->timers) + CLOSE_GRACE_MS;
    pubsub_timer_start(&pubsub->close_timer, 0);
}

/* --- Opening -------------------------------------------------------------------------------------------- */

static const struct bus_ops ops = {
    .create = create,
    .subscribe = subscribe,
    .pause = pause_subscription,
    .resume = resume_subscription,
    .receiving_ms = receiving_ms,
    .unsubscribe = unsubscribe,
    .ack = ack,
    .nack = nack,
    .publish = publish,
    .seek = seek,
    .look = look,
    .flush = flush,
    .close = close_bus,
};

static struct result check_settings(const struct pubsub_settings *settings) {
    if (!settings->project || *settings->project == '\0')
        return fail(CODE_INVALID, "Pub/Sub needs a project: set bus.project or GOOGLE_CLOUD_PROJECT");
    if (settings->streams < 0 || settings->streams > STREAMS_MAX)
        return fail(
            CODE_INVALID, "%d streams per subscription; expected 1 to %d", settings->streams, STREAMS_MAX);
    if (settings->lease_seconds != 0
        && (settings->lease_seconds < LEASE_LEAST || settings->lease_seconds > LEASE_MOST))
        return fail(CODE_INVALID, "a lease of %d seconds; Pub/Sub takes %d to %d", settings->lease_seconds,
            LEASE_LEAST, LEASE_MOST);
    return ok();
}

/* A random UUID (version 4), as Google's clients send. */
static void make_client_id(char id[CLIENT_ID_MAX]) {
    uint32_t r[4];
    if (uv_random(NULL, NULL, r, sizeof r, 0, NULL) != 0)
        r[0] = r[1] = r[2] = r[3] = (uint32_t)uv_hrtime();
    snprintf(id, CLIENT_ID_MAX, "%08x-%04x-4%03x-%04x-%04x%08x", r[0], r[1] >> 16, r[1] & 0xfff,
        0x8000 | (r[2] >> 16 & 0x3fff), r[2] & 0xffff, r[3]);
}

static struct pubsub *pubsub_new(
    uv_loop_t *loop, const struct pubsub_settings *settings, const struct log *log) {
    struct pubsub *pubsub = calloc(1, sizeof *pubsub);
    if (!pubsub)
        return NULL;
    pubsub->bus.ops = &ops;
    pubsub->log = log;
    pubsub->streams = settings->streams ? settings->streams : STREAMS_DEFAULT;
    pubsub->lease_seconds = settings->lease_seconds ? settings->lease_seconds : LEASE_DEFAULT;
    pubsub->project = strdup(settings->project);
    if (!pubsub->project) {
        free(pubsub);
        return NULL;
    }
    make_client_id(pubsub->client_id);
    pubsub_timers_init(&pubsub->timers, loop);
    return pubsub;
}

/* Everything that has timers; from here on a failure is taken back by closing. */
static struct result make_parts(struct pubsub *pubsub) {
    pubsub_timer_init(&pubsub->timers, &pubsub->close_timer, close_check, pubsub);
    pubsub_late_init(&pubsub->late, &pubsub->timers);
    struct result r = rpc_channel_open(pubsub->rpc, &pubsub->calls);
    if (!is_ok(r))
        return r;
    pubsub->flush = pubsub_flush_new(&pubsub->timers);
    pubsub->publisher = pubsub_publisher_new(&pubsub->timers, pubsub->flush, pubsub->calls);
    pubsub->admin = pubsub_admin_new(&pubsub->timers, pubsub->calls, pubsub->log);
    return pubsub->flush && pubsub->publisher && pubsub->admin ? ok() : fail(CODE_INTERNAL, "out of memory");
}

struct result bus_open_pubsub(
    uv_loop_t *loop, const struct pubsub_settings *settings, const struct log *log, struct bus **bus) {
    struct result r = check_settings(settings);
    if (!is_ok(r))
        return r;
    struct pubsub *pubsub = pubsub_new(loop, settings, log);
    if (!pubsub)
        return fail(CODE_INTERNAL, "out of memory");
    bool emulated = settings->emulator && *settings->emulator;
    const char *endpoint = settings->endpoint && *settings->endpoint ? settings->endpoint : DEFAULT_ENDPOINT;
    struct rpc_settings rpc = {.address = emulated ? settings->emulator : endpoint, .plain = emulated};
    r = rpc_open(loop, &rpc, &pubsub->rpc);
    if (!is_ok(r)) {
        pubsub_free(pubsub);
        return r;
    }
    r = make_parts(pubsub);
    if (!is_ok(r)) {
        rpc_close(pubsub->rpc, NULL, NULL);
        pubsub_timers_close(&pubsub->timers, on_timers_closed, pubsub);
        return r;
    }
    *bus = &pubsub->bus;
    return ok();
}
