/*
 * The configuration: one YAML file, checked against a schema and then against itself, every error with file,
 * line, key and what was expected. Environment variables may override connection settings. Read once at
 * start, never changed.
 *
 * The settings are one table, config_table.h: the structs below, the YAML schema, the environment variables,
 * the defaults, `config show` and the reference page come from it.
 */
#ifndef PHASEGATE_CORE_CONFIG_H
#define PHASEGATE_CORE_CONFIG_H

#include "base/arena.h"
#include "base/result.h"
#include "core/config_table.h"
#include "core/pipeline.h"

#include <stdio.h>

struct config;

enum { CONFIG_BYTES_MAX = 1 << 20, CONFIG_PIPELINES_MAX = 64 };

/* Looks a variable up, like getenv. A variable that is set to "" counts as not set. */
typedef const char *config_getenv_fn(const char *name);

/*
 * Reads the text of the file `name` (used in messages only). CODE_INVALID: "phasegate.yaml:14:
 * pipelines[0].groups[1] .needs[0]: no processor is called "player_zone"; did you mean
 * player_shot_zone_analysis?"
 */
struct result config_parse(const char *name, const char *text, size_t length, config_getenv_fn *environment,
    struct config **config) MUST_CHECK;

void config_free(struct config **config);

/* The configuration that is built in: deploy/phasegate.yaml. NUL-terminated. */
extern const char config_default_yaml[];

int config_pipeline_count(const struct config *config);
const struct pipeline *config_pipeline_at(const struct config *config, int index);

/* By name; with name NULL the only one. The failure names those there are, and the closest. */
struct result config_pipeline(
    const struct config *config, const char *name, const struct pipeline **pipeline) MUST_CHECK;

enum bus_kind { BUS_REDIS, BUS_PUBSUB };

/*
 * The settings by section, one member for each line of the table. Texts are never NULL: "" means none, and
 * log.level and log.format are one of their words. store.url "" means embedded; bus.url "" means the store's
 * Redis, with the store's user and password.
 */
#define CONFIG_TYPE_TEXT const char *
#define CONFIG_TYPE_SECRET const char *
#define CONFIG_TYPE_URL const char *
#define CONFIG_TYPE_ADDRESS const char *
#define CONFIG_TYPE_WORD const char *
#define CONFIG_TYPE_BUS enum bus_kind
#define CONFIG_TYPE_INT int
#define CONFIG_TYPE_BOOL bool
#define CONFIG_MEMBER(section, key, kind, ...) CONFIG_TYPE_##kind key;

struct config_store {
    CONFIG_STORE(CONFIG_MEMBER)
};
struct config_bus {
    CONFIG_BUS(CONFIG_MEMBER)
};
struct config_engine {
    CONFIG_ENGINE(CONFIG_MEMBER)
};
struct config_log {
    CONFIG_LOG(CONFIG_MEMBER)
};
struct config_alerts {
    CONFIG_ALERTS(CONFIG_MEMBER)
};

const struct config_store *config_store(const struct config *config);
const struct config_bus *config_bus(const struct config *config);
const struct config_engine *config_engine(const struct config *config);
const struct config_log *config_log(const struct config *config);
const struct config_alerts *config_alerts(const struct config *config);

/* The settings in force as YAML, secrets as "***", each with where it came from (file, environment, default).
 */
void config_show(const struct config *config, FILE *out);
/* The same as one JSON object. */
void config_show_json(const struct config *config, FILE *out);
/* The reference page: every key with type, default, environment variable and meaning, as Markdown. */
void config_reference(FILE *out);

#endif
