/*
 * Lanes: the triggers in hand, date by date. Those of one date stand in order of run and group; the first is
 * the one being published. What is done with it is dispatch.c.
 */
#ifndef PHASEGATE_ENGINE_LANE_H
#define PHASEGATE_ENGINE_LANE_H

#include "base/backoff.h"
#include "engine/outbound.h"

enum { LANE_MAX = 2 * PIPELINE_GROUPS_MAX }; /* triggers of one date; a new run withdraws those of the old */

struct lane {
    const struct pipeline *pipeline;
    game_date date;
    struct outbound *first;

    /* The dispatcher's: */
    struct dispatcher *dispatcher;
    bool busy;       /* else its first waits at the gate */
    bool publishing; /* its first is with the bus */
    struct backoff backoff;
    uint64_t due_ms;           /* loop time; while waiting to try again */
    struct lane *next_waiting; /* while waiting to try again */
};

/* All lanes, by pipeline and date. Starts as {0}. */
struct lanes {
    void *tree; /* of tsearch(3) */
};

/* NULL when there is none. */
struct lane *lanes_find(const struct lanes *lanes, const struct pipeline *pipeline, game_date date);

/* The same, but makes one; then it is empty. NULL when out of memory. */
struct lane *lanes_get(struct lanes *lanes, const struct pipeline *pipeline, game_date date);

/* Frees the lane and what is in it. */
void lanes_remove(struct lanes *lanes, struct lane *lane);

/* Frees all. */
void lanes_clear(struct lanes *lanes);

/* Calls each with every lane; it adds and removes none. */
void lanes_each(const struct lanes *lanes, void (*each)(struct lane *lane));

/* Is this outbox entry in hand? Cheap: a sweep asks it of every entry there is. */
bool lanes_have(const struct lanes *lanes, const struct pipeline *pipeline, const char *field);

/* Takes the trigger over, at its place, never before the first. False when there are too many. */
bool lane_insert(struct lane *lane, struct outbound *outbound);

#endif
