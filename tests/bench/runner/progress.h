/*
 * How far a store has come, seen from outside the daemon: which of many dates have brought a group to a
 * phase. A date that has done so is not looked at again, and the last dates come first: a look costs little
 * until they are there.
 */
#ifndef PHASEGATE_BENCH_PROGRESS_H
#define PHASEGATE_BENCH_PROGRESS_H

#include "core/date.h"
#include "redis/settings.h"

#include <stdbool.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

struct progress {
    redisContext *connection;
    game_date first;
    int left; /* dates that are not known to have come so far */
    int group;
    const char *phase;
    double next; /* when the next look is due, by seconds_now() */
};

/* Of the pipeline nba, dates from the first one on. One server; for a Cluster there is the bus. */
void progress_open(struct progress *progress, const struct redis_settings *redis, game_date first);
void progress_close(struct progress *progress);

/* What to wait for next: of so many dates the group (1 to 4) to be "triggered" or "done". */
void progress_expect(struct progress *progress, int count, int group, const char *phase);

/* Have all come? Asks at most every 5 ms, else false. Of the form of a loop_condition. */
bool progress_is_over(void *progress);

/* Waits for it, asking all the time but for breaths of a millisecond; fails the bench after timeout_ms. */
void progress_await(struct progress *progress, int timeout_ms);

/* Waits until the store has this key: the list of months when it was empty, or a date's. */
void progress_await_key(struct progress *progress, const char *key, int timeout_ms);

#endif
