/*
 * Rows 1 to 3: a backlog drained by the daemon, beside Node's library, which receives and acks the same
 * backlog. Both have a subscription of their own to the one topic, so that it is the very same messages.
 *
 * Timed from the first message to the last; processor and memory are of the whole process, start included.
 */
#include "bench/runner/backlog.h"
#include "bench/runner/peer.h"
#include "support/check.h"

#include <stdlib.h>

enum { ROUNDS = 5, RATE = 0, CPU = 1, PEAK = 2, EMULATOR_CPU = 3, REDIS_CPU = 4 };

#define PEER_SUBSCRIPTION "bench-peer"

static void drain_close(void *context) {
    if (context)
        backlog_close(context);
    free(context);
}

static struct result drain_open(const struct bench *bench, void **context) {
    struct backlog *backlog = calloc(1, sizeof *backlog);
    if (!backlog)
        fail_msg("out of memory");
    *context = backlog;
    struct result opened = backlog_open(backlog, bench, bench_size(bench, 10000, 200));
    if (is_ok(opened))
        crew_subscribe_peer(backlog->crew, PEER_SUBSCRIPTION);
    return opened;
}

static void fill_in(const struct backlog *backlog, const struct drained *drained, double *figures) {
    double messages = backlog->dates * BACKLOG_UPSTREAM;
    figures[RATE] = messages / drained->seconds;
    figures[CPU] = drained->usage.cpu_seconds * 1e6 / messages;
    figures[PEAK] = drained->usage.peak_bytes / 1e6;
    figures[EMULATOR_CPU] = drained->emulator_cpu_seconds * 1e6 / messages;
    figures[REDIS_CPU] = drained->redis_cpu_seconds * 1e6 / messages;
}

static void drain_ours(void *context, double *figures) {
    struct drained drained = backlog_drain(context);
    fill_in(context, &drained, figures);
}

static void drain_beside(void *context, double *figures) {
    const struct backlog *backlog = context;
    struct peer peer;
    char messages[16], host[64];
    snprintf(messages, sizeof messages, "%d", backlog->dates * BACKLOG_UPSTREAM);
    snprintf(host, sizeof host, "PUBSUB_EMULATOR_HOST=%s", backlog->emulator.host);
    double emulator_cpu = backlog_emulator_cpu(backlog);
    peer_start(backlog->bench, &peer, "drain.js",
        (const char *const[]){DAEMON_PROJECT, PEER_SUBSCRIPTION, messages, NULL},
        (const char *const[]){host, NULL});
    json_t *line = peer_await(&peer, BACKLOG_MS);
    struct drained drained = {.seconds = peer_number(line, "seconds"),
        .usage = usage_of(peer.process.pid),
        .emulator_cpu_seconds = backlog_emulator_cpu(backlog) - emulator_cpu};
    fill_in(backlog, &drained, figures);
    json_decref(line);
    peer_stop(&peer);
}

const struct measurement drain_measurement = {.name = "drain",
    .rounds = ROUNDS,
    .warm_ups = 2,
    .open = drain_open,
    .ours = drain_ours,
    .beside = drain_beside,
    .close = drain_close};
