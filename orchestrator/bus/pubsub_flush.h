/*
 * bus_flush: tells when all that was begun before it has ended, or is stuck for now. Everything that must
 * leave (an ack, a nack, a publish) takes a ticket, and gives it back when it has left; a ticket that is
 * stuck, since its request failed and waits to be tried again, is not waited for, but makes the flush say so.
 */
#ifndef PHASEGATE_BUS_PUBSUB_FLUSH_H
#define PHASEGATE_BUS_PUBSUB_FLUSH_H

#include "bus/bus.h"
#include "bus/pubsub_timers.h"

struct pubsub_flush;
struct pubsub_flush_stage;

struct pubsub_ticket {
    struct pubsub_flush_stage *stage; /* NULL: not taken */
    bool stuck;
};

/* NULL when out of memory. */
struct pubsub_flush *pubsub_flush_new(struct pubsub_timers *timers);

void pubsub_ticket_take(struct pubsub_flush *flush, struct pubsub_ticket *ticket);
void pubsub_ticket_stick(struct pubsub_flush *flush, struct pubsub_ticket *ticket);
/* It has left, or (false) was given up before it could. Safe on one that is not taken. */
void pubsub_ticket_return(struct pubsub_flush *flush, struct pubsub_ticket *ticket, bool left);

/* Calls done, never inside this call: ok, or CODE_UNAVAILABLE when something is stuck or was given up. */
void pubsub_flush_wait(struct pubsub_flush *flush, bus_done_fn *done, void *context);

/* Calls every done that still waits, with the result: the bus is closing. */
void pubsub_flush_abort(struct pubsub_flush *flush, struct result result);

/* After its timers have closed. Safe on NULL. */
void pubsub_flush_free(struct pubsub_flush **flush);

#endif
