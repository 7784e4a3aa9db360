/* What the parts of the model share. */
#ifndef PHASEGATE_TESTS_SUPPORT_MODEL_PARTS_H
#define PHASEGATE_TESTS_SUPPORT_MODEL_PARTS_H

#include "support/model.h"

enum { EARLIER_MAX = 8, MS = 1000 };

/* A message that a group's trigger once was, before the last one. */
struct earlier {
    int run;
    const char *message_id;
};

/* Something that is no longer current, and how a reader tells it. */
struct past {
    struct history_entry entries[MODEL_ENTRIES_MAX];
    int count;
};

/* One date. What a reader sees of it is kept in the reader's own words. */
struct day {
    struct date_state seen;
    bool satisfies[PIPELINE_PROCESSORS_MAX]; /* the record there would, whatever run it is of */
    struct trigger triggers[PIPELINE_GROUPS_MAX];
    int64_t rows[PIPELINE_GROUPS_MAX][PIPELINE_PROCESSORS_MAX]; /* of the triggers */
    bool in_outbox[PIPELINE_GROUPS_MAX];
    struct earlier earlier[PIPELINE_GROUPS_MAX][EARLIER_MAX]; /* oldest first */
    int earlier_count[PIPELINE_GROUPS_MAX];
    bool retriggered;                 /* by the stall: the deadline runs again */
    struct past past[MODEL_PAST_MAX]; /* a ring */
    int64_t past_count;               /* ever */
};

struct slot {
    game_date date;
    int run;
    int64_t expires_ms; /* INT64_MAX: never */
};

struct model {
    const struct pipeline *pipeline;
    struct arena *arena; /* of the texts of the past */
    struct day days[MODEL_DATES_MAX];
    int day_count;
    int64_t paused_ms;
    struct slot slots[PIPELINE_GROUPS_MAX][MODEL_SLOTS_MAX];
    int slot_count[PIPELINE_GROUPS_MAX];
};

struct day *model_day(struct model *model, game_date date);

/* --- model_rules.c -------------------------------------------------------------------------------------- */

bool day_started(const struct day *day, int group);

/* Those of the set that do not count. */
processor_set day_missing(const struct model *model, const struct day *day, processor_set set);

/* The first group that is not done; 0 when all are. */
int day_first_undone(const struct model *model, const struct day *day);

/* To be called when records or groups have changed. */
void day_mark(const struct model *model, struct day *day);

/* A started group follows its processors until the next one has started. True when its phase changed. */
bool day_follow(struct model *model, struct day *day, int group, int64_t now_ms);

/* Rule 7, as long as nothing has started. True when this closed the date. */
bool day_follow_games(struct model *model, struct day *day, enum games games, int64_t now_ms);

/* The group that may start now; 0 when none may. */
int day_startable(const struct model *model, const struct day *day);
void day_start(
    const struct model *model, struct day *day, int group, const char *correlation_id, int64_t now_ms);

/* The same trigger once more. */
void day_trigger_again(
    const struct model *model, struct day *day, int group, const char *why, int64_t now_ms);

/* Rule 5: the completion, which counts, takes the place of before. Is it a re-run, and from where on? */
int day_rerun(const struct model *model, struct day *day, const struct completion *completion,
    const struct record *before, int64_t now_ms);

void day_end_stall(struct day *day);
bool day_is_stalled(const struct day *day, int group);

void day_remember_message(struct day *day, int group, int run, const char *message_id);

/* --- model_past.c --------------------------------------------------------------------------------------- */

void past_push(struct day *day, struct history_entry entry);

/* The group as it is: when it was ready, triggered and over. */
void past_push_group(struct day *day, int group);

/* The group's phase, where that is an end, which it leaves now. */
void past_push_end(struct day *day, int group);

void past_push_run(struct day *day, int first, const char *why, int64_t now_ms);

/* A record that is replaced. */
void past_push_record(struct model *model, struct day *day, const struct processor *processor);

/* A completion that changes nothing else. */
void past_push_ignored(struct model *model, struct day *day, const struct processor *processor,
    const struct record *record, enum verdict verdict);

#endif
