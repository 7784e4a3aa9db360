/* Who waits for a reply: a ring in the order of the commands, since Redis answers in that order. */
#ifndef PHASEGATE_REDIS_PENDING_H
#define PHASEGATE_REDIS_PENDING_H

#include "redis/link.h"

enum { PENDING_MAX = 128 * 1024 };

struct pending {
    redis_reply_fn *reply; /* may be NULL */
    void *context;
    bool hold; /* its reply is kept until replicas have what was written: holding.h */
};

/* Zeroed, it is empty and valid. */
struct pending_ring {
    struct pending *slots;
    size_t first, count, capacity; /* capacity: 0 or a power of two */
};

/* Makes room for one more; false when there are PENDING_MAX, or no memory. */
bool pending_reserve(struct pending_ring *ring);

/* Only after pending_reserve. */
void pending_push(struct pending_ring *ring, struct pending pending);

/* The oldest; only while count > 0. */
struct pending pending_pop(struct pending_ring *ring);

/* The last that was pushed; only while count > 0. */
struct pending *pending_newest(struct pending_ring *ring);

void pending_free(struct pending_ring *ring);

#endif
