#include "support/model_parts.h"

#include <string.h>

bool day_started(const struct day *day, int group) {
    return day->seen.groups[group - 1].phase != GROUP_WAITING;
}

static bool counts(const struct day *day, int processor) {
    return day->seen.records[processor].mark == RECORD_COUNTS;
}

processor_set day_missing(const struct model *model, const struct day *day, processor_set set) {
    processor_set missing = 0;
    for (int i = 0; i < model->pipeline->processor_count; i++)
        if (set >> i & 1 && !counts(day, i))
            missing |= (processor_set)1 << i;
    return missing;
}

int day_first_undone(const struct model *model, const struct day *day) {
    for (int g = 1; g <= model->pipeline->group_count; g++)
        if (day->seen.groups[g - 1].phase != GROUP_DONE)
            return g;
    return 0;
}

/* A group's processor speaks for the run that its group was triggered in, and for no other. */
static enum record_mark mark_of(const struct day *day, const struct processor *processor) {
    const struct record *record = &day->seen.records[processor->index];
    if (record->mark == RECORD_NONE)
        return RECORD_NONE;
    if (processor->group > 0) {
        const struct group_state *group = &day->seen.groups[processor->group - 1];
        if (record->run == 0)
            return RECORD_PREMATURE;
        if (group->phase == GROUP_WAITING || group->run != record->run)
            return RECORD_OLD;
    }
    return day->satisfies[processor->index] ? RECORD_COUNTS : RECORD_SHORT;
}

void day_mark(const struct model *model, struct day *day) {
    for (int i = 0; i < model->pipeline->processor_count; i++)
        day->seen.records[i].mark = mark_of(day, &model->pipeline->processors[i]);
}

/* --- Phases --------------------------------------------------------------------------------------------- */

static enum group_phase phase_by_processors(
    const struct model *model, const struct day *day, const struct group *group) {
    const struct group_state *state = &day->seen.groups[group->number - 1];
    if (day_missing(model, day, group->members) == 0)
        return GROUP_DONE;
    for (int i = 0; i < model->pipeline->processor_count; i++) {
        const struct record *record = &day->seen.records[i];
        if (group->members >> i & 1 && record->mark == RECORD_SHORT && record->status == STATUS_FAILED
            && !record->set_aside)
            return GROUP_FAILED;
    }
    if (state->bus_message_id)
        return GROUP_TRIGGERED;
    return state->phase == GROUP_CANCELLED ? GROUP_CANCELLED : GROUP_READY;
}

bool day_follow(struct model *model, struct day *day, int number, int64_t now_ms) {
    struct group_state *group = &day->seen.groups[number - 1];
    if (!day_started(day, number) || (number < model->pipeline->group_count && day_started(day, number + 1)))
        return false;
    enum group_phase phase = phase_by_processors(model, day, &model->pipeline->groups[number - 1]);
    if (phase == group->phase)
        return false;
    bool over = phase == GROUP_DONE || phase == GROUP_FAILED;
    past_push_end(day, number);
    if (over)
        day_end_stall(day);
    group->phase = phase;
    group->ended_ms = over ? now_ms : 0;
    return true;
}

/* --- No games ------------------------------------------------------------------------------------------- */

static bool all_say_no_data(const struct model *model, const struct day *day) {
    for (int i = 0; i < model->pipeline->processor_count; i++) {
        const struct record *record = &day->seen.records[i];
        if (model->pipeline->processors[i].group == 0
            && (record->mark == RECORD_NONE || record->status != STATUS_NO_DATA))
            return false;
    }
    return true;
}

bool day_follow_games(struct model *model, struct day *day, enum games games, int64_t now_ms) {
    if (day_started(day, 1))
        return false;
    bool lacks = day_missing(model, day, model->pipeline->groups[0].needs) != 0,
         none = all_say_no_data(model, day) || (games == GAMES_NONE && lacks),
         was = day->seen.no_games_ms != 0;
    if (was && !none) {
        past_push(day, (struct history_entry){.at_ms = day->seen.no_games_ms, .kind = HISTORY_NO_GAMES});
        day->seen.no_games_ms = 0;
    }
    if (none && !was) {
        day->seen.no_games_ms = now_ms;
        day_end_stall(day);
    }
    return none && !was;
}

/* --- Starting ------------------------------------------------------------------------------------------- */

int day_startable(const struct model *model, const struct day *day) {
    int group = day_first_undone(model, day);
    if (group == 0 || day_started(day, group) || day->seen.no_games_ms != 0 || day->seen.stale.group != 0)
        return 0;
    return day_missing(model, day, model->pipeline->groups[group - 1].needs) == 0 ? group : 0;
}

/* Rows of each need as they are now; whoever publishes again tells what the tables hold by then. */
static void put_into_outbox(const struct model *model, struct day *day, int number) {
    const struct group *group = &model->pipeline->groups[number - 1];
    const struct group_state *state = &day->seen.groups[number - 1];
    struct trigger *trigger = &day->triggers[number - 1];
    *trigger = (struct trigger){.date = day->seen.date,
        .group = number,
        .run = state->run,
        .backfill = state->backfill,
        .decided_ms = state->ready_ms,
        .correlation_id = state->correlation_id,
        .upstream = day->rows[number - 1]};
    for (int i = 0; i < PIPELINE_PROCESSORS_MAX; i++)
        day->rows[number - 1][i] = group->needs >> i & 1 ? day->seen.records[i].record_count : ROWS_UNKNOWN;
    day->in_outbox[number - 1] = true;
}

static bool rests_on_backfill(const struct model *model, const struct day *day, int number) {
    const struct group *group = &model->pipeline->groups[number - 1];
    processor_set rests_on = group->needs | (number > 1 ? group[-1].members : 0);
    bool backfill = number > 1 && day->seen.groups[number - 2].backfill;
    for (int i = 0; i < model->pipeline->processor_count && !backfill; i++)
        backfill = rests_on >> i & 1 && day->seen.records[i].backfill;
    return backfill;
}

void day_start(
    const struct model *model, struct day *day, int group, const char *correlation_id, int64_t now_ms) {
    day_end_stall(day);
    if (day->seen.run == 0)
        day->seen.run = 1;
    if (group == 1)
        day->seen.since_ms = 0;
    day->seen.groups[group - 1] = (struct group_state){.phase = GROUP_READY,
        .run = day->seen.run,
        .ready_ms = now_ms,
        .backfill = rests_on_backfill(model, day, group),
        .correlation_id = correlation_id};
    put_into_outbox(model, day, group);
    day_mark(model, day);
}

/* --- Triggering again ----------------------------------------------------------------------------------- */

void day_remember_message(struct day *day, int group, int run, const char *message_id) {
    struct earlier *earlier = day->earlier[group - 1];
    int *count = &day->earlier_count[group - 1];
    for (int i = 0; i < *count; i++)
        if (earlier[i].run == run && strcmp(earlier[i].message_id, message_id) == 0)
            return;
    if (*count == EARLIER_MAX)
        memmove(earlier, earlier + 1, (size_t)-- * count * sizeof *earlier);
    earlier[(*count)++] = (struct earlier){run, message_id};
}

static void set_failures_aside(const struct model *model, struct day *day, int group) {
    processor_set members = model->pipeline->groups[group - 1].members;
    for (int i = 0; i < model->pipeline->processor_count; i++) {
        struct record *record = &day->seen.records[i];
        if (members >> i & 1 && record->mark == RECORD_SHORT && record->status == STATUS_FAILED)
            record->set_aside = true;
    }
}

void day_trigger_again(
    const struct model *model, struct day *day, int number, const char *why, int64_t now_ms) {
    struct group_state *group = &day->seen.groups[number - 1];
    set_failures_aside(model, day, number);
    past_push_end(day, number);
    if (group->bus_message_id) {
        past_push(day,
            (struct history_entry){.at_ms = group->triggered_ms,
                .kind = HISTORY_TRIGGERED,
                .group = number,
                .run = group->run,
                .bus_message_id = group->bus_message_id});
        day_remember_message(day, number, group->run, group->bus_message_id);
    }
    past_push(day,
        (struct history_entry){
            .at_ms = now_ms, .kind = HISTORY_REPLAYED, .group = number, .run = group->run, .verdict = why});
    group->phase = GROUP_READY;
    group->triggered_ms = group->ended_ms = 0;
    group->bus_message_id = NULL;
    put_into_outbox(model, day, number);
}
