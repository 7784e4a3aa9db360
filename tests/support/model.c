#include "support/model_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 16 << 20 };

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

struct day *model_day(struct model *model, game_date date) {
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

bool model_satisfies(const struct completion *completion) {
    const struct processor *processor = completion->processor;
    int64_t rows = completion->record_count, failed = completion->records_failed;
    enum status status = completion->status;
    bool may_be_empty = processor->allow_empty || (processor->group > 0 && completion->day.bootstrap);
    /* Zero rows of a partial completion whose every row failed are not "nothing to do". */
    bool empty = status == STATUS_NO_DATA || status == STATUS_SKIPPED
        || (rows == 0 && (status == STATUS_SUCCESS || (status == STATUS_PARTIAL && failed == 0)));
    if (empty && may_be_empty)
        return true;
    if (status == STATUS_SUCCESS)
        return rows == ROWS_UNKNOWN ? !processor->require_rows : rows >= processor->min_rows;
    if (status == STATUS_PARTIAL && rows != ROWS_UNKNOWN && rows >= processor->min_rows)
        return (double)rows / (double)(rows + failed) >= processor->min_coverage;
    return false;
}

/* --- Judging a completion ------------------------------------------------------------------------------- */

/* Of one execution: satisfying, then the status, then more rows; unknown is fewest. */
static bool is_better(const struct day *day, const struct completion *completion) {
    const struct record *recorded = &day->seen.records[completion->processor->index];
    bool satisfies = model_satisfies(completion), satisfied = day->satisfies[completion->processor->index];
    if (satisfies != satisfied)
        return satisfies;
    if (completion->status != recorded->status)
        return completion->status > recorded->status;
    return completion->record_count > recorded->record_count;
}

enum belonging { BELONGS_ELSEWHERE, BELONGS_BY_ARRIVAL, BELONGS_BY_NAME };

/* The run that the group's answers have to be of. */
static int run_of(const struct day *day, int group) {
    if (day_started(day, group))
        return day->seen.groups[group - 1].run;
    return day->seen.run > 0 ? day->seen.run : 1;
}

static enum belonging belonging_by_message(const struct day *day, int group, const char *message_id) {
    const char *recorded = day->seen.groups[group - 1].bus_message_id;
    if (!message_id)
        return BELONGS_BY_ARRIVAL;
    if (recorded && strcmp(recorded, message_id) == 0)
        return BELONGS_BY_NAME;
    for (int i = 0; i < day->earlier_count[group - 1]; i++) {
        const struct earlier *earlier = &day->earlier[group - 1][i];
        if (strcmp(earlier->message_id, message_id) == 0)
            return earlier->run == run_of(day, group) ? BELONGS_BY_NAME : BELONGS_ELSEWHERE;
    }
    return BELONGS_BY_ARRIVAL;
}

/* Of a completion of a group: does it answer the trigger of the run? */
static enum belonging belonging_of(
    const struct model *model, const struct day *day, const struct completion *completion) {
    int group = completion->processor->group;
    if (!completion->trigger_id)
        return belonging_by_message(day, group, completion->trigger_message_id);
    char date[DATE_TEXT_MAX], expected[TRIGGER_ID_MAX];
    snprintf(expected, sizeof expected, "%s/%s/g%d/r%d", model->pipeline->name,
        date_format(day->seen.date, date), group, run_of(day, group));
    return strcmp(completion->trigger_id, expected) == 0 ? BELONGS_BY_NAME : BELONGS_ELSEWHERE;
}

static enum verdict judge(
    const struct model *model, const struct day *day, const struct completion *completion) {
    const struct record *recorded = &day->seen.records[completion->processor->index];
    int group = completion->processor->group;
    bool early = group > 0 && !day_started(day, group), against_record = recorded->mark != RECORD_NONE;
    if (group > 0) {
        enum belonging belonging = belonging_of(model, day, completion);
        if (belonging == BELONGS_ELSEWHERE)
            return VERDICT_OTHER_RUN;
        bool of_no_run = recorded->mark == RECORD_PREMATURE || recorded->mark == RECORD_OLD;
        if (!early && belonging == BELONGS_BY_NAME && of_no_run)
            against_record = false;
    }
    if (against_record && strcmp(completion->execution_id, recorded->execution_id) == 0
        && !is_better(day, completion))
        return VERDICT_DUPLICATE;
    if (against_record && completion->timestamp_ms < recorded->timestamp_ms)
        return VERDICT_LATE;
    return early ? VERDICT_PREMATURE : VERDICT_APPLIED;
}

/* --- A completion --------------------------------------------------------------------------------------- */

/* Its mark is day_mark's to say. */
static struct record record_of(
    const struct day *day, const struct completion *completion, enum verdict verdict, int64_t now_ms) {
    int group = completion->processor->group;
    return (struct record){
        .mark = RECORD_SHORT,
        .status = completion->status,
        .record_count = completion->record_count,
        .records_failed = completion->records_failed,
        .timestamp_ms = completion->timestamp_ms,
        .arrived_ms = now_ms,
        .backfill = completion->backfill,
        .run = group > 0 && verdict == VERDICT_APPLIED ? day->seen.groups[group - 1].run : 0,
        .execution_id = completion->execution_id,
        .correlation_id = completion->correlation_id,
        .error_message = completion->error_message,
    };
}

static void record_it(
    struct model *model, struct day *day, const struct completion *completion, const struct record *record) {
    const struct processor *processor = completion->processor;
    if (day->seen.records[processor->index].mark != RECORD_NONE)
        past_push_record(model, day, processor);
    day->seen.records[processor->index] = *record;
    day->satisfies[processor->index] = model_satisfies(completion);
    day->seen.known = true;
    day_mark(model, day);
}

/* What a completion that counts leads to. */
static void follow(struct model *model, struct day *day, const struct completion *completion, int64_t now_ms,
    struct model_answer *answer) {
    int group = completion->processor->group;
    if (group == 0) {
        if (!day_started(day, 1) && day->seen.since_ms == 0)
            day->seen.since_ms = now_ms;
        answer->closed_no_games = day_follow_games(model, day, completion->day.games, now_ms);
    } else if (day_follow(model, day, group, now_ms)) {
        answer->group = group;
        answer->group_run = day->seen.groups[group - 1].run;
        answer->phase = day->seen.groups[group - 1].phase;
    }
    int startable = day_startable(model, day);
    if (startable == 0)
        return;
    day_start(model, day, startable, completion->correlation_id, now_ms);
    answer->due = true;
    answer->trigger = day->triggers[startable - 1];
}

struct model_answer model_apply(struct model *model, const struct completion *completion, int64_t now_ms) {
    struct day *day = model_day(model, completion->date);
    struct model_answer answer = {.verdict = judge(model, day, completion)};
    struct record record = record_of(day, completion, answer.verdict, now_ms),
                  before = day->seen.records[completion->processor->index];
    if (answer.verdict != VERDICT_APPLIED && answer.verdict != VERDICT_PREMATURE) {
        past_push_ignored(model, day, completion->processor, &record, answer.verdict);
        return answer;
    }
    record_it(model, day, completion, &record);
    if (answer.verdict == VERDICT_PREMATURE)
        return answer;
    answer.stale_from = day_rerun(model, day, completion, &before, now_ms);
    follow(model, day, completion, now_ms, &answer);
    return answer;
}

/* --- A confirmation ------------------------------------------------------------------------------------- */

void model_confirm(
    struct model *model, const struct trigger *trigger, const char *bus_message_id, int64_t now_ms) {
    struct day *day = model_day(model, trigger->date);
    struct group_state *group = &day->seen.groups[trigger->group - 1];
    if (trigger->run < run_of(day, trigger->group)) {
        day_remember_message(day, trigger->group, trigger->run, bus_message_id);
        return;
    }
    bool waits = day->in_outbox[trigger->group - 1] || group->phase == GROUP_CANCELLED;
    if (!day_started(day, trigger->group) || trigger->run != group->run || !waits)
        return;
    day->in_outbox[trigger->group - 1] = false;
    group->triggered_ms = now_ms;
    group->bus_message_id = bus_message_id;
    if (group->phase == GROUP_CANCELLED) {
        past_push_end(day, trigger->group);
        group->ended_ms = 0;
    }
    if (group->phase == GROUP_READY || group->phase == GROUP_CANCELLED)
        group->phase = GROUP_TRIGGERED;
}

/* --- What is to be seen --------------------------------------------------------------------------------- */

const struct date_state *model_date(struct model *model, game_date date) {
    return &model_day(model, date)->seen;
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
