/*
 * A trigger: the message that starts one group of one date in one run, and its id
 * "<pipeline>/<date>/g<group>/r<run>", which is the same however often it is published (design.md section 3).
 */
#ifndef PHASEGATE_CORE_TRIGGER_H
#define PHASEGATE_CORE_TRIGGER_H

#include "base/arena.h"
#include "base/result.h"
#include "core/date.h"
#include "core/message.h"
#include "core/pipeline.h"

enum { TRIGGER_ID_MAX = PIPELINE_NAME_MAX + 32 };

struct trigger {
    game_date date;
    int group;
    int run;
    bool backfill;
    int64_t decided_ms;         /* when the group became ready */
    const char *correlation_id; /* of the completion that made it ready; NULL when it had none */
    const int64_t *upstream;    /* rows of each need by processor index, or ROWS_UNKNOWN; NULL: all unknown */
};

char *trigger_id(const struct pipeline *pipeline, const struct trigger *trigger, char text[TRIGGER_ID_MAX]);

/* Date, group and run of such an id; false when it is none of this pipeline. */
bool trigger_parse_id(const struct pipeline *pipeline, const char *id, struct trigger *trigger);

/*
 * Reads date, group and run of an outbox field, "2021-11-17/g2/r1", into a trigger that is empty otherwise.
 * False, and nothing set, when it is none, or its group is none of the pipeline's.
 */
bool trigger_parse_field(const struct pipeline *pipeline, const char *field, struct trigger *trigger);

/*
 * Reads an outbox entry: its field ("2021-11-17/g2/r1") and its facts, JSON written by the store's functions
 * (NULL, as an empty text of Redis is read: there are none, and the entry is refused).
 * CODE_INVALID when it is not one of ours, CODE_LIMIT when its facts are nested deeper than 32 levels or do
 * not fit into the arena, CODE_UNAVAILABLE when out of memory. correlation_id and upstream live in the arena.
 */
struct result trigger_from_outbox(const struct pipeline *pipeline, const char *field, const char *facts,
    struct arena *arena, struct trigger *trigger) MUST_CHECK;

/* Do these facts say backfill? Without reading all of them: it is asked of every entry of an outbox, again
 * and again. */
bool trigger_facts_backfill(const char *facts);

/* The message of contract/trigger.json with its attributes and ordering key, in the arena; NULL when that is
 * full. */
struct message *trigger_encode(
    const struct pipeline *pipeline, const struct trigger *trigger, struct arena *arena);

#endif
