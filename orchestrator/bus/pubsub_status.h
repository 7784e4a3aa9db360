/*
 * What gRPC's statuses mean to a user of Pub/Sub: whether trying again may help by itself, helps when an
 * operator has mended something, or never helps. One table, so that receiving, acking, publishing and
 * creating agree.
 */
#ifndef PHASEGATE_BUS_PUBSUB_STATUS_H
#define PHASEGATE_BUS_PUBSUB_STATUS_H

#include "base/result.h"
#include "bus/rpc.h"

enum pubsub_class {
    PUBSUB_FINE,
    PUBSUB_PASSING,  /* a fault of the moment: try again soon */
    PUBSUB_MENDABLE, /* missing or forbidden: try again, but it takes an operator */
    PUBSUB_HOPELESS, /* the request itself is refused */
};

enum pubsub_class pubsub_class(enum rpc_status status);

/* "UNAVAILABLE" …, as Google writes it; "status 42" has no name. Never NULL. */
const char *pubsub_status_name(enum rpc_status status);

/*
 * The result of a call about a resource (a topic's or subscription's full name). Passing is CODE_UNAVAILABLE;
 * mendable is CODE_NOT_FOUND or CODE_REFUSED, and retryable; hopeless is CODE_INVALID, CODE_REFUSED or
 * CODE_INTERNAL.
 */
struct result pubsub_result(const struct rpc_reply *reply, const char *resource) MUST_CHECK;

#endif
