/*
 * Completions as real publishers write them: JSON with a table's name, a class name or an alias, or only a
 * usable output_table, and protobuf; live, and tagged as backfill in each of the ways there are.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_EVENT_H
#define PHASEGATE_TESTS_SUPPORT_EVENT_H

#include "base/arena.h"
#include "core/date.h"
#include "core/message.h"

#include <stdbool.h>

enum event_form {
    EVENT_NAME,   /* "player_game_summary" */
    EVENT_CLASS,  /* "PlayerGameSummaryProcessor" */
    EVENT_ASYNC,  /* "AsyncPlayerGameSummaryProcessor" */
    EVENT_ALIAS,  /* "pgs"; "ml_feature_store_v2" */
    EVENT_TABLE,  /* "daily-job-17", and output_table is right */
    EVENT_BINARY, /* phasegate.v1.Completion */
    EVENT_FORMS
};

enum event_tag {
    EVENT_LIVE,
    EVENT_METADATA,  /* metadata.backfill_mode */
    EVENT_ATTRIBUTE, /* attribute backfill */
    EVENT_SKIP,      /* skip_downstream_trigger */
    EVENT_SOURCE,    /* trigger_source */
    EVENT_TAGS
};

struct event {
    int processor; /* index in nba */
    game_date date;
    enum event_form form;
    enum event_tag tag;
    const char *status; /* NULL: success */
    int64_t rows;
    const char *execution; /* this, correlation and the ids may be NULL: left out */
    const char *correlation;
    const char *trigger_id;
    const char *trigger_message_id;
    int64_t timestamp_ms;
};

/* Its rows where nothing else matters: at least 1, different for each processor and for neighbouring dates.
 */
int64_t event_rows(int processor, game_date date);

/* The topic that its publisher uses. */
const char *event_topic(int processor);

/* Fails the test when the arena is full; 8 KiB are enough. */
struct message *event_encode(const struct event *event, struct arena *arena);

#endif
