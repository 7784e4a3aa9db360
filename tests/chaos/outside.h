/*
 * The world outside the system under test: publishers that feed the plan's completions, and workers that
 * answer each trigger, once for each id, as the plan says. It talks to the bus only, and tells the checker
 * what was fed and what came. On a loop of its own.
 */
#ifndef PHASEGATE_TESTS_CHAOS_OUTSIDE_H
#define PHASEGATE_TESTS_CHAOS_OUTSIDE_H

#include "chaos/checker.h"
#include "chaos/plan.h"
#include "redis/settings.h"

#include <stdio.h>
#include <uv.h>

struct outside;

struct outside_options {
    const struct plan *plan;
    struct checker *checker;
    const char *pubsub;                 /* host:port; NULL: Redis Streams … */
    const struct redis_settings *redis; /* … on this server */
    FILE *trace;                        /* may be NULL; see trace.h */
};

/* Makes the topics and subscriptions, and receives triggers from then on. */
struct outside *outside_open(struct outside_options options);
void outside_close(struct outside **outside);

/* Feeds it now. */
void outside_feed(struct outside *outside, const struct planned_event *event);

/* The bus has forgotten everything: makes topics and subscriptions again, and publishes once more what it has
 * published since the last time, and in the five minutes before that, as a publisher does that does not know
 * what has arrived. */
void outside_start_over(struct outside *outside);

/* One turn of the loop, of at most wait_ms; answers what is due. */
void outside_turn(struct outside *outside, int wait_ms);

/* Nothing is to be answered, and all that was published is confirmed. */
bool outside_is_idle(const struct outside *outside);

/* The wall clock's time of the beginning; the plan's times count from here. */
int64_t outside_start_ms(const struct outside *outside);
int64_t outside_now_ms(void);

/* What came that was no trigger by the contract. */
size_t outside_broken(const struct outside *outside);

/* Publishes of completions, copies too. */
size_t outside_published(const struct outside *outside);

#endif
