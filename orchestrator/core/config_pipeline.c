#include "core/config_pipeline.h"

#include <ctype.h>
#include <string.h>

enum { RESOURCE_MIN = 3, RESOURCE_MAX = 255 };

/*
 * An id as Pub/Sub takes it (https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names). With Redis
 * Streams it is the stream's name, and held to the same, so that a configuration moves from one bus to the
 * other as it is.
 */
static struct result resource_check(const char *id) {
    size_t length = strlen(id);
    if (strchr(id, '/'))
        return fail(CODE_INVALID, "got \"%.60s\", expected the id alone, without projects/…/", id);
    if (length < RESOURCE_MIN || length > RESOURCE_MAX)
        return fail(CODE_INVALID, "\"%.60s\" has %zu bytes, expected %d to %d", id, length, RESOURCE_MIN,
            RESOURCE_MAX);
    if (!isalpha((unsigned char)*id) || strncmp(id, "goog", 4) == 0)
        return fail(CODE_INVALID, "got \"%.60s\", expected a letter first, and not \"goog\"", id);
    for (const char *c = id; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.~+%", *c))
            return fail(CODE_INVALID, "\"%.60s\" has a '%c', expected only letters, digits and -_.~+%%", id,
                isprint((unsigned char)*c) ? *c : '?');
    return ok();
}

static struct result resource_build(
    const struct builder *builder, struct key_path path, const char *id, const char **built) {
    struct result r = yaml_where_at(builder->where, path, resource_check(id));
    if (!is_ok(r))
        return r;
    const char *copy = arena_strdup(builder->arena, id);
    if (!copy)
        return fail(CODE_INTERNAL, "out of memory");
    *built = copy;
    return ok();
}

static struct result sources_build(
    const struct builder *builder, const struct raw_pipeline *raw, struct pipeline *pipeline) {
    struct source *sources = arena_alloc(builder->arena, raw->completions_count * sizeof *sources);
    if (!sources)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = ok();
    for (unsigned i = 0; i < raw->completions_count && is_ok(r); i++) {
        const struct raw_source *from = &raw->completions[i];
        struct key_path path = key_path("pipelines[%d].completions[%u]", builder->index, i);
        r = resource_build(builder, key_path("%.100s.topic", path.text), from->topic, &sources[i].topic);
        if (is_ok(r))
            r = resource_build(builder, key_path("%.100s.subscription", path.text), from->subscription,
                &sources[i].subscription);
    }
    if (is_ok(r))
        r = resource_build(builder, key_path("pipelines[%d].triggers.topic", builder->index),
            raw->triggers.topic, &pipeline->triggers.topic);
    pipeline->completions = sources;
    pipeline->completion_count = (int)raw->completions_count;
    return r;
}

struct result config_settings_build(const struct builder *builder, const struct setting *settings, int count,
    struct key_path path, const void *raw, void *values) {
    struct result r = ok();
    for (int i = 0; i < count && is_ok(r); i++) {
        const char *text = *(char *const *)((const char *)raw + settings[i].raw);
        r = setting_read(&settings[i], text ? text : settings[i].fallback, builder->arena, values);
        r = yaml_where_at(builder->where, key_path("%.100s.%s", path.text, settings[i].key), r);
    }
    return r;
}

static struct result name_build(
    const struct builder *builder, const struct raw_pipeline *raw, struct pipeline *pipeline) {
    struct result r = yaml_where_at(builder->where, key_path("pipelines[%d].name", builder->index),
        config_name_check(raw->name, PIPELINE_NAME_MAX, "_-"));
    if (!is_ok(r))
        return r;
    pipeline->name = arena_strdup(builder->arena, raw->name);
    return pipeline->name ? ok() : fail(CODE_INTERNAL, "out of memory");
}

struct result config_pipeline_build(
    const struct builder *builder, const struct raw_pipeline *raw, struct pipeline *pipeline) {
    struct pipeline built = {.name = NULL};
    struct processor *processors = NULL;
    struct result r = name_build(builder, raw, &built);
    if (is_ok(r))
        r = config_settings_build(builder, config_pipeline_settings, CONFIG_PIPELINE_SETTINGS,
            key_path("pipelines[%d]", builder->index), raw, &built);
    if (is_ok(r))
        r = sources_build(builder, raw, &built);
    if (is_ok(r))
        r = config_processors_build(builder, raw, &built, &processors);
    if (is_ok(r))
        r = config_groups_build(builder, raw, processors, &built);
    if (!is_ok(r))
        return r;
    built.definition = pipeline_definition(&built, builder->arena);
    if (!built.definition)
        return fail(CODE_INTERNAL, "out of memory");
    *pipeline = built;
    return ok();
}

/* --- Between pipelines. --------------------------------------------------------------------------------- */

static struct result names_check(struct yaml_where *where, const struct pipeline *pipelines, int index) {
    for (int i = 0; i < index; i++)
        if (strcmp(pipelines[i].name, pipelines[index].name) == 0)
            return yaml_where_at(where, key_path("pipelines[%d].name", index),
                fail(CODE_INVALID, "\"%s\" is the name of pipelines[%d] already; expected one of its own",
                    pipelines[index].name, i));
    return ok();
}

/* Has anything before this source got the same subscription? Its messages would be shared out between the
 * two. */
static struct result source_check(struct yaml_where *where, const struct pipeline *pipelines, int index,
    int source, bool unique_subscriptions) {
    const struct source *mine = &pipelines[index].completions[source];
    for (int i = 0; i <= index; i++) {
        int count = i < index ? pipelines[i].completion_count : source;
        for (int s = 0; s < count; s++) {
            const struct source *other = &pipelines[i].completions[s];
            bool same_topic = strcmp(other->topic, mine->topic) == 0;
            if (strcmp(other->subscription, mine->subscription) != 0
                || (!same_topic && !unique_subscriptions))
                continue;
            struct key_path earlier = key_path("pipelines[%d].completions[%d]", i, s);
            return yaml_where_at(where, key_path("pipelines[%d].completions[%d].subscription", index, source),
                fail(CODE_INVALID,
                    "\"%s\" is received by %s on line %d already; expected a subscription of its own",
                    mine->subscription, earlier.text, yaml_where_line(where, earlier.text)));
        }
    }
    return ok();
}

static struct result triggers_check(
    struct yaml_where *where, const struct pipeline *pipelines, int count, int index) {
    for (int i = 0; i < count; i++)
        for (int s = 0; s < pipelines[i].completion_count; s++)
            if (strcmp(pipelines[i].completions[s].topic, pipelines[index].triggers.topic) == 0)
                return yaml_where_at(where, key_path("pipelines[%d].triggers.topic", index),
                    fail(CODE_INVALID,
                        "\"%s\" is the topic of pipelines[%d].completions[%d] too, so that triggers would "
                        "come back as "
                        "completions; expected a topic of its own",
                        pipelines[index].triggers.topic, i, s));
    return ok();
}

struct result config_pipelines_check(
    struct yaml_where *where, const struct pipeline *pipelines, int count, bool unique_subscriptions) {
    struct result r = ok();
    for (int i = 0; i < count && is_ok(r); i++) {
        r = names_check(where, pipelines, i);
        for (int s = 0; s < pipelines[i].completion_count && is_ok(r); s++)
            r = source_check(where, pipelines, i, s, unique_subscriptions);
        if (is_ok(r))
            r = triggers_check(where, pipelines, count, i);
    }
    return r;
}
