#include "bus/streams_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CLAIM_AFTER_SECONDS = 60,
    MAX_LENGTH = 1000000,
    ARENA_BYTES_MAX = 1024 * 1024,
    SETTINGS_BYTES_MAX = 64 * 1024,
    STREAMS_MAX = 1024,
    TICK_MS_MAX = 250,
    TRIM_INTERVAL_MS = 10000,
    LEAVE_MS = 1000, /* what Redis is told when closing has this long to arrive */
};

static void on_idle(uv_idle_t *idle);

void streams_wake(struct streams_bus *bus) {
    if (bus->state != BUS_CLOSED)
        uv_idle_start(&bus->idle, on_idle);
}

struct stream *streams_stream(struct streams_bus *bus, const char *topic) {
    for (struct stream *stream = bus->streams; stream; stream = stream->next) {
        if (strcmp(stream->topic, topic) == 0)
            return stream;
    }
    struct stream *stream = bus->stream_count < STREAMS_MAX ? arena_alloc(bus->arena, sizeof *stream) : NULL;
    char *name = stream ? arena_strdup(bus->arena, topic) : NULL;
    char *key = name ? arena_printf(bus->arena, "pg:bus:{%s}", topic) : NULL;
    if (!key)
        return NULL;
    *stream = (struct stream){.next = bus->streams, .bus = bus, .topic = name, .key = key};
    bus->streams = stream;
    bus->stream_count++;
    return stream;
}

static void free_those_over(struct streams_bus *bus) {
    for (struct streams_subscription **at = &bus->subscriptions; *at;) {
        struct streams_subscription *sub = *at;
        if (!streams_is_over(sub)) {
            at = &sub->next;
            continue;
        }
        *at = sub->next;
        streams_leave_group(sub);
        streams_subscription_free(sub);
    }
}

/* --- Closing -------------------------------------------------------------------------------------------- */

static void finish(struct streams_bus *bus) {
    streams_fail_waiting(bus);
    while (bus->failed.first)
        streams_tell_failed(bus);
    flush_close(&bus->flushes);
    while (bus->subscriptions) {
        struct streams_subscription *sub = bus->subscriptions;
        bus->subscriptions = sub->next;
        streams_subscription_free(sub);
    }
    bus_done_fn *closed = bus->closed;
    void *context = bus->closed_context;
    arena_free(&bus->settings);
    arena_free(&bus->arena);
    free(bus);
    if (closed)
        closed(context, ok());
}

void streams_handle_closed(void *context) {
    struct streams_bus *bus = context;
    if (--bus->handles == 0)
        finish(bus);
}

static void on_handle_closed(uv_handle_t *handle) {
    streams_handle_closed(handle->data);
}

static void disconnect(struct streams_bus *bus) {
    bus->state = BUS_CLOSED;
    uv_close((uv_handle_t *)&bus->idle, on_handle_closed);
    uv_close((uv_handle_t *)&bus->tick, on_handle_closed);
    redis_link_close(bus->link, streams_handle_closed, bus);
}

static void on_left(void *context, const redisReply *reply) {
    struct streams_bus *bus = context;
    (void)reply;
    if (bus->state == BUS_LEAVING)
        disconnect(bus);
}

/* What has not been sent fails; what is in hand is given back. PING is answered when all that went before it
 * is. */
static void leave(struct streams_bus *bus) {
    bus->state = BUS_LEAVING;
    bus->leave_by = uv_now(bus->loop) + LEAVE_MS;
    streams_fail_waiting(bus);
    for (struct streams_subscription *sub = bus->subscriptions; sub; sub = sub->next) {
        streams_unsubscribe(&sub->base);
        streams_give_back_all(sub);
        streams_send_returns(sub);
        streams_leave_group(sub);
    }
    struct result sent = redis_link_sendv(bus->link, on_left, bus, "PING", NULL);
    if (!is_ok(sent))
        disconnect(bus);
}

static void streams_close(struct bus *base, bus_done_fn *closed, void *context) {
    struct streams_bus *bus = (struct streams_bus *)base;
    if (bus->state != BUS_OPEN)
        return;
    bus->state = BUS_CLOSING;
    bus->closed = closed;
    bus->closed_context = context;
    streams_wake(bus);
}

/* --- The loop's turns ----------------------------------------------------------------------------------- */

static void work(struct streams_bus *bus) {
    streams_tell_failed(bus);
    for (struct streams_subscription *sub = bus->subscriptions; sub; sub = sub->next) {
        streams_deliver_held(sub);
        streams_send_returns(sub);
        streams_ask(sub);
    }
    flush_settle(&bus->flushes);
    free_those_over(bus);
}

static void on_idle(uv_idle_t *idle) {
    struct streams_bus *bus = idle->data;
    uv_idle_stop(idle);
    if (bus->state == BUS_CLOSING)
        leave(bus);
    else
        work(bus);
}

static void look_after_leases(struct streams_bus *bus, uint64_t now) {
    for (struct streams_subscription *sub = bus->subscriptions; sub; sub = sub->next) {
        if (now >= sub->next_extend)
            streams_extend(sub);
        streams_claim(sub);
    }
}

static void look_after_streams(struct streams_bus *bus, uint64_t now) {
    if (now < bus->next_trim)
        return;
    bus->next_trim = now + TRIM_INTERVAL_MS;
    for (struct stream *stream = bus->streams; stream; stream = stream->next) {
        if (stream->activity > 0)
            streams_trim(stream);
    }
}

static void lose_patience(struct streams_bus *bus, uint64_t now) {
    streams_expire(bus);
    if (redis_link_connected(bus->link) || now - bus->offline_since < PATIENCE_MS)
        return;
    for (struct streams_subscription *sub = bus->subscriptions; sub; sub = sub->next)
        streams_postpone_returns(sub);
}

static void on_tick(uv_timer_t *tick) {
    struct streams_bus *bus = tick->data;
    uint64_t now = uv_now(bus->loop);
    if (bus->state == BUS_LEAVING && now >= bus->leave_by) {
        disconnect(bus);
        return;
    }
    if (bus->state != BUS_OPEN)
        return;
    lose_patience(bus, now);
    streams_send_ready(bus);
    work(bus);
    look_after_leases(bus, now);
    look_after_streams(bus, now);
}

static void on_connect(void *context) {
    struct streams_bus *bus = context;
    for (struct streams_subscription *sub = bus->subscriptions; sub; sub = sub->next) {
        streams_extend(sub);
        streams_send_returns(sub);
        streams_recover(sub);
    }
    streams_send_ready(bus);
}

static void on_lost(void *context) {
    struct streams_bus *bus = context;
    bus->offline_since = uv_now(bus->loop);
}

static void streams_flush(struct bus *base, bus_done_fn *done, void *context) {
    struct streams_bus *bus = (struct streams_bus *)base;
    if (!flush_ask(&bus->flushes, done, context))
        done(context, fail(CODE_INTERNAL, "out of memory for a flush"));
    streams_wake(bus);
}

/* --- Opening -------------------------------------------------------------------------------------------- */

static const struct bus_ops streams_ops = {
    .create = streams_create,
    .subscribe = streams_subscribe,
    .pause = streams_pause,
    .resume = streams_resume,
    .receiving_ms = streams_receiving_ms,
    .unsubscribe = streams_unsubscribe,
    .ack = streams_ack,
    .nack = streams_nack,
    .publish = streams_publish,
    .seek = streams_seek,
    .look = streams_look,
    .flush = streams_flush,
    .close = streams_close,
};

/* False when out of memory. */
static bool copy_settings(struct streams_bus *bus, const struct streams_settings *settings) {
    struct arena *arena = bus->arena = arena_new(ARENA_BYTES_MAX);
    bus->settings = arena_new_private(SETTINGS_BYTES_MAX);
    if (!arena || !bus->settings || !is_ok(redis_settings_copy(settings->redis, bus->settings, &bus->redis)))
        return false;
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    bus->consumer = settings->consumer ? arena_strdup(arena, settings->consumer)
                                       : arena_printf(arena, "%s-%ld", host, (long)getpid());
    int seconds = settings->claim_after_seconds > 0 ? settings->claim_after_seconds : CLAIM_AFTER_SECONDS;
    bus->claim_after_ms = (int64_t)seconds * 1000;
    bus->max_length = settings->max_length > 0 ? settings->max_length : MAX_LENGTH;
    return bus->consumer;
}

static struct result start(struct streams_bus *bus) {
    struct redis_link_events events = {.on_connect = on_connect, .on_lost = on_lost, .context = bus};
    struct result r = redis_link_open(bus->loop, &bus->redis, bus->log, events, &bus->link);
    if (!is_ok(r))
        return r;
    bus->offline_since = uv_now(bus->loop);
    bus->handles = 3;
    uv_idle_init(bus->loop, &bus->idle);
    uv_timer_init(bus->loop, &bus->tick);
    bus->idle.data = bus->tick.data = bus;
    uint64_t third = (uint64_t)bus->claim_after_ms / 3;
    uint64_t tick = third < TICK_MS_MAX ? third : TICK_MS_MAX;
    uv_timer_start(&bus->tick, on_tick, tick, tick);
    return ok();
}

struct result bus_open_streams(
    uv_loop_t *loop, const struct streams_settings *settings, const struct log *log, struct bus **bus) {
    struct result r = fail(CODE_INTERNAL, "out of memory for the bus");
    struct streams_bus *fresh = calloc(1, sizeof *fresh);
    if (fresh && flush_open(&fresh->flushes) && copy_settings(fresh, settings)) {
        fresh->base.ops = &streams_ops;
        fresh->loop = loop;
        fresh->log = log;
        r = start(fresh);
    }
    if (is_ok(r)) {
        *bus = &fresh->base;
    } else if (fresh) {
        arena_free(&fresh->settings);
        arena_free(&fresh->arena);
        flush_close(&fresh->flushes);
        free(fresh);
    }
    return r;
}
