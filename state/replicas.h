/*
 * What a replica says of itself, in a heartbeat at each sweep: who it is and what it did, for `phasegate
 * status --replicas`, and whether it receives, so that a rebuild can tell quiet from a bus that is away. The
 * daemons decide nothing by it.
 */
#ifndef PHASEGATE_STATE_REPLICAS_H
#define PHASEGATE_STATE_REPLICAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it did since it was started: X(member, column title, meaning). */
#define REPLICA_WORK(X)                                                                                      \
    X(received, "received", "completions that came, also those that came again")                             \
    X(applied, "applied", "completions that counted")                                                        \
    X(duplicates, "duplicates", "completions that were known already")                                       \
    X(quarantined, "quarantined", "messages that could not be understood")                                   \
    X(published, "published", "triggers that the bus has confirmed")                                         \
    X(confirmed, "confirmed", "triggers taken out of the outbox")                                            \
    X(taken_over, "taken over", "triggers that another replica had a lease of and did not publish in time")

#define REPLICA_WORK_MEMBER(member, title, meaning) int64_t member;
struct replica_work {
    REPLICA_WORK(REPLICA_WORK_MEMBER)
};

enum { REPLICA_REMEMBERED_MS = 3600 * 1000 }; /* a silent one is forgotten after that */

/* A pipeline whose subscriptions the replica receives from. */
struct replica_receiving {
    const char *pipeline;
    int64_t for_ms; /* for how long without a break, from all of them; 0: not now */
};

struct replica_report {
    const char *id;
    const char *host;
    const char *version;
    int64_t pid;
    int64_t started_ms;
    int64_t seen_ms;  /* when it said this */
    int64_t every_ms; /* how often it does */
    bool stopped;     /* its last words: it was told to stop, and has finished what it had in hand */
    struct replica_work work;
    const struct replica_receiving *receiving;
    size_t receiving_count;
};

#endif
