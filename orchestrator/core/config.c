#include "core/config.h"
#include "base/text.h"
#include "core/config_parts.h"
#include "core/config_pipeline.h"
#include "core/config_schema.h"
#include "core/names.h"

#include <stdlib.h>
#include <string.h>

/* Strings and arrays of the largest text, twice over, and the definitions of 64 pipelines. */
enum { CONFIG_ARENA_BYTES = 16 << 20 };

struct source_file {
    const char *text;
    size_t length;
    struct yaml_where *where;
    struct raw_config *raw;
};

/* --- Settings: the environment over the file over the ambient variable over the default. ---------------- */

static const char *variable_value(config_getenv_fn *environment, const char *variable) {
    const char *value = environment && variable ? environment(variable) : NULL;
    return value && *value ? value : NULL;
}

static struct result setting_from_environment(
    struct config *config, int index, const char *variable, const char *value) {
    config->origins[index] = (struct origin){.variable = variable};
    return fail_within(
        setting_read(&config_settings[index], value, config->arena, &config->values), "%s", variable);
}

static struct result setting_from_file(
    struct config *config, int index, const struct source_file *file, const char *text) {
    const struct setting *setting = &config_settings[index];
    struct key_path path = key_path("%s.%s", setting->section, setting->key);
    config->origins[index] = (struct origin){.line = yaml_where_line(file->where, path.text)};
    return yaml_where_at(file->where, path, setting_read(setting, text, config->arena, &config->values));
}

/* What the file says is checked even where the environment overrides it. */
static struct result setting_resolve(
    struct config *config, int index, const struct source_file *file, config_getenv_fn *environment) {
    const struct setting *setting = &config_settings[index];
    const char *written = *(char *const *)((const char *)file->raw + setting->raw);
    const char *override = variable_value(environment, setting->environment);
    const char *ambient = variable_value(environment, setting->ambient);
    struct result r = setting_read(setting, setting->fallback, config->arena, &config->values);
    if (is_ok(r) && written)
        r = setting_from_file(config, index, file, written);
    if (is_ok(r) && override)
        r = setting_from_environment(config, index, setting->environment, override);
    else if (is_ok(r) && !written && ambient)
        r = setting_from_environment(config, index, setting->ambient, ambient);
    return r;
}

/* What one setting asks of another. */
static struct result settings_check(const struct config *config, const struct source_file *file) {
    const struct config_bus *bus = &config->values.bus;
    if (bus->kind == BUS_PUBSUB && !*bus->project)
        return yaml_where_at(file->where, key_path("bus.project"),
            fail(CODE_INVALID,
                "none; the bus pubsub needs the id of a Google Cloud project, here or in PHASEGATE_PROJECT"));
    return ok();
}

static struct result settings_resolve(
    struct config *config, const struct source_file *file, config_getenv_fn *environment) {
    struct result r = ok();
    for (int i = 0; i < CONFIG_SETTINGS && is_ok(r); i++)
        r = setting_resolve(config, i, file, environment);
    return is_ok(r) ? settings_check(config, file) : r;
}

/* --- Pipelines. ----------------------------------------------------------------------------------------- */

static struct result pipelines_build(struct config *config, const struct source_file *file) {
    unsigned count = file->raw->pipelines_count;
    config->pipelines = arena_alloc(config->arena, count * sizeof *config->pipelines);
    config->pipeline_lines = arena_alloc(config->arena, count * sizeof *config->pipeline_lines);
    if (!config->pipelines || !config->pipeline_lines)
        return fail(CODE_INTERNAL, "out of memory");
    struct builder builder = {.where = file->where, .arena = config->arena};
    struct result r = ok();
    for (unsigned i = 0; i < count && is_ok(r); i++) {
        builder.index = (int)i;
        config->pipeline_lines[i] = yaml_where_line(file->where, key_path("pipelines[%u]", i).text);
        r = config_pipeline_build(&builder, &file->raw->pipelines[i], &config->pipelines[i]);
    }
    config->pipeline_count = (int)count;
    return is_ok(r) ? config_pipelines_check(
               file->where, config->pipelines, config->pipeline_count, config->values.bus.kind == BUS_PUBSUB)
                    : r;
}

/* --- The whole. ----------------------------------------------------------------------------------------- */

/* As it may stand in a message, and in a comment of `config show`. */
static const char *printable_name(struct arena *arena, const char *name) {
    char shown[200];
    return arena_strdup(arena, text_show(name, strlen(name), shown, sizeof shown));
}

static struct result config_make(const char *name, struct config **config) {
    struct config *made = calloc(1, sizeof *made);
    if (!made || !(made->arena = arena_new_private(CONFIG_ARENA_BYTES))
        || !(made->name = printable_name(made->arena, name))) {
        config_free(&made);
        return fail(CODE_INTERNAL, "out of memory");
    }
    *config = made;
    return ok();
}

static struct result file_read(const char *name, struct source_file *file) {
    struct result r = yaml_where_read(name, file->text, file->length, CONFIG_BYTES_MAX, &file->where);
    if (is_ok(r))
        r = config_schema_check(file->where);
    if (is_ok(r))
        r = config_schema_load(file->text, file->length, &file->raw);
    return r;
}

struct result config_parse(const char *name, const char *text, size_t length, config_getenv_fn *environment,
    struct config **config) {
    struct source_file file = {.text = text, .length = length};
    struct config *made = NULL;
    struct result r = config_make(name, &made);
    if (is_ok(r))
        r = file_read(made->name, &file);
    if (is_ok(r))
        r = settings_resolve(made, &file, environment);
    if (is_ok(r))
        r = pipelines_build(made, &file);
    config_schema_free(&file.raw);
    yaml_where_free(&file.where);
    if (is_ok(r))
        *config = made;
    else
        config_free(&made);
    return r;
}

void config_free(struct config **config) {
    if (!*config)
        return;
    arena_free(&(*config)->arena);
    free(*config);
    *config = NULL;
}

int config_pipeline_count(const struct config *config) {
    return config->pipeline_count;
}

const struct pipeline *config_pipeline_at(const struct config *config, int index) {
    return &config->pipelines[index];
}

static struct result no_such_pipeline(const struct config *config, const char *name) {
    const char *names[CONFIG_PIPELINES_MAX];
    char list[200] = "";
    for (int i = 0; i < config->pipeline_count; i++) {
        names[i] = config->pipelines[i].name;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    if (!name)
        return fail(CODE_INVALID, "%s has several pipelines; name one of %s", config->name, list);
    const char *nearest = name_nearest(name, names, (size_t)config->pipeline_count);
    if (nearest)
        return fail(CODE_NOT_FOUND,
            "no pipeline is called \"%.60s\" in %.80s; did you mean %s? There are: %s", name, config->name,
            nearest, list);
    return fail(
        CODE_NOT_FOUND, "no pipeline is called \"%.60s\" in %.80s; there are: %s", name, config->name, list);
}

struct result config_pipeline(
    const struct config *config, const char *name, const struct pipeline **pipeline) {
    if (!name && config->pipeline_count == 1) {
        *pipeline = &config->pipelines[0];
        return ok();
    }
    for (int i = 0; i < config->pipeline_count && name; i++)
        if (strcmp(config->pipelines[i].name, name) == 0) {
            *pipeline = &config->pipelines[i];
            return ok();
        }
    return no_such_pipeline(config, name);
}

const struct config_store *config_store(const struct config *config) {
    return &config->values.store;
}

const struct config_bus *config_bus(const struct config *config) {
    return &config->values.bus;
}

const struct config_engine *config_engine(const struct config *config) {
    return &config->values.engine;
}

const struct config_log *config_log(const struct config *config) {
    return &config->values.log;
}

const struct config_alerts *config_alerts(const struct config *config) {
    return &config->values.alerts;
}
