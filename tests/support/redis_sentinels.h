/*
 * Redis with Sentinel for one test: a master, its replicas and three sentinels, each a process of its own on
 * a free loopback port. A master that does not answer for half a second, or as long as the options say, is
 * replaced. Everything dies with the test's process; what blocks has a deadline, and fails the test when that
 * passes.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_REDIS_SENTINELS_H
#define PHASEGATE_TESTS_SUPPORT_REDIS_SENTINELS_H

#include "support/redis_server.h"

enum { REDIS_SENTINELS = 3, REDIS_SENTINELS_REPLICAS_MAX = 4 };

struct redis_sentinels;

struct redis_sentinels_options {
    int replicas;                  /* 1 to REDIS_SENTINELS_REPLICAS_MAX; 0: 1 */
    const char *password;          /* of the servers, not of the sentinels; NULL: none */
    const char *acl_file;          /* of the servers, made by acl_file_write; NULL: none */
    const char *sentinel_password; /* of the sentinels themselves; NULL: none */
    bool append_only;              /* what was answered survives kill -9 of all of them */
    int down_after_ms;             /* without an answer a server counts as down; 0: 500 */
};

/* Started; the replicas are in step, and each sentinel knows them and the other sentinels. */
struct redis_sentinels *redis_sentinels_start(struct redis_sentinels_options options);

/* "sentinel://127.0.0.1:26379,…/phasegate". Valid until it is freed. */
const char *redis_sentinels_url(const struct redis_sentinels *set);

/* The servers, 0 is the first master, and the sentinels: to kill, freeze, restart; they stay the set's. */
int redis_sentinels_servers(const struct redis_sentinels *set);
struct redis_server *redis_sentinels_server(const struct redis_sentinels *set, int index);
struct redis_server *redis_sentinels_sentinel(const struct redis_sentinels *set, int index);

/* The index of the server that the sentinels name as the master and that is one; -1 while there is none. */
int redis_sentinels_master(const struct redis_sentinels *set);

/* Waits until another server than that one is the master. Its index. */
int redis_sentinels_await_other(const struct redis_sentinels *set, int old_master);

/* Waits until every server but the master is its replica, and in step. */
void redis_sentinels_await_replicas(const struct redis_sentinels *set);

/* Kills everything and sets the pointer to NULL; safe on NULL. */
void redis_sentinels_free(struct redis_sentinels **set);

#endif
