/*
 * A backlog of Phase 3 completions on Google's Pub/Sub emulator, five for each date, drained by the daemon:
 * it applies, decides, publishes a trigger for each date, and acks.
 */
#ifndef PHASEGATE_BENCH_BACKLOG_H
#define PHASEGATE_BENCH_BACKLOG_H

#include "bench/runner/crew.h"
#include "bench/runner/progress.h"
#include "bench/runner/servers.h"
#include "bench/runner/usage.h"

struct backlog {
    const struct bench *bench;
    int dates;
    struct redis_server *redis;
    struct emulator emulator;
    struct crew *crew;
    struct progress progress;
};

enum { BACKLOG_UPSTREAM = 5, BACKLOG_MS = 600000 /* the longest that draining it may take */ };

/* Starts the servers. backlog_close is needed also after a failure: the emulator is not installed. */
struct result backlog_open(struct backlog *backlog, const struct bench *bench, int dates) MUST_CHECK;
void backlog_close(struct backlog *backlog);

/* What one drain took. */
struct drained {
    double seconds;              /* from the first message to the last trigger */
    struct usage usage;          /* of the daemon, from its start on */
    double emulator_cpu_seconds; /* of the emulator, meanwhile */
    double redis_cpu_seconds;    /* of the store's server, meanwhile */
};

/* Seconds of processor time that the emulator has used since it was started. */
double backlog_emulator_cpu(const struct backlog *backlog);

/* Puts a new backlog into all subscriptions and drains the daemon's. */
struct drained backlog_drain(struct backlog *backlog);

#endif
