/*
 * What the files of the bus's suite share: one test has a loop, a bus, another where a second receiver is
 * needed, and a topic of its own. Each bus_suite_*.c is one subject, with a function that starts its tests.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_BUS_SUITE_INTERNAL_H
#define PHASEGATE_TESTS_SUPPORT_BUS_SUITE_INTERNAL_H

#include "support/bus_inbox.h"
#include "support/bus_suite.h"
#include "support/bus_victim.h"
#include "support/check.h"
#include "support/crowd.h"
#include "support/log_capture.h"
#include "support/loop.h"

enum { WAIT_MS = 15000, NEVER_MS = 700 };

struct suite {
    const struct bus_fixture *fixture;
    void *context; /* of the fixture: the server that this test uses */
    struct crowd *crowd;
    struct bus_victim victim; /* where the test wants one */
    uv_loop_t loop;
    struct log_capture capture;
    struct bus *bus, *other;
    struct inbox inbox, other_inbox;
    struct source source;
    char topic[64], subscription[96];
    int number;
};

int bus_suite_setup(void **state);
int bus_suite_setup_with_victim(void **state); /* only for a test that has its process to itself */
int bus_suite_teardown(void **state);

/* An element of an array of tests; the variable suite is in scope. */
#define suite_test(function)                                                                                 \
    { #function, function, bus_suite_setup, bus_suite_teardown, suite }
#define suite_test_with_victim(function)                                                                     \
    { #function, function, bus_suite_setup_with_victim, bus_suite_teardown, suite }

/* Starts the tests of an array, beside those that run already. */
#define suite_run(suite, tests)                                                                              \
    crowd_add((suite)->crowd, (suite)->fixture->name, (tests), sizeof(tests) / sizeof *(tests))

struct bus *suite_open_bus(struct suite *suite, const char *consumer);

struct subscription *suite_subscribe(
    struct suite *suite, struct bus *bus, struct inbox *inbox, size_t in_hand_max);

/* Topic and subscription made, and somebody receiving. */
struct subscription *suite_start(struct suite *suite, enum inbox_policy policy, size_t in_hand_max);

void suite_publish(struct suite *suite, const char *text);

void suite_await_count(struct suite *suite, struct inbox *inbox, size_t count, int deadline_ms);
void suite_await_deliveries(struct suite *suite, struct inbox *inbox, size_t deliveries, int deadline_ms);
void suite_expect_no_more(struct suite *suite, struct inbox *inbox, int duration_ms);

void bus_suite_messages(struct suite *suite);
void bus_suite_delivery(struct suite *suite);
void bus_suite_flow(struct suite *suite);
void bus_suite_life(struct suite *suite);
void bus_suite_seek(struct suite *suite);

/* Only where the fixture can stop the other side; one after the other, in this process. Returns how many
 * failed. */
int bus_suite_outage(struct suite *suite);

#endif
