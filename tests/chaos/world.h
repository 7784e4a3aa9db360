/*
 * The system under test: three replicas, the store in one of its forms and a bus, each a process on loopback
 * (but for our fake Pub/Sub, which is a thread of this one), and the faults that are done to them and healed.
 */
#ifndef PHASEGATE_TESTS_CHAOS_WORLD_H
#define PHASEGATE_TESTS_CHAOS_WORLD_H

#include "chaos/plan.h"
#include "redis/settings.h"

#include <stdio.h>

struct world;

/* With the emulator, a group that takes longer is triggered again; `group_deadline` of the replicas'
 * configuration. */
enum { WORLD_GROUP_DEADLINE_MS = 20000 };

struct world_options {
    const char *binary; /* phasegate's */
    const struct pipeline *pipeline;
    enum chaos_form form;
    enum chaos_bus bus;
    int durability; /* how many of Redis' replicas an ack waits for; -1: as many as the form has */
    FILE *trace;    /* may be NULL; see trace.h */
};

/* Starts everything. */
struct world *world_open(struct world_options options);
void world_close(struct world **world);

/* host:port of the Pub/Sub; NULL with Redis Streams. */
const char *world_pubsub(const struct world *world);
const struct redis_settings *world_redis(const struct world *world);

/* Does the fault, unless its victim is down already. False then. now_ms: any clock that goes on. */
bool world_harm(struct world *world, const struct planned_fault *fault, int64_t now_ms);

/* Heals what is due by now_ms (INT64_MAX: all of it). True when the bus has forgotten everything by that. */
bool world_heal(struct world *world, int64_t now_ms);

/* Tells the replicas to stop, when all is healed; each has to finish what it has in hand and leave with 0.
 * How many did not. */
size_t world_stop(struct world *world);

/* Starts replicas again that ended without having been told to, and says so on standard output. How many so
 * far. */
size_t world_look_after(struct world *world);

#endif
