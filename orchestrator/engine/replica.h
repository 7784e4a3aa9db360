/*
 * This replica: its name, how long its leases are, and what it did. The name is made anew at each start, so
 * that a process which took the place of a dead one is nobody else's heir: the leases of the dead one run
 * out. Only where one process at a time can be there, as with an embedded store, whose directory is locked,
 * does a name stay, and the next process goes on at once with what the last one had.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_REPLICA_H
#define PHASEGATE_ENGINE_REPLICA_H

#include "base/clock.h"
#include "base/log.h"
#include "state/store.h"

enum { REPLICA_HOST_MAX = 65 };

struct replica {
    char id[REPLICA_ID_MAX]; /* "host-71-5e1fa0c4": host, process, and what makes it unique */
    char host[REPLICA_HOST_MAX];
    const struct log *log;
    int64_t started_ms;
    int lease_ms;
    int sweep_ms; /* between heartbeats */
    struct clock uptime;
    struct replica_work work; /* counted by those who do it */
};

/*
 * Sweeps come at least three times in the length of a lease, so that a lease can be renewed in time. name:
 * one that stays over restarts, without blanks; NULL: a new one. It is copied.
 */
void replica_begin(struct replica *replica, const struct log *log, const char *name, int lease_seconds,
    int sweep_ms, int64_t now_ms);

/* For store_set_replica. */
struct store_replica replica_of_store(const struct replica *replica);

/* Says that it is alive, what it did, and from what it receives. Nothing hangs on it: a failure is at most
 * logged. */
void replica_beat(struct replica *replica, struct store *store, const struct replica_receiving *receiving,
    size_t receiving_count, int64_t now_ms);

/* Its last words: it has stopped. */
void replica_end(
    const struct replica *replica, struct store *store, int64_t now_ms, store_done_fn *done, void *context);

#endif
