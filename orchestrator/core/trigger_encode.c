#include "base/clock.h"
#include "base/text.h"
#include "core/completion.h"
#include "core/json_write.h"
#include "core/trigger.h"

#include <stdio.h>
#include <string.h>

/* The names of a set's processors. */
static void put_names(
    struct json_writer *body, const char *key, const struct pipeline *pipeline, processor_set set) {
    json_open(body, key, '[');
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1)
            json_put_text(body, NULL, pipeline->processors[i].name);
    json_close(body, ']');
}

/* The rows of each of the group's needs, null where they are unknown. */
static void put_rows(struct json_writer *body, const char *key, const struct pipeline *pipeline,
    processor_set needs, const struct trigger *trigger) {
    json_open(body, key, '{');
    for (int i = 0; i < pipeline->processor_count; i++) {
        if (!(needs >> i & 1))
            continue;
        int64_t count = trigger->upstream ? trigger->upstream[i] : ROWS_UNKNOWN;
        if (count == ROWS_UNKNOWN)
            json_put_text(body, pipeline->processors[i].name, NULL);
        else
            json_put_number(body, pipeline->processors[i].name, count);
    }
    json_close(body, '}');
}

static void put_body(struct json_writer *body, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *id, const char *game_date_text) {
    const struct group *group = &pipeline->groups[trigger->group - 1];
    char reason[64] = "all needs satisfied", timestamp[TIMESTAMP_TEXT_MAX];
    if (trigger->group > 1)
        snprintf(reason, sizeof reason, "group %d done; all needs satisfied", trigger->group - 1);
    timestamp_format(trigger->decided_ms, timestamp);
    json_open(body, NULL, '{');
    json_put_text(body, "trigger_id", id);
    json_put_text(body, "pipeline", pipeline->name);
    json_put_text(body, "phase", pipeline->phase);
    json_put_text(body, "game_date", game_date_text);
    json_put_text(body, "analysis_date", game_date_text);
    json_put_number(body, "group", trigger->group);
    put_names(body, "processors", pipeline, group->members);
    json_put_number(body, "run", trigger->run);
    json_put_flag(body, "backfill_mode", trigger->backfill);
    json_put_flag(body, "success", true);
    json_put_text(body, "trigger_source", "orchestrator");
    json_put_text(body, "triggered_by", "phasegate");
    json_put_text(body, "trigger_reason", reason);
    json_put_text(body, "correlation_id", trigger->correlation_id);
    put_rows(body, "upstream", pipeline, group->needs, trigger);
    json_put_text(body, "timestamp", timestamp);
    json_close(body, '}');
}

struct message *trigger_encode(
    const struct pipeline *pipeline, const struct trigger *trigger, struct arena *arena) {
    char id[TRIGGER_ID_MAX], date[DATE_TEXT_MAX], group[TEXT_NUMBER_MAX], run[TEXT_NUMBER_MAX];
    trigger_id(pipeline, trigger, id);
    date_format(trigger->date, date);
    const struct attribute attributes[] = {
        {"trigger_id", arena_strdup(arena, id)},
        {"pipeline", pipeline->name},
        {"game_date", arena_strdup(arena, date)},
        {"group", arena_strdup(arena, text_number(trigger->group, group))},
        {"run", arena_strdup(arena, text_number(trigger->run, run))},
        {"backfill", trigger->backfill ? "true" : "false"},
    };
    const size_t count = sizeof attributes / sizeof *attributes;
    for (size_t i = 0; i < count; i++)
        if (!attributes[i].value)
            return NULL;
    struct message *message = arena_alloc(arena, sizeof *message);
    struct attribute *copies = arena_copy(arena, attributes, sizeof attributes);
    const char *ordering_key = arena_strndup(arena, id, strlen(pipeline->name) + strlen("/") + strlen(date));
    struct json_writer body = {.arena = arena};
    put_body(&body, pipeline, trigger, id, date);
    if (!message || !copies || !ordering_key || body.full)
        return NULL;
    *message = (struct message){.data = body.text,
        .size = body.length,
        .attributes = copies,
        .attribute_count = count,
        .ordering_key = ordering_key};
    return message;
}
