/* Asks each month that a pipeline has the same question, all at once: for the sweeps of the store. */
#ifndef PHASEGATE_STATE_MONTH_WALK_H
#define PHASEGATE_STATE_MONTH_WALK_H

#include "state/call.h"

struct month_walk_parts {
    struct store *store;
    const struct pipeline *pipeline;
    /* Sends the question about the month that begins with first; reply and walk are for redis_link_send. */
    struct result (*ask)(void *context, game_date first, redis_reply_fn *reply, void *walk);
    /* The answer of one month: an array. */
    void (*answer)(void *context, game_date first, const redisReply *reply);
    /* Once, at the end; with the first failure there was. The walk is over. */
    void (*finish)(void *context, struct result result);
    void *context;
};

/* Calls finish, also when nothing could be asked: then before it returns. */
void month_walk(struct month_walk_parts parts);

#endif
