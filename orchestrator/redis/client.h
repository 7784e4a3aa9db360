/*
 * Asking Redis and waiting for the answer, whatever kind it is: one server, the master that sentinels name,
 * or a Cluster, where each command goes to the master that has its key and redirections are followed. For
 * commands that ask and leave. Not thread-safe.
 */
#ifndef PHASEGATE_REDIS_CLIENT_H
#define PHASEGATE_REDIS_CLIENT_H

#include "base/result.h"
#include "redis/settings.h"

#include <hiredis/hiredis.h>

struct redis_client;

/* Waits timeout_ms at most for each step. The settings outlive the client. CODE_UNAVAILABLE names the
 * address. */
struct result redis_client_open(
    const struct redis_settings *settings, int timeout_ms, struct redis_client **client) MUST_CHECK;

/* NULL-safe; sets the pointer to NULL. */
void redis_client_close(struct redis_client **client);

/* One command; *reply is the caller's, freed with freeReplyObject. An error reply is a failure. */
struct result redis_client_ask(struct redis_client *client, redisReply **reply, int argc,
    const char *const *argv, const size_t *lengths) MUST_CHECK;

/*
 * Several commands in few round trips: put sends nothing yet, next answers them in their order. Whoever stops
 * in between, after a failure, closes the client. No redis_client_ask while answers are to come.
 */
struct result redis_client_put(
    struct redis_client *client, int argc, const char *const *argv, const size_t *lengths) MUST_CHECK;
struct result redis_client_next(struct redis_client *client, redisReply **reply) MUST_CHECK;

#endif
