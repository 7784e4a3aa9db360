#include "cli/json_output.h"

#include "base/clock.h"
#include "base/text.h"
#include "cli/outlook.h"
#include "core/trigger.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text) {
    if (!text)
        return json_null();
    size_t length = strlen(text);
    if (text_is_utf8(text, length))
        return json_string(text);
    char *shown = malloc(4 * length + 4); /* every byte as \xNN at worst */
    json_t *value = shown ? json_string(text_show(text, length, shown, 4 * length + 4)) : NULL;
    free(shown);
    return value;
}

json_t *json_time(int64_t ms) {
    char text[TIMESTAMP_TEXT_MAX];
    return ms ? json_string(timestamp_format(ms, text)) : json_null();
}

json_t *json_date(game_date date) {
    char text[DATE_TEXT_MAX];
    return json_string(date_format(date, text));
}

json_t *json_rows(int64_t rows) {
    return rows == ROWS_UNKNOWN ? json_null() : json_integer(rows);
}

void json_put(json_t **object, const char *key, json_t *value) {
    if (*object && json_object_set_new(*object, key, value) == 0)
        return;
    if (!*object)
        json_decref(value);
    json_decref(*object);
    *object = NULL;
}

void json_push(json_t **array, json_t *value) {
    if (*array && json_array_append_new(*array, value) == 0)
        return;
    if (!*array)
        json_decref(value);
    json_decref(*array);
    *array = NULL;
}

json_t *json_processors(const struct pipeline *pipeline, processor_set set) {
    json_t *names = json_array();
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1)
            json_push(&names, json_text(pipeline->processors[i].name));
    return names;
}

static const char *const mark_names[] = {
    [RECORD_COUNTS] = "satisfies",
    [RECORD_SHORT] = "falls_short",
    [RECORD_PREMATURE] = "premature",
    [RECORD_OLD] = "old_run",
};

json_t *json_record(const struct record *record) {
    if (record->mark == RECORD_NONE)
        return json_null();
    json_t *object = json_object();
    json_put(&object, "mark", json_text(mark_names[record->mark]));
    json_put(&object, "set_aside", json_boolean(record->set_aside));
    json_put(&object, "status", json_text(status_name(record->status)));
    json_put(&object, "record_count", json_rows(record->record_count));
    json_put(&object, "records_failed", json_integer(record->records_failed));
    json_put(&object, "timestamp", json_time(record->timestamp_ms));
    json_put(&object, "arrived_at", json_time(record->arrived_ms));
    json_put(&object, "backfill", json_boolean(record->backfill));
    json_put(&object, "run", json_integer(record->run));
    json_put(&object, "execution_id", json_text(record->execution_id));
    json_put(&object, "correlation_id", json_text(record->correlation_id));
    json_put(&object, "error_message", json_text(record->error_message));
    return object;
}

static json_t *json_trigger_id(const struct pipeline *pipeline, const struct date_state *state, int group) {
    if (state->groups[group - 1].phase == GROUP_WAITING)
        return json_null();
    const struct trigger trigger = {.date = state->date, .group = group, .run = state->groups[group - 1].run};
    char text[TRIGGER_ID_MAX];
    return json_text(trigger_id(pipeline, &trigger, text));
}

static json_t *json_group(const struct pipeline *pipeline, const struct date_state *state, int number) {
    const struct group_state *group = &state->groups[number - 1];
    json_t *object = json_object();
    json_put(&object, "group", json_integer(number));
    json_put(&object, "phase", json_text(group_phase_name(group->phase)));
    json_put(&object, "processors", json_processors(pipeline, pipeline->groups[number - 1].members));
    json_put(&object, "missing", json_processors(pipeline, date_state_missing(pipeline, state, number)));
    json_put(&object, "trigger_id", json_trigger_id(pipeline, state, number));
    json_put(&object, "run", group->phase == GROUP_WAITING ? json_null() : json_integer(group->run));
    json_put(&object, "ready_at", json_time(group->ready_ms));
    json_put(&object, "triggered_at", json_time(group->triggered_ms));
    json_put(&object, "ended_at", json_time(group->ended_ms));
    json_put(&object, "backfill", json_boolean(group->backfill));
    json_put(&object, "bus_message_id", json_text(group->bus_message_id));
    json_put(&object, "correlation_id", json_text(group->correlation_id));
    return object;
}

static json_t *json_stale(const struct stale *stale) {
    if (!stale->group)
        return json_null();
    json_t *object = json_object();
    json_put(&object, "group", json_integer(stale->group));
    json_put(&object, "since", json_time(stale->since_ms));
    json_put(&object, "due", json_time(stale->due_ms));
    json_put(&object, "processor", json_text(stale->processor ? stale->processor->name : NULL));
    return object;
}

static json_t *json_stall(const struct stall *stall) {
    if (!stall->group)
        return json_null();
    json_t *object = json_object();
    json_put(&object, "group", json_integer(stall->group));
    json_put(&object, "times", json_integer(stall->times));
    json_put(&object, "at", json_time(stall->at_ms));
    return object;
}

json_t *json_date_state(const struct pipeline *pipeline, const struct date_state *state, int64_t now_ms) {
    struct outlook outlook = outlook_of(pipeline, state);
    char note[512];
    json_t *processors = json_object(), *groups = json_array(), *object = json_object();
    for (int i = 0; i < pipeline->processor_count && !state->broken; i++)
        json_put(&processors, pipeline->processors[i].name, json_record(&state->records[i]));
    for (int g = 1; g <= pipeline->group_count && !state->broken; g++)
        json_push(&groups, json_group(pipeline, state, g));
    json_put(&object, "game_date", json_date(state->date));
    json_put(&object, "standing", json_text(standing_name(outlook.standing)));
    json_put(&object, "note", json_text(outlook_note(pipeline, &outlook, state, now_ms, note, sizeof note)));
    json_put(&object, "group", outlook.group ? json_integer(outlook.group) : json_null());
    json_put(&object, "waits_for", json_processors(pipeline, outlook.waits_for));
    json_put(&object, "since", json_time(outlook.since_ms));
    json_put(&object, "run", json_integer(state->run));
    json_put(&object, "no_games_at", json_time(state->no_games_ms));
    json_put(&object, "stale", json_stale(&state->stale));
    json_put(&object, "stall", json_stall(&state->stall));
    json_put(&object, "processors", processors);
    json_put(&object, "groups", groups);
    return object;
}

struct result json_print(json_t *value, FILE *out) {
    if (!value)
        return fail(CODE_INTERNAL, "out of memory");
    int printed = json_dumpf(value, out, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(value);
    fputc('\n', out);
    return printed == 0 || ferror(out) ? ok() : fail(CODE_INTERNAL, "cannot print the JSON output");
}
