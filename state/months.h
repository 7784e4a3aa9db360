/*
 * The months, of each pipeline, that this connection has already made known: so that the call that makes a
 * month known costs something once and not per event. A small set of (pipeline, month); forgetting one is
 * harmless.
 */
#ifndef PHASEGATE_STATE_MONTHS_H
#define PHASEGATE_STATE_MONTHS_H

#include "core/date.h"
#include "core/pipeline.h"

struct months_of_pipeline;

struct months {
    struct months_of_pipeline *first; /* one for each pipeline seen */
};

/* Months from 1900-01 to 2099-12 are remembered; others never are. */
bool months_has(const struct months *months, const struct pipeline *pipeline, game_date date);
void months_add(struct months *months, const struct pipeline *pipeline, game_date date);

/* Forgets all and frees the memory. */
void months_clear(struct months *months);

#endif
