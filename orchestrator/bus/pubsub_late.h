/* Failures that are found inside a call of bus.h and told after it, since no callback may run inside the
 * call. */
#ifndef PHASEGATE_BUS_PUBSUB_LATE_H
#define PHASEGATE_BUS_PUBSUB_LATE_H

#include "bus/bus.h"
#include "bus/pubsub_timers.h"

struct pubsub_late {
    struct list_link waiting;
    struct pubsub_timer timer;
};

void pubsub_late_init(struct pubsub_late *late, struct pubsub_timers *timers);

/* Calls done, or published, with the result in the loop's next turn; without memory at once. */
void pubsub_late_done(struct pubsub_late *late, bus_done_fn *done, void *context, struct result result);
void pubsub_late_published(
    struct pubsub_late *late, bus_published_fn *published, void *context, struct result result);

bool pubsub_late_idle(const struct pubsub_late *late);

#endif
