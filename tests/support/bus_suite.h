/*
 * What both ends of the bus promise (bus/bus.h), as tests that run over either. A test program brings a
 * fixture, which knows how to reach one end, and calls bus_suite_run from main.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_BUS_SUITE_H
#define PHASEGATE_TESTS_SUPPORT_BUS_SUITE_H

#include "bus/bus.h"

struct bus_fixture {
    const char *name;

    /*
     * Opens a bus on the loop. Consumers of different names behave as different processes do; a name that is
     * used again is the same process, restarted. The leases of received messages are as short as the bus
     * allows.
     */
    struct result (*open)(
        void *context, uv_loop_t *loop, const struct log *log, const char *consumer, struct bus **bus);

    /* What is in the hands of a receiver that died comes again within this time. */
    int redelivery_ms;

    /* As long as the shortest lease: a message is held in hand for three times as long. */
    int lease_ms;

    /*
     * The other side goes away: connections break, new ones are refused; and comes back on the same address.
     * Both block until it is so. NULL: this fixture cannot, the tests that need it are left out.
     */
    void (*stop)(void *context);
    void (*start)(void *context);
    bool greedy; /* sends one receiver more than it takes at once, which it then keeps from the others */
    bool says_backlog; /* what is left of a subscription */
    bool forgets;      /* after start, no topic, subscription or message is left */

    void *context;
    void
        *apart; /* a second server, for the tests that stop theirs beside the others; NULL: they come after */
};

/*
 * Runs every test and returns the number of those that failed. To be called before this process has made any
 * thread (which gRPC does when it is first used): it forks a process for each test, and they run at once. The
 * fixture's server is therefore a process of its own. Topics and subscriptions are named "suite-<process
 * id>-<number>".
 */
int bus_suite_run(const struct bus_fixture *fixture);

/* The same in two steps, for a program that has more tests to run beside them: crowd_add between the two. */
struct crowd;
void bus_suite_start(const struct bus_fixture *fixture, struct crowd *crowd);
int bus_suite_finish(const struct bus_fixture *fixture, struct crowd *crowd);

#endif
