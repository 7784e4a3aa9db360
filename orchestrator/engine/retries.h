/*
 * Things that are to be tried again, each after a back-off of its own: one that fails for ever is tried less
 * and less often, and none waits for another.
 *
 * On the loop's thread. Things are the caller's; each holds a struct retry while it waits.
 */
#ifndef PHASEGATE_ENGINE_RETRIES_H
#define PHASEGATE_ENGINE_RETRIES_H

#include "base/backoff.h"

#include <uv.h>

struct retries;

struct retry {
    struct backoff backoff; /* the caller's to set up; failures may be kept from one wait to the next */
    uint64_t due_ms;        /* loop time */
    struct retry *next;
};

/* again is called for each thing when its time has come; it waits no more, and may be added. NULL when out of
 * memory. */
struct retries *retries_new(uv_loop_t *loop, void (*again)(struct retry *retry));

/* Waits for the next step of its back-off. */
void retries_add(struct retries *retries, struct retry *retry);

/* The time has come for all that wait now, in the order in which they were added. */
void retries_now(struct retries *retries);

/* Takes out the one that was added first; NULL when none waits. */
struct retry *retries_take(struct retries *retries);

/* What still waits is the caller's. Closes its timer: run the loop once more. Safe on NULL. */
void retries_free(struct retries **retries);

#endif
