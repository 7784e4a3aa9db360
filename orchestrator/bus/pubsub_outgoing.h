/* A message on its way out, as Pub/Sub's wire has it: one block of memory with a copy of what bus_publish was
 * given. */
#ifndef PHASEGATE_BUS_PUBSUB_OUTGOING_H
#define PHASEGATE_BUS_PUBSUB_OUTGOING_H

#include "bus/bus.h"
#include "bus/pubsub_flush.h"
#include "proto/pubsub.pb-c.h"

struct pubsub_outgoing {
    struct list_link link; /* in a queue's list, or a request's */
    bus_published_fn *published;
    void *context;
    struct pubsub_ticket ticket;
    size_t size;      /* in a request, packed */
    bool alone;       /* was refused together with others: the next time it goes by itself */
    bool turned_away; /* too much was waiting when it came */
    Google__Pubsub__V1__PubsubMessage wire;
};

/* NULL when out of memory. Freed with free. */
struct pubsub_outgoing *pubsub_outgoing_new(
    const struct message *message, bus_published_fn *published, void *context);

#endif
