#include "support/model_parts.h"

#include <string.h>

/* --- Re-runs -------------------------------------------------------------------------------------------- */

/* The first started group that rests on the processor: it needs it, or comes after its group. 0: none. */
static int first_resting_on(
    const struct model *model, const struct day *day, const struct processor *processor) {
    for (int g = 1; g <= model->pipeline->group_count; g++) {
        bool needs = model->pipeline->groups[g - 1].needs >> processor->index & 1,
             follows = g > 1 && processor->group == g - 1;
        if (day_started(day, g) && (needs || follows))
            return g;
    }
    return 0;
}

int day_rerun(const struct model *model, struct day *day, const struct completion *completion,
    const struct record *before, int64_t now_ms) {
    struct stale *stale = &day->seen.stale;
    int first = first_resting_on(model, day, completion->processor);
    if (first == 0 || before->mark == RECORD_NONE || completion->timestamp_ms <= before->timestamp_ms
        || strcmp(completion->execution_id, before->execution_id) == 0)
        return 0;
    if (stale->group == 0)
        *stale = (struct stale){.group = first, .since_ms = now_ms};
    if (first < stale->group)
        stale->group = first;
    stale->processor = completion->processor;
    stale->due_ms =
        model->pipeline->rerun == RERUN_HOLD ? 0 : now_ms + (int64_t)model->pipeline->rerun_settle * MS;
    return stale->group;
}

static void drop_group(struct day *day, int number) {
    struct group_state *group = &day->seen.groups[number - 1];
    if (!day_started(day, number))
        return;
    past_push_group(day, number);
    if (group->bus_message_id)
        day_remember_message(day, number, group->run, group->bus_message_id);
    day->in_outbox[number - 1] = false;
    *group = (struct group_state){0};
}

/* Of an operator's run or start, where nothing is stale. */
static const char *newest_correlation(const struct model *model, const struct day *day, int group) {
    const struct record *newest = NULL;
    for (int i = 0; i < model->pipeline->processor_count; i++) {
        const struct record *record = &day->seen.records[i];
        if (model->pipeline->groups[group - 1].needs >> i & 1
            && (!newest || record->arrived_ms > newest->arrived_ms))
            newest = record;
    }
    return newest ? newest->correlation_id : NULL;
}

/* Returns the group that could start at once, or 0. */
static int open_run(struct model *model, struct day *day, int first, const char *why, int64_t now_ms) {
    struct date_state *seen = &day->seen;
    bool was_stale = seen->stale.group != 0;
    const char *correlation = was_stale ? seen->records[seen->stale.processor->index].correlation_id : NULL;
    day_end_stall(day);
    for (int g = model->pipeline->group_count; g >= first; g--)
        drop_group(day, g);
    seen->run++;
    past_push_run(day, first, why, now_ms);
    seen->stale = (struct stale){0};
    if (first == 1)
        seen->since_ms = now_ms;
    day_mark(model, day);
    if (first > 1)
        day_follow(model, day, first - 1, now_ms);
    day_follow_games(model, day, GAMES_UNKNOWN, now_ms);
    int group = day_startable(model, day);
    if (group > 0)
        day_start(model, day, group, was_stale ? correlation : newest_correlation(model, day, group), now_ms);
    return group;
}

/* --- Deadlines ------------------------------------------------------------------------------------------ */

struct deadline {
    int group;
    int64_t at_ms; /* 0: there is none */
};

/* What the date waits for, and until when it should have come. */
static struct deadline deadline_of(const struct model *model, const struct day *day) {
    const struct pipeline *pipeline = model->pipeline;
    const struct date_state *seen = &day->seen;
    int group = day_first_undone(model, day);
    struct deadline none = {0};
    if (group == 0)
        return none;
    if (day_started(day, group)) {
        const struct group_state *state = &seen->groups[group - 1];
        if (state->phase != GROUP_TRIGGERED || pipeline->group_deadline == 0)
            return none;
        return (struct deadline){group, state->triggered_ms + (int64_t)pipeline->group_deadline * MS};
    }
    int64_t since_ms = group == 1 ? seen->since_ms : seen->groups[group - 2].ended_ms;
    if (pipeline->upstream_deadline == 0 || since_ms == 0 || seen->no_games_ms != 0 || seen->stale.group != 0)
        return none;
    return (struct deadline){group, since_ms + (int64_t)pipeline->upstream_deadline * MS};
}

bool day_is_stalled(const struct day *day, int group) {
    return day->seen.stall.group == group && !day->retriggered;
}

static void stall(struct model *model, struct day *day, int group, struct model_tick *tick, int64_t now_ms) {
    const struct pipeline *pipeline = model->pipeline;
    struct stall *stall = &day->seen.stall;
    bool started = day_started(day, group);
    int before = stall->group == group ? stall->times : 0;
    day_end_stall(day);
    *stall = (struct stall){.group = group, .times = before + 1, .at_ms = now_ms};
    tick->stalled_group = group;
    tick->stalled_run = day->seen.groups[group - 1].run;
    tick->stalls = stall->times;
    tick->waits_for = day_missing(
        model, day, started ? pipeline->groups[group - 1].members : pipeline->groups[group - 1].needs);
    day->retriggered = started && pipeline->on_stall == STALL_RETRIGGER
        && stall->times <= pipeline->retrigger_limit && day->seen.stale.group == 0;
    if (!day->retriggered)
        return;
    day_trigger_again(model, day, group, "stall", now_ms);
    tick->due = true;
    tick->trigger = day->triggers[group - 1];
}

int64_t model_due_ms(struct model *model, game_date date) {
    const struct day *day = model_day(model, date);
    struct deadline deadline = deadline_of(model, day);
    int64_t due_ms = day->seen.stale.due_ms;
    if (deadline.at_ms != 0 && !day_is_stalled(day, deadline.group)
        && (due_ms == 0 || deadline.at_ms < due_ms))
        due_ms = deadline.at_ms;
    return due_ms;
}

struct model_tick model_tick(struct model *model, game_date date, int64_t now_ms) {
    struct day *day = model_day(model, date);
    const struct stale *stale = &day->seen.stale;
    struct model_tick tick = {0};
    if (stale->group != 0 && stale->due_ms != 0 && stale->due_ms <= now_ms) {
        tick.opened_from = stale->group;
        int group = open_run(model, day, stale->group, "rerun", now_ms);
        tick.opened_run = day->seen.run;
        tick.due = group != 0;
        if (group != 0)
            tick.trigger = day->triggers[group - 1];
    }
    struct deadline deadline = deadline_of(model, day);
    if (deadline.at_ms != 0 && deadline.at_ms <= now_ms && !day_is_stalled(day, deadline.group))
        stall(model, day, deadline.group, &tick, now_ms);
    return tick;
}

/* --- Operators ------------------------------------------------------------------------------------------ */

static struct model_replayed replayed(const struct day *day, int what, int group) {
    return (struct model_replayed){.what = what,
        .group = group,
        .run = day->seen.groups[group - 1].run,
        .due = true,
        .trigger = day->triggers[group - 1]};
}

/* What is stale or not done is never carried over. A run in which nothing has started is as good as new. */
static struct model_replayed replay_rerun(
    struct model *model, struct day *day, int from_group, int64_t now_ms) {
    int stale = day->seen.stale.group, undone = day_first_undone(model, day);
    int first = from_group != 0 ? from_group : stale != 0 ? stale : 1;
    if (!day_started(day, 1))
        return (struct model_replayed){0};
    if (stale != 0 && stale < first)
        first = stale;
    if (undone != 0 && undone < first)
        first = undone;
    int started = open_run(model, day, first, "operator", now_ms);
    struct model_replayed answer = {.what = REPLAYED_RUN, .group = first, .run = day->seen.run};
    answer.due = started != 0;
    if (started != 0)
        answer.trigger = day->triggers[started - 1];
    return answer;
}

struct model_replayed model_replay(
    struct model *model, game_date date, enum replay replay, int from_group, int64_t now_ms) {
    struct day *day = model_day(model, date);
    struct model_replayed nothing = {0};
    if (replay == REPLAY_RERUN)
        return replay_rerun(model, day, from_group, now_ms);
    int group = day_first_undone(model, day);
    if (group == 0 || group < from_group || day->seen.stale.group != 0)
        return nothing;
    enum group_phase phase = day->seen.groups[group - 1].phase;
    if (phase == GROUP_WAITING) {
        if (day_startable(model, day) == 0)
            return nothing;
        day_start(model, day, group, newest_correlation(model, day, group), now_ms);
        return replayed(day, REPLAYED_START, group);
    }
    if (phase == GROUP_READY && day->in_outbox[group - 1])
        return nothing;
    if (replay == REPLAY_MISSED && phase != GROUP_CANCELLED && phase != GROUP_READY)
        return nothing;
    day_end_stall(day);
    day_trigger_again(model, day, group, "operator", now_ms);
    return replayed(day, REPLAYED_TRIGGER, group);
}

/* What is done or failed meanwhile waits for its trigger no more. */
bool model_cancel(struct model *model, const struct trigger *trigger, int64_t now_ms) {
    struct day *day = model_day(model, trigger->date);
    struct group_state *group = &day->seen.groups[trigger->group - 1];
    if (!day->in_outbox[trigger->group - 1] || group->run != trigger->run || group->phase != GROUP_READY)
        return false;
    day->in_outbox[trigger->group - 1] = false;
    group->phase = GROUP_CANCELLED;
    group->ended_ms = now_ms;
    return true;
}
