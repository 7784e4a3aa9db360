#include "redis/pending.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

static struct pending *slot(const struct pending_ring *ring, size_t index) {
    return &ring->slots[(ring->first + index) & (ring->capacity - 1)];
}

bool pending_reserve(struct pending_ring *ring) {
    if (ring->count < ring->capacity)
        return true;
    size_t capacity = ring->capacity ? ring->capacity * 2 : FIRST_CAPACITY;
    struct pending *slots = capacity <= PENDING_MAX ? malloc(capacity * sizeof *slots) : NULL;
    if (!slots)
        return false;
    for (size_t i = 0; i < ring->count; i++)
        slots[i] = *slot(ring, i);
    free(ring->slots);
    *ring = (struct pending_ring){.slots = slots, .count = ring->count, .capacity = capacity};
    return true;
}

void pending_push(struct pending_ring *ring, struct pending pending) {
    *slot(ring, ring->count++) = pending;
}

struct pending pending_pop(struct pending_ring *ring) {
    struct pending oldest = *slot(ring, 0);
    ring->first = (ring->first + 1) & (ring->capacity - 1);
    ring->count--;
    return oldest;
}

struct pending *pending_newest(struct pending_ring *ring) {
    return slot(ring, ring->count - 1);
}

void pending_free(struct pending_ring *ring) {
    free(ring->slots);
    *ring = (struct pending_ring){0};
}
