/*
 * A loop with one Pub/Sub bus on it, and everything that it said: for tests of that end. Every callback
 * checks that it does not run inside the call that caused it.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_PUBSUB_WORLD_H
#define PHASEGATE_TESTS_SUPPORT_PUBSUB_WORLD_H

#include "bus/bus.h"
#include "support/log_capture.h"

enum { WORLD_WAIT_MS = 15000, WORLD_TEXT_MAX = 64 };

/* One message that came. */
struct world_received {
    char text[WORLD_TEXT_MAX]; /* the data, cut */
    char key[WORLD_TEXT_MAX];
    char id[WORLD_TEXT_MAX];
    struct delivery *delivery; /* NULL: given back */
};

/* How one publish ended, in the order in which they ended. */
struct world_outcome {
    size_t number; /* of the publish, from 0 */
    struct result result;
    char id[WORLD_TEXT_MAX];
};

struct world {
    uv_loop_t loop;
    struct log_capture log;
    struct bus *bus;
    struct subscription *subscription;
    bool inside;     /* a call of bus.h */
    bool acks;       /* each message is acked as it comes */
    size_t out_most; /* the most deliveries that were ever out at once */
    size_t out;
    struct world_received *received;
    size_t received_count;
    struct world_outcome *outcomes;
    size_t outcome_count;
    size_t publish_count;
};

/* Opens the bus over an emulator's address with so many streams (0: the default) and the shortest leases. */
void world_open(struct world *world, const char *emulator, int streams);
/* Closes bus and loop, and fails when something stays; what was recorded can still be looked at until
 * world_free. */
void world_close_bus(struct world *world);
void world_free(struct world *world);

/* Both. */
void world_close(struct world *world);

void world_subscribe(struct world *world, const char *subscription, size_t in_hand_max);

/* A message with this text; key may be NULL. */
void world_publish(struct world *world, const char *topic, const char *text, const char *key);
void world_publish_message(struct world *world, const char *topic, const struct message *message);

struct result world_create(struct world *world, const char *topic, const char *subscription) MUST_CHECK;
struct result world_seek(struct world *world, const char *subscription, int64_t time_ms) MUST_CHECK;
struct result world_flush(struct world *world) MUST_CHECK;

/* Gives a delivery back. */
void world_ack(struct world *world, size_t index);
void world_nack(struct world *world, size_t index);
void world_ack_all(struct world *world);

/* Wait until so many messages have come, or publishes ended, since the world was opened. */
void world_await_received(struct world *world, size_t count);
void world_await_outcomes(struct world *world, size_t count);

#endif
