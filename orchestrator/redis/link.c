#include "redis/link.h"

#include "base/arena.h"
#include "base/backoff.h"
#include "redis/internal.h"
#include "redis/pending.h"
#include "redis/poll.h"

#include <hiredis/async.h>
#include <hiredis/sds.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETTINGS_BYTES_MAX = 64 * 1024,
    CONNECT_DEADLINE_MS = 5000, /* until the answer to the last command of the login */
    TICK_MS = 1000,
    PING_TICKS = 5,
    SILENT_TICKS_MAX = REDIS_LINK_SILENCE_MS / TICK_MS,
    UNSENT_BYTES_MAX = 256 * 1024 * 1024,
    SENDV_ARGUMENTS_MAX = 32,
};

enum link_state {
    LINK_WAITING,    /* the timer says when to connect again */
    LINK_RESOLVING,  /* the host's address is looked up */
    LINK_CONNECTING, /* context is there; the timer is the deadline */
    LINK_READY,      /* context is there; the timer ticks */
    LINK_BREAKING,   /* was ready; the pending replies are being called with NULL */
    LINK_CLOSING,
};

struct redis_link {
    uv_loop_t *loop;
    const struct log *log;
    struct arena *arena; /* of the settings */
    struct redis_settings settings;
    char address[REDIS_ADDRESS_TEXT_MAX];
    struct redis_link_events events;

    enum link_state state;
    redisAsyncContext *context;
    struct result reason; /* why the context is being freed, when it was our decision */
    enum code told;       /* the failure that the log has heard of; CODE_OK: none */
    struct backoff backoff;
    unsigned silent_ticks; /* since the last reply, or since a command was sent while none was pending */

    uv_timer_t timer;
    uv_getaddrinfo_t lookup;
    int handles; /* timer, lookup and polls that the loop still knows */

    struct pending_ring pending;

    void (*closed)(void *context);
    void *closed_context;
};

static void on_timer(uv_timer_t *timer);

/* --- What waits for a reply ----------------------------------------------------------------------------- */

static void on_reply(redisAsyncContext *context, void *reply, void *data) {
    (void)data;
    struct redis_link *link = context->data;
    struct pending pending = pending_pop(&link->pending);
    link->silent_ticks = 0;
    if (!reply && link->state == LINK_READY)
        link->state = LINK_BREAKING;
    if (pending.reply)
        pending.reply(pending.context, reply);
}

static struct result send_now(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    if (sdslen(link->context->c.obuf) > UNSENT_BYTES_MAX)
        return fail(CODE_UNAVAILABLE, "Redis at %s does not read what it is sent", link->address);
    if (!pending_reserve(&link->pending))
        return fail(CODE_UNAVAILABLE, "%zu commands already wait for Redis at %s", link->pending.count,
            link->address);
    if (redisAsyncCommandArgv(link->context, on_reply, NULL, argc, (const char **)argv, lengths) != REDIS_OK)
        return fail(CODE_UNAVAILABLE, "the connection to Redis at %s is being closed", link->address);
    if (link->pending.count == 0)
        link->silent_ticks = 0;
    pending_push(&link->pending, (struct pending){.reply = reply, .context = context});
    return ok();
}

struct result redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    if (link->state != LINK_READY)
        return fail(CODE_UNAVAILABLE, "not connected to Redis at %s", link->address);
    return send_now(link, reply, context, argc, argv, lengths);
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

static void connect_later(struct redis_link *link, struct result reason) {
    link->state = LINK_WAITING;
    tell_lost(link, reason);
    uv_timer_start(&link->timer, on_timer, backoff_next_ms(&link->backoff), 0);
}

/* Frees the context: at once, or, inside a reply, when that has returned. on_gone follows. */
static void drop(struct redis_link *link, struct result reason) {
    if (!link->context)
        return;
    if (is_ok(link->reason))
        link->reason = reason;
    redisAsyncFree(link->context);
}

static void on_gone(void *owner) {
    struct redis_link *link = owner;
    const char *error = link->context->errstr;
    struct result reason = link->reason;
    if (is_ok(reason))
        reason = fail(CODE_UNAVAILABLE, "%s", error && *error ? error : "the connection was closed");
    bool was_ready = link->state == LINK_READY || link->state == LINK_BREAKING;
    link->context = NULL;
    if (link->state == LINK_CLOSING)
        return;
    connect_later(link, reason);
    if (was_ready && link->events.on_lost)
        link->events.on_lost(link->events.context);
}

void redis_link_drop(struct redis_link *link) {
    drop(link, fail(CODE_UNAVAILABLE, "dropped, since its answers were not usable"));
}

/* --- The end of a handle; with the last one, of the link ------------------------------------------------ */

static void on_handle_closed(void *owner) {
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
    on_handle_closed(handle->data);
}

void redis_link_close(struct redis_link *link, void (*closed)(void *context), void *context) {
    if (link->state == LINK_RESOLVING)
        uv_cancel((uv_req_t *)&link->lookup);
    link->state = LINK_CLOSING;
    link->closed = closed;
    link->closed_context = context;
    uv_close((uv_handle_t *)&link->timer, on_timer_closed);
    drop(link, fail(CODE_UNAVAILABLE, "closed"));
}

/* --- Logging in ----------------------------------------------------------------------------------------- */

static void on_login_reply(void *context, const redisReply *reply) {
    struct redis_link *link = context;
    struct result r = redis_login_result(reply);
    if (reply && !is_ok(r) && is_ok(link->reason))
        link->reason = r;
}

/* The answer to the last command; nobody has asked for the link to be closed when it is a reply. */
static void on_login_end(void *context, const redisReply *reply) {
    struct redis_link *link = context;
    on_login_reply(link, reply);
    if (!reply || link->state != LINK_CONNECTING)
        return;
    if (!is_ok(link->reason)) {
        drop(link, link->reason);
        return;
    }
    link->state = LINK_READY;
    uv_timer_start(&link->timer, on_timer, TICK_MS, TICK_MS);
    tell_found(link);
    if (link->events.on_connect)
        link->events.on_connect(link->events.context);
}

/* PING comes last: without a password the server refuses it, and while it loads its data it answers LOADING.
 * The name is for CLIENT LIST only; a server that does not let us set it is good enough. */
static struct result login(struct redis_link *link) {
    const struct redis_settings *settings = &link->settings;
    struct result r = ok();
    if (settings->password) {
        const char *argv[] = {
            "AUTH", settings->username ? settings->username : "default", settings->password};
        r = send_now(link, on_login_reply, link, 3, argv, NULL);
    }
    if (is_ok(r) && settings->database != 0) {
        char database[16];
        snprintf(database, sizeof database, "%d", settings->database);
        r = send_now(link, on_login_reply, link, 2, (const char *[]){"SELECT", database}, NULL);
    }
    if (is_ok(r))
        r = send_now(link, NULL, NULL, 3, (const char *[]){"CLIENT", "SETNAME", "phasegate"}, NULL);
    if (is_ok(r))
        r = send_now(link, on_login_end, link, 1, (const char *[]){"PING"}, NULL);
    return r;
}

/* --- Connecting ----------------------------------------------------------------------------------------- */

static void adopt(struct redis_link *link, redisAsyncContext *context) {
    struct redis_poll_events events = {.gone = on_gone, .closed = on_handle_closed, .owner = link};
    struct result r = ok();
    if (!context)
        r = fail(CODE_INTERNAL, "out of memory");
    else if (context->err)
        r = fail(CODE_UNAVAILABLE, "%s", context->errstr);
    else
        r = redis_poll_attach(link->loop, context, events);
    if (!is_ok(r)) {
        if (context)
            redisAsyncFree(context);
        connect_later(link, r);
        return;
    }
    context->data = link;
    link->context = context;
    link->handles++;
    link->reason = ok();
    link->state = LINK_CONNECTING;
    uv_timer_start(&link->timer, on_timer, CONNECT_DEADLINE_MS, 0);
    r = login(link);
    if (!is_ok(r))
        drop(link, r);
}

/* A host may have several addresses: each attempt takes the next. */
static const struct addrinfo *choose(const struct redis_link *link, const struct addrinfo *list) {
    unsigned count = 0;
    for (const struct addrinfo *each = list; each; each = each->ai_next)
        count++;
    for (unsigned skip = link->backoff.failures % count; skip > 0; skip--)
        list = list->ai_next;
    return list;
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list) {
    struct redis_link *link = lookup->data;
    char name[NI_MAXHOST] = "";
    if (status == 0) {
        const struct addrinfo *chosen = choose(link, list);
        getnameinfo(chosen->ai_addr, chosen->ai_addrlen, name, sizeof name, NULL, 0, NI_NUMERICHOST);
        uv_freeaddrinfo(list);
    }
    if (link->state == LINK_RESOLVING && status == 0)
        adopt(link, redisAsyncConnect(name, link->settings.port));
    else if (link->state == LINK_RESOLVING)
        connect_later(link, fail(CODE_UNAVAILABLE, "the host's address: %s", uv_strerror(status)));
    on_handle_closed(link);
}

static void connect_now(struct redis_link *link) {
    if (link->settings.path) {
        adopt(link, redisAsyncConnectUnix(link->settings.path));
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int status = uv_getaddrinfo(link->loop, &link->lookup, on_lookup, link->settings.host, NULL, &hints);
    if (status < 0) {
        connect_later(link, fail(CODE_UNAVAILABLE, "the host's address: %s", uv_strerror(status)));
        return;
    }
    link->state = LINK_RESOLVING;
    link->handles++;
}

/* Counts ticks, not time, so that a loop that was held up hears what has arrived before it decides. */
static void tick(struct redis_link *link) {
    link->backoff.failures = 0;
    link->silent_ticks++;
    if (link->pending.count > 0 && link->silent_ticks >= SILENT_TICKS_MAX) {
        drop(link, fail(CODE_UNAVAILABLE, "it has not answered for %d s", REDIS_LINK_SILENCE_MS / 1000));
    } else if (link->pending.count == 0 && link->silent_ticks >= PING_TICKS) {
        struct result r = redis_link_sendv(link, NULL, NULL, "PING", NULL);
        if (!is_ok(r))
            drop(link, r);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct redis_link *link = timer->data;
    if (link->state == LINK_WAITING)
        connect_now(link);
    else if (link->state == LINK_CONNECTING)
        drop(link, fail(CODE_UNAVAILABLE, "it did not answer within %d s", CONNECT_DEADLINE_MS / 1000));
    else if (link->state == LINK_READY)
        tick(link);
}

bool redis_link_connected(const struct redis_link *link) {
    return link->state == LINK_READY;
}

/* False when out of memory. */
static bool copy_settings(struct redis_link *link, const struct redis_settings *from) {
    link->arena = arena_new(SETTINGS_BYTES_MAX);
    if (!link->arena)
        return false;
    struct redis_settings *to = &link->settings;
    *to = *from;
    to->host = arena_strdup(link->arena, from->host);
    to->path = arena_strdup(link->arena, from->path);
    to->username = arena_strdup(link->arena, from->username);
    to->password = arena_strdup(link->arena, from->password);
    redis_settings_describe(from, link->address, sizeof link->address);
    return (!from->host || to->host) && (!from->path || to->path) && (!from->username || to->username)
        && (!from->password || to->password);
}

struct result redis_link_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct redis_link_events events, struct redis_link **link) {
    struct redis_link *fresh = calloc(1, sizeof *fresh);
    if (!fresh || !copy_settings(fresh, settings)) {
        if (fresh)
            arena_free(&fresh->arena);
        free(fresh);
        return fail(CODE_INTERNAL, "out of memory for a connection to Redis");
    }
    redis_ignore_broken_pipe();
    fresh->loop = loop;
    fresh->log = log;
    fresh->events = events;
    fresh->backoff = (struct backoff){.first_ms = 50, .max_ms = 5000};
    fresh->handles = 1;
    uv_timer_init(loop, &fresh->timer);
    fresh->timer.data = fresh;
    fresh->lookup.data = fresh;
    connect_now(fresh);
    *link = fresh;
    return ok();
}
