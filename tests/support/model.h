/*
 * The rules of one pipeline a second time, written from the design's section 4 and state/README.md alone and
 * as plainly as they can be said, to compare the store with. It shares no decision with the store: not even
 * whether a completion satisfies. It keeps everything in C structs and has no I/O.
 *
 * Re-runs, caps and deadlines (rules 5, 8 and 9) are not in it yet: the run is always 1.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_MODEL_H
#define PHASEGATE_TESTS_SUPPORT_MODEL_H

#include "core/completion.h"
#include "core/trigger.h"
#include "state/reader.h"
#include "state/store.h"

enum {
    MODEL_DATES_MAX = 32,
    MODEL_PAST_MAX = 256, /* of what is no longer current, as many of a date are kept */
    MODEL_OUTBOX_MAX = MODEL_DATES_MAX * PIPELINE_GROUPS_MAX,
    MODEL_HISTORY_MAX = MODEL_PAST_MAX + PIPELINE_PROCESSORS_MAX + 3 * PIPELINE_GROUPS_MAX + 1,
};

struct model;

/* The pipeline outlives the model, and so does every text that is passed in. NULL when out of memory. */
struct model *model_new(const struct pipeline *pipeline);
void model_free(struct model **model);

/* What store_apply has to answer. */
struct model_answer {
    enum verdict verdict;
    bool closed_no_games;
    int group; /* that this completion moved, or 0 */
    enum group_phase phase;
    bool due;
    struct trigger trigger;
};

struct model_answer model_apply(struct model *model, const struct completion *completion, int64_t now_ms);

/* Of the trigger only date, group and run are read. */
void model_confirm(
    struct model *model, const struct trigger *trigger, const char *bus_message_id, int64_t now_ms);

/* What reader_dates has to show; never NULL. Valid until the next call that changes the model. */
const struct date_state *model_date(struct model *model, game_date date);

/* What store_outbox has to tell, in its order; returns the count. */
size_t model_outbox(const struct model *model, struct trigger triggers[MODEL_OUTBOX_MAX]);

/* What reader_history has to tell, in any order. Mark and run of completions that were ignored, and of
 * completions the entry's own group and run, are not part of it. Returns the count. */
size_t model_history(
    struct model *model, game_date date, struct history_entry entries[MODEL_HISTORY_MAX], int64_t *dropped);

/* The first paragraph of the rules. */
bool model_satisfies(const struct processor *processor, enum status status, int64_t rows, int64_t failed);

#endif
