#include "core/config_pipeline.h"

static struct result processor_find(
    const struct pipeline *pipeline, const char *name, const struct processor **processor) {
    const struct processor *found = pipeline_processor(pipeline, name);
    if (!found) {
        const char *nearest = pipeline_nearest(pipeline, name);
        return fail(CODE_INVALID, "no processor is called \"%.60s\"; %s%s%s", name,
            nearest ? "did you mean " : "expected one of pipelines[].processors", nearest ? nearest : "",
            nearest ? "?" : "");
    }
    *processor = found;
    return ok();
}

static processor_set set_of(const struct processor *processor) {
    return (processor_set)1 << processor->index;
}

static struct result member_add(
    const struct pipeline *pipeline, const char *name, struct processor *processors, struct group *group) {
    const struct processor *member = NULL;
    struct result r = processor_find(pipeline, name, &member);
    if (!is_ok(r))
        return r;
    if (member->group != 0)
        return fail(CODE_INVALID, "%s is in group %d already; a processor belongs to one group", member->name,
            member->group);
    processors[member->index].group = group->number;
    group->members |= set_of(member);
    return ok();
}

static struct result members_build(const struct builder *builder, const struct raw_group *raw,
    const struct pipeline *pipeline, struct processor *processors, struct group *group) {
    struct result r = ok();
    for (unsigned i = 0; i < raw->processors_count && is_ok(r); i++) {
        r = member_add(pipeline, raw->processors[i], processors, group);
        r = yaml_where_at(builder->where,
            key_path("pipelines[%d].groups[%d].processors[%u]", builder->index, group->number - 1, i), r);
    }
    return r;
}

/* A need of a group that is not done before this one starts is never met: the date would wait for ever. */
static struct result need_add(const struct pipeline *pipeline, const char *name, struct group *group) {
    const struct processor *need = NULL;
    struct result r = processor_find(pipeline, name, &need);
    if (!is_ok(r))
        return r;
    if (need->group == group->number)
        return fail(CODE_INVALID,
            "%s is in this group itself, so that the group would wait for ever; expected processors of "
            "earlier "
            "groups or of none",
            need->name);
    if (need->group > group->number)
        return fail(CODE_INVALID,
            "%s is in group %d, which starts after group %d, so that this group would wait for ever; "
            "expected "
            "processors of earlier groups or of none",
            need->name, need->group, group->number);
    if (group->needs & set_of(need))
        return fail(CODE_INVALID, "%s is listed twice; expected once", need->name);
    group->needs |= set_of(need);
    return ok();
}

static struct result needs_build(const struct builder *builder, const struct raw_group *raw,
    const struct pipeline *pipeline, struct group *group) {
    struct result r = ok();
    for (unsigned i = 0; i < raw->needs_count && is_ok(r); i++) {
        r = need_add(pipeline, raw->needs[i], group);
        r = yaml_where_at(builder->where,
            key_path("pipelines[%d].groups[%d].needs[%u]", builder->index, group->number - 1, i), r);
    }
    if (is_ok(r) && group->number == 1 && group->needs == 0)
        r = yaml_where_at(builder->where, key_path("pipelines[%d].groups[0].needs", builder->index),
            fail(CODE_INVALID,
                "empty; the first group needs at least one processor, or nothing would ever start it"));
    return r;
}

static processor_set upstream_of(const struct processor *processors, int count) {
    processor_set upstream = 0;
    for (int i = 0; i < count; i++)
        if (processors[i].group == 0)
            upstream |= set_of(&processors[i]);
    return upstream;
}

/* Members of every group first, so that a need can be judged by the group that its processor is in. */
struct result config_groups_build(const struct builder *builder, const struct raw_pipeline *raw,
    struct processor *processors, struct pipeline *pipeline) {
    struct group *groups = arena_alloc(builder->arena, raw->groups_count * sizeof *groups);
    if (!groups)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = ok();
    for (unsigned g = 0; g < raw->groups_count && is_ok(r); g++) {
        groups[g].number = (int)g + 1;
        r = members_build(builder, &raw->groups[g], pipeline, processors, &groups[g]);
        if (is_ok(r))
            r = config_settings_build(builder, config_group_settings, CONFIG_GROUP_SETTINGS,
                key_path("pipelines[%d].groups[%u]", builder->index, g), &raw->groups[g], &groups[g]);
    }
    for (unsigned g = 0; g < raw->groups_count && is_ok(r); g++)
        r = needs_build(builder, &raw->groups[g], pipeline, &groups[g]);
    if (!is_ok(r))
        return r;
    pipeline->groups = groups;
    pipeline->group_count = (int)raw->groups_count;
    pipeline->upstream = upstream_of(processors, pipeline->processor_count);
    return ok();
}
