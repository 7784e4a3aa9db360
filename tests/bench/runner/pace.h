/*
 * Live dates at a steady pace, and how long each decision takes: from the publish of a date's fifth
 * completion to its first trigger, as a subscriber sees it. The other four are published a second before, so
 * that it is the fifth that decides.
 */
#ifndef PHASEGATE_BENCH_PACE_H
#define PHASEGATE_BENCH_PACE_H

#include "bench/runner/crew.h"

enum { PACE_DATES_PER_SECOND = 50 };

struct delays {
    double median_ms, p99_ms;
};

/*
 * Opens a crew over the bus (of which pubsub and redis count), plays the dates and returns when each of them
 * has its trigger. Fails the bench when one has none for ten seconds.
 */
struct delays pace_dates(struct crew_options bus, game_date first, int count);

#endif
