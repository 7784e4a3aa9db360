#include "support/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 16 << 20 };

/* One date. What a reader sees of it is kept in the reader's own words. */
struct day {
    struct date_state seen;
    bool satisfies[PIPELINE_PROCESSORS_MAX]; /* the record there would, premature or not */
    struct trigger triggers[PIPELINE_GROUPS_MAX];
    bool in_outbox[PIPELINE_GROUPS_MAX];
    struct history_entry past[MODEL_PAST_MAX]; /* a ring */
    int64_t past_count;                        /* ever */
};

struct model {
    const struct pipeline *pipeline;
    struct arena *arena; /* of the texts of the past */
    struct day days[MODEL_DATES_MAX];
    int day_count;
};

struct model *model_new(const struct pipeline *pipeline) {
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    model->pipeline = pipeline;
    model->arena = arena_new(ARENA_MAX);
    if (!model->arena)
        model_free(&model);
    return model;
}

void model_free(struct model **model) {
    if (!*model)
        return;
    arena_free(&(*model)->arena);
    free(*model);
    *model = NULL;
}

static struct day *day_of(struct model *model, game_date date) {
    for (int i = 0; i < model->day_count; i++)
        if (model->days[i].seen.date == date)
            return &model->days[i];
    if (model->day_count == MODEL_DATES_MAX)
        abort();
    struct day *day = &model->days[model->day_count++];
    day->seen.date = date;
    return day;
}

/* --- Does it satisfy? ----------------------------------------------------------------------------------- */

bool model_satisfies(const struct processor *processor, enum status status, int64_t rows, int64_t failed) {
    /* Zero rows of a partial completion whose every row failed are not "nothing to do". */
    bool empty = status == STATUS_NO_DATA || status == STATUS_SKIPPED
        || (rows == 0 && (status == STATUS_SUCCESS || (status == STATUS_PARTIAL && failed == 0)));
    if (empty && processor->allow_empty)
        return true;
    if (status == STATUS_SUCCESS)
        return rows == ROWS_UNKNOWN ? !processor->require_rows : rows >= processor->min_rows;
    if (status == STATUS_PARTIAL && rows != ROWS_UNKNOWN && rows >= processor->min_rows)
        return (double)rows / (double)(rows + failed) >= processor->min_coverage;
    return false;
}

/* --- The history ---------------------------------------------------------------------------------------- */

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

static void past_push(struct day *day, struct history_entry entry) {
    day->past[day->past_count++ % MODEL_PAST_MAX] = entry;
}

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

static struct history_entry past_entry(struct model *model, const struct processor *processor,
    const struct record *record, enum verdict verdict) {
    struct history_entry entry = completion_entry(processor, record, verdict);
    entry.record.execution_id = one_line(model, record->execution_id);
    entry.record.correlation_id = one_line(model, record->correlation_id);
    entry.record.error_message = one_line(model, record->error_message);
    return entry;
}

/* The same one ignored several times in a row is one entry. */
static void past_push_ignored(struct day *day, struct history_entry entry) {
    struct history_entry *last = &day->past[(day->past_count + MODEL_PAST_MAX - 1) % MODEL_PAST_MAX];
    if (day->past_count == 0 || !same_event(last, &entry)) {
        past_push(day, entry);
        return;
    }
    last->at_ms = last->record.arrived_ms = entry.at_ms;
    last->times++;
}

static enum verdict verdict_of_record(const struct record *record) {
    return record->mark == RECORD_PREMATURE ? VERDICT_PREMATURE : VERDICT_APPLIED;
}

/* --- Judging a completion ------------------------------------------------------------------------------- */

static bool has_started(const struct day *day, int group) {
    return day->seen.groups[group - 1].phase != GROUP_WAITING;
}

/* Of one execution: satisfying, then the status, then more rows; unknown is fewest. */
static bool is_better(const struct day *day, const struct completion *completion) {
    const struct processor *processor = completion->processor;
    const struct record *recorded = &day->seen.records[processor->index];
    bool satisfies = model_satisfies(
             processor, completion->status, completion->record_count, completion->records_failed),
         satisfied = day->satisfies[processor->index];
    if (satisfies != satisfied)
        return satisfies;
    if (completion->status != recorded->status)
        return completion->status > recorded->status;
    return completion->record_count > recorded->record_count;
}

enum belonging { BELONGS_ELSEWHERE, BELONGS_BY_ARRIVAL, BELONGS_BY_NAME };

/* Of a completion of a group that has started: does it belong to the run? */
static enum belonging belonging_of(
    const struct model *model, const struct day *day, const struct completion *completion) {
    const struct group_state *group = &day->seen.groups[completion->processor->group - 1];
    if (completion->trigger_id) {
        char date[DATE_TEXT_MAX], expected[TRIGGER_ID_MAX];
        snprintf(expected, sizeof expected, "%s/%s/g%d/r%d", model->pipeline->name,
            date_format(day->seen.date, date), completion->processor->group, day->seen.run);
        return strcmp(completion->trigger_id, expected) == 0 ? BELONGS_BY_NAME : BELONGS_ELSEWHERE;
    }
    bool answers = completion->trigger_message_id && group->bus_message_id
        && strcmp(completion->trigger_message_id, group->bus_message_id) == 0;
    return answers ? BELONGS_BY_NAME : BELONGS_BY_ARRIVAL;
}

static enum verdict judge(
    const struct model *model, const struct day *day, const struct completion *completion) {
    const struct record *recorded = &day->seen.records[completion->processor->index];
    int group = completion->processor->group;
    bool early = group > 0 && !has_started(day, group), against_record = recorded->mark != RECORD_NONE;
    if (group > 0 && !early) {
        enum belonging belonging = belonging_of(model, day, completion);
        if (belonging == BELONGS_ELSEWHERE)
            return VERDICT_OTHER_RUN;
        if (belonging == BELONGS_BY_NAME && recorded->mark == RECORD_PREMATURE)
            against_record = false;
    }
    if (against_record && strcmp(completion->execution_id, recorded->execution_id) == 0
        && !is_better(day, completion))
        return VERDICT_DUPLICATE;
    if (against_record && completion->timestamp_ms < recorded->timestamp_ms)
        return VERDICT_LATE;
    return early ? VERDICT_PREMATURE : VERDICT_APPLIED;
}

/* --- What follows --------------------------------------------------------------------------------------- */

static bool counts(const struct day *day, int processor) {
    return day->seen.records[processor].mark == RECORD_COUNTS;
}

static enum group_phase phase_by_processors(
    const struct model *model, const struct day *day, const struct group *group) {
    bool all = true, any_failed = false;
    for (int i = 0; i < model->pipeline->processor_count; i++) {
        if (!(group->members >> i & 1))
            continue;
        const struct record *record = &day->seen.records[i];
        all = all && counts(day, i);
        any_failed = any_failed || (record->mark == RECORD_SHORT && record->status == STATUS_FAILED);
    }
    if (all)
        return GROUP_DONE;
    if (any_failed)
        return GROUP_FAILED;
    return day->seen.groups[group->number - 1].bus_message_id ? GROUP_TRIGGERED : GROUP_READY;
}

/* A started group follows its processors until the next one has started. True when its phase changed. */
static bool group_follow(const struct model *model, struct day *day, int number, int64_t now_ms) {
    struct group_state *group = &day->seen.groups[number - 1];
    if (number < model->pipeline->group_count && has_started(day, number + 1))
        return false;
    enum group_phase phase = phase_by_processors(model, day, &model->pipeline->groups[number - 1]);
    if (phase == group->phase)
        return false;
    if (group->phase == GROUP_DONE || group->phase == GROUP_FAILED)
        past_push(day,
            (struct history_entry){.at_ms = group->ended_ms,
                .kind = group->phase == GROUP_DONE ? HISTORY_DONE : HISTORY_FAILED,
                .group = number,
                .run = day->seen.run});
    group->phase = phase;
    group->ended_ms = phase == GROUP_DONE || phase == GROUP_FAILED ? now_ms : 0;
    return true;
}

/* Every upstream processor says no_data, and nothing has started. True when this closed the date. */
static bool follow_no_games(const struct model *model, struct day *day, int64_t now_ms) {
    if (has_started(day, 1))
        return false;
    bool none = true, was = day->seen.no_games_ms != 0;
    for (int i = 0; i < model->pipeline->processor_count; i++)
        if (model->pipeline->processors[i].group == 0)
            none = none && day->seen.records[i].mark != RECORD_NONE
                && day->seen.records[i].status == STATUS_NO_DATA;
    if (was && !none) {
        past_push(day, (struct history_entry){.at_ms = day->seen.no_games_ms, .kind = HISTORY_NO_GAMES});
        day->seen.no_games_ms = 0;
    }
    if (none && !was)
        day->seen.no_games_ms = now_ms;
    return none && !was;
}

static bool may_start(const struct model *model, const struct day *day, const struct group *group) {
    if (has_started(day, group->number) || day->seen.no_games_ms != 0)
        return false;
    if (group->number > 1 && day->seen.groups[group->number - 2].phase != GROUP_DONE)
        return false;
    for (int i = 0; i < model->pipeline->processor_count; i++)
        if (group->needs >> i & 1 && !counts(day, i))
            return false;
    return true;
}

static void start(
    struct day *day, const struct group *group, const struct completion *cause, int64_t now_ms) {
    struct trigger *trigger = &day->triggers[group->number - 1];
    processor_set rests_on = group->needs | (group->number > 1 ? group[-1].members : 0);
    if (group->number == 1)
        day->seen.run = 1;
    *trigger = (struct trigger){
        .date = day->seen.date,
        .group = group->number,
        .run = day->seen.run,
        .backfill = group->number > 1 && day->seen.groups[group->number - 2].backfill,
        .decided_ms = now_ms,
        .correlation_id = cause->correlation_id,
    };
    for (int i = 0; i < PIPELINE_PROCESSORS_MAX; i++) {
        bool needed = group->needs >> i & 1;
        trigger->upstream[i] = needed ? day->seen.records[i].record_count : ROWS_UNKNOWN;
        trigger->backfill = trigger->backfill || ((rests_on >> i & 1) && day->seen.records[i].backfill);
    }
    day->in_outbox[group->number - 1] = true;
    day->seen.groups[group->number - 1] = (struct group_state){.phase = GROUP_READY,
        .ready_ms = now_ms,
        .backfill = trigger->backfill,
        .correlation_id = trigger->correlation_id};
}

/* --- The steps ------------------------------------------------------------------------------------------ */

static void record_it(struct model *model, struct day *day, const struct completion *completion,
    const struct record *record, bool satisfies) {
    struct record *recorded = &day->seen.records[completion->processor->index];
    if (recorded->mark != RECORD_NONE)
        past_push(day, past_entry(model, completion->processor, recorded, verdict_of_record(recorded)));
    *recorded = *record;
    day->satisfies[completion->processor->index] = satisfies;
    day->seen.known = true;
}

static struct record record_of(
    const struct day *day, const struct completion *completion, enum record_mark mark, int64_t now_ms) {
    return (struct record){
        .mark = mark,
        .status = completion->status,
        .record_count = completion->record_count,
        .records_failed = completion->records_failed,
        .timestamp_ms = completion->timestamp_ms,
        .arrived_ms = now_ms,
        .backfill = completion->backfill,
        .run = completion->processor->group > 0 && mark != RECORD_PREMATURE ? day->seen.run : 0,
        .execution_id = completion->execution_id,
        .correlation_id = completion->correlation_id,
        .error_message = completion->error_message,
    };
}

struct model_answer model_apply(struct model *model, const struct completion *completion, int64_t now_ms) {
    struct day *day = day_of(model, completion->date);
    const struct processor *processor = completion->processor;
    struct model_answer answer = {.verdict = judge(model, day, completion)};
    bool satisfies =
        model_satisfies(processor, completion->status, completion->record_count, completion->records_failed);
    enum record_mark mark = answer.verdict == VERDICT_PREMATURE ? RECORD_PREMATURE
        : satisfies                                             ? RECORD_COUNTS
                                                                : RECORD_SHORT;
    struct record record = record_of(day, completion, mark, now_ms);
    if (answer.verdict != VERDICT_APPLIED && answer.verdict != VERDICT_PREMATURE) {
        past_push_ignored(day, past_entry(model, processor, &record, answer.verdict));
        return answer;
    }
    record_it(model, day, completion, &record, satisfies);
    if (answer.verdict == VERDICT_PREMATURE)
        return answer;
    if (processor->group == 0)
        answer.closed_no_games = follow_no_games(model, day, now_ms);
    else if (group_follow(model, day, processor->group, now_ms)) {
        answer.group = processor->group;
        answer.phase = day->seen.groups[processor->group - 1].phase;
    }
    for (int g = 0; g < model->pipeline->group_count && !answer.due; g++) {
        if (!may_start(model, day, &model->pipeline->groups[g]))
            continue;
        start(day, &model->pipeline->groups[g], completion, now_ms);
        answer.due = true;
        answer.trigger = day->triggers[g];
    }
    return answer;
}

void model_confirm(
    struct model *model, const struct trigger *trigger, const char *bus_message_id, int64_t now_ms) {
    struct day *day = day_of(model, trigger->date);
    struct group_state *group = &day->seen.groups[trigger->group - 1];
    if (!day->in_outbox[trigger->group - 1] || trigger->run != day->seen.run)
        return;
    day->in_outbox[trigger->group - 1] = false;
    group->triggered_ms = now_ms;
    group->bus_message_id = bus_message_id;
    if (group->phase == GROUP_READY)
        group->phase = GROUP_TRIGGERED;
}

/* --- What is to be seen --------------------------------------------------------------------------------- */

const struct date_state *model_date(struct model *model, game_date date) {
    return &day_of(model, date)->seen;
}

static int compare_triggers(const void *left, const void *right) {
    const struct trigger *a = left, *b = right;
    return a->date != b->date ? (a->date > b->date) - (a->date < b->date) : a->group - b->group;
}

size_t model_outbox(const struct model *model, struct trigger triggers[MODEL_OUTBOX_MAX]) {
    size_t count = 0;
    for (int d = 0; d < model->day_count; d++)
        for (int g = 0; g < model->pipeline->group_count; g++)
            if (model->days[d].in_outbox[g])
                triggers[count++] = model->days[d].triggers[g];
    qsort(triggers, count, sizeof *triggers, compare_triggers);
    return count;
}

static size_t group_entries(
    const struct group_state *state, int group, int run, struct history_entry entries[3]) {
    size_t count = 0;
    if (state->phase != GROUP_WAITING)
        entries[count++] = (struct history_entry){
            .at_ms = state->ready_ms, .kind = HISTORY_READY, .group = group, .run = run};
    if (state->bus_message_id)
        entries[count++] = (struct history_entry){.at_ms = state->triggered_ms,
            .kind = HISTORY_TRIGGERED,
            .group = group,
            .run = run,
            .bus_message_id = state->bus_message_id};
    if (state->phase == GROUP_DONE || state->phase == GROUP_FAILED)
        entries[count++] = (struct history_entry){.at_ms = state->ended_ms,
            .kind = state->phase == GROUP_DONE ? HISTORY_DONE : HISTORY_FAILED,
            .group = group,
            .run = run};
    return count;
}

size_t model_history(
    struct model *model, game_date date, struct history_entry entries[MODEL_HISTORY_MAX], int64_t *dropped) {
    const struct day *day = day_of(model, date);
    const struct pipeline *pipeline = model->pipeline;
    size_t count = 0;
    for (int i = 0; i < pipeline->processor_count; i++) {
        const struct record *record = &day->seen.records[i];
        if (record->mark != RECORD_NONE)
            entries[count++] = completion_entry(&pipeline->processors[i], record, verdict_of_record(record));
    }
    for (int g = 1; g <= pipeline->group_count; g++)
        count += group_entries(&day->seen.groups[g - 1], g, day->seen.run, &entries[count]);
    if (day->seen.no_games_ms != 0)
        entries[count++] = (struct history_entry){.at_ms = day->seen.no_games_ms, .kind = HISTORY_NO_GAMES};
    int64_t kept = day->past_count < MODEL_PAST_MAX ? day->past_count : MODEL_PAST_MAX;
    memcpy(&entries[count], day->past, (size_t)kept * sizeof *entries);
    *dropped = day->past_count - kept;
    return count + (size_t)kept;
}
