/*
 * AUTH, without leaving the password behind. hiredis would copy the command into its buffer, where a core
 * dump has it until it is sent and after that is freed. Here it is built in a private arena, and goes from
 * there to the socket.
 */
#ifndef PHASEGATE_REDIS_AUTH_H
#define PHASEGATE_REDIS_AUTH_H

#include "base/arena.h"
#include "base/result.h"
#include "redis/settings.h"

/* The command as it goes over the wire, in the arena, which is a private one; NULL when that is full. */
const char *redis_auth_format(const struct redis_settings *settings, struct arena *arena, size_t *length);

/*
 * Sends it over a socket that is connected and over which nothing was sent yet, so that there is room for all
 * of it; else, and when the connection breaks, CODE_UNAVAILABLE. Does not block.
 */
struct result redis_auth_send(int socket, const char *command, size_t length) MUST_CHECK;

#endif
