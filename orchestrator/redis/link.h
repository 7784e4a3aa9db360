/*
 * One asynchronous, pipelined connection to Redis, on the loop. It connects, authenticates, and when the
 * connection breaks connects again with back-off and jitter (50 ms to 5 s), for ever; it says in the log when
 * it lost the server and when it found it again, once each.
 *
 * All calls and callbacks are on the loop's thread; nothing blocks.
 */
#ifndef PHASEGATE_REDIS_LINK_H
#define PHASEGATE_REDIS_LINK_H

#include "base/log.h"
#include "base/result.h"
#include "redis/settings.h"

#include <hiredis/hiredis.h>
#include <uv.h>

struct redis_link;

/*
 * A server that owes an answer and says nothing for this long is given up. An idle connection is asked by
 * PING every 5 s. A command that blocks in the server (XREADGROUP BLOCK) has to end well before it.
 */
enum { REDIS_LINK_SILENCE_MS = 10000 };

/*
 * One reply; valid during the call. NULL when the connection broke first: whether the command was executed is
 * then not known.
 */
typedef void redis_reply_fn(void *context, const redisReply *reply);

/* Either may be NULL. */
struct redis_link_events {
    void (*on_connect)(void *context); /* connected and authenticated; commands may be sent from here */
    void (*on_lost)(void *context);    /* after the pending replies were all called with NULL */
    void *context;
};

/* Starts connecting. Settings are copied; log outlives the link. From here on the process ignores SIGPIPE,
 * unless it has a handler for it. */
struct result redis_link_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct redis_link_events events, struct redis_link **link) MUST_CHECK;

bool redis_link_connected(const struct redis_link *link);

/*
 * Sends a command; reply (may be NULL) is called once, in the order of the commands. CODE_UNAVAILABLE, and no
 * call, when not connected or when too much (131,072 commands, 256 MiB unsent) waits already.
 */
struct result redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) MUST_CHECK;

/* Same, for NUL-terminated arguments, the last followed by NULL. */
struct result redis_link_sendv(struct redis_link *link, redis_reply_fn *reply, void *context, ...) MUST_CHECK
    __attribute__((sentinel));

/* Drops the connection now; it reconnects. For a server that answers what it should not. */
void redis_link_drop(struct redis_link *link);

/* Pending replies are called with NULL; closed (may be NULL) when the last handle has left the loop. */
void redis_link_close(struct redis_link *link, void (*closed)(void *context), void *context);

/* The failure that a reply stands for, or ok: NULL, LOADING, MASTERDOWN, CLUSTERDOWN, OOM, MISCONF, READONLY,
 * NOREPLICAS, BUSY and TRYAGAIN are CODE_UNAVAILABLE; NOAUTH, WRONGPASS and NOPERM CODE_REFUSED; other errors
 * CODE_INTERNAL. */
struct result redis_reply_result(const redisReply *reply) MUST_CHECK;

#endif
