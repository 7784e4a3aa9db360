/*
 * Receiving from one subscription: its streams, what was read and is held back because enough is in hand,
 * what is out with the receiver, and the leases of both.
 */
#ifndef PHASEGATE_BUS_PUBSUB_PULL_H
#define PHASEGATE_BUS_PUBSUB_PULL_H

#include "bus/bus_ops.h"
#include "bus/pubsub_lease.h"

struct pubsub_puller; /* starts with a struct subscription */

struct pubsub_puller_settings {
    struct bus *bus;
    struct pubsub_timers *timers;
    struct pubsub_flush *flush;
    struct rpc *rpc;
    struct rpc_channel *calls; /* for acks; the streams have a channel of their own */
    const struct log *log;
    const char *subscription; /* full name; copied */
    const char *client_id;
    int streams;
    int lease_seconds;
    struct receiver receiver;
};

/* What the settings point to outlives it. */
struct result pubsub_puller_start(
    const struct pubsub_puller_settings *settings, struct pubsub_puller **puller) MUST_CHECK;

struct subscription *pubsub_puller_subscription(struct pubsub_puller *puller);
struct pubsub_puller *pubsub_puller_of(struct subscription *subscription);

void pubsub_puller_pause(struct pubsub_puller *puller);
void pubsub_puller_resume(struct pubsub_puller *puller);

/* As bus_receiving_ms: of several streams, the one that has worked longest. */
int64_t pubsub_puller_receiving_ms(const struct pubsub_puller *puller);

/* Closes the streams, and then nacks what is held back; what is out stays out. */
void pubsub_puller_stop(struct pubsub_puller *puller);

/* Gives a delivery back. */
void pubsub_puller_return(struct delivery *delivery, enum pubsub_wish wish);

/* Sends the acks and nacks that wait to be sent together. */
void pubsub_puller_flush(struct pubsub_puller *puller);

/* Stops, then nacks everything in hand too, and tries to send that once. */
void pubsub_puller_close(struct pubsub_puller *puller);

/* After pubsub_puller_close: have the streams ended, and has everything been sent or given up? */
bool pubsub_puller_done(const struct pubsub_puller *puller);

/* When rpc and the timers have closed. Safe on NULL. */
void pubsub_puller_free(struct pubsub_puller **puller);

#endif
