/*
 * A store with many finished dates, which nobody publishes to any more: copies of one that went through all
 * groups, over as many pipelines as it takes, since a date before 1946 is none. The daemon that serves them
 * all has bench_daemon.pipelines = LARGE_PIPELINES.
 */
#ifndef PHASEGATE_BENCH_LARGE_STORE_H
#define PHASEGATE_BENCH_LARGE_STORE_H

#include "support/redis_server.h"

enum { LARGE_PIPELINES = 34, LARGE_DATES_MAX = LARGE_PIPELINES * 29500 };

/* Fills an empty store, with dates of so many pipelines, or of nba itself (0), and waits until its
 * append-only file has been rewritten. */
void large_store_fill(struct redis_server *redis, int pipelines, int dates);

/* Takes away all of the pipeline nba, and the streams of all; the dates of the others stay. */
void large_store_forget_nba(struct redis_server *redis);

#endif
