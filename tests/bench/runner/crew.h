/*
 * Who is on the other side of the daemon: the publishers of completions and the processors of Phase 4, over
 * the bus, as fast as one process can be. Unlike the player (support/player.h) it checks nothing that the
 * tests check already, and keeps nothing.
 */
#ifndef PHASEGATE_BENCH_CREW_H
#define PHASEGATE_BENCH_CREW_H

#include "core/date.h"
#include "redis/settings.h"
#include "support/loop.h"
#include "support/nba.h"

struct crew;

typedef void crew_trigger_fn(void *context, game_date date, int group);

struct crew_options {
    const char *pubsub;                 /* host:port of the emulator; NULL: Redis Streams … */
    const char *project;                /* there; NULL: DAEMON_PROJECT */
    const struct redis_settings *redis; /* … on this server */
    bool receives;                      /* triggers; else it only publishes */
    crew_trigger_fn *on_trigger;        /* a trigger has come; NULL: nobody wants to know */
    void *context;
};

/* Makes the topics, and one subscription to each of the topics of completions: the daemon's. */
struct crew *crew_new(struct crew_options options);
void crew_free(struct crew **crew); /* safe on NULL */

/* One more subscription to the topic of Phase 3's completions, for a peer. */
void crew_subscribe_peer(struct crew *crew, const char *subscription);

/* A success of this processor, live, by name. */
void crew_publish(struct crew *crew, game_date date, int processor);

/* Completions of Phase 3 for count dates, five for each; returns when the bus has them all. */
void crew_publish_upstream(struct crew *crew, game_date first, int count);

/* The same while it answers each trigger of group 1 to 4 with a success of its processors; returns when the
 * condition holds. */
void crew_play(
    struct crew *crew, game_date first, int count, loop_condition *condition, void *context, int deadline_ms);

/* Runs it until the condition holds. */
void crew_until(
    struct crew *crew, loop_condition *condition, void *context, int deadline_ms, const char *waited_for);

uv_loop_t *crew_loop(struct crew *crew);

#endif
