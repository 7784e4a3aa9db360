/*
 * Tests that mostly wait (for leases, for what must not come) and do not touch each other, several at once:
 * each is a process of its own, forked from one that has made no thread yet (gRPC makes some when it is first
 * used). Of one that passed its name and time are shown; of one that failed all that it printed, in one piece
 * and behind all others: the end of a log is what is read.
 * One that failed while the machine stood still (support/standstill.h) is run again, which is said.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_CROWD_H
#define PHASEGATE_TESTS_SUPPORT_CROWD_H

#include "support/check.h"

#include <stdio.h>
#include <sys/types.h>

enum { CROWD_MAX = 12 }; /* at once */

struct crowd_place {
    pid_t process; /* 0: a free place */
    int fd;        /* a pidfd */
    FILE *output;
    struct CMUnitTest test;
    int attempt; /* from 1 on */
    int64_t started_ms;
};

/* Starts as {0}. */
struct crowd {
    const char *name; /* of those that were added last */
    struct crowd_place places[CROWD_MAX];
    FILE *failures; /* what the failed ones printed; NULL while there are none */
    int failed;
};

/* Starts each test, with its setup and teardown, as soon as there is a place; returns when the last one has
 * started. What the tests' initial states point to lives until crowd_await has returned. */
void crowd_add(struct crowd *crowd, const char *name, const struct CMUnitTest *tests, size_t count);

/* Waits until all have ended, shows the failures, and returns how many there are. Tests that hang are ended
 * with this process. */
int crowd_await(struct crowd *crowd);

#endif
