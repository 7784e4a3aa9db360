#include "state/reader_parse.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MUST_CHECK struct result out_of_memory(void) {
    return fail(CODE_LIMIT, "out of memory");
}

static MUST_CHECK struct result unreadable(game_date date, const char *field, const char *value) {
    char text[DATE_TEXT_MAX];
    return fail(CODE_INTERNAL, "the store's %s of %s is not readable: \"%.80s\"", field,
        date_format(date, text), value);
}

/* The value of a field in an HGETALL reply, or NULL. */
static const char *field_of(const redisReply *hash, const char *field) {
    for (size_t i = 0; i + 1 < hash->elements; i += 2) {
        if (strcmp(hash->element[i]->str, field) == 0)
            return hash->element[i + 1]->str;
    }
    return NULL;
}

static int64_t number_of(const redisReply *hash, const char *field) {
    const char *value = field_of(hash, field);
    return value ? strtoll(value, NULL, 10) : 0;
}

/* --- Records -------------------------------------------------------------------------------------------- */

/* "+ success 241 0 1764502927104 1764502928000 b 1" */
static bool parse_record(const struct processor *processor, const char *text, struct record *record) {
    char mark, status[16], count[24], tag;
    struct record read = {0};
    if (sscanf(text, "%c %15s %23s %" SCNd64 " %" SCNd64 " %" SCNd64 " %c %d", &mark, status, count,
            &read.records_failed, &read.timestamp_ms, &read.arrived_ms, &tag, &read.run)
            != 8
        || !status_parse(status, &read.status))
        return false;
    read.record_count = strcmp(count, "?") == 0 ? ROWS_UNKNOWN : strtoll(count, NULL, 10);
    read.backfill = tag == 'b';
    read.mark = mark == '+' ? RECORD_COUNTS : RECORD_SHORT;
    if (processor->group > 0 && read.run == 0)
        read.mark = RECORD_PREMATURE;
    *record = read;
    return true;
}

/* The optional field "<abbr><suffix>", copied; NULL when there is none. */
static const char *part_of(
    const redisReply *hash, const struct processor *processor, const char *suffix, struct arena *arena) {
    char field[PIPELINE_ABBR_MAX + 4];
    snprintf(field, sizeof field, "%s%s", processor->abbr, suffix);
    return arena_strdup(arena, field_of(hash, field));
}

static MUST_CHECK struct result read_record(game_date date, const struct processor *processor,
    const redisReply *hash, struct arena *arena, struct record *record) {
    *record = (struct record){.mark = RECORD_NONE, .record_count = ROWS_UNKNOWN};
    const char *text = field_of(hash, processor->abbr);
    if (!text)
        return ok();
    if (!parse_record(processor, text, record))
        return unreadable(date, processor->abbr, text);
    record->execution_id = part_of(hash, processor, ".x", arena);
    record->correlation_id = part_of(hash, processor, ".c", arena);
    record->error_message = part_of(hash, processor, ".e", arena);
    return record->execution_id ? ok() : out_of_memory();
}

/* --- Groups --------------------------------------------------------------------------------------------- */

static bool parse_phase(const char *text, enum group_phase *phase) {
    for (enum group_phase candidate = GROUP_READY; candidate <= GROUP_FAILED; candidate++) {
        if (strcmp(text, group_phase_name(candidate)) == 0) {
            *phase = candidate;
            return true;
        }
    }
    return false;
}

static int64_t after(int64_t ready_ms, const char *offset) {
    return strcmp(offset, "-") == 0 ? 0 : ready_ms + strtoll(offset, NULL, 10);
}

/* "triggered 1764502927104 +350 - b 9188" */
static bool parse_group(const char *text, struct arena *arena, struct group_state *group) {
    char phase[16], triggered[24], ended[24], tag;
    struct group_state read = {0};
    int message_at = 0;
    if (sscanf(text, "%15s %" SCNd64 " %23s %23s %c %n", phase, &read.ready_ms, triggered, ended, &tag,
            &message_at)
            != 5
        || message_at == 0 || !parse_phase(phase, &read.phase))
        return false;
    read.triggered_ms = after(read.ready_ms, triggered);
    read.ended_ms = after(read.ready_ms, ended);
    read.backfill = tag == 'b';
    const char *message = text + message_at;
    read.bus_message_id = strcmp(message, "-") == 0 ? NULL : arena_strdup(arena, message);
    *group = read;
    return true;
}

static MUST_CHECK struct result read_group(
    game_date date, int number, const redisReply *hash, struct arena *arena, struct group_state *group) {
    char field[16];
    snprintf(field, sizeof field, ".g%d", number);
    const char *text = field_of(hash, field);
    *group = (struct group_state){.phase = GROUP_WAITING};
    if (!text)
        return ok();
    if (!parse_group(text, arena, group))
        return unreadable(date, field, text);
    snprintf(field, sizeof field, ".g%d.c", number);
    group->correlation_id = arena_strdup(arena, field_of(hash, field));
    return ok();
}

struct result parse_date(const struct pipeline *pipeline, game_date date, const redisReply *hash,
    struct arena *arena, struct date_state *state) {
    struct result result = ok();
    *state = (struct date_state){.date = date, .known = hash->elements > 0};
    state->run = (int)number_of(hash, ".run");
    state->no_games_ms = number_of(hash, ".no_games");
    for (int i = 0; i < pipeline->processor_count && is_ok(result); i++)
        result = read_record(date, &pipeline->processors[i], hash, arena, &state->records[i]);
    for (int g = 1; g <= pipeline->group_count && is_ok(result); g++)
        result = read_group(date, g, hash, arena, &state->groups[g - 1]);
    return result;
}

/* --- History -------------------------------------------------------------------------------------------- */

struct timeline {
    const struct pipeline *pipeline;
    struct history_entry *entries;
    size_t count;
};

static void put(struct timeline *timeline, struct history_entry entry) {
    timeline->entries[timeline->count++] = entry;
}

static const char *current_verdict(const struct record *record) {
    return record->mark == RECORD_PREMATURE ? "premature" : "applied";
}

/* What is current: the newest completions, and the moments of the groups that have started. */
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
    for (int g = 1; g <= timeline->pipeline->group_count; g++) {
        const struct group_state *group = &state->groups[g - 1];
        struct history_entry entry = {.group = g, .run = state->run, .bus_message_id = group->bus_message_id};
        const struct {
            enum history_kind kind;
            int64_t at_ms;
        } moments[] = {
            {HISTORY_READY, group->ready_ms},
            {HISTORY_TRIGGERED, group->triggered_ms},
            {group->phase == GROUP_FAILED ? HISTORY_FAILED : HISTORY_DONE, group->ended_ms},
        };
        for (size_t m = 0; m < sizeof moments / sizeof moments[0]; m++) {
            entry.kind = moments[m].kind;
            entry.at_ms = moments[m].at_ms;
            if (entry.at_ms != 0)
                put(timeline, entry);
        }
    }
    if (state->no_games_ms != 0)
        put(timeline, (struct history_entry){.at_ms = state->no_games_ms, .kind = HISTORY_NO_GAMES});
}

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

/* "c verdict processor record execution correlation error times" */
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
    entry.times = strtoll(parts[7], NULL, 10);
    put(timeline, entry);
    return true;
}

/* "g group phase run at": a phase that a group has left. */
static bool put_left_phase(struct timeline *timeline, char *const *parts) {
    enum group_phase phase;
    if (!parse_phase(parts[2], &phase))
        return false;
    put(timeline,
        (struct history_entry){.kind = phase == GROUP_FAILED ? HISTORY_FAILED : HISTORY_DONE,
            .group = atoi(parts[1]),
            .run = atoi(parts[3]),
            .at_ms = strtoll(parts[4], NULL, 10)});
    return true;
}

static MUST_CHECK struct result put_stored(
    struct timeline *timeline, game_date date, const redisReply *item, struct arena *arena) {
    char *text = arena_strndup(arena, item->str, item->len), *parts[PARTS_MAX];
    if (!text)
        return out_of_memory();
    size_t count = cut(text, parts);
    bool good = false;
    if (count == 8 && strcmp(parts[0], "c") == 0)
        good = put_completion(timeline, parts);
    else if (count == 5 && strcmp(parts[0], "g") == 0)
        good = put_left_phase(timeline, parts);
    else if (count == 2 && strcmp(parts[0], "n") == 0) {
        put(timeline, (struct history_entry){.kind = HISTORY_NO_GAMES, .at_ms = strtoll(parts[1], NULL, 10)});
        good = true;
    }
    return good ? ok() : unreadable(date, "history", item->str);
}

/* By time; of the same moment, a completion before what it caused, and phases in the order they come. */
static int by_time(const void *left, const void *right) {
    const struct history_entry *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if ((a->kind == HISTORY_COMPLETION) != (b->kind == HISTORY_COMPLETION))
        return a->kind == HISTORY_COMPLETION ? -1 : 1;
    if (a->group != b->group)
        return a->group - b->group;
    return (int)a->kind - (int)b->kind;
}

struct result parse_history(const struct pipeline *pipeline, game_date date, const redisReply *hash,
    const redisReply *list, struct arena *arena, struct history_entry **entries, size_t *count,
    int64_t *dropped) {
    struct date_state *state = arena_alloc(arena, sizeof *state);
    size_t most = list->elements + PIPELINE_PROCESSORS_MAX + 3 * PIPELINE_GROUPS_MAX + 1;
    struct timeline timeline = {pipeline, arena_alloc(arena, most * sizeof(struct history_entry)), 0};
    if (!state || !timeline.entries)
        return out_of_memory();
    struct result result = ok();
    for (size_t i = list->elements; i > 0 && is_ok(result); i--)
        result = put_stored(&timeline, date, list->element[i - 1], arena);
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

/* --- Quarantine ----------------------------------------------------------------------------------------- */

static MUST_CHECK struct result parse_attributes(
    const char *text, struct arena *arena, struct quarantined *entry) {
    json_t *object = json_loads(text, 0, NULL);
    struct attribute *attributes = arena_alloc(arena, (json_object_size(object) + 1) * sizeof *attributes);
    const char *key;
    json_t *value;
    size_t count = 0;
    if (attributes) {
        json_object_foreach(object, key, value) {
            const char *text_value = json_string_value(value);
            attributes[count++] = (struct attribute){
                arena_strdup(arena, key), arena_strdup(arena, text_value ? text_value : "")};
        }
    }
    json_decref(object);
    if (!attributes)
        return out_of_memory();
    entry->attributes = attributes;
    entry->attribute_count = count;
    return ok();
}

struct result parse_quarantined(
    const char *id, const redisReply *hash, struct arena *arena, struct quarantined *entry) {
    struct quarantined read = {.id = arena_strdup(arena, id),
        .at_ms = number_of(hash, "at"),
        .full_size = (size_t)number_of(hash, "size"),
        .reason = arena_strdup(arena, field_of(hash, "reason")),
        .topic = arena_strdup(arena, field_of(hash, "topic"))};
    for (size_t i = 0; i + 1 < hash->elements; i += 2) {
        if (strcmp(hash->element[i]->str, "data") == 0) {
            read.size = hash->element[i + 1]->len;
            read.data = arena_copy(arena, hash->element[i + 1]->str, read.size);
        }
    }
    if (!read.id || !read.reason || !read.topic || !read.data)
        return fail(CODE_INTERNAL, "the quarantine's entry %s is not readable", id);
    const char *attributes = field_of(hash, "attributes");
    struct result result = parse_attributes(attributes ? attributes : "{}", arena, &read);
    if (is_ok(result))
        *entry = read;
    return result;
}
