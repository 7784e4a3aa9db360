/* What Pub/Sub calls things: full resource names, and the routing header that carries them. Pure functions.
 */
#ifndef PHASEGATE_BUS_PUBSUB_NAMES_H
#define PHASEGATE_BUS_PUBSUB_NAMES_H

#include "base/result.h"

#include <stddef.h>

/* A project's id has at most 30 bytes, a topic's or subscription's at most 255. */
enum { PUBSUB_NAME_MAX = 384, PUBSUB_ROUTING_MAX = 3 * PUBSUB_NAME_MAX };

/*
 * "projects/P/topics/T" from the id T; a full name stays as it is, so that another project's topic can be
 * given. CODE_INVALID when it is empty or too long.
 */
struct result pubsub_topic_name(
    const char *project, const char *topic, char name[PUBSUB_NAME_MAX]) MUST_CHECK;

/* "projects/P/subscriptions/S", likewise. */
struct result pubsub_subscription_name(
    const char *project, const char *subscription, char name[PUBSUB_NAME_MAX]) MUST_CHECK;

/* "subscription=projects/P/subscriptions/S", percent-encoded, as x-goog-request-params wants it. Returns
 * text. */
char *pubsub_routing(const char *key, const char *name, char text[PUBSUB_ROUTING_MAX]);

#endif
