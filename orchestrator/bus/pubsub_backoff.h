/*
 * How long to wait before trying again: doubling from least to most, with jitter, so that many clients that
 * lost one server do not all come back in the same moment.
 */
#ifndef PHASEGATE_BUS_PUBSUB_BACKOFF_H
#define PHASEGATE_BUS_PUBSUB_BACKOFF_H

#include <stdint.h>

struct pubsub_backoff {
    uint32_t least_ms; /* at least 1 */
    uint32_t most_ms;
    uint32_t step_ms; /* of the last wait; 0 after a success */
};

/* The next wait in milliseconds: between half of the step and the whole, by random. */
uint64_t pubsub_backoff_next(struct pubsub_backoff *backoff, uint32_t random);

static inline void pubsub_backoff_reset(struct pubsub_backoff *backoff) {
    backoff->step_ms = 0;
}

/* A random number, for the jitter. */
uint32_t pubsub_random(void);

#endif
