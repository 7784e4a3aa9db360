/*
 * What the files of the bus's suite share: one test has a loop, a bus, another where a second receiver is
 * needed, and a topic of its own. Each bus_suite_*.c is one subject, with a function that runs its tests and
 * returns the number of those that failed.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_BUS_SUITE_INTERNAL_H
#define PHASEGATE_TESTS_SUPPORT_BUS_SUITE_INTERNAL_H

#include "support/bus_inbox.h"
#include "support/bus_suite.h"
#include "support/bus_victim.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"

enum { WAIT_MS = 15000, NEVER_MS = 700 };

struct suite {
    const struct bus_fixture *fixture;
    struct bus_victim victim;
    uv_loop_t loop;
    struct log_capture capture;
    struct bus *bus, *other;
    struct inbox inbox, other_inbox;
    struct source source;
    char topic[64], subscription[96];
    int number;
};

int bus_suite_setup(void **state);
int bus_suite_teardown(void **state);

/* An element of an array of tests; the variable suite is in scope. */
#define suite_test(function)                                                                                 \
    { #function, function, bus_suite_setup, bus_suite_teardown, suite }

struct bus *suite_open_bus(struct suite *suite, const char *consumer);

struct subscription *suite_subscribe(
    struct suite *suite, struct bus *bus, struct inbox *inbox, size_t in_hand_max);

/* Topic and subscription made, and somebody receiving. */
struct subscription *suite_start(struct suite *suite, enum inbox_policy policy, size_t in_hand_max);

void suite_publish(struct suite *suite, const char *text);

void suite_await_count(struct suite *suite, struct inbox *inbox, size_t count, int deadline_ms);
void suite_await_deliveries(struct suite *suite, struct inbox *inbox, size_t deliveries, int deadline_ms);
void suite_expect_no_more(struct suite *suite, struct inbox *inbox, int duration_ms);

int bus_suite_messages(struct suite *suite);
int bus_suite_delivery(struct suite *suite);
int bus_suite_flow(struct suite *suite);
int bus_suite_life(struct suite *suite);
int bus_suite_seek(struct suite *suite);

/* Only where the fixture can stop the other side. */
int bus_suite_outage(struct suite *suite);

#endif
