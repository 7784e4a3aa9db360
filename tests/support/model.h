/*
 * The rules of one pipeline a second time, written from the design's section 4 and state/README.md alone and
 * as plainly as they can be said, to compare the store with. It shares no decision with the store: not even
 * whether a completion satisfies. It keeps everything in C structs and has no I/O.
 *
 * Its parts: model.c takes completions and confirmations, model_rules.c says what follows from them,
 * model_run.c is for re-runs, deadlines and operators, model_slots.c for backfill, model_past.c for history.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_MODEL_H
#define PHASEGATE_TESTS_SUPPORT_MODEL_H

#include "core/completion.h"
#include "core/trigger.h"
#include "state/reader.h"
#include "state/store.h"

enum {
    MODEL_DATES_MAX = 32,
    MODEL_PAST_MAX = 256,  /* of what is no longer current, as many of a date are kept */
    MODEL_ENTRIES_MAX = 3, /* of history, that one of those can be */
    MODEL_OUTBOX_MAX = MODEL_DATES_MAX * PIPELINE_GROUPS_MAX,
    MODEL_HISTORY_MAX =
        MODEL_ENTRIES_MAX * (MODEL_PAST_MAX + PIPELINE_GROUPS_MAX + 1) + PIPELINE_PROCESSORS_MAX,
    MODEL_SLOTS_MAX = 128, /* of one group, taken or expired */
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
    int group_run;
    enum group_phase phase;
    int stale_from;
    bool due;
    struct trigger trigger;
};

struct model_answer model_apply(struct model *model, const struct completion *completion, int64_t now_ms);

/* Of the trigger only date, group and run are read, here and below. */
void model_confirm(
    struct model *model, const struct trigger *trigger, const char *bus_message_id, int64_t now_ms);

/* What store_tick has to answer. */
struct model_tick {
    int opened_run, opened_from;
    int stalled_group, stalled_run, stalls;
    processor_set waits_for;
    bool due;
    struct trigger trigger;
};

struct model_tick model_tick(struct model *model, game_date date, int64_t now_ms);

/* When there is something to do for the date: a settle time or deadline that was not seen to. 0: never. */
int64_t model_due_ms(struct model *model, game_date date);

/* What store_replay has to answer. */
struct model_replayed {
    int what; /* REPLAYED_NOTHING … */
    int group, run;
    bool due;
    struct trigger trigger;
};

struct model_replayed model_replay(
    struct model *model, game_date date, enum replay replay, int from_group, int64_t now_ms);

bool model_cancel(struct model *model, const struct trigger *trigger, int64_t now_ms);

enum claim model_claim(struct model *model, const struct trigger *trigger, int64_t now_ms);
void model_release(struct model *model, const struct trigger *trigger);
int model_reclaim(struct model *model, int group, int64_t now_ms);
void model_pause(struct model *model, bool paused, int64_t now_ms);

/* What reader_dates has to show; never NULL. Valid until the next call that changes the model. */
const struct date_state *model_date(struct model *model, game_date date);

/* What store_outbox has to tell, in its order; returns the count. */
size_t model_outbox(const struct model *model, struct trigger triggers[MODEL_OUTBOX_MAX]);

/* What reader_backfill has to tell of pause, slots and who waits. */
int64_t model_paused_ms(const struct model *model);
int model_slots(const struct model *model, int group);
size_t model_waiting(const struct model *model, struct trigger triggers[MODEL_OUTBOX_MAX]);

/* What reader_history has to tell, in any order. Mark and run of completions that were ignored, the mark of
 * others (but whether it is premature), and of completions the entry's own group and run, are not part of it.
 * Returns the count. */
size_t model_history(
    struct model *model, game_date date, struct history_entry entries[MODEL_HISTORY_MAX], int64_t *dropped);

/* The first paragraph of the rules. */
bool model_satisfies(const struct completion *completion);

#endif
