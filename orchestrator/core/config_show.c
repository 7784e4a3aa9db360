#include "core/config_parts.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

enum { LINE_MAX_BYTES = 112 };

/* --- As YAML. ------------------------------------------------------------------------------------------- */

/* JSON's quoting, which YAML's double quotes take too. */
static void put_quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fputc('\\', out);
        fputc(*c, out);
    }
    fputc('"', out);
}

static void put_setting(FILE *out, const struct setting *setting, const void *values) {
    char text[SETTING_TEXT_MAX + 1];
    setting_print(setting, values, text);
    fprintf(out, "%s: ", setting->key);
    if (setting_is_text(setting) && setting->kind != SETTING_WORD)
        put_quoted(out, text);
    else
        fputs(text, out);
}

static void put_origin(FILE *out, const struct config *config, const struct origin *origin) {
    if (origin->variable)
        fprintf(out, "  # environment %s\n", origin->variable);
    else if (origin->line)
        fprintf(out, "  # %s:%d\n", config->name, origin->line);
    else
        fputs("  # default\n", out);
}

static void put_sections(FILE *out, const struct config *config) {
    const char *section = "";
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct setting *setting = &config_settings[i];
        if (strcmp(setting->section, section) != 0)
            fprintf(out, "%s:\n", setting->section);
        section = setting->section;
        fputs("  ", out);
        put_setting(out, setting, &config->values);
        put_origin(out, config, &config->origins[i]);
    }
}

static void put_sources(FILE *out, const struct pipeline *pipeline) {
    fputs("    completions:\n", out);
    for (int i = 0; i < pipeline->completion_count; i++)
        fprintf(out, "      - {topic: \"%s\", subscription: \"%s\"}\n", pipeline->completions[i].topic,
            pipeline->completions[i].subscription);
    fprintf(out, "    triggers: {topic: \"%s\"}\n", pipeline->triggers.topic);
}

static void put_processor(FILE *out, const struct processor *processor) {
    fprintf(out, "      - {name: \"%s\", abbr: \"%s\", aliases: [", processor->name, processor->abbr);
    for (size_t i = 0; i < processor->alias_count; i++)
        fprintf(out, "%s\"%s\"", i ? ", " : "", processor->aliases[i]);
    fputs("],\n         ", out);
    for (int i = 0; i < CONFIG_PROCESSOR_SETTINGS; i++) {
        fputs(i ? ", " : "", out);
        put_setting(out, &config_processor_settings[i], processor);
    }
    fputs("}\n", out);
}

/* "        key: [a, b]", broken before the line gets too long. */
static void put_set(FILE *out, const char *lead, const struct pipeline *pipeline, processor_set set) {
    int column = fprintf(out, "%s[", lead);
    const char *separator = "";
    for (int i = 0; i < pipeline->processor_count; i++) {
        if (!(set >> i & 1))
            continue;
        const char *name = pipeline->processors[i].name;
        if (column + (int)strlen(name) + 5 > LINE_MAX_BYTES) {
            fputs(",\n         ", out);
            separator = "";
            column = 9;
        }
        column += fprintf(out, "%s\"%s\"", separator, name);
        separator = ", ";
    }
    fputs("]\n", out);
}

static void put_group(FILE *out, const struct pipeline *pipeline, const struct group *group) {
    put_set(out, "      - processors: ", pipeline, group->members);
    put_set(out, "        needs: ", pipeline, group->needs);
    for (int i = 0; i < CONFIG_GROUP_SETTINGS; i++) {
        fputs("        ", out);
        put_setting(out, &config_group_settings[i], group);
        fputc('\n', out);
    }
}

static void put_pipeline(FILE *out, const struct config *config, int index) {
    const struct pipeline *pipeline = &config->pipelines[index];
    fprintf(out, "  - name: \"%s\"  # %s:%d\n", pipeline->name, config->name, config->pipeline_lines[index]);
    for (int i = 0; i < CONFIG_PIPELINE_SETTINGS; i++) {
        fputs("    ", out);
        put_setting(out, &config_pipeline_settings[i], pipeline);
        fputc('\n', out);
    }
    put_sources(out, pipeline);
    fputs("    processors:\n", out);
    for (int i = 0; i < pipeline->processor_count; i++)
        put_processor(out, &pipeline->processors[i]);
    fputs("    groups:\n", out);
    for (int g = 0; g < pipeline->group_count; g++)
        put_group(out, pipeline, &pipeline->groups[g]);
}

void config_show(const struct config *config, FILE *out) {
    put_sections(out, config);
    fputs("pipelines:\n", out);
    for (int i = 0; i < config->pipeline_count; i++)
        put_pipeline(out, config, i);
}

/* --- As JSON. ------------------------------------------------------------------------------------------- */

static json_t *json_setting(const struct setting *setting, const void *values) {
    char text[SETTING_TEXT_MAX + 1];
    setting_print(setting, values, text);
    if (setting_is_text(setting) || setting->kind == SETTING_CHOICE)
        return json_string(text);
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *json_origin(const struct config *config, const struct origin *origin) {
    if (origin->variable)
        return json_pack("{s:s, s:s}", "from", "environment", "variable", origin->variable);
    if (origin->line)
        return json_pack("{s:s, s:s, s:i}", "from", "file", "file", config->name, "line", origin->line);
    return json_pack("{s:s}", "from", "default");
}

static void json_sections(json_t *object, const struct config *config) {
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct setting *setting = &config_settings[i];
        json_t *section = json_object_get(object, setting->section);
        if (!section) {
            json_object_set_new(object, setting->section, json_object());
            section = json_object_get(object, setting->section);
        }
        json_t *entry = json_origin(config, &config->origins[i]);
        json_object_set_new(entry, "value", json_setting(setting, &config->values));
        json_object_set_new(section, setting->key, entry);
    }
}

static json_t *json_set(const struct pipeline *pipeline, processor_set set) {
    json_t *array = json_array();
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1)
            json_array_append_new(array, json_string(pipeline->processors[i].name));
    return array;
}

static json_t *json_processor(const struct processor *processor) {
    json_t *aliases = json_array();
    for (size_t i = 0; i < processor->alias_count; i++)
        json_array_append_new(aliases, json_string(processor->aliases[i]));
    json_t *object = json_pack("{s:s, s:s, s:i, s:o}", "name", processor->name, "abbr", processor->abbr,
        "group", processor->group, "aliases", aliases);
    for (int i = 0; i < CONFIG_PROCESSOR_SETTINGS; i++)
        json_object_set_new(
            object, config_processor_settings[i].key, json_setting(&config_processor_settings[i], processor));
    return object;
}

static json_t *json_group(const struct pipeline *pipeline, const struct group *group) {
    json_t *object = json_pack("{s:o, s:o}", "processors", json_set(pipeline, group->members), "needs",
        json_set(pipeline, group->needs));
    for (int i = 0; i < CONFIG_GROUP_SETTINGS; i++)
        json_object_set_new(
            object, config_group_settings[i].key, json_setting(&config_group_settings[i], group));
    return object;
}

static json_t *json_pipeline(const struct pipeline *pipeline) {
    json_t *completions = json_array();
    for (int i = 0; i < pipeline->completion_count; i++)
        json_array_append_new(completions,
            json_pack("{s:s, s:s}", "topic", pipeline->completions[i].topic, "subscription",
                pipeline->completions[i].subscription));
    json_t *processors = json_array();
    for (int i = 0; i < pipeline->processor_count; i++)
        json_array_append_new(processors, json_processor(&pipeline->processors[i]));
    json_t *groups = json_array();
    for (int g = 0; g < pipeline->group_count; g++)
        json_array_append_new(groups, json_group(pipeline, &pipeline->groups[g]));
    json_t *object =
        json_pack("{s:s, s:o, s:{s:s}, s:o, s:o}", "name", pipeline->name, "completions", completions,
            "triggers", "topic", pipeline->triggers.topic, "processors", processors, "groups", groups);
    for (int i = 0; i < CONFIG_PIPELINE_SETTINGS; i++)
        json_object_set_new(
            object, config_pipeline_settings[i].key, json_setting(&config_pipeline_settings[i], pipeline));
    return object;
}

void config_show_json(const struct config *config, FILE *out) {
    json_t *object = json_object();
    json_t *pipelines = json_array();
    json_sections(object, config);
    for (int i = 0; i < config->pipeline_count; i++)
        json_array_append_new(pipelines, json_pipeline(&config->pipelines[i]));
    json_object_set_new(object, "pipelines", pipelines);
    json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', out);
    json_decref(object);
}
