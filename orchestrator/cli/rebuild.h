/*
 * phasegate replay --seek TIME --rebuild: the state of a pipeline made anew from the messages that the bus
 * still has, after the store forgot. What that means in the store is state/rebuild.h; here is the order of
 * it: tell the daemons, move the subscriptions back, wait until the backlog has been received, take
 * everything in the order in which it was published, end.
 *
 * Broken off at any moment it is begun again with the same command, and does what is left.
 */
#ifndef PHASEGATE_CLI_REBUILD_H
#define PHASEGATE_CLI_REBUILD_H

#include "cli/lookup.h"
#include "cli/replay_seek.h"

/* A trigger that was published, as the trigger stream still has it. */
struct sent_trigger {
    struct trigger trigger; /* date, group and run */
    int64_t published_ms;
    char message_id[48];
    bool has_place;
};

struct rebuild {
    struct lookup *lookup;
    struct seek *seek;
    int64_t quiet_ms; /* backlog.h: where the bus does not say it, the backlog is received when nothing of it
                         has come for so long; four times, at first */

    /* What came of it. */
    bool knows_triggers; /* the bus keeps the triggers, so it is known which were sent */
    struct sent_trigger *sent;
    size_t sent_count;
    size_t messages;        /* taken */
    size_t refused;         /* of these the store could not take, and are in quarantine */
    size_t replicas;        /* that received them */
    const game_date *dates; /* all that are known now, with their states */
    const struct date_state *states;
    size_t date_count;
    struct trigger *outbox; /* what is published now, in order of date */
    size_t outbox_count;
};

/*
 * Does it all, and fills in what came of it. verbose as for session_open. CODE_UNAVAILABLE when store or bus
 * go away, when no daemon is at work, or when not all of the backlog came: the text says how to go on.
 */
struct result rebuild_run(struct rebuild *rebuild, bool verbose) MUST_CHECK;

/* What was rebuilt, what is triggered now, and what nobody can know: for people, and as JSON.md documents it
 * (NULL when out of memory). */
void rebuild_print(const struct rebuild *rebuild, FILE *out);
json_t *rebuild_json(const struct rebuild *rebuild);

/* Known to be sent: the groups that were triggered in their run. */
size_t rebuild_sent_groups(const struct rebuild *rebuild);

/* Has it answers of groups that never started, because its upstream is older than what came again? */
bool rebuild_lacks_upstream(const struct rebuild *rebuild, const struct date_state *state);

#endif
