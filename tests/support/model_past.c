#include "support/model_parts.h"

#include <stdlib.h>
#include <string.h>

/* --- What a reader tells of what is there --------------------------------------------------------------- */

static struct history_entry completion_entry(
    const struct processor *processor, const struct record *record, enum verdict verdict) {
    return (struct history_entry){
        .at_ms = record->arrived_ms,
        .kind = HISTORY_COMPLETION,
        .verdict = verdict_name(verdict),
        .times = 1,
        .processor = processor,
        .record = *record,
    };
}

static enum verdict verdict_of_record(const struct record *record) {
    return record->mark == RECORD_PREMATURE ? VERDICT_PREMATURE : VERDICT_APPLIED;
}

static bool is_end(enum group_phase phase) {
    return phase == GROUP_DONE || phase == GROUP_FAILED || phase == GROUP_CANCELLED;
}

static struct history_entry end_entry(const struct group_state *state, int group) {
    enum history_kind kind = state->phase == GROUP_DONE ? HISTORY_DONE
        : state->phase == GROUP_FAILED                  ? HISTORY_FAILED
                                                        : HISTORY_CANCELLED;
    return (struct history_entry){.at_ms = state->ended_ms, .kind = kind, .group = group, .run = state->run};
}

static int group_entries(
    const struct group_state *state, int group, struct history_entry entries[MODEL_ENTRIES_MAX]) {
    int count = 0;
    if (state->phase != GROUP_WAITING)
        entries[count++] = (struct history_entry){
            .at_ms = state->ready_ms, .kind = HISTORY_READY, .group = group, .run = state->run};
    if (state->bus_message_id)
        entries[count++] = (struct history_entry){.at_ms = state->triggered_ms,
            .kind = HISTORY_TRIGGERED,
            .group = group,
            .run = state->run,
            .bus_message_id = state->bus_message_id};
    if (is_end(state->phase))
        entries[count++] = end_entry(state, group);
    return count;
}

/* Of a group that could not start it is the run that it did not start in. */
static struct history_entry stall_entry(const struct day *day) {
    const struct stall *stall = &day->seen.stall;
    int run = day->seen.groups[stall->group - 1].run;
    return (struct history_entry){.at_ms = stall->at_ms,
        .kind = HISTORY_STALLED,
        .group = stall->group,
        .run = run != 0 ? run : day->seen.run,
        .times = stall->times};
}

/* run: the one that the re-run came into. */
static struct history_entry stale_entry(const struct stale *stale, int first, int run) {
    return (struct history_entry){
        .at_ms = stale->since_ms, .kind = HISTORY_STALE, .group = first, .run = run};
}

/* --- What is no longer current -------------------------------------------------------------------------- */

static struct past *past_next(struct day *day) {
    struct past *past = &day->past[day->past_count++ % MODEL_PAST_MAX];
    *past = (struct past){0};
    return past;
}

void past_push(struct day *day, struct history_entry entry) {
    *past_next(day) = (struct past){.entries = {entry}, .count = 1};
}

void past_push_group(struct day *day, int group) {
    struct past *past = past_next(day);
    past->count = group_entries(&day->seen.groups[group - 1], group, past->entries);
}

void past_push_end(struct day *day, int group) {
    const struct group_state *state = &day->seen.groups[group - 1];
    if (is_end(state->phase))
        past_push(day, end_entry(state, group));
}

void past_push_run(struct day *day, int first, const char *why, int64_t now_ms) {
    struct past *past = past_next(day);
    past->entries[past->count++] = (struct history_entry){
        .at_ms = now_ms, .kind = HISTORY_RUN, .group = first, .run = day->seen.run, .verdict = why};
    if (day->seen.stale.group)
        past->entries[past->count++] = stale_entry(&day->seen.stale, first, day->seen.run - 1);
}

void day_end_stall(struct day *day) {
    if (day->seen.stall.group)
        past_push(day, stall_entry(day));
    day->seen.stall = (struct stall){0};
    day->retriggered = false;
}

/* The past is kept in lines: a control character is a blank there. */
static const char *one_line(struct model *model, const char *text) {
    char *line = arena_strdup(model->arena, text);
    if (text && !line)
        abort();
    for (char *c = line; c && *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return line;
}

static struct history_entry past_entry(struct model *model, const struct processor *processor,
    const struct record *record, enum verdict verdict) {
    struct history_entry entry = completion_entry(processor, record, verdict);
    entry.record.execution_id = one_line(model, record->execution_id);
    entry.record.correlation_id = one_line(model, record->correlation_id);
    entry.record.error_message = one_line(model, record->error_message);
    return entry;
}

void past_push_record(struct model *model, struct day *day, const struct processor *processor) {
    const struct record *record = &day->seen.records[processor->index];
    past_push(day, past_entry(model, processor, record, verdict_of_record(record)));
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_event(const struct history_entry *a, const struct history_entry *b) {
    const struct record *x = &a->record, *y = &b->record;
    return a->kind == b->kind && a->processor == b->processor && same_text(a->verdict, b->verdict)
        && x->status == y->status && x->record_count == y->record_count
        && x->records_failed == y->records_failed && x->timestamp_ms == y->timestamp_ms
        && x->backfill == y->backfill && same_text(x->execution_id, y->execution_id)
        && same_text(x->correlation_id, y->correlation_id) && same_text(x->error_message, y->error_message);
}

/* The same one ignored several times in a row is one entry. */
void past_push_ignored(struct model *model, struct day *day, const struct processor *processor,
    const struct record *record, enum verdict verdict) {
    struct history_entry entry = past_entry(model, processor, record, verdict);
    struct history_entry *last = day->past[(day->past_count + MODEL_PAST_MAX - 1) % MODEL_PAST_MAX].entries;
    if (day->past_count == 0 || !same_event(last, &entry)) {
        past_push(day, entry);
        return;
    }
    last->at_ms = last->record.arrived_ms = entry.at_ms;
    last->times++;
}

/* --- The history ---------------------------------------------------------------------------------------- */

size_t model_history(
    struct model *model, game_date date, struct history_entry entries[MODEL_HISTORY_MAX], int64_t *dropped) {
    const struct day *day = model_day(model, date);
    const struct pipeline *pipeline = model->pipeline;
    size_t count = 0;
    for (int i = 0; i < pipeline->processor_count; i++) {
        const struct record *record = &day->seen.records[i];
        if (record->mark != RECORD_NONE)
            entries[count++] = completion_entry(&pipeline->processors[i], record, verdict_of_record(record));
    }
    for (int g = 1; g <= pipeline->group_count; g++)
        count += (size_t)group_entries(&day->seen.groups[g - 1], g, &entries[count]);
    if (day->seen.no_games_ms != 0)
        entries[count++] = (struct history_entry){.at_ms = day->seen.no_games_ms, .kind = HISTORY_NO_GAMES};
    if (day->seen.stale.group)
        entries[count++] = stale_entry(&day->seen.stale, day->seen.stale.group, day->seen.run);
    if (day->seen.stall.group)
        entries[count++] = stall_entry(day);
    int64_t kept = day->past_count < MODEL_PAST_MAX ? day->past_count : MODEL_PAST_MAX;
    for (int64_t i = 0; i < kept; i++)
        for (int e = 0; e < day->past[i].count; e++)
            entries[count++] = day->past[i].entries[e];
    *dropped = day->past_count - kept;
    return count;
}
