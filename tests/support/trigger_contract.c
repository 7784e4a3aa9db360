#include "support/trigger_contract.h"

#include "base/clock.h"
#include "support/nba.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every field, with the type that contract/trigger.json gives it. */
static const struct field {
    const char *name;
    json_type type;
} fields[] = {
    {"trigger_id", JSON_STRING},
    {"pipeline", JSON_STRING},
    {"phase", JSON_STRING},
    {"game_date", JSON_STRING},
    {"analysis_date", JSON_STRING},
    {"group", JSON_INTEGER},
    {"processors", JSON_ARRAY},
    {"run", JSON_INTEGER},
    {"backfill_mode", JSON_TRUE},
    {"success", JSON_TRUE},
    {"trigger_source", JSON_STRING},
    {"triggered_by", JSON_STRING},
    {"trigger_reason", JSON_STRING},
    {"correlation_id", JSON_STRING},
    {"upstream", JSON_OBJECT},
    {"timestamp", JSON_STRING},
};

enum { FIELDS = sizeof fields / sizeof *fields, ID_MAX = 80 };

static bool complain(char why[RESULT_TEXT_MAX], const char *what, const char *name) {
    snprintf(why, RESULT_TEXT_MAX, "%s: %.100s", what, name);
    return false;
}

static bool has_shape(const json_t *body, char why[RESULT_TEXT_MAX]) {
    for (size_t i = 0; i < FIELDS; i++) {
        const json_t *value = json_object_get(body, fields[i].name);
        bool flag = fields[i].type == JSON_TRUE;
        if (!value || (flag ? !json_is_boolean(value) : json_typeof(value) != fields[i].type))
            return complain(why, "absent, or not what the contract says", fields[i].name);
    }
    return json_object_size(body) == FIELDS || complain(why, "more fields than the contract has", "body");
}

static bool says(const json_t *body, const char *name, const char *text, char why[RESULT_TEXT_MAX]) {
    const char *said = json_string_value(json_object_get(body, name));
    return (said && strcmp(said, text) == 0) || complain(why, "not what the other fields say", name);
}

static bool attribute_says(
    const struct message *message, const char *name, const char *text, char why[RESULT_TEXT_MAX]) {
    const char *said = message_attribute(message, name);
    return (said && strcmp(said, text) == 0) || complain(why, "attribute is not what the body says", name);
}

static processor_set named(const json_t *processors) {
    processor_set set = 0;
    for (size_t i = 0; i < json_array_size(processors); i++) {
        const char *name = json_string_value(json_array_get(processors, i));
        const struct processor *processor = name ? pipeline_processor(nba_pipeline(), name) : NULL;
        if (!processor || strcmp(processor->name, name) != 0 || set & SET(processor->index))
            return 0;
        set |= SET(processor->index);
    }
    return set;
}

/* Row counts, null where nobody gave one. */
static processor_set counted(const json_t *upstream) {
    processor_set set = 0;
    for (int p = 0; p < NBA_PROCESSORS; p++) {
        const json_t *rows = json_object_get(upstream, nba_pipeline()->processors[p].name);
        if (json_is_integer(rows) || json_is_null(rows))
            set |= SET(p);
    }
    return json_object_size(upstream) == (size_t)__builtin_popcountll(set) ? set : 0;
}

static bool fits_group(const json_t *body, const struct group *group, char why[RESULT_TEXT_MAX]) {
    int64_t decided_ms;
    if (named(json_object_get(body, "processors")) != group->members)
        return complain(why, "not the group's", "processors");
    if (counted(json_object_get(body, "upstream")) != group->needs)
        return complain(why, "not the group's needs", "upstream");
    if (!is_ok(timestamp_parse(json_string_value(json_object_get(body, "timestamp")), &decided_ms)))
        return complain(why, "not a time", "timestamp");
    return json_is_true(json_object_get(body, "success")) || complain(why, "not true", "success");
}

static bool texts_agree(const json_t *body, const struct message *message, const char *id, const char *date,
    char why[RESULT_TEXT_MAX]) {
    char key[ID_MAX];
    snprintf(key, sizeof key, "nba/%s", date);
    if (!message->ordering_key || strcmp(message->ordering_key, key) != 0)
        return complain(why, "not the pipeline and date", "ordering key");
    return says(body, "trigger_id", id, why) && says(body, "pipeline", "nba", why)
        && says(body, "phase", "phase_4_precompute", why) && says(body, "analysis_date", date, why)
        && says(body, "trigger_source", "orchestrator", why) && says(body, "triggered_by", "phasegate", why)
        && attribute_says(message, "trigger_id", id, why) && attribute_says(message, "pipeline", "nba", why)
        && attribute_says(message, "game_date", date, why);
}

static bool agrees(const json_t *body, const struct message *message, const struct trigger_facts *facts,
    char why[RESULT_TEXT_MAX]) {
    const char *date = json_string_value(json_object_get(body, "game_date"));
    char id[ID_MAX], group[16], run[16];
    snprintf(group, sizeof group, "%d", facts->group);
    snprintf(run, sizeof run, "%d", facts->run);
    snprintf(id, sizeof id, "nba/%s/g%s/r%s", date, group, run);
    return texts_agree(body, message, id, date, why) && attribute_says(message, "group", group, why)
        && attribute_says(message, "run", run, why)
        && attribute_says(message, "backfill", facts->backfill ? "true" : "false", why);
}

static bool read_facts(
    const json_t *body, int groups, struct trigger_facts *facts, char why[RESULT_TEXT_MAX]) {
    const char *date = json_string_value(json_object_get(body, "game_date"));
    json_int_t group = json_integer_value(json_object_get(body, "group"));
    *facts = (struct trigger_facts){
        .group = (int)group,
        .run = (int)json_integer_value(json_object_get(body, "run")),
        .backfill = json_is_true(json_object_get(body, "backfill_mode")),
    };
    if (group < 1 || group > groups)
        return complain(why, "none of the pipeline's", "group");
    return is_ok(date_parse(date, strlen(date), &facts->date)) || complain(why, "not a date", "game_date");
}

bool trigger_contract_read(const struct pipeline *pipeline, const struct message *message,
    struct trigger_facts *facts, char why[RESULT_TEXT_MAX]) {
    struct trigger_facts read;
    json_t *body = json_loadb(message->data, message->size, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(body)
        ? has_shape(body, why) && read_facts(body, pipeline->group_count, &read, why)
            && agrees(body, message, &read, why) && fits_group(body, &pipeline->groups[read.group - 1], why)
        : complain(why, "not a JSON object", "body");
    json_decref(body);
    if (good)
        *facts = read;
    return good;
}
