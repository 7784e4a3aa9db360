/*
 * A Redis Cluster behind one link: a connection to each master, and each command to the one that has its
 * first key. The map of slots comes from CLUSTER SLOTS, which is asked when connecting, every few seconds,
 * and at once when a node redirects or is lost. MOVED and ASK are followed; a command whose node is away ends
 * at once, as unavailable, and says nothing about other nodes.
 *
 * It is up, for on_connect, when all masters of the map are admitted, or, after a grace, some; and lost when
 * none is. hiredis has no such thing. Only link.c includes this.
 */
#ifndef PHASEGATE_REDIS_CLUSTER_H
#define PHASEGATE_REDIS_CLUSTER_H

#include "redis/link.h"

struct cluster;

struct cluster_parts {
    uv_loop_t *loop;
    const struct log *log;
    const struct redis_settings *settings; /* outlives the cluster */
    struct redis_link_events events;
};

struct result cluster_open(struct cluster_parts parts, struct cluster **cluster) MUST_CHECK;

/* As for a link. */
struct result cluster_send(struct cluster *cluster, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) MUST_CHECK;
void cluster_flush(struct cluster *cluster);
void cluster_admit(struct cluster *cluster, const struct redis_link *master);
bool cluster_connected(const struct cluster *cluster);
void cluster_drop(struct cluster *cluster);
void cluster_close(struct cluster *cluster, void (*closed)(void *context), void *context);

#endif
