#include "core/trigger.h"

#include "base/clock.h"
#include "base/text.h"
#include "core/completion.h"
#include "core/json.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

char *trigger_id(const struct pipeline *pipeline, const struct trigger *trigger, char text[TRIGGER_ID_MAX]) {
    char date[DATE_TEXT_MAX];
    snprintf(text, TRIGGER_ID_MAX, "%s/%s/g%d/r%d", pipeline->name, date_format(trigger->date, date),
        trigger->group, trigger->run);
    return text;
}

/* Steps over "/g2": the mark, then a number from 1 to most without leading zeros. */
static bool take_number(const char **text, const char *mark, int most, int *number) {
    size_t length = strlen(mark);
    if (strncmp(*text, mark, length) != 0)
        return false;
    const char *digit = *text + length;
    int64_t value = 0;
    if (*digit == '0')
        return false;
    for (; *digit >= '0' && *digit <= '9' && value <= most; digit++)
        value = value * 10 + (*digit - '0');
    if (value < 1 || value > most)
        return false;
    *number = (int)value;
    *text = digit;
    return true;
}

bool trigger_parse_field(const struct pipeline *pipeline, const char *field, struct trigger *trigger) {
    size_t length = strnlen(field, DATE_TEXT_MAX - 1);
    const char *rest = field + length;
    struct trigger read = {0};
    if (!is_ok(date_parse(field, length, &read.date))
        || !take_number(&rest, "/g", pipeline->group_count, &read.group)
        || !take_number(&rest, "/r", INT_MAX, &read.run) || *rest != '\0')
        return false;
    *trigger = read;
    return true;
}

/* The rows of the processors that the pipeline knows; those that a newer definition dropped are passed over.
 */
static bool read_upstream(const struct pipeline *pipeline, json_t *upstream, struct trigger *trigger) {
    for (int i = 0; i < PIPELINE_PROCESSORS_MAX; i++)
        trigger->upstream[i] = ROWS_UNKNOWN;
    for (int i = 0; i < pipeline->processor_count; i++) {
        const json_t *rows = json_object_get(upstream, pipeline->processors[i].abbr);
        if (rows && !json_is_null(rows) && !json_whole(rows, ROWS_MAX, &trigger->upstream[i]))
            return false;
    }
    return json_is_object(upstream);
}

static struct result read_facts(
    const struct pipeline *pipeline, json_t *facts, struct arena *arena, struct trigger *trigger) {
    const json_t *backfill = json_object_get(facts, "backfill"),
                 *correlation = json_object_get(facts, "correlation");
    if (!json_whole(json_object_get(facts, "at"), INT64_MAX, &trigger->decided_ms))
        return fail(CODE_INVALID, "its facts have no time \"at\" in milliseconds");
    if (!json_is_boolean(backfill))
        return fail(CODE_INVALID, "its facts do not say whether \"backfill\" is true or false");
    trigger->backfill = json_is_true(backfill);
    if (correlation && !json_is_null(correlation) && !json_is_string(correlation))
        return fail(CODE_INVALID, "its fact \"correlation\" is not a text");
    trigger->correlation_id = arena_strdup(arena, json_string_value(correlation));
    if (json_is_string(correlation) && !trigger->correlation_id)
        return fail(CODE_LIMIT, "its correlation does not fit into the memory for one trigger");
    if (!read_upstream(pipeline, json_object_get(facts, "upstream"), trigger))
        return fail(CODE_INVALID, "its facts have no object \"upstream\" of row counts");
    return ok();
}

bool trigger_parse_id(const struct pipeline *pipeline, const char *id, struct trigger *trigger) {
    size_t length = strlen(pipeline->name);
    return strncmp(id, pipeline->name, length) == 0 && id[length] == '/'
        && trigger_parse_field(pipeline, id + length + 1, trigger);
}

struct result trigger_from_outbox(const struct pipeline *pipeline, const char *field, const char *facts,
    struct arena *arena, struct trigger *trigger) {
    char shown[TEXT_SHOWN_MAX];
    struct trigger read;
    text_show(field, strlen(field), shown, sizeof shown);
    if (!trigger_parse_field(pipeline, field, &read))
        return fail(CODE_INVALID,
            "outbox entry \"%s\" of pipeline %s is not like 2021-11-17/g2/r1, with a group up to %d", shown,
            pipeline->name, pipeline->group_count);
    json_error_t error;
    json_t *object = json_loads(facts, 0, &error);
    if (!object)
        return fail(CODE_INVALID, "outbox entry \"%s\" of pipeline %s: its facts are not JSON: column %d: %s",
            shown, pipeline->name, error.column, error.text);
    struct result r = read_facts(pipeline, object, arena, &read);
    json_decref(object);
    if (!is_ok(r))
        return fail_within(r, "outbox entry \"%s\" of pipeline %s", shown, pipeline->name);
    *trigger = read;
    return ok();
}

/* Inside a JSON string the quotes would be escaped. */
bool trigger_facts_backfill(const char *facts) {
    return strstr(facts, "\"backfill\":true") != NULL;
}

/* The names of a set's processors. */
static json_t *names_of(const struct pipeline *pipeline, processor_set set) {
    json_t *names = json_array();
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1)
            json_array_append_new(names, json_string(pipeline->processors[i].name));
    return names;
}

/* The rows of each of the group's needs, null where they are unknown. */
static json_t *rows_of(const struct pipeline *pipeline, processor_set needs, const struct trigger *trigger) {
    json_t *rows = json_object();
    for (int i = 0; i < pipeline->processor_count; i++) {
        if (!(needs >> i & 1))
            continue;
        int64_t count = trigger->upstream[i];
        json_object_set_new(
            rows, pipeline->processors[i].name, count == ROWS_UNKNOWN ? json_null() : json_integer(count));
    }
    return rows;
}

static json_t *body(const struct pipeline *pipeline, const struct trigger *trigger, const char *id,
    const char *game_date_text) {
    const struct group *group = &pipeline->groups[trigger->group - 1];
    char reason[64] = "all needs satisfied", timestamp[TIMESTAMP_TEXT_MAX];
    if (trigger->group > 1)
        snprintf(reason, sizeof reason, "group %d done; all needs satisfied", trigger->group - 1);
    timestamp_format(trigger->decided_ms, timestamp);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:i, s:b, s:b, s:s, s:s, s:s, s:s?, s:o, s:s}",
        "trigger_id", id, "pipeline", pipeline->name, "phase", pipeline->phase, "game_date", game_date_text,
        "analysis_date", game_date_text, "group", trigger->group, "processors",
        names_of(pipeline, group->members), "run", trigger->run, "backfill_mode", trigger->backfill,
        "success", 1, "trigger_source", "orchestrator", "triggered_by", "phasegate", "trigger_reason", reason,
        "correlation_id", trigger->correlation_id, "upstream", rows_of(pipeline, group->needs, trigger),
        "timestamp", timestamp);
}

struct message *trigger_encode(
    const struct pipeline *pipeline, const struct trigger *trigger, struct arena *arena) {
    char id[TRIGGER_ID_MAX], date[DATE_TEXT_MAX];
    trigger_id(pipeline, trigger, id);
    date_format(trigger->date, date);
    const struct attribute attributes[] = {
        {"trigger_id", arena_strdup(arena, id)},
        {"pipeline", pipeline->name},
        {"game_date", arena_strdup(arena, date)},
        {"group", arena_printf(arena, "%d", trigger->group)},
        {"run", arena_printf(arena, "%d", trigger->run)},
        {"backfill", trigger->backfill ? "true" : "false"},
    };
    const char *ordering_key = arena_printf(arena, "%s/%s", pipeline->name, date);
    if (!ordering_key)
        return NULL;
    return json_message(body(pipeline, trigger, id, date), attributes, sizeof attributes / sizeof *attributes,
        ordering_key, arena);
}
