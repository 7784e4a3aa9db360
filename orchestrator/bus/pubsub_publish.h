/*
 * Publishing: messages of one topic and ordering key go together in one request; of a key one request at a
 * time, of different keys many at once. Nothing is tried again here: a failure is the caller's to decide on,
 * and takes along what was queued behind it under the same key. Once Pub/Sub's quota is used up, what is
 * published fails without being sent until it is time to ask again (1 to 60 s, with jitter).
 */
#ifndef PHASEGATE_BUS_PUBSUB_PUBLISH_H
#define PHASEGATE_BUS_PUBSUB_PUBLISH_H

#include "bus/bus.h"
#include "bus/pubsub_flush.h"
#include "bus/rpc.h"

struct pubsub_publisher;

/* What they point to outlives the publisher. NULL when out of memory. */
struct pubsub_publisher *pubsub_publisher_new(
    struct pubsub_timers *timers, struct pubsub_flush *flush, struct rpc_channel *channel);

/* topic: the full name. published is called once, never inside the call (but for want of memory). */
void pubsub_publish(struct pubsub_publisher *publisher, const char *topic, const struct message *message,
    bus_published_fn *published, void *context);

/* Sends what waits for company. */
void pubsub_publisher_flush(struct pubsub_publisher *publisher);

/* Everything fails as CODE_UNAVAILABLE, what is under way as soon as its request has been cancelled. */
void pubsub_publisher_close(struct pubsub_publisher *publisher);

/* Has everything ended? */
bool pubsub_publisher_idle(const struct pubsub_publisher *publisher);

/* When it is idle and the timers have closed. Safe on NULL. */
void pubsub_publisher_free(struct pubsub_publisher **publisher);

#endif
