#include "core/config_pipeline.h"

#include <ctype.h>
#include <string.h>

struct result config_name_check(const char *name, size_t max, const char *extra) {
    size_t length = strlen(name);
    if (length == 0)
        return fail(CODE_INVALID, "empty; expected 1 to %zu of a-z, 0-9 and %s", max, extra);
    if (length > max)
        return fail(CODE_INVALID, "\"%.60s\" has %zu bytes, expected at most %zu", name, length, max);
    for (const char *c = name; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && !strchr(extra, *c))
            return fail(CODE_INVALID, "\"%.60s\" has a '%c', expected only a-z, 0-9 and %s", name,
                isprint((unsigned char)*c) ? *c : '?', extra);
    return ok();
}

/* Aliases are what publishers call themselves: class names and table names too. */
static struct result alias_check(const char *alias) {
    size_t length = strlen(alias);
    if (length == 0 || length > PIPELINE_NAME_MAX)
        return fail(
            CODE_INVALID, "\"%.60s\" has %zu bytes, expected 1 to %d", alias, length, PIPELINE_NAME_MAX);
    for (const char *c = alias; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_-.", *c))
            return fail(CODE_INVALID, "\"%.60s\" has a '%c', expected only letters, digits and _-.", alias,
                isprint((unsigned char)*c) ? *c : '?');
    return ok();
}

/* --- One word, one processor: names, abbreviations and aliases share a space. --------------------------- */

static struct key_path word_path(int pipeline, unsigned processor, int word) {
    if (word == 0)
        return key_path("pipelines[%d].processors[%u].name", pipeline, processor);
    if (word == 1)
        return key_path("pipelines[%d].processors[%u].abbr", pipeline, processor);
    return key_path("pipelines[%d].processors[%u].aliases[%d]", pipeline, processor, word - 2);
}

static const char *word_at(const struct raw_processor *processor, int word) {
    return word == 0 ? processor->name : word == 1 ? processor->abbr : processor->aliases[word - 2];
}

static int word_count(const struct raw_processor *processor) {
    return 2 + (int)processor->aliases_count;
}

/* Refuses a word that stands before this one already. A processor may have its name for its abbreviation. */
static struct result word_unique(
    const struct builder *builder, const struct raw_pipeline *raw, unsigned processor, int word) {
    const char *text = word_at(&raw->processors[processor], word);
    for (unsigned p = 0; p <= processor; p++) {
        int words = p < processor ? word_count(&raw->processors[p]) : word;
        for (int w = 0; w < words; w++) {
            bool own_name = p == processor && w == 0 && word == 1;
            if (own_name || strcmp(word_at(&raw->processors[p], w), text) != 0)
                continue;
            struct key_path earlier = word_path(builder->index, p, w);
            return fail(CODE_INVALID, "\"%s\" is taken by %s on line %d; expected a word of its own", text,
                earlier.text, yaml_where_line(builder->where, earlier.text));
        }
    }
    return ok();
}

static struct result words_check(
    const struct builder *builder, const struct raw_pipeline *raw, unsigned processor) {
    const struct raw_processor *from = &raw->processors[processor];
    struct result r = ok();
    for (int word = 0; word < word_count(from) && is_ok(r); word++) {
        const char *text = word_at(from, word);
        r = word == 0   ? config_name_check(text, PIPELINE_NAME_MAX, "_-")
            : word == 1 ? config_name_check(text, PIPELINE_ABBR_MAX, "_")
                        : alias_check(text);
        if (is_ok(r))
            r = word_unique(builder, raw, processor, word);
        r = yaml_where_at(builder->where, word_path(builder->index, processor, word), r);
    }
    return r;
}

/* --- Building. ------------------------------------------------------------------------------------------ */

static struct result processor_build(
    const struct builder *builder, const struct raw_processor *raw, int index, struct processor *processor) {
    const char **aliases = arena_alloc(builder->arena, (raw->aliases_count + 1) * sizeof *aliases);
    processor->index = index;
    processor->name = arena_strdup(builder->arena, raw->name);
    processor->abbr = arena_strdup(builder->arena, raw->abbr);
    bool whole = aliases && processor->name && processor->abbr;
    for (unsigned i = 0; i < raw->aliases_count && whole; i++)
        whole = (aliases[i] = arena_strdup(builder->arena, raw->aliases[i])) != NULL;
    if (!whole)
        return fail(CODE_INTERNAL, "out of memory");
    processor->aliases = aliases;
    processor->alias_count = raw->aliases_count;
    return config_settings_build(builder, config_processor_settings, CONFIG_PROCESSOR_SETTINGS,
        key_path("pipelines[%d].processors[%d]", builder->index, index), raw, processor);
}

struct result config_processors_build(const struct builder *builder, const struct raw_pipeline *raw,
    struct pipeline *pipeline, struct processor **processors) {
    struct processor *built = arena_alloc(builder->arena, raw->processors_count * sizeof *built);
    if (!built)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = ok();
    for (unsigned i = 0; i < raw->processors_count && is_ok(r); i++) {
        r = words_check(builder, raw, i);
        if (is_ok(r))
            r = processor_build(builder, &raw->processors[i], (int)i, &built[i]);
    }
    if (!is_ok(r))
        return r;
    *processors = built;
    pipeline->processors = built;
    pipeline->processor_count = (int)raw->processors_count;
    return ok();
}
