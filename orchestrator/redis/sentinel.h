/*
 * Where the master is: a question to the sentinels, in turn until one knows. hiredis has no such thing. It
 * blocks for as long as they take, so a loop asks it on a thread of the pool, like the address of a host; it
 * uses nothing but its arguments.
 */
#ifndef PHASEGATE_REDIS_SENTINEL_H
#define PHASEGATE_REDIS_SENTINEL_H

#include "base/result.h"
#include "redis/settings.h"

#include <hiredis/hiredis.h>

/* How long one sentinel may take for each step, of which there are two or three. */
enum { SENTINEL_ANSWER_MS = 500, SENTINEL_HOST_MAX = 256 };

struct sentinel_master {
    char host[SENTINEL_HOST_MAX];
    int port;
};

/*
 * Asks the first sentinel (counted on from the first-th), then the next. A sentinel may be behind: whether
 * the answer is a master is for sentinel_check_role. CODE_UNAVAILABLE when none could be asked or knows the
 * master.
 */
struct result sentinel_find(
    const struct redis_settings *settings, unsigned first, struct sentinel_master *master) MUST_CHECK;

/* A sentinel's answer, of whatever type: a host without blanks and control characters, and a port. */
struct result sentinel_read_master(
    const redisReply *reply, const char *name, struct sentinel_master *master) MUST_CHECK;

/* The answer to ROLE: ok when it is a master's, CODE_UNAVAILABLE when it is not (yet, or any more). */
struct result sentinel_check_role(const redisReply *reply) MUST_CHECK;

#endif
