/*
 * The invariants of the design's section 5, watched in what the store shows and without the model: one
 * decision for each trigger, strict order, never on partial data, always in the end, no answer of an old run
 * for a new one, never more slots than the cap.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_STORY_WATCH_H
#define PHASEGATE_TESTS_SUPPORT_STORY_WATCH_H

#include "support/model_compare.h"
#include "support/story.h"

enum { WATCH_RUNS_MAX = 256, WATCH_MESSAGES_MAX = 16, WATCH_ID_MAX = 24 };

/* A message that was a group's trigger. */
struct watched_message {
    int run;
    char id[WATCH_ID_MAX];
};

struct watched_group {
    bool decided[WATCH_RUNS_MAX];
    int run;                                             /* that it was shown with last; 0: waiting */
    struct watched_message messages[WATCH_MESSAGES_MAX]; /* a ring */
    int message_count;                                   /* ever */
};

struct watched_date {
    game_date date;
    int run;
    struct watched_group groups[PIPELINE_GROUPS_MAX];
};

/* Zero to begin with, but for the pipeline and what it says of the history. */
struct watch {
    const struct pipeline *pipeline;
    bool bootstrap; /* the history has completions of a season's first days */
    struct watched_date dates[MODEL_DATES_MAX];
    int date_count;
};

/* A trigger came due, and the date is as shown; again: it was there before and was replayed. */
bool watch_trigger(struct watch *watch, const struct trigger *due, bool again, const struct date_state *state,
    struct difference *difference);

/* A completion was judged, and the date has not been shown since. */
bool watch_verdict(struct watch *watch, const struct completion *completion, enum verdict verdict,
    struct difference *difference);

/* A trigger was confirmed; what counts is what the store shows, but for those of earlier runs. */
void watch_confirm(struct watch *watch, const struct trigger *trigger, const char *bus_message_id);

/* The date is as shown after a step. */
bool watch_date(struct watch *watch, const struct date_state *state, struct difference *difference);

bool watch_slots(
    const struct watch *watch, const struct backfill_state *backfill, struct difference *difference);

#endif
