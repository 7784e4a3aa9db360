/*
 * What the log hears of a Redis that is there and does not do what it is asked: out of memory, its disk full,
 * a replica, busy. Said once, with what to do, and once more when it is over; in between the calls fail as
 * CODE_UNAVAILABLE and are made again by whoever made them.
 */
#ifndef PHASEGATE_STATE_TROUBLE_H
#define PHASEGATE_STATE_TROUBLE_H

#include "base/log.h"
#include "redis/link.h"

enum { TROUBLE_WORD_MAX = 24 };

/* Zeroed, there is none. */
struct trouble {
    char word[TROUBLE_WORD_MAX]; /* "OOM", as Redis said it; "" when there is no trouble */
};

/* Hears the reply to one call; that one which proves_room has been done shows that all is well again. */
void trouble_note(struct trouble *trouble, const struct log *log, bool proves_room, const redisReply *reply);

#endif
