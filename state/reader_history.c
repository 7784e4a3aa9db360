/* The history of a date: what is no longer current, from the list, merged with what is, from the hash. */
#include "state/reader_parse.h"

#include <stdlib.h>
#include <string.h>

struct timeline {
    const struct pipeline *pipeline;
    struct arena *arena;
    struct history_entry *entries;
    size_t count;
};

static void put(struct timeline *timeline, struct history_entry entry) {
    timeline->entries[timeline->count++] = entry;
}

/* --- What is current ------------------------------------------------------------------------------------ */

static const char *current_verdict(const struct record *record) {
    return record->mark == RECORD_PREMATURE ? "premature" : "applied";
}

static enum history_kind kind_of_end(enum group_phase phase) {
    return phase == GROUP_FAILED   ? HISTORY_FAILED
        : phase == GROUP_CANCELLED ? HISTORY_CANCELLED
                                   : HISTORY_DONE;
}

/* The moments of a group that has started; at most GROUP_MOMENTS. */
enum { GROUP_MOMENTS = 3 };

static void put_group(struct timeline *timeline, int number, const struct group_state *group) {
    struct history_entry entry = {
        .group = number, .run = group->run, .bus_message_id = group->bus_message_id};
    const struct {
        enum history_kind kind;
        int64_t at_ms;
    } moments[GROUP_MOMENTS] = {
        {HISTORY_READY, group->ready_ms},
        {HISTORY_TRIGGERED, group->triggered_ms},
        {kind_of_end(group->phase), group->ended_ms},
    };
    for (size_t m = 0; m < GROUP_MOMENTS; m++) {
        entry.kind = moments[m].kind;
        entry.at_ms = moments[m].at_ms;
        if (entry.at_ms != 0)
            put(timeline, entry);
    }
}

/* Besides the processors and the groups: closed, stale and stalled. */
enum { DATE_MOMENTS = 3 };

static void put_current(struct timeline *timeline, const struct date_state *state) {
    for (int i = 0; i < timeline->pipeline->processor_count; i++) {
        const struct record *record = &state->records[i];
        if (record->mark != RECORD_NONE)
            put(timeline,
                (struct history_entry){.at_ms = record->arrived_ms,
                    .kind = HISTORY_COMPLETION,
                    .times = 1,
                    .verdict = current_verdict(record),
                    .processor = &timeline->pipeline->processors[i],
                    .record = *record,
                    .run = record->run});
    }
    for (int g = 1; g <= timeline->pipeline->group_count; g++)
        put_group(timeline, g, &state->groups[g - 1]);
    if (state->no_games_ms != 0)
        put(timeline, (struct history_entry){.at_ms = state->no_games_ms, .kind = HISTORY_NO_GAMES});
    if (state->stale.group != 0)
        put(timeline,
            (struct history_entry){.at_ms = state->stale.since_ms,
                .kind = HISTORY_STALE,
                .group = state->stale.group,
                .run = state->run});
    if (state->stall.group != 0) {
        int run = state->groups[state->stall.group - 1].run;
        put(timeline,
            (struct history_entry){.at_ms = state->stall.at_ms,
                .kind = HISTORY_STALLED,
                .group = state->stall.group,
                .run = run ? run : state->run,
                .times = state->stall.times});
    }
}

/* --- What is not ---------------------------------------------------------------------------------------- */

enum { PARTS_MAX = 8 };

/* Cuts text at its tabs, in place; the number of parts. */
static size_t cut(char *text, char *parts[PARTS_MAX]) {
    size_t count = 0;
    while (text && count < PARTS_MAX) {
        parts[count++] = text;
        text = strchr(text, '\t');
        if (text)
            *text++ = '\0';
    }
    return count;
}

static const char *text_or_null(const char *text) {
    return *text ? text : NULL;
}

/* Each puts an entry of the list, cut into its parts (README.md has their forms); false when it is none. */
typedef bool put_fn(struct timeline *timeline, char *const *parts);

static bool put_completion(struct timeline *timeline, char *const *parts) {
    const struct processor *processor = pipeline_processor(timeline->pipeline, parts[2]);
    if (!processor)
        return true; /* of a processor that the configuration no longer has */
    struct history_entry entry = {.kind = HISTORY_COMPLETION, .verdict = parts[1], .processor = processor};
    if (!parse_record(processor, parts[3], &entry.record))
        return false;
    entry.at_ms = entry.record.arrived_ms;
    entry.run = entry.record.run;
    entry.record.execution_id = parts[4];
    entry.record.correlation_id = text_or_null(parts[5]);
    entry.record.error_message = text_or_null(parts[6]);
    entry.times = number_in(parts[7]);
    put(timeline, entry);
    return true;
}

static bool put_left_phase(struct timeline *timeline, char *const *parts) {
    enum group_phase phase;
    if (!parse_phase(parts[2], &phase))
        return false;
    put(timeline,
        (struct history_entry){.kind = kind_of_end(phase),
            .group = small_number_in(parts[1]),
            .run = small_number_in(parts[3]),
            .at_ms = number_in(parts[4])});
    return true;
}

static bool put_dropped_group(struct timeline *timeline, char *const *parts) {
    struct group_state group;
    if (!parse_group(parts[2], timeline->arena, &group))
        return false;
    put_group(timeline, small_number_in(parts[1]), &group);
    return true;
}

static bool put_triggered(struct timeline *timeline, char *const *parts) {
    put(timeline,
        (struct history_entry){.kind = HISTORY_TRIGGERED,
            .group = small_number_in(parts[1]),
            .run = small_number_in(parts[2]),
            .at_ms = number_in(parts[3]),
            .bus_message_id = parts[4]});
    return true;
}

static bool put_replayed(struct timeline *timeline, char *const *parts) {
    put(timeline,
        (struct history_entry){.kind = HISTORY_REPLAYED,
            .group = small_number_in(parts[1]),
            .run = small_number_in(parts[2]),
            .at_ms = number_in(parts[3]),
            .verdict = parts[4]});
    return true;
}

static bool put_stalled(struct timeline *timeline, char *const *parts) {
    put(timeline,
        (struct history_entry){.kind = HISTORY_STALLED,
            .group = small_number_in(parts[1]),
            .run = small_number_in(parts[2]),
            .at_ms = number_in(parts[3]),
            .times = number_in(parts[4])});
    return true;
}

static bool put_run(struct timeline *timeline, char *const *parts) {
    struct history_entry entry = {.kind = HISTORY_RUN,
        .run = small_number_in(parts[1]),
        .group = small_number_in(parts[2]),
        .at_ms = number_in(parts[3]),
        .verdict = parts[5]};
    put(timeline, entry);
    if (strcmp(parts[4], "-") != 0)
        put(timeline,
            (struct history_entry){.kind = HISTORY_STALE,
                .group = entry.group,
                .run = entry.run - 1,
                .at_ms = number_in(parts[4])});
    return true;
}

static bool put_no_games(struct timeline *timeline, char *const *parts) {
    put(timeline, (struct history_entry){.kind = HISTORY_NO_GAMES, .at_ms = number_in(parts[1])});
    return true;
}

static const struct {
    char mark;
    size_t parts;
    put_fn *put;
} forms[] = {
    {'c', 8, put_completion},
    {'g', 5, put_left_phase},
    {'G', 3, put_dropped_group},
    {'t', 5, put_triggered},
    {'r', 5, put_replayed},
    {'s', 5, put_stalled},
    {'o', 6, put_run},
    {'n', 2, put_no_games},
};

static MUST_CHECK struct result put_stored(
    struct timeline *timeline, game_date date, const redisReply *item) {
    char *text = arena_strndup(timeline->arena, item->str, item->len), *parts[PARTS_MAX];
    if (!text)
        return fail(CODE_LIMIT, "out of memory");
    size_t count = cut(text, parts);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].mark == parts[0][0] && parts[0][1] == '\0' && forms[i].parts == count
            && forms[i].put(timeline, parts))
            return ok();
    }
    return unreadable(date, "history", item->str);
}

/* --- Both, in order ------------------------------------------------------------------------------------- */

/* By time; of the same moment, a completion before what it caused, and phases in the order they come. */
static int by_time(const void *left, const void *right) {
    const struct history_entry *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if ((a->kind == HISTORY_COMPLETION) != (b->kind == HISTORY_COMPLETION))
        return a->kind == HISTORY_COMPLETION ? -1 : 1;
    if (a->run != b->run)
        return a->run - b->run;
    if (a->group != b->group)
        return a->group - b->group;
    return (int)a->kind - (int)b->kind;
}

struct result parse_history(const struct pipeline *pipeline, game_date date, const redisReply *hash,
    const redisReply *list, struct arena *arena, struct history_entry **entries, size_t *count,
    int64_t *dropped) {
    struct date_state *state = arena_alloc(arena, sizeof *state);
    size_t most =
        GROUP_MOMENTS * (list->elements + PIPELINE_GROUPS_MAX) + PIPELINE_PROCESSORS_MAX + DATE_MOMENTS;
    struct timeline timeline = {pipeline, arena, arena_alloc(arena, most * sizeof(struct history_entry)), 0};
    if (!state || !timeline.entries)
        return fail(CODE_LIMIT, "out of memory");
    struct result result = ok();
    for (size_t i = list->elements; i > 0 && is_ok(result); i--)
        result = put_stored(&timeline, date, list->element[i - 1]);
    if (is_ok(result))
        result = parse_date(pipeline, date, hash, arena, state);
    if (!is_ok(result))
        return result;
    put_current(&timeline, state);
    qsort(timeline.entries, timeline.count, sizeof *timeline.entries, by_time);
    *entries = timeline.entries;
    *count = timeline.count;
    *dropped = number_of(hash, ".dropped");
    return ok();
}
