/*
 * The shape of the file: which keys there are and what each may hold, as a libcyaml schema, and what libcyaml
 * makes of a file: every scalar as the text that stands there, NULL where the key is missing. What the texts
 * mean is for config_settings.h and config_pipeline.h.
 */
#ifndef PHASEGATE_CORE_CONFIG_SCHEMA_H
#define PHASEGATE_CORE_CONFIG_SCHEMA_H

#include "core/config_table.h"
#include "core/yaml_where.h"

#include <cyaml/cyaml.h>

#define CONFIG_RAW(section, key, kind, ...) char *key;

struct raw_source {
    char *topic;
    char *subscription;
};

struct raw_processor {
    char *name;
    char *abbr;
    char **aliases;
    unsigned aliases_count;
    CONFIG_PROCESSOR(CONFIG_RAW)
};

struct raw_group {
    char **processors;
    unsigned processors_count;
    char **needs;
    unsigned needs_count;
    CONFIG_GROUP(CONFIG_RAW)
};

struct raw_pipeline {
    char *name;
    CONFIG_PIPELINE(CONFIG_RAW)
    struct raw_source *completions;
    unsigned completions_count;
    struct raw_source triggers; /* without subscription */
    struct raw_processor *processors;
    unsigned processors_count;
    struct raw_group *groups;
    unsigned groups_count;
};

struct raw_config {
    struct {
        CONFIG_STORE(CONFIG_RAW)
    } store;
    struct {
        CONFIG_BUS(CONFIG_RAW)
    } bus;
    struct {
        CONFIG_ENGINE(CONFIG_RAW)
    } engine;
    struct {
        CONFIG_LOG(CONFIG_RAW)
    } log;
    struct {
        CONFIG_ALERTS(CONFIG_RAW)
    } alerts;
    struct raw_pipeline *pipelines;
    unsigned pipelines_count;
};

enum { CONFIG_SOURCES_MAX = 64, CONFIG_ALIASES_MAX = 32 };

extern const cyaml_schema_value_t config_schema;

/*
 * Checks the tree against the schema: unknown, repeated and missing keys, a list where a text should be, too
 * few or too many entries. libcyaml finds these too, but its reports lack the line of an unknown or missing
 * key, and which keys there are; so they are found here, over the same schema, and it only loads.
 */
struct result config_schema_check(struct yaml_where *where) MUST_CHECK;

/* Loads what has passed the check. */
struct result config_schema_load(const char *text, size_t length, struct raw_config **raw) MUST_CHECK;

/* Frees it and sets the pointer to NULL; safe on NULL. */
void config_schema_free(struct raw_config **raw);

#endif
