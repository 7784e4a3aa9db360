/*
 * The gate: when may a backfill trigger leave? Rule 8 of design.md: each group has a cap on backfill triggers
 * in flight, and within backfill the oldest date goes first. Live triggers never come here.
 *
 * A trigger waits with a ticket, in the queue of its pipeline and group. Of each queue one claim at a time is
 * with the store, that of the oldest date, so that no younger one gets ahead of it. When the cap is in flight
 * the queue waits until a slot is given back, or for the next sweep, since other replicas give back slots
 * too. A month whose node of a Cluster is away is left out until the next sweep, so that it holds up no
 * other.
 *
 * A ticket whose trigger has a slot already (an attempt to publish it failed, or whoever held it died) asks
 * although the cap is in flight: behind older ones it would hold its slot and never leave, and with the cap
 * full of such nothing would.
 *
 * On the loop's thread.
 */
#ifndef PHASEGATE_ENGINE_GATE_H
#define PHASEGATE_ENGINE_GATE_H

#include "base/clock.h"
#include "base/log.h"
#include "state/store.h"

struct gate;

enum { GATE_WAITING_MAX = 10000 }; /* tickets of one group of one pipeline */

/* Part of whatever waits, which keeps it until it has left the gate. */
struct ticket {
    const struct pipeline *pipeline;
    game_date date;
    int group;
    int run;
    void *owner;        /* for the callbacks; the gate does not look at it */
    bool may_have_slot; /* set before gate_enter, after a failed attempt */
    struct lease lease; /* the right to publish it; the gate sets it when it grants */
    bool leaving;       /* the gate's */
};

/* Each ticket that entered leaves by exactly one of the callbacks, or by being displaced. They may enter
 * tickets. */
struct gate_parts {
    struct clock clock;
    const struct log *log;
    struct store *store;
    const struct pipeline *const *pipelines;
    int pipeline_count;
    void (*granted)(struct ticket *ticket); /* it has a slot and the lease: publish it now */
    /* It is not to be published, or not by us: cancelled, superseded, another replica's, or it left. */
    void (*gone)(struct ticket *ticket);
    void (*refused)(struct ticket *ticket, struct result reason); /* the store cannot handle its claim */
};

/* NULL when out of memory. */
struct gate *gate_new(struct gate_parts parts);

/*
 * Waits for a slot. When the queue is full its youngest ticket gives way if it is younger than this one, and
 * *displaced is that ticket, out of the gate without a callback; else NULL. False when this one is not taken
 * in.
 */
bool gate_enter(struct gate *gate, struct ticket *ticket, struct ticket **displaced);

/* Would gate_enter take in a trigger of this date? */
bool gate_has_room(const struct gate *gate, const struct pipeline *pipeline, int group, game_date date);

/* Takes a waiting ticket out: gone is called, at once, or, returning false, when the claim that is under way
 * for it has been answered. A slot that it gets by that is given back. */
bool gate_leave(struct gate *gate, struct ticket *ticket);

/* A trigger is over: done, failed or stalled. Gives its slot back, if it has one; the next one leaves. */
void gate_release(struct gate *gate, const struct pipeline *pipeline, game_date date, int group, int run);

/* A new run begins with this group: gives back what the triggers of earlier runs have of it and the groups
 * after it. */
void gate_new_run(struct gate *gate, const struct pipeline *pipeline, int first_group);

/* The store is there again: gives back what a dead process has left, and asks for all that waits. */
void gate_store_ready(struct gate *gate);

/* The same where anything waits: for slots that others gave back, and pauses that are over. */
void gate_sweep(struct gate *gate);

/* Asks for nothing any more, and grants nothing; what waits stays in the outbox. */
void gate_close(struct gate *gate);

/* When the store will not call back any more. Tickets that still wait are their owners'. Safe on NULL. */
void gate_free(struct gate **gate);

#endif
