/*
 * Tests that mostly wait (for leases, for what must not come) and do not touch each other, several at once:
 * each is a process of its own, forked from one that has made no thread yet (gRPC makes some when it is first
 * used). What a test prints is shown when it has ended, and in one piece.
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
};

/* Starts as {0}. */
struct crowd {
    struct crowd_place places[CROWD_MAX];
    int failed;
};

/* Starts each test, with its setup and teardown, as soon as there is a place; returns when the last one has
 * started. */
void crowd_add(struct crowd *crowd, const char *name, const struct CMUnitTest *tests, size_t count);

/* Waits until all have ended; returns how many failed. Tests that hang are ended with this process. */
int crowd_await(struct crowd *crowd);

#endif
