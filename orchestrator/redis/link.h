/*
 * An asynchronous, pipelined connection to Redis, on the loop. It connects, authenticates, and when the
 * connection breaks connects again with back-off and jitter (50 ms to 5 s), for ever; it says in the log when
 * it lost the server and when it found it again, once each.
 *
 * With sentinels it asks them for the master at each attempt, and leaves a server that is none (any more):
 * that says so, or instead of which two of them in a row, asked every few seconds, name another one. To a
 * Cluster it is a connection to each master, and each command goes to the one that has its first key
 * (cluster.h). With `replicas` in its settings a reply is given only when so many replicas have what was
 * written up to then; else it is the error NOREPLICAS (holding.h).
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

/* Each may be NULL. */
struct redis_link_events {
    /*
     * Connected and authenticated; commands may be sent from here. Called again, without on_lost, when some
     * calls have failed and the reason is over: a master of a Cluster is back, or replicas are.
     */
    void (*on_connect)(void *context);
    void (*on_lost)(void *context); /* after the pending replies were all called with NULL */
    /*
     * A master has to be prepared before it is used: on_connect waits for redis_link_admit. Commands to this
     * very master go over `master`: the link itself, or of a Cluster one link for each. It lives at least
     * until a command sent over it is answered.
     */
    void (*on_master)(void *context, struct redis_link *master);
    void *context;
};

/* Starts connecting. Settings are copied; log outlives the link. From here on the process ignores SIGPIPE,
 * unless it has a handler for it. */
struct result redis_link_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct redis_link_events events, struct redis_link **link) MUST_CHECK;

/* The master of on_master may be used, unless it was lost meanwhile. */
void redis_link_admit(struct redis_link *link, struct redis_link *master);

/* Commands can be sent. Of a Cluster: to one of its masters at least. */
bool redis_link_connected(const struct redis_link *link);

/* All keys of a command have to share a slot. */
bool redis_link_is_cluster(const struct redis_link *link);

/*
 * Sends a command; reply (may be NULL) is called once, in the order of the commands. CODE_UNAVAILABLE, and no
 * call, when not connected or when too much (131,072 commands, 256 MiB unsent) waits already. On a Cluster
 * the reply's order holds for each master by itself.
 */
struct result redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) MUST_CHECK;

/* Same, for NUL-terminated arguments, the last followed by NULL. */
struct result redis_link_sendv(struct redis_link *link, redis_reply_fn *reply, void *context, ...) MUST_CHECK
    __attribute__((sentinel));

/*
 * Writes what was sent, as far as the socket takes it, now and not in the loop's next turn; all of it on a
 * connection that keeps up. A connection that breaks meanwhile is lost as at any other time: replies and
 * on_lost are called before this returns. Not from inside a reply.
 */
void redis_link_flush(struct redis_link *link);

/* Drops the connection now (of a Cluster, all of them); it reconnects. For a server that answers what it
 * should not. */
void redis_link_drop(struct redis_link *link);

/* Pending replies are called with NULL; closed (may be NULL) when the last handle has left the loop. */
void redis_link_close(struct redis_link *link, void (*closed)(void *context), void *context);

/* The failure that a reply stands for, or ok: NULL, LOADING, MASTERDOWN, CLUSTERDOWN, OOM, MISCONF, READONLY,
 * BUSY, TRYAGAIN, MOVED, ASK and NOREPLICAS are CODE_UNAVAILABLE; NOAUTH, WRONGPASS and NOPERM CODE_REFUSED;
 * other errors CODE_INTERNAL. */
struct result redis_reply_result(const redisReply *reply) MUST_CHECK;

/* The text of an array's element; "" when the element is none, so that what is no text reads as a wrong one.
 */
const char *redis_reply_text(const redisReply *array, size_t index);

#endif
