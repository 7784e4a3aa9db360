/*
 * Completions and confirmations on their way into the store. Those that come in one turn of the loop go
 * together: a call for each month, in which the completions of one date are one step. A call costs Redis as
 * much as what it does, and a date is read and written once for all of its completions.
 *
 * On the loop's thread. Only the files of the store's client include it.
 */
#ifndef PHASEGATE_STATE_APPLIES_H
#define PHASEGATE_STATE_APPLIES_H

#include "state/batch.h"

/* What waits for the end of the turn, or for its month to be known. */
struct applies {
    struct turn_list completions;
    struct turn_list confirmations;
    struct opening *openings; /* months that are being made known, and who waits for them */
};

/* Of struct applies, what its lists hold. */
extern const struct batch_kind apply_batch, confirm_batch;

#endif
