/*
 * What an administrator does: making topics and subscriptions, for `phasegate serve --create` and tests,
 * where what is there already is left as it is; and moving a subscription back in time, for `phasegate replay
 * --seek`. A passing failure is tried again for a few seconds.
 */
#ifndef PHASEGATE_BUS_PUBSUB_ADMIN_H
#define PHASEGATE_BUS_PUBSUB_ADMIN_H

#include "bus/bus.h"
#include "bus/pubsub_timers.h"
#include "bus/rpc.h"

struct pubsub_admin;

/* NULL when out of memory. All three outlive it. */
struct pubsub_admin *pubsub_admin_new(
    struct pubsub_timers *timers, struct rpc_channel *channel, const struct log *log);

/*
 * topic and subscription (NULL: only the topic) are full names. done comes once, never inside the call (but
 * for want of memory). CODE_REFUSED also when the subscription is there, but on another topic.
 */
void pubsub_admin_create(struct pubsub_admin *admin, const char *topic, const char *subscription,
    int lease_seconds, bus_done_fn *done, void *context);

/* bus_seek, of a subscription's full name; done as above. The moment was checked. */
void pubsub_admin_seek(
    struct pubsub_admin *admin, const char *subscription, int64_t time_ms, bus_done_fn *done, void *context);

/* Is the subscription there? done as above. */
void pubsub_admin_look(
    struct pubsub_admin *admin, const char *subscription, bus_done_fn *done, void *context);

/* What is under way ends as CODE_UNAVAILABLE. */
void pubsub_admin_close(struct pubsub_admin *admin);
bool pubsub_admin_idle(const struct pubsub_admin *admin);

/* When it is idle. Safe on NULL. */
void pubsub_admin_free(struct pubsub_admin **admin);

#endif
