/*
 * From what stands in the file to a struct pipeline: names and processors first, then groups and needs, each
 * checked as it is built, and at last what has to hold between pipelines. Every failure says file, line and
 * key.
 */
#ifndef PHASEGATE_CORE_CONFIG_PIPELINE_H
#define PHASEGATE_CORE_CONFIG_PIPELINE_H

#include "base/arena.h"
#include "base/result.h"
#include "core/config_schema.h"
#include "core/config_settings.h"
#include "core/pipeline.h"

/* Where a builder reads from and writes to. */
struct builder {
    struct yaml_where *where;
    struct arena *arena;
    int index; /* of the pipeline in the file */
};

/* Builds pipelines[builder->index]; strings and arrays live in the arena. */
struct result config_pipeline_build(
    const struct builder *builder, const struct raw_pipeline *raw, struct pipeline *pipeline) MUST_CHECK;

/*
 * What has to hold between pipelines: no name twice, nothing received twice, nothing received that is
 * published. unique_subscriptions: a subscription's name belongs to one topic, as in Pub/Sub.
 */
struct result config_pipelines_check(struct yaml_where *where, const struct pipeline *pipelines, int count,
    bool unique_subscriptions) MUST_CHECK;

/* --- Parts of it, each in a file of its own. ------------------------------------------------------------ */

/* Is it a name of 1 to max bytes, all of a-z, 0-9 and the extra characters? The failure says what it has. */
struct result config_name_check(const char *name, size_t max, const char *extra) MUST_CHECK;

/* Reads the settings' texts in raw, else their defaults, into values; path says where in the file raw stands.
 */
struct result config_settings_build(const struct builder *builder, const struct setting *settings, int count,
    struct key_path path, const void *raw, void *values) MUST_CHECK;

/* Fills in pipeline->processors and processor_count (config_processors.c); *processors is the same, to be
 * written. */
struct result config_processors_build(const struct builder *builder, const struct raw_pipeline *raw,
    struct pipeline *pipeline, struct processor **processors) MUST_CHECK;

/* Fills in pipeline->groups, group_count and upstream, and each processor's group (config_groups.c). */
struct result config_groups_build(const struct builder *builder, const struct raw_pipeline *raw,
    struct processor *processors, struct pipeline *pipeline) MUST_CHECK;

#endif
