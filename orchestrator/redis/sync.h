/* A blocking connection to one server, for commands that ask one question and leave. Not thread-safe. */
#ifndef PHASEGATE_REDIS_SYNC_H
#define PHASEGATE_REDIS_SYNC_H

#include "base/result.h"
#include "redis/settings.h"

#include <hiredis/hiredis.h>

/*
 * Connects, authenticates, selects; waits timeout_ms at most for each step, and as long for there to be a
 * master where sentinels name it. CODE_UNAVAILABLE names the address. Not for a Cluster: redis/client.h.
 */
struct result redis_connect(
    const struct redis_settings *settings, int timeout_ms, redisContext **connection) MUST_CHECK;

/* One command; *reply is the caller's, freed with freeReplyObject. An error reply is a failure. */
struct result redis_ask(redisContext *connection, redisReply **reply, int argc, const char **argv,
    const size_t *lengths) MUST_CHECK;

#endif
