/*
 * Rows 1 to 3: a backlog of Phase 3 completions on Google's emulator, drained by the daemon, which applies,
 * decides, publishes a trigger for each date and acks; beside Node's library, which receives and acks the
 * same backlog. Both have a subscription of their own to the one topic, so that it is the very same messages.
 *
 * Timed from the first message to the last; processor and memory are of the whole process, start included.
 */
#include "bench/runner/crew.h"
#include "bench/runner/peer.h"
#include "bench/runner/progress.h"
#include "bench/runner/servers.h"
#include "bench/runner/usage.h"
#include "support/check.h"

#include <stdlib.h>

enum { UPSTREAM = 5, ROUNDS = 5, FIRST_MS = 60000, DRAIN_MS = 600000, RATE = 0, CPU = 1, PEAK = 2 };

#define PEER_SUBSCRIPTION "bench-peer"

/* 1990-01-01 */
#define FIRST_DATE ((game_date)7305)

struct drain {
    const struct bench *bench;
    int dates;
    struct redis_server *redis;
    struct emulator emulator;
    struct crew *crew;
    struct progress progress;
};

static void drain_close(void *context) {
    struct drain *drain = context;
    if (!drain)
        return;
    progress_close(&drain->progress);
    crew_free(&drain->crew);
    emulator_stop(&drain->emulator);
    redis_server_free(&drain->redis);
    free(drain);
}

static struct result drain_open(const struct bench *bench, void **context) {
    struct drain *drain = calloc(1, sizeof *drain);
    if (!drain)
        fail_msg("out of memory");
    *context = drain;
    drain->bench = bench;
    drain->dates = bench_size(bench, 10000, 200);
    struct result started = emulator_start_large(&drain->emulator);
    if (!is_ok(started))
        return started;
    drain->redis = bench_redis();
    drain->crew = crew_new((struct crew_options){.pubsub = drain->emulator.host});
    crew_subscribe_peer(drain->crew, PEER_SUBSCRIPTION);
    progress_open(&drain->progress, redis_server_settings(drain->redis), FIRST_DATE, drain->dates);
    return ok();
}

static void fill_in(const struct drain *drain, double seconds, struct usage usage, double *figures) {
    double messages = drain->dates * UPSTREAM;
    figures[RATE] = messages / seconds;
    figures[CPU] = usage.cpu_seconds * 1e6 / messages;
    figures[PEAK] = usage.peak_bytes / 1e6;
}

/* Puts a new backlog into both subscriptions, and drains ours. */
static void drain_ours(void *context, double *figures) {
    struct drain *drain = context;
    bench_redis_empty(drain->redis);
    crew_publish_upstream(drain->crew, FIRST_DATE, drain->dates);
    progress_expect(&drain->progress, drain->dates, 1, "triggered");
    struct daemon *daemon = bench_daemon(drain->bench,
        &(struct bench_daemon){.store_url = redis_server_url(drain->redis), .pubsub = drain->emulator.host});
    daemon_start(daemon);
    progress_await_first(&drain->progress, FIRST_MS);
    double begun = seconds_now();
    progress_await(&drain->progress, DRAIN_MS);
    double seconds = seconds_now() - begun;
    fill_in(drain, seconds, usage_of(daemon_process(daemon)), figures);
    daemon_stop(daemon);
    daemon_free(&daemon);
}

static void drain_beside(void *context, double *figures) {
    struct drain *drain = context;
    struct peer peer;
    char messages[16], host[64];
    snprintf(messages, sizeof messages, "%d", drain->dates * UPSTREAM);
    snprintf(host, sizeof host, "PUBSUB_EMULATOR_HOST=%s", drain->emulator.host);
    peer_start(drain->bench, &peer, "drain.js",
        (const char *const[]){DAEMON_PROJECT, PEER_SUBSCRIPTION, messages, NULL},
        (const char *const[]){host, NULL});
    json_t *line = peer_await(&peer, DRAIN_MS);
    fill_in(drain, peer_number(line, "seconds"), usage_of(peer.process.pid), figures);
    json_decref(line);
    peer_stop(&peer);
}

const struct measurement drain_measurement = {.name = "drain",
    .rounds = ROUNDS,
    .open = drain_open,
    .ours = drain_ours,
    .beside = drain_beside,
    .close = drain_close};
