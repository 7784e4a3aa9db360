/*
 * How to reach Redis: one server, the master that sentinels name, or a Cluster. This folder is the only
 * place, with the users of its connections in state/ and bus/streams.c, that includes hiredis' headers.
 */
#ifndef PHASEGATE_REDIS_SETTINGS_H
#define PHASEGATE_REDIS_SETTINGS_H

#include "base/arena.h"
#include "base/result.h"

enum redis_kind {
    REDIS_SINGLE,      /* host or path */
    REDIS_BY_SENTINEL, /* seeds are sentinels, which know where master is */
    REDIS_BY_CLUSTER,  /* seeds are nodes of a Cluster */
};

enum { REDIS_SEEDS_MAX = 16 };

struct redis_address {
    const char *host;
    int port;
};

/* Zeroed but for host or path, it is a server without password. */
struct redis_settings {
    enum redis_kind kind;
    const char *host; /* of a single server; NULL when path is set */
    const char *path; /* a unix socket; NULL when host is set */
    int port;
    int database;
    const char *username; /* NULL: none; an ACL user */
    const char *password; /* NULL: none; never logged */

    struct redis_address seeds[REDIS_SEEDS_MAX];
    int seed_count;
    const char *master;            /* the name that the sentinels know it by; NULL without sentinels */
    const char *sentinel_password; /* NULL: none; never logged */

    int replicas;            /* how many replicas must have what was written before it counts as answered */
    int replicas_timeout_ms; /* … within this time; only with replicas */
};

/*
 * Reads redis://[host[:port][/database]], unix:///path/to/socket[?db=N],
 * sentinel://host[:port][,host[:port]…]/master[/database] or cluster://host[:port][,host[:port]…]. An IPv6
 * address stands in brackets. A user or password in the address is refused (CODE_INVALID): it would show up
 * in process lists and logs; they come from their own settings.
 */
struct result redis_settings_parse(
    const char *url, struct arena *arena, struct redis_settings *settings) MUST_CHECK;

/* Copies them with all their texts; both may be the same. CODE_LIMIT when out of memory. */
struct result redis_settings_copy(
    const struct redis_settings *from, struct arena *arena, struct redis_settings *to) MUST_CHECK;

/*
 * The first host to which a password goes as plain text (hiredis has no TLS) and that is not this machine;
 * NULL when there is none. Where the master of sentinels is, they say later: it counts as where they are.
 */
const char *redis_settings_exposed(const struct redis_settings *settings);

/* "redis://127.0.0.1:6379/0" or "unix:///…": without secrets, for messages. Returns text. */
char *redis_settings_describe(const struct redis_settings *settings, char *text, size_t size);

#endif
