/* A process that receives from a bus and acks nothing, until a test kills it. */
#ifndef PHASEGATE_TESTS_SUPPORT_BUS_VICTIM_H
#define PHASEGATE_TESTS_SUPPORT_BUS_VICTIM_H

#include "support/bus_suite.h"

#include <sys/types.h>

struct bus_victim {
    pid_t pid;
    int orders, news; /* pipes: what to receive from; one byte for each delivery */
};

/* Forks it. It waits, and ends when the test process does. */
struct bus_victim bus_victim_fork(const struct bus_fixture *fixture);

/* Lets it receive, and waits until it holds so many deliveries; fails the test after deadline_ms. */
void bus_victim_hold(
    struct bus_victim *victim, const struct source *source, size_t deliveries, int deadline_ms);

/* SIGKILL; safe to repeat. */
void bus_victim_kill(struct bus_victim *victim);

#endif
