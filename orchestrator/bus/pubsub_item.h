/* A received message as the receiver gets it, with its lease: one block of memory, which nothing else points
 * into. */
#ifndef PHASEGATE_BUS_PUBSUB_ITEM_H
#define PHASEGATE_BUS_PUBSUB_ITEM_H

#include "bus/bus.h"
#include "bus/pubsub_lease.h"
#include "proto/pubsub.pb-c.h"

struct pubsub_item {
    struct list_link link; /* in the puller's list of what is held back, or of what is out */
    struct pubsub_lease lease;
    struct delivery delivery;
};

/* A copy of what was received; NULL when out of memory. Freed with free. */
struct pubsub_item *pubsub_item_new(
    const Google__Pubsub__V1__ReceivedMessage *received, struct subscription *subscription);

#endif
