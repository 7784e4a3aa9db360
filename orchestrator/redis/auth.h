/*
 * AUTH, without leaving the password behind. hiredis builds a command in memory that it frees as it is, where
 * a core dump still has it. Here the command is built in a private arena, and hiredis' buffer is made large
 * enough beforehand that it is not moved, and that the C library wipes it when it is freed (M_PERTURB, see
 * cli/serve.c: it passes over small pieces).
 */
#ifndef PHASEGATE_REDIS_AUTH_H
#define PHASEGATE_REDIS_AUTH_H

#include "base/arena.h"
#include "redis/settings.h"

#include <hiredis/hiredis.h>

/* The command as it goes over the wire, in the arena, which is a private one; NULL when that is full. */
const char *redis_auth_format(const struct redis_settings *settings, struct arena *arena, size_t *length);

/* Before the command is appended to the connection's buffer. False when out of memory. */
bool redis_auth_make_room(redisContext *connection);

#endif
