/* What the files of the link share: what it is made of, and its two halves, finding the server
 * (link_connect.c) and talking to it (link.c). */
#ifndef PHASEGATE_REDIS_LINK_PARTS_H
#define PHASEGATE_REDIS_LINK_PARTS_H

#include "base/arena.h"
#include "base/backoff.h"
#include "redis/holding.h"
#include "redis/internal.h"
#include "redis/link.h"
#include "redis/pending.h"
#include "redis/sentinel.h"

#include <hiredis/async.h>

enum link_state {
    LINK_WAITING,    /* the timer says when to connect again */
    LINK_FINDING,    /* the sentinels are asked for the master, or the host's address is looked up */
    LINK_CONNECTING, /* context is there; the timer is the deadline */
    LINK_READY,      /* context is there; the timer ticks */
    LINK_BREAKING,   /* was ready; the pending replies are being called with NULL */
    LINK_CLOSING,
};

struct redis_link {
    uv_loop_t *loop;
    const struct log *log;
    struct arena *arena; /* of the settings; a private one */
    const char *auth;    /* the command that signs in; NULL until it is sent */
    size_t auth_length;
    struct redis_settings settings;
    char address[REDIS_ADDRESS_TEXT_MAX];
    struct redis_link_events events;
    struct cluster *cluster; /* NULL unless it is a Cluster: then the masters' links do what follows */

    enum link_state state;
    bool admitted; /* and on_connect was called, since it is ready */
    redisAsyncContext *context;
    struct result reason; /* why the context is being freed, when it was our decision */
    enum code told;       /* the failure that the log has heard of; CODE_OK: none */
    struct backoff backoff;
    unsigned silent_ticks; /* since the last reply, or since a command was sent while none was pending */

    uv_timer_t timer;
    uv_work_t asking; /* the sentinels */
    struct result asked;
    struct sentinel_master master; /* the last one they named; host is "" at first */
    uv_work_t doubting;            /* the sentinels again, while connected: is it still the master? */
    struct result doubted;
    struct sentinel_master other; /* whom they name now */
    bool in_doubt;                /* doubting is under way */
    unsigned doubted_first;       /* which of them is asked first, another each time */
    unsigned doubts;              /* of them in a row that named another one */
    unsigned doubt_ticks;         /* since they were asked */
    uv_getaddrinfo_t lookup;
    int handles; /* timer, asking, doubting, lookup and polls that the loop still knows */

    struct pending_ring pending;
    struct holding holding;

    void (*closed)(void *context);
    void *closed_context;
};

/* Begins to find the server; ends in link_use_ready or link_connect_later. */
void link_connect_now(struct redis_link *link);
void link_connect_later(struct redis_link *link, struct result reason);

/* What the timer does while the link is LINK_CONNECTING: gives the attempt up. */
void link_give_up(struct redis_link *link);

/* A tick of a link that follows sentinels: is the server that it is connected to still the master? */
void link_doubt(struct redis_link *link);

/* Logged in. */
void link_use_ready(struct redis_link *link);

/* Frees the context: at once, or, inside a reply, when that has returned. link_gone follows. */
void link_drop(struct redis_link *link, struct result reason);
void link_gone(void *owner);

/* A handle has left the loop; with the last one, the link ends. */
void link_handle_closed(void *owner);
void link_on_timer(uv_timer_t *timer);

/* Sends whatever the state; reply is never held. */
struct result link_send_now(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) MUST_CHECK;

/* The same for AUTH, which is a secret, and the first that goes over a new connection. */
struct result link_send_auth(struct redis_link *link, redis_reply_fn *reply, void *context) MUST_CHECK;

/* redis_link_send for a command in the protocol's form. */
struct result link_send_formatted(struct redis_link *link, redis_reply_fn *reply, void *context,
    const char *command, size_t length) MUST_CHECK;

#endif
