#include "engine/replica.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum { SWEEPS_IN_LEASE = 3 };

/* Blanks and the like would break the form of a lease. */
static void read_host(char host[REPLICA_HOST_MAX]) {
    if (gethostname(host, REPLICA_HOST_MAX) != 0)
        snprintf(host, REPLICA_HOST_MAX, "unknown");
    host[REPLICA_HOST_MAX - 1] = '\0';
    for (char *c = host; *c; c++)
        if (*c <= ' ' || *c > '~')
            *c = '_';
}

static uint32_t random_number(void) {
    uint32_t number;
    if (getrandom(&number, sizeof number, 0) == (ssize_t)sizeof number)
        return number;
    struct clock uptime = clock_uptime();
    return (uint32_t)clock_now_ms(&uptime);
}

void replica_begin(struct replica *replica, const struct log *log, const char *name, int lease_seconds,
    int sweep_ms, int64_t now_ms) {
    int lease_ms = lease_seconds * 1000, most = lease_ms / SWEEPS_IN_LEASE;
    *replica = (struct replica){.log = log,
        .started_ms = now_ms,
        .lease_ms = lease_ms,
        .sweep_ms = sweep_ms < most ? sweep_ms : most,
        .uptime = clock_uptime()};
    read_host(replica->host);
    if (name)
        snprintf(replica->id, sizeof replica->id, "%s", name);
    else
        snprintf(replica->id, sizeof replica->id, "%s-%ld-%08" PRIx32, replica->host, (long)getpid(),
            random_number());
}

struct store_replica replica_of_store(const struct replica *replica) {
    struct store_replica of_store = {.lease_ms = replica->lease_ms, .uptime = replica->uptime};
    snprintf(of_store.id, sizeof of_store.id, "%s", replica->id);
    return of_store;
}

static struct replica_report report(const struct replica *replica, int64_t now_ms) {
    return (struct replica_report){.id = replica->id,
        .host = replica->host,
        .version = PHASEGATE_VERSION,
        .pid = getpid(),
        .started_ms = replica->started_ms,
        .seen_ms = now_ms,
        .every_ms = replica->sweep_ms,
        .work = replica->work};
}

static void on_heard(void *context, struct result result) {
    const struct replica *replica = context;
    if (!is_ok(result) && !result.retryable)
        log_warning(
            replica->log, "`phasegate status --replicas` will not show this replica: %s", result.text);
}

void replica_beat(struct replica *replica, struct store *store, const struct replica_receiving *receiving,
    size_t receiving_count, int64_t now_ms) {
    struct replica_report beat = report(replica, now_ms);
    beat.receiving = receiving;
    beat.receiving_count = receiving_count;
    store_heartbeat(store, &beat, on_heard, replica);
}

void replica_end(
    const struct replica *replica, struct store *store, int64_t now_ms, store_done_fn *done, void *context) {
    struct replica_report end = report(replica, now_ms);
    end.stopped = true;
    store_heartbeat(store, &end, done, context);
}
