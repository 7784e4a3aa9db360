/*
 * The configuration: one YAML file, checked against a schema and then against itself, every error with file, line,
 * key and what was expected. Environment variables may override connection settings. Read once at start, never changed.
 *
 * The settings are one table, config_table.h: the structs below, the YAML schema, the environment variables, the
 * defaults, `config show` and the reference page come from it.
 */
#ifndef PHASEGATE_CORE_CONFIG_H
#define PHASEGATE_CORE_CONFIG_H

#include "base/arena.h"
#include "base/result.h"
#include "core/pipeline.h"

#include <stdio.h>

enum bus_kind { BUS_REDIS, BUS_PUBSUB };

struct config;

/* Looks a variable up, like getenv. */
typedef const char *config_getenv_fn(const char *name);

/*
 * Reads the text of the file `name` (used in messages only). CODE_INVALID: "phasegate.yaml:14: pipelines[0].groups[1]
 * .needs[0]: no processor is called "player_zone"; did you mean player_shot_zone_analysis?"
 */
struct result config_parse(const char *name, const char *text, size_t length, config_getenv_fn *environment,
    struct config **config) MUST_CHECK;

void config_free(struct config **config);

/* The configuration that is built in: deploy/phasegate.yaml. NUL-terminated. */
extern const char config_default_yaml[];

int config_pipeline_count(const struct config *config);
const struct pipeline *config_pipeline_at(const struct config *config, int index);

/* By name; with name NULL the only one. The failure names those there are, and the closest. */
struct result config_pipeline(const struct config *config, const char *name, const struct pipeline **pipeline) MUST_CHECK;

struct config_store {
    const char *url;      /* "" means embedded */
    const char *username; /* "" none */
    const char *password; /* "" none; a secret */
};

struct config_bus {
    enum bus_kind kind;
    const char *url;         /* of the Redis that has the streams; "" the store's */
    const char *project;     /* Pub/Sub's; "" none */
    const char *endpoint;    /* "" Google's */
    const char *emulator;    /* "" none */
    int streams;
    int lease_seconds;
};

struct config_engine {
    int in_hand_max;   /* completions received and not yet acked, per pipeline */
    int drain_seconds; /* how long a stop may take */
};

struct config_log {
    const char *level;  /* debug, info, notice, warning, error, critical */
    const char *format; /* auto, json, text */
};

const struct config_store *config_store(const struct config *config);
const struct config_bus *config_bus(const struct config *config);
const struct config_engine *config_engine(const struct config *config);
const struct config_log *config_log(const struct config *config);

/* The settings in force as YAML, secrets as "***", each with where it came from (file, environment, default). */
void config_show(const struct config *config, FILE *out);
/* The same as one JSON object. */
void config_show_json(const struct config *config, FILE *out);
/* The reference page: every key with type, default, environment variable and meaning, as Markdown. */
void config_reference(FILE *out);

#endif
