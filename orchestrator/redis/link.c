#include "redis/link_parts.h"

#include "redis/auth.h"
#include "redis/cluster.h"
#include "redis/command.h"

#include <hiredis/sds.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETTINGS_BYTES_MAX = 64 * 1024,
    TICK_MS = 1000,
    PING_TICKS = 5,
    SILENT_TICKS_MAX = REDIS_LINK_SILENCE_MS / TICK_MS,
    UNSENT_BYTES_MAX = 256 * 1024 * 1024,
    SENDV_ARGUMENTS_MAX = 32,
};

/* --- What waits for a reply ----------------------------------------------------------------------------- */

static void on_reply(redisAsyncContext *context, void *data, void *unused) {
    struct redis_link *link = context->data;
    const redisReply *reply = data;
    struct pending pending = pending_pop(&link->pending);
    (void)unused;
    link->silent_ticks = 0;
    if (!reply) {
        if (link->state == LINK_READY)
            link->state = LINK_BREAKING;
        holding_refuse(&link->holding, NULL);
    }
    if (reply && pending.hold)
        holding_keep(&link->holding, pending, reply);
    else if (pending.reply)
        pending.reply(pending.context, reply);
    if (link->state == LINK_READY && redis_reply_is_error(reply, "READONLY"))
        link_drop(link, fail(CODE_UNAVAILABLE, "it is a replica now"));
}

static struct result check_room(struct redis_link *link) {
    if (sdslen(link->context->c.obuf) > UNSENT_BYTES_MAX)
        return fail(CODE_UNAVAILABLE, "Redis at %s does not read what it is sent", link->address);
    if (!pending_reserve(&link->pending))
        return fail(CODE_UNAVAILABLE, "%zu commands already wait for Redis at %s", link->pending.count,
            link->address);
    return ok();
}

static struct result note_sent(struct redis_link *link, int status, struct pending pending) {
    if (status != REDIS_OK)
        return fail(CODE_UNAVAILABLE, "the connection to Redis at %s is being closed", link->address);
    if (link->pending.count == 0)
        link->silent_ticks = 0;
    pending_push(&link->pending, pending);
    return ok();
}

struct result link_send_now(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    struct result r = check_room(link);
    if (!is_ok(r))
        return r;
    size_t size;
    char *command = redis_command(argc, argv, lengths, &size);
    if (!command)
        return fail(CODE_UNAVAILABLE, "out of memory for a command to Redis");
    int status = redisAsyncFormattedCommand(link->context, on_reply, NULL, command, size);
    free(command);
    return note_sent(link, status, (struct pending){.reply = reply, .context = context});
}

/* hiredis has to know of the reply, and of no more: its buffer was empty, and is again. */
struct result link_send_auth(struct redis_link *link, redis_reply_fn *reply, void *context) {
    static const char stand_in[] = "*1\r\n$4\r\nAUTH\r\n";
    if (!link->auth)
        link->auth = redis_auth_format(&link->settings, link->arena, &link->auth_length);
    struct result r = link->auth ? check_room(link) : fail(CODE_UNAVAILABLE, "out of memory");
    if (is_ok(r))
        r = redis_auth_send(link->context->c.fd, link->auth, link->auth_length);
    if (!is_ok(r))
        return r;
    int status = redisAsyncFormattedCommand(link->context, on_reply, NULL, stand_in, strlen(stand_in));
    sdsclear(link->context->c.obuf);
    return note_sent(link, status, (struct pending){.reply = reply, .context = context});
}

/* --- What replicas have to have ------------------------------------------------------------------------- */

static void wait_for_replicas(struct redis_link *link);

/* Calls have failed for want of replicas, and there are enough again: it is worth another try. */
static void note_replicas(struct redis_link *link, bool enough) {
    bool over = enough && link->holding.missing;
    link->holding.missing = !enough;
    if (over && link->admitted && link->events.on_connect)
        link->events.on_connect(link->events.context);
}

static void on_waited(void *context, const redisReply *reply) {
    struct redis_link *link = context;
    long long have = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    if (reply && have >= link->settings.replicas) {
        holding_release(&link->holding);
    } else if (reply) {
        char text[120];
        int length =
            snprintf(text, sizeof text, "NOREPLICAS %lld of %d replicas had what was written within %d ms",
                have, link->settings.replicas, link->settings.replicas_timeout_ms);
        holding_refuse(
            &link->holding, &(redisReply){.type = REDIS_REPLY_ERROR, .str = text, .len = (size_t)length});
    }
    link->holding.waiting = false;
    if (!reply || link->state != LINK_READY)
        return;
    if (link->holding.uncovered > 0)
        wait_for_replicas(link);
    note_replicas(link, have >= link->settings.replicas);
}

static void wait_for_replicas(struct redis_link *link) {
    char replicas[16], timeout[16];
    snprintf(replicas, sizeof replicas, "%d", link->settings.replicas);
    snprintf(timeout, sizeof timeout, "%d", link->settings.replicas_timeout_ms);
    struct result r =
        link_send_now(link, on_waited, link, 3, (const char *[]){"WAIT", replicas, timeout}, NULL);
    if (!is_ok(r)) {
        link_drop(link, r);
        return;
    }
    link->holding.uncovered = 0;
    link->holding.waiting = true;
}

/* A call was sent, and is the last one in the ring. */
static void cover(struct redis_link *link) {
    if (link->settings.replicas == 0)
        return;
    pending_newest(&link->pending)->hold = true;
    link->holding.uncovered++;
    if (!link->holding.waiting)
        wait_for_replicas(link);
}

/* --- Sending -------------------------------------------------------------------------------------------- */

static struct result not_connected(const struct redis_link *link) {
    return fail(CODE_UNAVAILABLE, "not connected to Redis at %s", link->address);
}

struct result redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    if (link->cluster)
        return cluster_send(link->cluster, reply, context, argc, argv, lengths);
    if (link->state != LINK_READY)
        return not_connected(link);
    struct result r = link_send_now(link, reply, context, argc, argv, lengths);
    if (is_ok(r))
        cover(link);
    return r;
}

struct result link_send_formatted(
    struct redis_link *link, redis_reply_fn *reply, void *context, const char *command, size_t length) {
    struct result r = link->state == LINK_READY ? check_room(link) : not_connected(link);
    if (!is_ok(r))
        return r;
    int status = redisAsyncFormattedCommand(link->context, on_reply, NULL, command, length);
    r = note_sent(link, status, (struct pending){.reply = reply, .context = context});
    if (is_ok(r))
        cover(link);
    return r;
}

struct result redis_link_sendv(struct redis_link *link, redis_reply_fn *reply, void *context, ...) {
    const char *argv[SENDV_ARGUMENTS_MAX];
    int argc = 0;
    const char *argument;
    va_list arguments;
    va_start(arguments, context);
    while ((argument = va_arg(arguments, const char *)) && argc < SENDV_ARGUMENTS_MAX)
        argv[argc++] = argument;
    va_end(arguments);
    if (argument)
        return fail(CODE_INTERNAL, "a command with more than %d arguments", SENDV_ARGUMENTS_MAX);
    return redis_link_send(link, reply, context, argc, argv, NULL);
}

void redis_link_flush(struct redis_link *link) {
    if (link->cluster)
        cluster_flush(link->cluster);
    else if (link->state == LINK_READY)
        redisAsyncHandleWrite(link->context);
}

/* --- Losing the server, and trying again ---------------------------------------------------------------- */

static void tell_lost(struct redis_link *link, struct result reason) {
    if (link->told == reason.code)
        return;
    link->told = reason.code;
    log_write(link->log, reason.code == CODE_REFUSED ? LOG_ERROR : LOG_WARNING,
        "no connection to Redis at %s, trying again: %s", link->address, reason.text);
}

static void tell_found(struct redis_link *link) {
    if (link->told != CODE_OK)
        log_notice(link->log, "connected to Redis at %s again", link->address);
    link->told = CODE_OK;
}

void link_connect_later(struct redis_link *link, struct result reason) {
    link->state = LINK_WAITING;
    tell_lost(link, reason);
    uv_timer_start(&link->timer, link_on_timer, backoff_next_ms(&link->backoff), 0);
}

void link_drop(struct redis_link *link, struct result reason) {
    if (!link->context)
        return;
    if (is_ok(link->reason))
        link->reason = reason;
    redisAsyncFree(link->context);
}

void link_gone(void *owner) {
    struct redis_link *link = owner;
    const char *error = link->context->errstr;
    struct result reason = link->reason;
    if (is_ok(reason))
        reason = fail(CODE_UNAVAILABLE, "%s", error && *error ? error : "the connection was closed");
    bool was_ready = link->state == LINK_READY || link->state == LINK_BREAKING;
    link->context = NULL;
    link->admitted = false;
    holding_refuse(&link->holding, NULL);
    link->holding = (struct holding){.missing = link->holding.missing};
    if (link->state == LINK_CLOSING)
        return;
    link_connect_later(link, reason);
    if (was_ready && link->events.on_lost)
        link->events.on_lost(link->events.context);
}

void redis_link_drop(struct redis_link *link) {
    if (link->cluster)
        cluster_drop(link->cluster);
    else
        link_drop(link, fail(CODE_UNAVAILABLE, "dropped, since its answers were not usable"));
}

/* --- The end of a handle; with the last one, of the link ------------------------------------------------ */

void link_handle_closed(void *owner) {
    struct redis_link *link = owner;
    if (--link->handles > 0)
        return;
    void (*closed)(void *) = link->closed;
    void *context = link->closed_context;
    pending_free(&link->pending);
    arena_free(&link->arena);
    free(link);
    if (closed)
        closed(context);
}

static void on_timer_closed(uv_handle_t *handle) {
    link_handle_closed(handle->data);
}

static void on_cluster_closed(void *context) {
    link_handle_closed(context);
}

void redis_link_close(struct redis_link *link, void (*closed)(void *context), void *context) {
    bool finding = link->state == LINK_FINDING;
    link->state = LINK_CLOSING;
    link->closed = closed;
    link->closed_context = context;
    if (link->cluster) {
        cluster_close(link->cluster, on_cluster_closed, link);
        return;
    }
    if (finding) { /* whichever of them it is; the other has nothing to cancel */
        uv_cancel((uv_req_t *)&link->asking);
        uv_cancel((uv_req_t *)&link->lookup);
    }
    if (link->in_doubt)
        uv_cancel((uv_req_t *)&link->doubting);
    uv_close((uv_handle_t *)&link->timer, on_timer_closed);
    link_drop(link, fail(CODE_UNAVAILABLE, "closed"));
}

/* --- Ready ---------------------------------------------------------------------------------------------- */

void link_use_ready(struct redis_link *link) {
    link->state = LINK_READY;
    uv_timer_start(&link->timer, link_on_timer, TICK_MS, TICK_MS);
    tell_found(link);
    if (link->events.on_master)
        link->events.on_master(link->events.context, link);
    else
        redis_link_admit(link, link);
}

void redis_link_admit(struct redis_link *link, struct redis_link *master) {
    if (link->cluster) {
        cluster_admit(link->cluster, master);
        return;
    }
    if (link->state != LINK_READY)
        return;
    link->admitted = true;
    if (link->events.on_connect)
        link->events.on_connect(link->events.context);
}

/* Counts ticks, not time, so that a loop that was held up hears what has arrived before it decides. */
static void tick(struct redis_link *link) {
    link->backoff.failures = 0;
    link->silent_ticks++;
    if (link->settings.kind == REDIS_BY_SENTINEL)
        link_doubt(link);
    if (link->pending.count > 0 && link->silent_ticks >= SILENT_TICKS_MAX) {
        link_drop(link, fail(CODE_UNAVAILABLE, "it has not answered for %d s", REDIS_LINK_SILENCE_MS / 1000));
    } else if (link->pending.count == 0 && link->silent_ticks >= PING_TICKS) {
        struct result r = redis_link_sendv(link, NULL, NULL, "PING", NULL);
        if (!is_ok(r))
            link_drop(link, r);
    }
}

void link_on_timer(uv_timer_t *timer) {
    struct redis_link *link = timer->data;
    if (link->state == LINK_WAITING)
        link_connect_now(link);
    else if (link->state == LINK_CONNECTING)
        link_give_up(link);
    else if (link->state == LINK_READY)
        tick(link);
}

bool redis_link_connected(const struct redis_link *link) {
    return link->cluster ? cluster_connected(link->cluster) : link->state == LINK_READY;
}

bool redis_link_is_cluster(const struct redis_link *link) {
    return link->cluster != NULL;
}

/* --- Opening -------------------------------------------------------------------------------------------- */

static struct redis_link *link_new(
    uv_loop_t *loop, const struct redis_settings *settings, struct redis_link_events events) {
    struct redis_link *link = calloc(1, sizeof *link);
    struct arena *arena = arena_new_private(SETTINGS_BYTES_MAX);
    if (!link || !arena || !is_ok(redis_settings_copy(settings, arena, &link->settings))) {
        arena_free(&arena);
        free(link);
        return NULL;
    }
    link->arena = arena;
    redis_settings_describe(settings, link->address, sizeof link->address);
    link->loop = loop;
    link->events = events;
    link->handles = 1;
    return link;
}

/* Failovers take seconds, not minutes: whoever follows them looks every second. */
static struct backoff backoff_for(const struct redis_settings *settings) {
    return (struct backoff){.first_ms = 50, .max_ms = settings->kind == REDIS_SINGLE ? 5000 : 1000};
}

struct result redis_link_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct redis_link_events events, struct redis_link **link) {
    struct redis_link *fresh = link_new(loop, settings, events);
    if (!fresh)
        return fail(CODE_INTERNAL, "out of memory for a connection to Redis");
    redis_ignore_broken_pipe();
    fresh->log = log;
    if (settings->kind == REDIS_BY_CLUSTER) {
        struct cluster_parts parts = {
            .loop = loop, .log = log, .settings = &fresh->settings, .events = events};
        struct result r = cluster_open(parts, &fresh->cluster);
        if (!is_ok(r)) {
            arena_free(&fresh->arena);
            free(fresh);
            return r;
        }
    } else {
        fresh->backoff = backoff_for(settings);
        uv_timer_init(loop, &fresh->timer);
        fresh->timer.data = fresh->lookup.data = fresh->asking.data = fresh->doubting.data = fresh;
        link_connect_now(fresh);
    }
    *link = fresh;
    return ok();
}
