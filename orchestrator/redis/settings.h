/*
 * How to reach a Redis server. This folder is the only place, with the users of its two connections in state/
 * and bus/streams.c, that includes hiredis' headers.
 */
#ifndef PHASEGATE_REDIS_SETTINGS_H
#define PHASEGATE_REDIS_SETTINGS_H

#include "base/arena.h"
#include "base/result.h"

struct redis_settings {
    const char *host; /* NULL when path is set */
    const char *path; /* a unix socket; NULL when host is set */
    int port;
    int database;
    const char *username; /* NULL: none; an ACL user */
    const char *password; /* NULL: none; never logged */
};

/*
 * Reads redis://[host[:port][/database]] or unix:///path/to/socket[?db=N]. A user or password in the address
 * is refused (CODE_INVALID): it would show up in process lists and logs; they come from their own settings.
 */
struct result redis_settings_parse(
    const char *url, struct arena *arena, struct redis_settings *settings) MUST_CHECK;

/* "redis://127.0.0.1:6379/0" or "unix:///…": without secrets, for messages. Returns text. */
char *redis_settings_describe(const struct redis_settings *settings, char *text, size_t size);

#endif
