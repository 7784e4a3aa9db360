/*
 * A received message as the receiver gets it, with its lease. The message goes when the receiver has given it
 * back; its lease stays until Pub/Sub has taken the ack, and thousands of those may be on their way.
 */
#ifndef PHASEGATE_BUS_PUBSUB_ITEM_H
#define PHASEGATE_BUS_PUBSUB_ITEM_H

#include "bus/bus.h"
#include "bus/pubsub_lease.h"
#include "proto/pubsub.pb-c.h"

struct pubsub_item {
    struct list_link link; /* in the puller's list of what is held back, or of what is out */
    struct pubsub_lease lease;
    struct delivery delivery;
    void *content; /* what delivery.message points into */
    char ack_id[];
};

/* A copy of what was received; NULL when out of memory. */
struct pubsub_item *pubsub_item_new(
    const Google__Pubsub__V1__ReceivedMessage *received, struct subscription *subscription);

/* Only its lease is needed any more. */
void pubsub_item_drop_message(struct pubsub_item *item);

void pubsub_item_free(struct pubsub_item *item);

#endif
