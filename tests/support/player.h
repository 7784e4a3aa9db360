/*
 * The world outside the daemon, on a loop of its own, through bus.h: publishers of completions, and the
 * Phase 4 processors that answer triggers with completions. It receives every trigger on a subscription of
 * its own, acks it, and checks at once what may never be broken:
 *
 * - a trigger's id is that of its group and date, in run 1, and its body and attributes say the same;
 * - all that the group needs, and all of the group before it, had been published before;
 * - nothing comes for dates that it does not play.
 *
 * The first violation is kept, and fails the test at the next player_check or player_until.
 *
 * Publishing is repeated until the bus confirms it, as a publisher's client library does.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_PLAYER_H
#define PHASEGATE_TESTS_SUPPORT_PLAYER_H

#include "redis/settings.h"
#include "support/event.h"
#include "support/loop.h"
#include "support/nba.h"

struct player;

struct player_options {
    const char *pubsub;                 /* host:port; NULL: Redis Streams … */
    const struct redis_settings *redis; /* … on this server */
    game_date first;                    /* the dates that it plays: count of them from here on */
    int count;
};

enum { PLAYER_GROUPS = 4 };

/* What came of one group's trigger. */
struct player_trigger {
    size_t seen;                   /* deliveries */
    size_t published;              /* distinct messages: more than 1 when it was published again */
    size_t order;                  /* its place among all triggers, by first delivery */
    const struct message *message; /* the first; valid as long as the player */
};

/* Makes the topics and the subscription for triggers, and receives from then on. Fails the test when it
 * cannot. */
struct player *player_new(struct player_options options);

/* Closes the bus; safe on NULL. */
void player_free(struct player **player);

/* Publishes a copy. Returns at once. */
void player_publish(struct player *player, const struct event *event);

/* Publishes a copy of any message, to the topic of that processor's completions. */
void player_publish_message(struct player *player, const char *topic, const struct message *message);

/* Publishes what have not been confirmed yet. */
size_t player_unconfirmed(const struct player *player);

/*
 * From now on, triggers are answered on first sight with a success of each of the group's processors, naming
 * the trigger_id, the bus's message id, or neither, by date and group; each published `times` times. 0: not
 * any more. Triggers that were seen and not answered before are answered now.
 */
void player_answer(struct player *player, int times);

/* Answers this trigger, which has come, now and once. */
void player_answer_trigger(struct player *player, game_date date, int group);

/* Somebody else publishes what satisfies these processors: the checks take it as published from now on. */
void player_told(struct player *player, game_date date, processor_set processors);

/* Called at the first sight of each trigger from now on, when it has been checked. */
typedef void player_sight(void *context, game_date date, int group);
void player_watch(struct player *player, player_sight *sight, void *context);

/* The trigger of group 1 to 4; seen 0 when it has not come. */
const struct player_trigger *player_trigger(const struct player *player, game_date date, int group);

/* Distinct triggers that have come. */
size_t player_triggers(const struct player *player);

/* Fails the test when something was violated. */
void player_check(const struct player *player);

/* Runs the player until the condition holds; fails the test on a violation or after deadline_ms. */
void player_until(
    struct player *player, loop_condition *condition, void *context, int deadline_ms, const char *waited_for);

/* Runs the player until every publish is confirmed. */
void player_until_confirmed(struct player *player);

/* Runs the player for duration_ms. */
void player_run(struct player *player, int duration_ms);

/* What it runs on, for timers of others, which are closed before player_free. */
uv_loop_t *player_loop(struct player *player);

#endif
