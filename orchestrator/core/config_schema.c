#include "core/config_schema.h"
#include "core/config.h"
#include "core/names.h"

#include <stdio.h>
#include <string.h>

/* --- The schema. ---------------------------------------------------------------------------------------- */

#define TEXT_KEY(flags_, struct_, key_)                                                                      \
    {                                                                                                        \
        .key = #key_, .data_offset = offsetof(struct_, key_), .value = {                                     \
            CYAML_VALUE_STRING(CYAML_FLAG_POINTER | (flags_), char, 0, CYAML_UNLIMITED)                      \
        }                                                                                                    \
    }
#define OPTIONAL(struct_, key_) TEXT_KEY(CYAML_FLAG_OPTIONAL, struct_, key_)
#define REQUIRED(struct_, key_) TEXT_KEY(CYAML_FLAG_DEFAULT, struct_, key_)
#define OF_PIPELINE(section, key_, kind, ...) OPTIONAL(struct raw_pipeline, key_),
#define OF_PROCESSOR(section, key_, kind, ...) OPTIONAL(struct raw_processor, key_),
#define OF_GROUP(section, key_, kind, ...) OPTIONAL(struct raw_group, key_),
/* A section's schema stands in raw_config itself, so that the offsets are the table's. */
#define OF_SECTION(section, key_, kind, ...)                                                                 \
    {.key = #key_,                                                                                           \
        .data_offset = offsetof(struct raw_config, section.key_) - offsetof(struct raw_config, section),     \
        .value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0, CYAML_UNLIMITED)}},
#define SECTION(section_, fields_)                                                                           \
    {                                                                                                        \
        .key = #section_, .data_offset = offsetof(struct raw_config, section_), .value = {                   \
            .type = CYAML_MAPPING,                                                                           \
            .flags = CYAML_FLAG_OPTIONAL,                                                                    \
            .data_size = sizeof(((struct raw_config *)NULL)->section_),                                      \
            .mapping = {.fields = (fields_)}                                                                 \
        }                                                                                                    \
    }

static const cyaml_schema_field_t completions_fields[] = {
    REQUIRED(struct raw_source, topic), REQUIRED(struct raw_source, subscription), CYAML_FIELD_END};
static const cyaml_schema_field_t triggers_fields[] = {REQUIRED(struct raw_source, topic), CYAML_FIELD_END};

static const cyaml_schema_value_t name_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t processor_fields[] = {REQUIRED(struct raw_processor, name),
    REQUIRED(struct raw_processor, abbr),
    CYAML_FIELD_SEQUENCE("aliases", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_processor, aliases,
        &name_value, 0, CONFIG_ALIASES_MAX),
    CONFIG_PROCESSOR(OF_PROCESSOR) CYAML_FIELD_END};

static const cyaml_schema_field_t group_fields[] = {
    CYAML_FIELD_SEQUENCE("processors", CYAML_FLAG_POINTER, struct raw_group, processors, &name_value, 1,
        PIPELINE_PROCESSORS_MAX),
    CYAML_FIELD_SEQUENCE("needs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_group, needs,
        &name_value, 0, PIPELINE_PROCESSORS_MAX),
    CONFIG_GROUP(OF_GROUP) CYAML_FIELD_END};

static const cyaml_schema_value_t source_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_source, completions_fields)};
static const cyaml_schema_value_t processor_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_processor, processor_fields)};
static const cyaml_schema_value_t group_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_group, group_fields)};

static const cyaml_schema_field_t pipeline_fields[] = {REQUIRED(struct raw_pipeline, name),
    CONFIG_PIPELINE(OF_PIPELINE) CYAML_FIELD_SEQUENCE("completions", CYAML_FLAG_POINTER, struct raw_pipeline,
        completions, &source_value, 1, CONFIG_SOURCES_MAX),
    CYAML_FIELD_MAPPING("triggers", CYAML_FLAG_DEFAULT, struct raw_pipeline, triggers, triggers_fields),
    CYAML_FIELD_SEQUENCE("processors", CYAML_FLAG_POINTER, struct raw_pipeline, processors, &processor_value,
        1, PIPELINE_PROCESSORS_MAX),
    CYAML_FIELD_SEQUENCE(
        "groups", CYAML_FLAG_POINTER, struct raw_pipeline, groups, &group_value, 1, PIPELINE_GROUPS_MAX),
    CYAML_FIELD_END};

static const cyaml_schema_value_t pipeline_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_pipeline, pipeline_fields)};

static const cyaml_schema_field_t store_fields[] = {CONFIG_STORE(OF_SECTION) CYAML_FIELD_END};
static const cyaml_schema_field_t bus_fields[] = {CONFIG_BUS(OF_SECTION) CYAML_FIELD_END};
static const cyaml_schema_field_t engine_fields[] = {CONFIG_ENGINE(OF_SECTION) CYAML_FIELD_END};
static const cyaml_schema_field_t log_fields[] = {CONFIG_LOG(OF_SECTION) CYAML_FIELD_END};
static const cyaml_schema_field_t alerts_fields[] = {CONFIG_ALERTS(OF_SECTION) CYAML_FIELD_END};

static const cyaml_schema_field_t config_fields[] = {SECTION(store, store_fields), SECTION(bus, bus_fields),
    SECTION(engine, engine_fields), SECTION(log, log_fields), SECTION(alerts, alerts_fields),
    CYAML_FIELD_SEQUENCE("pipelines", CYAML_FLAG_POINTER, struct raw_config, pipelines, &pipeline_value, 1,
        CONFIG_PIPELINES_MAX),
    CYAML_FIELD_END};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_config, config_fields)};

/* --- The check. ----------------------------------------------------------------------------------------- */

static struct result check_value(
    struct yaml_where *where, const cyaml_schema_value_t *schema, int index, struct key_path path);

static yaml_node_t *node_at(struct yaml_where *where, int index) {
    return yaml_document_get_node(yaml_where_document(where), index);
}

static int line_at(struct yaml_where *where, int index) {
    return (int)node_at(where, index)->start_mark.line + 1;
}

static const char *node_kind(const yaml_node_t *node) {
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return node->data.scalar.length ? "a single value" : "nothing";
    case YAML_SEQUENCE_NODE:
        return "a list";
    default:
        return "keys with values";
    }
}

/* "url, username and password" */
static char *keys_list(const cyaml_schema_field_t *fields, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (const cyaml_schema_field_t *field = fields; field->key && used < size; field++) {
        const char *separator = field == fields ? "" : field[1].key ? ", " : " and ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", separator, field->key);
    }
    return text;
}

static const cyaml_schema_field_t *field_find(const cyaml_schema_field_t *fields, const char *key) {
    for (; fields->key; fields++)
        if (strcmp(fields->key, key) == 0)
            return fields;
    return NULL;
}

static struct result unknown_key(const cyaml_schema_field_t *fields, const char *key) {
    enum { KEYS_MAX = 32 };
    const char *known[KEYS_MAX];
    char list[200];
    size_t count = 0;
    for (; count < KEYS_MAX && fields[count].key; count++)
        known[count] = fields[count].key;
    const char *nearest = name_nearest(key, known, count);
    if (nearest)
        return fail(CODE_INVALID, "there is no such key; did you mean %s?", nearest);
    return fail(CODE_INVALID, "there is no such key; expected %s", keys_list(fields, list, sizeof list));
}

static struct key_path child_path(struct key_path parent, const char *key) {
    return key_path("%.100s%s%.50s", parent.text, parent.text[0] ? "." : "", key);
}

/* The key of this pair, if it is a known one that no earlier pair had. */
static struct result check_key(struct yaml_where *where, const cyaml_schema_field_t *fields,
    const yaml_node_t *mapping, const yaml_node_pair_t *pair, struct key_path path,
    const cyaml_schema_field_t **field) {
    int line = line_at(where, pair->key);
    const yaml_node_t *name = node_at(where, pair->key);
    if (name->type != YAML_SCALAR_NODE)
        return yaml_where_on(
            where, line, path, fail(CODE_INVALID, "expected a name as the key, got %s", node_kind(name)));
    const char *key = (const char *)name->data.scalar.value;
    struct key_path here = child_path(path, key);
    *field = field_find(fields, key);
    if (!*field)
        return yaml_where_on(where, line, here, unknown_key(fields, key));
    for (const yaml_node_pair_t *earlier = mapping->data.mapping.pairs.start; earlier < pair; earlier++)
        if (strcmp((const char *)node_at(where, earlier->key)->data.scalar.value, key) == 0)
            return yaml_where_on(where, line, here,
                fail(CODE_INVALID, "given twice; expected once (first on line %d)",
                    line_at(where, earlier->key)));
    return ok();
}

static struct result check_required(
    struct yaml_where *where, const cyaml_schema_field_t *fields, int index, struct key_path path) {
    const yaml_node_t *mapping = node_at(where, index);
    for (const cyaml_schema_field_t *field = fields; field->key; field++) {
        bool found = field->value.flags & CYAML_FLAG_OPTIONAL;
        for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
             pair < mapping->data.mapping.pairs.top && !found; pair++)
            found = strcmp((const char *)node_at(where, pair->key)->data.scalar.value, field->key) == 0;
        if (!found)
            return yaml_where_on(where, line_at(where, index), child_path(path, field->key),
                fail(CODE_INVALID, "missing; it is required"));
    }
    return ok();
}

static struct result check_mapping(
    struct yaml_where *where, const cyaml_schema_value_t *schema, int index, struct key_path path) {
    const yaml_node_t *node = node_at(where, index);
    const cyaml_schema_field_t *fields = schema->mapping.fields;
    char list[200];
    if (node->type != YAML_MAPPING_NODE)
        return yaml_where_on(where, line_at(where, index), path,
            fail(CODE_INVALID, "got %s, expected keys: %s", node_kind(node),
                keys_list(fields, list, sizeof list)));
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++) {
        const cyaml_schema_field_t *field = NULL;
        struct result r = check_key(where, fields, node, pair, path, &field);
        if (is_ok(r))
            r = check_value(where, &field->value, pair->value, child_path(path, field->key));
        if (!is_ok(r))
            return r;
    }
    return check_required(where, fields, index, path);
}

static struct result check_sequence(
    struct yaml_where *where, const cyaml_schema_value_t *schema, int index, struct key_path path) {
    const yaml_node_t *node = node_at(where, index);
    if (node->type != YAML_SEQUENCE_NODE)
        return yaml_where_on(where, line_at(where, index), path,
            fail(CODE_INVALID, "got %s, expected a list", node_kind(node)));
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (count < schema->sequence.min || count > schema->sequence.max)
        return yaml_where_on(where, line_at(where, index), path,
            fail(count ? CODE_LIMIT : CODE_INVALID, "got %zu entries, expected %u to %u", count,
                schema->sequence.min, schema->sequence.max));
    struct result r = ok();
    for (size_t i = 0; i < count && is_ok(r); i++)
        r = check_value(where, schema->sequence.entry, node->data.sequence.items.start[i],
            key_path("%.150s[%zu]", path.text, i));
    return r;
}

static struct result check_value(
    struct yaml_where *where, const cyaml_schema_value_t *schema, int index, struct key_path path) {
    const yaml_node_t *node = node_at(where, index);
    if (schema->type == CYAML_MAPPING)
        return check_mapping(where, schema, index, path);
    if (schema->type == CYAML_SEQUENCE)
        return check_sequence(where, schema, index, path);
    if (node->type == YAML_SCALAR_NODE)
        return ok();
    return yaml_where_on(where, line_at(where, index), path,
        fail(CODE_INVALID, "got %s, expected a single value", node_kind(node)));
}

struct result config_schema_check(struct yaml_where *where) {
    return check_value(where, &config_schema, 1, key_path("%s", "")); /* libyaml numbers the root 1 */
}

/* --- Loading. ------------------------------------------------------------------------------------------- */

struct complaint {
    char text[160];
};

/* Keeps the first thing that libcyaml says. */
static void hear(cyaml_log_t level, void *context, const char *format, va_list args) PRINTF_LIKE(3, 0);

static void hear(cyaml_log_t level, void *context, const char *format, va_list args) {
    struct complaint *complaint = context;
    (void)level;
    if (!complaint->text[0])
        vsnprintf(complaint->text, sizeof complaint->text, format, args);
}

struct result config_schema_load(const char *text, size_t length, struct raw_config **raw) {
    struct complaint complaint = {.text = ""};
    const cyaml_config_t config = {.log_fn = hear,
        .log_ctx = &complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS};
    cyaml_data_t *data = NULL;
    cyaml_err_t error = cyaml_load_data((const uint8_t *)text, length, &config, &config_schema, &data, NULL);
    if (error != CYAML_OK || !data)
        return fail(CODE_INTERNAL, "libcyaml: %s: %s", cyaml_strerror(error), complaint.text);
    *raw = data;
    return ok();
}

void config_schema_free(struct raw_config **raw) {
    static const cyaml_config_t config = {.mem_fn = cyaml_mem};
    if (*raw)
        cyaml_free(&config, &config_schema, *raw, 0);
    *raw = NULL;
}
