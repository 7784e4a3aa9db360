/* The story that `phasegate demo` plays: deploy/demo, built in. Read once, checked, never changed. */
#ifndef PHASEGATE_CLI_DEMO_STORY_H
#define PHASEGATE_CLI_DEMO_STORY_H

#include "core/config.h"
#include "core/row_counts.h"

enum { STORY_ACTS_MAX = 8, STORY_DATES_MAX = 64 };

/* What is published, and how many dates must stand where afterwards. */
struct act {
    const char *title;
    const char *file; /* of row counts, and its text */
    const char *text;
    const struct row_count *rows;
    size_t row_count;
    int done;
    int held;
    int no_games;
};

struct story {
    const struct pipeline *pipeline;
    const char *title;
    int triggers;                    /* that must have come out at the end */
    const struct row_count *answers; /* what the stand-in processors answer with … */
    size_t answer_count;
    const struct processor *answers_else_like; /* … and where that is 0, this table's count for the date */
    struct act acts[STORY_ACTS_MAX];
    int act_count;
    game_date dates[STORY_DATES_MAX]; /* of the first act, each once, in order */
    size_t date_count;
};

/* Everything lives in the arena and the configuration. A failure is a fault of the files in deploy/demo. */
struct result story_read(const struct config *config, struct arena *arena, struct story *story) MUST_CHECK;

/* The rows that the stand-in of a processor writes for a date. */
int64_t story_answer(const struct story *story, const struct processor *processor, game_date date);

#endif
