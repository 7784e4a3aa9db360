#include "support/story_pipeline.h"

#include "support/nba.h"

enum { UPSTREAM_MAX = 5, GROUPS_MAX = 4, MEMBERS_MAX = 3 };

struct draft {
    struct dice *dice;
    struct arena *arena;
    struct pipeline *pipeline;
    struct processor *processors;
    struct group *groups;
};

static bool add_processor(struct draft *draft, int group) {
    int index = draft->pipeline->processor_count++;
    struct processor *processor = &draft->processors[index];
    *processor = (struct processor){
        .index = index,
        .group = group,
        .name = arena_printf(draft->arena, "%s_%d", group == 0 ? "upstream" : "member", index),
        .abbr = group == 0 ? arena_printf(draft->arena, "u%d", index)
                           : arena_printf(draft->arena, "g%dm%d", group, index),
        .min_rows = 1,
        .min_coverage = 0.95,
    };
    return processor->name && processor->abbr;
}

static processor_set some_of(struct dice *dice, processor_set set, int percent) {
    processor_set chosen = 0;
    for (int i = 0; i < PIPELINE_PROCESSORS_MAX; i++)
        if (set >> i & 1 && dice_chance(dice, percent))
            chosen |= SET(i);
    return chosen;
}

static processor_set all_below(int count) {
    return SET(count) - 1;
}

/* Group 1 needs something; later groups may need nothing but that the one before is done. */
static bool add_group(struct draft *draft, int number) {
    int before = draft->pipeline->processor_count, members = 1 + dice_below(draft->dice, MEMBERS_MAX);
    struct group *group = &draft->groups[number - 1];
    group->number = number;
    group->needs = some_of(draft->dice, all_below(before), dice_chance(draft->dice, 20) ? 20 : 70);
    if (number == 1 && group->needs == 0)
        group->needs = draft->pipeline->upstream;
    bool added = true;
    for (int i = 0; i < members && added; i++)
        added = add_processor(draft, number);
    group->members = all_below(draft->pipeline->processor_count) & ~all_below(before);
    return added;
}

static bool shape_randomly(struct draft *draft) {
    int upstream = 1 + dice_below(draft->dice, UPSTREAM_MAX),
        groups = 1 + dice_below(draft->dice, GROUPS_MAX);
    bool added = true;
    for (int i = 0; i < upstream && added; i++)
        added = add_processor(draft, 0);
    draft->pipeline->upstream = all_below(upstream);
    for (int g = 1; g <= groups && added; g++)
        added = add_group(draft, g);
    draft->pipeline->group_count = groups;
    return added;
}

static void shape_like_nba(struct draft *draft) {
    const struct pipeline *nba = nba_pipeline();
    for (int i = 0; i < nba->processor_count; i++)
        draft->processors[i] = nba->processors[i];
    for (int g = 0; g < nba->group_count; g++)
        draft->groups[g] = nba->groups[g];
    draft->pipeline->processor_count = nba->processor_count;
    draft->pipeline->group_count = nba->group_count;
    draft->pipeline->upstream = nba->upstream;
    if (dice_chance(draft->dice, 30)) /* group 1 may start on fewer */
        draft->groups[0].needs = SET(PGS) | SET(TDGS);
}

static void set_thresholds(struct dice *dice, struct processor *processor, int empties) {
    static const int64_t rows[] = {1, 1, 1, 2, 5, 100};
    static const double coverages[] = {0.95, 0.95, 0.5, 1, 0};
    processor->min_rows = dice_pick(dice, rows);
    processor->min_coverage = dice_pick(dice, coverages);
    processor->require_rows = dice_chance(dice, 20);
    processor->allow_empty = dice_chance(dice, empties);
}

/* Rules 5, 8 and 9: at once, soon, or in hours. */
static void set_policy(struct draft *draft) {
    static const int settles[] = {0, 1, 5, 600, 600}, deadlines[] = {0, 1, 3, 10, 30, 3600, 6 * 3600};
    struct dice *dice = draft->dice;
    struct pipeline *pipeline = draft->pipeline;
    pipeline->rerun = dice_chance(dice, 15) ? RERUN_HOLD : RERUN_AUTO;
    pipeline->rerun_settle = dice_pick(dice, settles);
    pipeline->upstream_deadline = dice_pick(dice, deadlines);
    pipeline->group_deadline = dice_pick(dice, deadlines);
    pipeline->on_stall = dice_chance(dice, 60) ? STALL_RETRIGGER : STALL_REPORT;
    pipeline->retrigger_limit = dice_below(dice, 4);
    for (int g = 0; g < pipeline->group_count; g++)
        draft->groups[g].backfill_cap = 1 + dice_below(dice, 3);
}

const struct pipeline *story_pipeline(struct dice *dice, struct arena *arena) {
    struct draft draft = {
        .dice = dice,
        .arena = arena,
        .pipeline = arena_alloc(arena, sizeof *draft.pipeline),
        .processors = arena_alloc(arena, PIPELINE_PROCESSORS_MAX * sizeof *draft.processors),
        .groups = arena_alloc(arena, PIPELINE_GROUPS_MAX * sizeof *draft.groups),
    };
    if (!draft.pipeline || !draft.processors || !draft.groups)
        return NULL;
    *draft.pipeline = (struct pipeline){.name = "nba",
        .processors = draft.processors,
        .groups = draft.groups,
        .triggers = {.topic = "triggers"},
        .phase = "phase_4_precompute",
        .games_file = "",
        .seasons_file = ""};
    if (dice_chance(dice, 50))
        shape_like_nba(&draft);
    else if (!shape_randomly(&draft))
        return NULL;
    int empties = dice_chance(dice, 20) ? 80 : 15;
    if (dice_chance(dice, 60))
        for (int i = 0; i < draft.pipeline->processor_count; i++)
            set_thresholds(dice, &draft.processors[i], empties);
    set_policy(&draft);
    draft.pipeline->definition = pipeline_definition(draft.pipeline, arena);
    return draft.pipeline->definition ? draft.pipeline : NULL;
}
