/*
 * The redis-server of `phasegate serve --embedded`: on a unix socket (mode 0600) in a data directory,
 * append-only file on and synced at every write, no port. It is started, started again when it dies, and
 * ended with us. One that a killed phasegate left behind is taken over. A lock in the directory keeps a
 * second phasegate out; another, which the server itself holds, a second server, that would write to the same
 * files.
 *
 * It runs in a session of its own, so that Ctrl-C reaches us alone and we can drain before it goes.
 */
#ifndef PHASEGATE_REDIS_EMBEDDED_H
#define PHASEGATE_REDIS_EMBEDDED_H

#include "base/log.h"
#include "base/result.h"

#include <uv.h>

struct embedded;

/*
 * Makes the directory (mode 0700) if need be, refuses one that anybody may write to (CODE_INVALID), locks it,
 * starts the server or takes one over. Waits up to 3 s until it listens. socket is DIR/redis.sock.
 * CODE_REFUSED when another phasegate has the directory, or when there is no redis-server program.
 */
struct result embedded_start(uv_loop_t *loop, const char *directory, const char *socket,
    const struct log *log, struct embedded **embedded) MUST_CHECK;

/* SIGTERM; stopped (may be NULL) is called when the server has gone, or after 10 s without it, and all is
 * freed. */
void embedded_stop(struct embedded *embedded, void (*stopped)(void *context), void *context);

#endif
