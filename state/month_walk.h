/*
 * Asks each month that a pipeline has the same question: for the sweeps of the store. In portions, the next
 * one when the last is answered, so that events never wait behind thousands of questions.
 */
#ifndef PHASEGATE_STATE_MONTH_WALK_H
#define PHASEGATE_STATE_MONTH_WALK_H

#include "state/call.h"

enum { MONTH_WALK_PORTION = 64 }; /* months that are asked at once */

struct month_walk_parts {
    struct store *store;
    const struct pipeline *pipeline;
    /*
     * Only months that have this key are asked; NULL: all. Nearly all have none, and there may be thousands:
     * so a whole portion is looked through first, by one EXISTS, or on a Cluster by one for each month.
     */
    char *(*key)(const struct pipeline *pipeline, game_date first, char text[KEY_MAX]);
    /* Is the month that begins with first to be asked? NULL: all are. */
    bool (*wants)(void *context, game_date first);
    /* Sends the question about that month; reply and walk are for redis_link_send. */
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
