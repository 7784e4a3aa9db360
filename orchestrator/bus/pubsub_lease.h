/*
 * The leases of one subscription: what was received stays ours for as long as it is in hand, since its ack
 * deadline is extended before a third of it has passed; then it is acked or nacked. A lease is in exactly one
 * place: waiting for its next extension, or in one of three lanes (extend, ack, nack).
 */
#ifndef PHASEGATE_BUS_PUBSUB_LEASE_H
#define PHASEGATE_BUS_PUBSUB_LEASE_H

#include "bus/pubsub_flush.h"
#include "bus/pubsub_lane.h"

struct pubsub_leases;

enum pubsub_wish { PUBSUB_KEEP, PUBSUB_ACK, PUBSUB_NACK };

/* Part of a received message; all but word.ack_id is the leases'. */
struct pubsub_lease {
    struct pubsub_word word;
    enum pubsub_wish wish;
    uint64_t due_ms;   /* when to extend it */
    uint64_t until_ms; /* ours at least until then */
    struct pubsub_ticket ticket;
};

struct pubsub_leases_settings {
    struct pubsub_timers *timers;
    struct pubsub_flush *flush;
    struct rpc_channel *channel;
    const struct log *log;
    const char *subscription;
    const char *routing;
    int lease_seconds;
    void (*settled)(void *context, struct pubsub_lease *lease); /* acked, nacked or given up: free it */
    void *context;
};

/* Settings are copied; what they point to outlives the leases. NULL when out of memory. */
struct pubsub_leases *pubsub_leases_new(const struct pubsub_leases_settings *settings);

/* A message has come; its lease has begun. */
void pubsub_lease_begin(struct pubsub_leases *leases, struct pubsub_lease *lease);

/* Ends it, in a while: settled follows, never inside the call. */
void pubsub_lease_end(struct pubsub_leases *leases, struct pubsub_lease *lease, enum pubsub_wish wish);

/* How many have been ended and are not settled yet. */
size_t pubsub_leases_ending(const struct pubsub_leases *leases);

/* Sends what is queued without waiting for more. */
void pubsub_leases_flush(struct pubsub_leases *leases);

/* Nothing is tried again or extended any more; every lease has been ended. */
void pubsub_leases_close(struct pubsub_leases *leases);

/* Is nothing left? */
bool pubsub_leases_empty(const struct pubsub_leases *leases);

/* After its timers have closed and everything was settled. Safe on NULL. */
void pubsub_leases_free(struct pubsub_leases **leases);

#endif
