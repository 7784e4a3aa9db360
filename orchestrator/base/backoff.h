/*
 * How long to wait before trying again: twice as long after each failure, up to a maximum, and a random part
 * of it, so that many who lost the same server do not all come back at the same moment.
 */
#ifndef PHASEGATE_BASE_BACKOFF_H
#define PHASEGATE_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint64_t first_ms; /* at least 1 */
    uint64_t max_ms;
    unsigned failures; /* 0 at first, and again after a success */
};

/* Counts one failure more; the milliseconds to wait: between half of the present step and all of it. */
uint64_t backoff_next_ms(struct backoff *backoff);

#endif
