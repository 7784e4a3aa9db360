/*
 * What an end of the bus provides. A bus starts with `struct bus`, a subscription with `struct subscription`,
 * so that bus.c can hand every call of bus.h to the right end. Only the ends include this.
 */
#ifndef PHASEGATE_BUS_BUS_OPS_H
#define PHASEGATE_BUS_BUS_OPS_H

#include "bus/bus.h"

struct bus_ops {
    void (*create)(struct bus *bus, const struct source *source, bus_done_fn *done, void *context);
    struct result (*subscribe)(struct bus *bus, const struct source *source, struct receiver receiver,
        struct subscription **subscription);
    void (*pause)(struct subscription *subscription);
    void (*resume)(struct subscription *subscription);
    int64_t (*receiving_ms)(struct subscription *subscription);
    void (*unsubscribe)(struct subscription *subscription);
    void (*ack)(struct delivery *delivery);
    void (*nack)(struct delivery *delivery);
    void (*publish)(struct bus *bus, const char *topic, const struct message *message,
        bus_published_fn *published, void *context);
    void (*seek)(
        struct bus *bus, const struct source *source, int64_t time_ms, bus_done_fn *done, void *context);
    void (*look)(struct bus *bus, const struct source *source, struct bus_backlog *backlog, bus_done_fn *done,
        void *context);
    void (*flush)(struct bus *bus, bus_done_fn *done, void *context);
    void (*close)(struct bus *bus, bus_done_fn *closed, void *context);
};

struct bus {
    const struct bus_ops *ops;
};

struct subscription {
    struct bus *bus;
};

/* CODE_INVALID for a moment that no subscription is moved to: before 1970, or in the future. */
struct result bus_check_moment(int64_t time_ms) MUST_CHECK;

#endif
