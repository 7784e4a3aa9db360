/* The link's way to a server: asking the sentinels, looking the host up, connecting, logging in. */
#include "redis/link_parts.h"
#include "redis/poll.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { CONNECT_DEADLINE_MS = 5000 }; /* until the answer to the last command of the login */

/* --- Logging in ----------------------------------------------------------------------------------------- */

static void note_failure(struct redis_link *link, struct result r) {
    if (!is_ok(r) && is_ok(link->reason))
        link->reason = r;
}

static void on_login_reply(void *context, const redisReply *reply) {
    if (reply)
        note_failure(context, redis_login_result(reply));
}

static void on_role(void *context, const redisReply *reply) {
    if (reply)
        note_failure(context, sentinel_check_role(reply));
}

/* The answer to the last command; nobody has asked for the link to be closed when it is a reply. */
static void on_login_end(void *context, const redisReply *reply) {
    struct redis_link *link = context;
    on_login_reply(link, reply);
    if (!reply || link->state != LINK_CONNECTING)
        return;
    if (!is_ok(link->reason))
        link_drop(link, link->reason);
    else
        link_use_ready(link);
}

/* PING comes last: without a password the server refuses it, and while it loads its data it answers LOADING.
 * The name is for CLIENT LIST only; a server that does not let us set it is good enough. */
static struct result login(struct redis_link *link) {
    const struct redis_settings *settings = &link->settings;
    struct result r = ok();
    if (settings->password)
        r = link_send_auth(link, on_login_reply, link);
    if (is_ok(r) && settings->database != 0) {
        char database[16];
        snprintf(database, sizeof database, "%d", settings->database);
        r = link_send_now(link, on_login_reply, link, 2, (const char *[]){"SELECT", database}, NULL);
    }
    if (is_ok(r))
        r = link_send_now(link, NULL, NULL, 3, (const char *[]){"CLIENT", "SETNAME", "phasegate"}, NULL);
    if (is_ok(r) && settings->kind == REDIS_BY_SENTINEL)
        r = link_send_now(link, on_role, link, 1, (const char *[]){"ROLE"}, NULL);
    if (is_ok(r))
        r = link_send_now(link, on_login_end, link, 1, (const char *[]){"PING"}, NULL);
    return r;
}

/* Before hiredis has written anything. From here it cannot be freed: that a socket is shut makes hiredis do
 * so. */
static void on_connected(const redisAsyncContext *context, int status) {
    struct redis_link *link = context->data;
    struct result r = status == REDIS_OK ? login(link) : ok();
    if (is_ok(r))
        return;
    note_failure(link, r);
    shutdown(context->c.fd, SHUT_RDWR);
}

void link_give_up(struct redis_link *link) {
    link_drop(link, fail(CODE_UNAVAILABLE, "it did not answer within %d s", CONNECT_DEADLINE_MS / 1000));
}

/* --- Connecting ----------------------------------------------------------------------------------------- */

static void adopt(struct redis_link *link, redisAsyncContext *context) {
    struct redis_poll_events events = {.gone = link_gone, .closed = link_handle_closed, .owner = link};
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
        link_connect_later(link, r);
        return;
    }
    context->data = link;
    link->context = context;
    link->handles++;
    link->reason = ok();
    link->state = LINK_CONNECTING;
    uv_timer_start(&link->timer, link_on_timer, CONNECT_DEADLINE_MS, 0);
    redisAsyncSetConnectCallback(context, on_connected);
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

static int port_of(const struct redis_link *link) {
    return link->settings.kind == REDIS_BY_SENTINEL ? link->master.port : link->settings.port;
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list) {
    struct redis_link *link = lookup->data;
    char name[NI_MAXHOST] = "";
    if (status == 0) {
        const struct addrinfo *chosen = choose(link, list);
        getnameinfo(chosen->ai_addr, chosen->ai_addrlen, name, sizeof name, NULL, 0, NI_NUMERICHOST);
        uv_freeaddrinfo(list);
    }
    if (link->state == LINK_FINDING && status == 0)
        adopt(link, redisAsyncConnect(name, port_of(link)));
    else if (link->state == LINK_FINDING)
        link_connect_later(link, fail(CODE_UNAVAILABLE, "the host's address: %s", uv_strerror(status)));
    link_handle_closed(link);
}

static void look_up(struct redis_link *link, const char *host) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int status = uv_getaddrinfo(link->loop, &link->lookup, on_lookup, host, NULL, &hints);
    if (status < 0) {
        link_connect_later(link, fail(CODE_UNAVAILABLE, "the host's address: %s", uv_strerror(status)));
        return;
    }
    link->state = LINK_FINDING;
    link->handles++;
}

/* --- Asking the sentinels ------------------------------------------------------------------------------- */

/* On a thread of the pool; until it has returned nobody else touches what it reads and writes. */
static void ask_sentinels(uv_work_t *asking) {
    struct redis_link *link = asking->data;
    struct sentinel_master found;
    link->asked = sentinel_find(&link->settings, link->backoff.failures, &found);
    if (!is_ok(link->asked))
        return;
    link->master = found;
}

static void on_sentinels_asked(uv_work_t *asking, int status) {
    struct redis_link *link = asking->data;
    if (link->state == LINK_FINDING && status == 0 && is_ok(link->asked))
        look_up(link, link->master.host);
    else if (link->state == LINK_FINDING)
        link_connect_later(link, status == 0 ? link->asked : fail(CODE_INTERNAL, "%s", uv_strerror(status)));
    link_handle_closed(link);
}

/* --- A master that is none any more --------------------------------------------------------------------- */

/*
 * Sentinels tell an old master that lives only seconds after they have promoted another one, or much later
 * when it answers them slowly; until then it says that it is a master, and what it takes is lost. So they are
 * asked now and then, and each second while replicas are missing. One may be behind: it takes two in a row.
 */
enum { DOUBT_TICKS = 5, DOUBTS_MAX = 2 };

/* On a thread of the pool, as ask_sentinels. */
static void ask_again(uv_work_t *doubting) {
    struct redis_link *link = doubting->data;
    link->doubted = sentinel_find(&link->settings, link->doubted_first, &link->other);
}

static void on_asked_again(uv_work_t *doubting, int status) {
    struct redis_link *link = doubting->data;
    bool named = status == 0 && is_ok(link->doubted) && link->state == LINK_READY;
    bool another =
        named && (link->other.port != link->master.port || strcmp(link->other.host, link->master.host) != 0);
    link->in_doubt = false;
    if (named)
        link->doubts = another ? link->doubts + 1 : 0;
    if (named && link->doubts == DOUBTS_MAX)
        link_drop(link,
            fail(CODE_UNAVAILABLE, "the sentinels name %s:%d as the master now", link->other.host,
                link->other.port));
    link_handle_closed(link);
}

void link_doubt(struct redis_link *link) {
    bool due = ++link->doubt_ticks >= DOUBT_TICKS || link->doubts > 0 || link->holding.missing;
    if (link->in_doubt || !due)
        return;
    link->doubted_first++;
    if (uv_queue_work(link->loop, &link->doubting, ask_again, on_asked_again) != 0)
        return;
    link->doubt_ticks = 0;
    link->in_doubt = true;
    link->handles++;
}

/* --- Beginning ------------------------------------------------------------------------------------------ */

void link_connect_now(struct redis_link *link) {
    if (link->settings.path) {
        adopt(link, redisAsyncConnectUnix(link->settings.path));
    } else if (link->settings.kind == REDIS_SINGLE) {
        look_up(link, link->settings.host);
    } else if (uv_queue_work(link->loop, &link->asking, ask_sentinels, on_sentinels_asked) == 0) {
        link->state = LINK_FINDING;
        link->doubts = 0;
        link->handles++;
    } else {
        link_connect_later(link, fail(CODE_INTERNAL, "the sentinels cannot be asked"));
    }
}
