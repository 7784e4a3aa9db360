/*
 * Who waits for what: everything that is to leave joins the current round; asking for a flush ends the round
 * and begins the next. A round is over when all that joined it has left, or could not, and the rounds before
 * it are over.
 */
#ifndef PHASEGATE_BUS_STREAMS_FLUSH_H
#define PHASEGATE_BUS_STREAMS_FLUSH_H

#include "bus/bus.h"

struct flush_round;

struct flush_queue {
    struct flush_round *oldest, *current; /* current is the newest, and nobody has asked for it yet */
};

/* False when out of memory. */
bool flush_open(struct flush_queue *queue);

struct flush_round *flush_join(struct flush_queue *queue);

/* left: it has left; false: it has failed, and who has asked for this round is told so. NULL is ignored. */
void flush_leave(struct flush_round *round, bool left);

/* It cannot leave for now, but will be tried again: who has asked for its round is told so. Its round from
 * here on. */
struct flush_round *flush_postpone(struct flush_queue *queue, struct flush_round *round);

/* done is called by flush_settle; false, and it will not be, when out of memory. */
bool flush_ask(struct flush_queue *queue, bus_done_fn *done, void *context);

/* Calls done of the rounds that are over. */
void flush_settle(struct flush_queue *queue);

/* Ends every round; what has not left cannot any more. */
void flush_close(struct flush_queue *queue);

#endif
