#include "state/reader_parse.h"

#include "base/text.h"
#include "redis/link.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MUST_CHECK struct result out_of_memory(void) {
    return fail(CODE_LIMIT, "out of memory");
}

struct result unreadable(game_date date, const char *field, const char *value) {
    char text[DATE_TEXT_MAX], shown[TEXT_SHOWN_MAX];
    return fail(CODE_INTERNAL, "the store's %s of %s is not readable: \"%s\"", field, date_format(date, text),
        text_show(value, strlen(value), shown, sizeof shown));
}

const char *field_of(const redisReply *hash, const char *field) {
    for (size_t i = 0; i + 1 < hash->elements; i += 2) {
        if (strcmp(redis_reply_text(hash, i), field) == 0)
            return redis_reply_text(hash, i + 1);
    }
    return NULL;
}

static int64_t within(int64_t number, int64_t most) {
    return number > most ? most : number < -most ? -most : number;
}

int64_t number_in(const char *text) {
    return within(strtoll(text, NULL, 10), 999999999999999);
}

int small_number_in(const char *text) {
    return (int)within(strtoll(text, NULL, 10), 999999999);
}

int64_t number_of(const redisReply *hash, const char *field) {
    const char *value = field_of(hash, field);
    return value ? number_in(value) : 0;
}

/* --- Records -------------------------------------------------------------------------------------------- */

/* "+ success 241 0 1764502927104 1764502928000 b 1" */
bool parse_record(const struct processor *processor, const char *text, struct record *record) {
    char mark, status[16], count[24], tag;
    struct record read = {0};
    if (sscanf(text, "%c %15s %23s %" SCNd64 " %15" SCNd64 " %15" SCNd64 " %c %9d", &mark, status, count,
            &read.records_failed, &read.timestamp_ms, &read.arrived_ms, &tag, &read.run)
            != 8
        || !status_parse(status, &read.status))
        return false;
    read.record_count = strcmp(count, "?") == 0 ? ROWS_UNKNOWN : strtoll(count, NULL, 10);
    if (read.record_count < ROWS_UNKNOWN)
        return false;
    read.backfill = tag == 'b';
    read.mark = mark == '+' ? RECORD_COUNTS : RECORD_SHORT;
    read.set_aside = mark == '~';
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

/* own: the field of a processor or a group that has another correlation id than the date, or none (""). */
static const char *correlation_in(const redisReply *hash, const char *own, struct arena *arena) {
    const char *text = field_of(hash, own);
    if (!text)
        text = field_of(hash, ".c");
    return text && *text ? arena_strdup(arena, text) : NULL;
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
    char own[PIPELINE_ABBR_MAX + 4];
    snprintf(own, sizeof own, "%s.c", processor->abbr);
    record->correlation_id = correlation_in(hash, own, arena);
    record->error_message = part_of(hash, processor, ".e", arena);
    return record->execution_id ? ok() : out_of_memory();
}

/* --- Groups --------------------------------------------------------------------------------------------- */

bool parse_phase(const char *text, enum group_phase *phase) {
    for (enum group_phase candidate = GROUP_READY; candidate <= GROUP_CANCELLED; candidate++) {
        if (strcmp(text, group_phase_name(candidate)) == 0) {
            *phase = candidate;
            return true;
        }
    }
    return false;
}

/* A time, or the distance of two; false when it has more digits than either has. */
static bool read_time(const char *text, int64_t *ms) {
    *ms = number_in(text);
    return strspn(text, "+-0123456789") == strlen(text) && strtoll(text, NULL, 10) == *ms;
}

/* "+350" after ready, or "-" for never, which is 0. False when that is no time. */
static bool read_after(int64_t ready_ms, const char *offset, int64_t *ms) {
    int64_t after_ms = 0;
    bool never = strcmp(offset, "-") == 0, good = never || read_time(offset, &after_ms);
    *ms = never ? 0 : ready_ms + after_ms;
    return good;
}

/* "triggered 1 1764502927104 +350 - b 9188" */
bool parse_group(const char *text, struct arena *arena, struct group_state *group) {
    char phase[16], ready[24], triggered[24], ended[24], tag;
    struct group_state read = {0};
    int message_at = 0;
    if (sscanf(text, "%15s %9d %23s %23s %23s %c %n", phase, &read.run, ready, triggered, ended, &tag,
            &message_at)
            != 6
        || message_at == 0 || !parse_phase(phase, &read.phase) || !read_time(ready, &read.ready_ms)
        || !read_after(read.ready_ms, triggered, &read.triggered_ms)
        || !read_after(read.ready_ms, ended, &read.ended_ms))
        return false;
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
    group->correlation_id = correlation_in(hash, field, arena);
    return ok();
}

/* --- Dates ---------------------------------------------------------------------------------------------- */

/* "1 1764502927104 1764503527104 pgs" */
static MUST_CHECK struct result read_stale(
    const struct pipeline *pipeline, game_date date, const redisReply *hash, struct stale *stale) {
    const char *text = field_of(hash, ".stale");
    char abbr[PIPELINE_ABBR_MAX + 1];
    struct stale read = {0};
    if (!text)
        return ok();
    if (sscanf(text, "%9d %15" SCNd64 " %15" SCNd64 " %8s", &read.group, &read.since_ms, &read.due_ms, abbr)
            != 4
        || read.group < 1 || read.group > pipeline->group_count)
        return unreadable(date, ".stale", text);
    read.processor = pipeline_processor(pipeline, abbr);
    *stale = read;
    return ok();
}

/* "2 1 1764502927104" */
static MUST_CHECK struct result read_stall(
    const struct pipeline *pipeline, game_date date, const redisReply *hash, struct stall *stall) {
    const char *text = field_of(hash, ".stall");
    struct stall read = {0};
    if (!text)
        return ok();
    if (sscanf(text, "%9d %9d %15" SCNd64, &read.group, &read.times, &read.at_ms) != 3 || read.group < 1
        || read.group > pipeline->group_count)
        return unreadable(date, ".stall", text);
    *stall = read;
    return ok();
}

/* A group's processor counts when its completion is of its group's run. */
static void compare_runs(const struct pipeline *pipeline, struct date_state *state) {
    for (int i = 0; i < pipeline->processor_count; i++) {
        struct record *record = &state->records[i];
        int group = pipeline->processors[i].group;
        bool judged = record->mark == RECORD_COUNTS || record->mark == RECORD_SHORT;
        if (group > 0 && judged && record->run != state->groups[group - 1].run)
            record->mark = RECORD_OLD;
    }
}

struct result parse_date(const struct pipeline *pipeline, game_date date, const redisReply *hash,
    struct arena *arena, struct date_state *state) {
    *state = (struct date_state){.date = date, .known = hash->elements > 0};
    const char *run = field_of(hash, ".run");
    state->run = run ? small_number_in(run) : 0;
    state->no_games_ms = number_of(hash, ".no_games");
    state->since_ms = number_of(hash, ".since");
    struct result result = read_stale(pipeline, date, hash, &state->stale);
    if (is_ok(result))
        result = read_stall(pipeline, date, hash, &state->stall);
    for (int i = 0; i < pipeline->processor_count && is_ok(result); i++)
        result = read_record(date, &pipeline->processors[i], hash, arena, &state->records[i]);
    for (int g = 1; g <= pipeline->group_count && is_ok(result); g++)
        result = read_group(date, g, hash, arena, &state->groups[g - 1]);
    compare_runs(pipeline, state);
    return result;
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
        if (strcmp(redis_reply_text(hash, i), "data") == 0) {
            read.size = hash->element[i + 1]->len;
            read.data = arena_copy(arena, redis_reply_text(hash, i + 1), read.size);
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
