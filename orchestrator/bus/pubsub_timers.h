/*
 * The timers of one bus. They live inside the structs that they serve, and those may be freed only when the
 * last timer has left the loop; the group counts them and says when.
 */
#ifndef PHASEGATE_BUS_PUBSUB_TIMERS_H
#define PHASEGATE_BUS_PUBSUB_TIMERS_H

#include "bus/pubsub_list.h"

#include <stdint.h>
#include <uv.h>

struct pubsub_timers {
    uv_loop_t *loop;
    struct list_link open;
    size_t closing;
    void (*closed)(void *context);
    void *context;
};

struct pubsub_timer {
    uv_timer_t handle;
    struct list_link link;
    struct pubsub_timers *group;
    void (*fire)(void *context);
    void *context;
};

void pubsub_timers_init(struct pubsub_timers *group, uv_loop_t *loop);

/* Closes every timer; closed is called when they have all left the loop, never inside the call. At least one
 * is open. */
void pubsub_timers_close(struct pubsub_timers *group, void (*closed)(void *context), void *context);

/* Milliseconds of the loop's clock, which never goes back. */
uint64_t pubsub_now_ms(const struct pubsub_timers *group);

void pubsub_timer_init(
    struct pubsub_timers *group, struct pubsub_timer *timer, void (*fire)(void *context), void *context);

/* Fires once in ms from now, 0: in the loop's next turn. Starting it again moves it. Nothing once it is
 * closed. */
void pubsub_timer_start(struct pubsub_timer *timer, uint64_t ms);
void pubsub_timer_stop(struct pubsub_timer *timer);
bool pubsub_timer_running(const struct pubsub_timer *timer);

#endif
