/*
 * What a client of the store remembers of each month: how many of its own steps the month has answered for.
 * The month's slot counts them (lua/2-date.lua), in a lane that is this client's, and that count only grows;
 * so a step that is answered with a count which an earlier one had reached shows that the slot has forgotten.
 *
 * Months from 1900-01 to 2099-12 are remembered; others never are.
 */
#ifndef PHASEGATE_STATE_MONTH_MEMORY_H
#define PHASEGATE_STATE_MONTH_MEMORY_H

#include "core/date.h"
#include "core/pipeline.h"

#include <stdbool.h>

struct month_memory {
    int64_t own;     /* the highest count of this client's lane that was answered */
    unsigned era;    /* grows when own begins anew */
    bool lost;       /* an answer has shown that the slot forgot, and nobody knows yet */
    bool changed;    /* steps were sent since it was last looked at, or lost is set */
    int64_t losses;  /* that were noted of the month, as far as this client knows */
    int64_t seen_ms; /* when it was last found whole; 0: never */

    /* Of the check that is under way (epoch.h): what the month must have at least. */
    int64_t expected; /* of all lanes together */
    int64_t expected_own;
};

struct month_memories {
    struct pipeline_memory *first;
};

/* The pipeline's memory of the month of date; NULL when out of memory, or for a year that is not remembered.
 * It stays where it is until the memories are freed. */
struct month_memory *month_memory_of(
    struct month_memories *memories, const struct pipeline *pipeline, game_date date);

/* Calls each for all months of the pipeline that were ever asked for. */
void month_memories_each(struct month_memories *memories, const struct pipeline *pipeline,
    void (*each)(struct month_memory *memory));

/* Has any month of the pipeline changed? */
bool month_memories_changed(const struct month_memories *memories, const struct pipeline *pipeline);

/* What was remembered of its month when a step was sent. memory NULL: nothing is, of this one. */
struct month_step {
    struct month_memory *memory;
    int64_t own;
    unsigned era;
};

struct month_step month_step_of(struct month_memory *memory);

/* The step has been answered with this count of the lane. */
void month_step_answered(struct month_step step, int64_t own);

/* From here on only what comes next counts. losses: that were noted. */
void month_memory_begin_anew(struct month_memory *memory, int64_t losses);

void month_memories_free(struct month_memories *memories);

#endif
