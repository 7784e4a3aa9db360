/*
 * Row 12: a backlog on Redis Streams, drained by 1, 2 and 4 replicas whose store is a Redis Cluster of three
 * masters, each with a replica of its own; the streams are on another server. Beside events/s it gives what
 * an event costs the processors, which says where the limit lies when all of them share two.
 */
#include "bench/runner/crew.h"
#include "bench/runner/servers.h"
#include "bench/runner/usage.h"
#include "support/await.h"
#include "support/check.h"
#include "support/redis_cluster.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 3,
    UPSTREAM = 5,
    SIZES = 3,
    REPLICAS_MAX = 4,
    DRAIN_MS = 600000,
    RATE = 0,                        /* of each size, like … */
    DAEMONS_CPU = RATE + SIZES,      /* … this: us of all replicas for an event */
    STORE_CPU = DAEMONS_CPU + SIZES, /* us of the Cluster's servers for an event, with 1 replica … */
    STORE_CPU_MOST,                  /* … and with 4 */
};

#define FIRST_DATE ((game_date)7305)

static const int sizes[SIZES] = {1, 2, REPLICAS_MAX};

struct replicas {
    const struct bench *bench;
    int dates;
    struct redis_test_cluster *cluster;
    struct redis_server *streams;
    struct daemon *daemons[REPLICAS_MAX];
};

static void replicas_close(void *context) {
    struct replicas *replicas = context;
    if (!replicas)
        return;
    for (int i = 0; i < REPLICAS_MAX; i++)
        daemon_free(&replicas->daemons[i]);
    redis_cluster_free(&replicas->cluster);
    redis_server_free(&replicas->streams);
    free(replicas);
}

static struct result replicas_open(const struct bench *bench, void **context) {
    struct replicas *replicas = calloc(1, sizeof *replicas);
    if (!replicas)
        fail_msg("out of memory");
    *context = replicas;
    replicas->bench = bench;
    replicas->dates = bench_size(bench, 10000, 200);
    replicas->cluster = redis_cluster_start((struct redis_cluster_options){.append_only = true});
    replicas->streams = bench_redis();
    return ok();
}

/* --- Looking at it -------------------------------------------------------------------------------------- */

static double cluster_cpu(const struct replicas *replicas) {
    double seconds = 0;
    for (int i = 0; i < REDIS_CLUSTER_SERVERS; i++)
        seconds += bench_redis_cpu(redis_cluster_server(replicas->cluster, i));
    return seconds;
}

static double daemons_cpu(const struct replicas *replicas, int count) {
    double seconds = 0;
    for (int i = 0; i < count; i++)
        seconds += usage_of(daemon_process(replicas->daemons[i])).cpu_seconds;
    return seconds;
}

/* A number of the one group of the stream, which XINFO tells as names and values; -1 when it is not known. */
static long long group_number(const redisReply *group, const char *name) {
    for (size_t i = 0; i + 1 < group->elements; i += 2)
        if (strcmp(group->element[i]->str, name) == 0)
            return group->element[i + 1]->type == REDIS_REPLY_INTEGER ? group->element[i + 1]->integer : -1;
    return -1;
}

struct group_state {
    long long read, pending;
};

static struct group_state look(const struct replicas *replicas) {
    redisReply *reply =
        redis_server_ask(replicas->streams, "XINFO GROUPS pg:bus:{%s}", nba_pipeline()->completions[0].topic);
    struct group_state state = {.read = group_number(reply->element[0], "entries-read"),
        .pending = group_number(reply->element[0], "pending")};
    freeReplyObject(reply);
    return state;
}

/* Waits until all was read and acked. Seconds from the first read on. */
static double await_drained(const struct replicas *replicas) {
    double begun = 0, deadline = seconds_now() + DRAIN_MS / 1000.0;
    long long messages = (long long)replicas->dates * UPSTREAM;
    for (;;) {
        struct group_state state = look(replicas);
        if (begun == 0 && state.read > 0)
            begun = seconds_now();
        if (state.read == messages && state.pending == 0)
            return seconds_now() - begun;
        if (seconds_now() > deadline)
            fail_msg("%lld of %lld completions were read in time", state.read, messages);
        poll(NULL, 0, 5);
    }
}

/* --- One size ------------------------------------------------------------------------------------------- */

static void fill_bus(const struct replicas *replicas) {
    for (int i = 0; i < REDIS_CLUSTER_SERVERS;
         i++) /* on a busy machine a replica may have become the master */
        freeReplyObject(redis_server_try(redis_cluster_server(replicas->cluster, i), "FLUSHALL"));
    bench_redis_empty(replicas->streams);
    struct crew *crew = crew_new((struct crew_options){.redis = redis_server_settings(replicas->streams)});
    crew_publish_upstream(crew, FIRST_DATE, replicas->dates);
    crew_free(&crew);
}

static void drain_with(struct replicas *replicas, int size, double *figures) {
    int count = sizes[size];
    double events = replicas->dates * UPSTREAM;
    fill_bus(replicas);
    double store_cpu = cluster_cpu(replicas);
    for (int i = 0; i < count; i++) {
        replicas->daemons[i] = bench_daemon(replicas->bench,
            &(struct bench_daemon){.store_url = redis_cluster_url(replicas->cluster),
                .bus_url = redis_server_url(replicas->streams)});
        daemon_start(replicas->daemons[i]);
    }
    figures[RATE + size] = events / await_drained(replicas);
    figures[DAEMONS_CPU + size] = daemons_cpu(replicas, count) * 1e6 / events;
    figures[count == 1 ? STORE_CPU : STORE_CPU_MOST] = (cluster_cpu(replicas) - store_cpu) * 1e6 / events;
    for (int i = 0; i < count; i++) {
        daemon_stop(replicas->daemons[i]);
        daemon_free(&replicas->daemons[i]);
    }
}

static void replicas_ours(void *context, double *figures) {
    for (int size = 0; size < SIZES; size++)
        drain_with(context, size, figures);
}

const struct measurement replicas_measurement = {.name = "replicas",
    .rounds = ROUNDS,
    .open = replicas_open,
    .ours = replicas_ours,
    .close = replicas_close};
