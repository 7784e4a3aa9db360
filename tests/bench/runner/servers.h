/*
 * What the benches run against: Redis with the settings of the embedded server, which are the durability that
 * phasegate has by default; Google's emulator as it is started by hand; and the daemon with the built-in
 * configuration.
 */
#ifndef PHASEGATE_BENCH_SERVERS_H
#define PHASEGATE_BENCH_SERVERS_H

#include "bench/runner/bench.h"
#include "support/daemon.h"
#include "support/emulator.h"
#include "support/redis_server.h"

/* How durable all of them are; the last column of the table. */
#define DURABILITY_DEFAULT "AOF, fsync always; store.durability written"

/* On a unix socket. */
struct redis_server *bench_redis(void);

/* Empties it, functions stay; and waits until that is over, so that no measurement has it. */
void bench_redis_empty(struct redis_server *redis);

/* used_memory. */
double bench_redis_memory(struct redis_server *redis);

/* Seconds of processor time that it has used, user and system. */
double bench_redis_cpu(struct redis_server *redis);

/* What a daemon is to work with. */
struct bench_daemon {
    const char *store_url; /* NULL: embedded, store and bus */
    const char *bus_url;   /* Redis Streams elsewhere than on the store; NULL: there */
    const char *pubsub;    /* host:port of the emulator; NULL: Redis Streams */
    const char *project;   /* there; NULL: DAEMON_PROJECT */
    int pipelines;         /* more of them beside nba, which nobody publishes to */
};

/* Not started. All other settings have their defaults. */
struct daemon *bench_daemon(const struct bench *bench, const struct bench_daemon *options);

#endif
