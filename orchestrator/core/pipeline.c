#include "core/pipeline.h"

#include "core/names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum { CLASS_NAME_MAX = 128 }; /* a longer one is cut, and then still longer than any name */

static bool is_called(const struct processor *processor, const char *name) {
    if (strcmp(processor->name, name) == 0 || strcmp(processor->abbr, name) == 0)
        return true;
    for (size_t i = 0; i < processor->alias_count; i++)
        if (strcmp(processor->aliases[i], name) == 0)
            return true;
    return false;
}

const struct processor *pipeline_processor(const struct pipeline *pipeline, const char *name) {
    for (int i = 0; i < pipeline->processor_count; i++)
        if (is_called(&pipeline->processors[i], name))
            return &pipeline->processors[i];
    return NULL;
}

const struct processor *pipeline_resolve(
    const struct pipeline *pipeline, const char *processor_name, const char *output_table) {
    const struct processor *processor = processor_name ? pipeline_processor(pipeline, processor_name) : NULL;
    if (!processor && output_table)
        processor = pipeline_processor(pipeline, output_table);
    if (!processor && processor_name) {
        char name[CLASS_NAME_MAX];
        processor = pipeline_processor(pipeline, name_from_class(processor_name, name, sizeof name));
    }
    return processor;
}

const char *pipeline_nearest(const struct pipeline *pipeline, const char *name) {
    char snake[CLASS_NAME_MAX];
    name_from_class(name, snake, sizeof snake);
    /* Of each processor its name, its abbreviation and its nearest alias. */
    const char *best[3 * PIPELINE_PROCESSORS_MAX];
    size_t count = 0;
    for (int i = 0; i < pipeline->processor_count; i++) {
        const struct processor *processor = &pipeline->processors[i];
        best[count++] = processor->name;
        best[count++] = processor->abbr;
        const char *alias = name_nearest(snake, processor->aliases, processor->alias_count);
        if (alias)
            best[count++] = alias;
    }
    return name_nearest(snake, best, count);
}

/* Appends "pgs,upgc" at end; returns the new end. */
static char *append_set(char *end, const struct pipeline *pipeline, processor_set set) {
    const char *separator = "";
    for (int i = 0; i < pipeline->processor_count; i++) {
        if (!(set >> i & 1))
            continue;
        end = stpcpy(stpcpy(end, separator), pipeline->processors[i].abbr);
        separator = ",";
    }
    return end;
}

/* Rules 5 and 9: ";@settle,upstream deadline,group deadline,retrigger limit", times in ms. NULL when the
 * arena is full. */
static const char *timing(const struct pipeline *pipeline, struct arena *arena) {
    const char *settle = pipeline->rerun == RERUN_HOLD
        ? "hold"
        : arena_printf(arena, "%" PRId64, (int64_t)pipeline->rerun_settle * 1000);
    return settle ? arena_printf(arena, ";@%s,%" PRId64 ",%" PRId64 ",%d", settle,
               (int64_t)pipeline->upstream_deadline * 1000, (int64_t)pipeline->group_deadline * 1000,
               pipeline->on_stall == STALL_RETRIGGER ? pipeline->retrigger_limit : 0)
                  : NULL;
}

const char *pipeline_definition(const struct pipeline *pipeline, struct arena *arena) {
    const char *times = timing(pipeline, arena);
    if (!times)
        return NULL;
    size_t one_set = 1; /* every abbreviation, each with a separator */
    for (int i = 0; i < pipeline->processor_count; i++)
        one_set += strlen(pipeline->processors[i].abbr) + 1;
    char *definition =
        arena_alloc(arena, one_set * (2 * (size_t)pipeline->group_count + 1) + strlen(times) + 1);
    if (!definition)
        return NULL;
    char *end = append_set(definition, pipeline, pipeline->upstream);
    for (int g = 0; g < pipeline->group_count; g++) {
        end = append_set(stpcpy(end, ";"), pipeline, pipeline->groups[g].members);
        end = append_set(stpcpy(end, "<"), pipeline, pipeline->groups[g].needs);
    }
    strcpy(end, times);
    return definition;
}
