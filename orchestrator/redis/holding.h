/*
 * Replies that are held until replicas have what was written: with `replicas` in a link's settings. One WAIT
 * covers everything that was sent before it, and only one is under way at a time, so under load a WAIT covers
 * many calls.
 */
#ifndef PHASEGATE_REDIS_HOLDING_H
#define PHASEGATE_REDIS_HOLDING_H

#include "redis/pending.h"

struct held;

/* Zeroed, it is empty and valid. */
struct holding {
    struct held *first, *last;
    size_t uncovered; /* commands sent since the last WAIT */
    bool waiting;     /* a WAIT is under way */
    bool missing;     /* the last WAIT found too few replicas */
};

/* Keeps a copy of the reply and whom to tell. When out of memory he is told NULL, at once. */
void holding_keep(struct holding *holding, struct pending pending, const redisReply *reply);

/* Tells everybody: what was kept, or instead of it `instead`. */
void holding_release(struct holding *holding);
void holding_refuse(struct holding *holding, const redisReply *instead);

#endif
