/*
 * What a replay's plan foretells, and what the store then does, must be the same, whatever has happened to a
 * date: random histories of dates with failures, re-runs, stalls, cancelled and lost triggers, and changed
 * definitions are interrupted again and again by a replay of each kind.
 *
 * PHASEGATE_SEED=n repeats the history of that seed.
 */
#include "cli/replay_plan.h"
#include "support/check.h"
#include "support/dice.h"
#include "support/nba.h"
#include "support/store_harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORIES = 12, STEPS = 1200, DATES = 10, REASONS = REASON_ASKED + 1 };

#define FIRST_DATE ((game_date)18927) /* 2021-10-27: the dates lie in two months */
#define START_MS ((int64_t)1764871200000)
#define MINUTE_MS ((int64_t)60000)

struct world {
    struct store_harness *harness;
    struct dice dice;
    const struct pipeline *strict;
    struct pipeline lenient; /* the strict one: Phase 3 tables may be empty */
    struct processor processors[NBA_PROCESSORS];
    struct pipeline lax; /* group 1 and 4 start on one table, group 3 on group 2 alone */
    struct group lax_groups[PIPELINE_GROUPS_MAX];
    int64_t now_ms;
    int executions;
    uint64_t seed;
};

/* How often each reason came up, over all histories: a test that never asks proves nothing. */
static size_t seen[REASONS];

/* --- What happens to dates ------------------------------------------------------------------------------ */

static game_date some_date(struct world *world) {
    return FIRST_DATE + dice_below(&world->dice, DATES);
}

static void apply(struct world *world, game_date date, int processor, enum status status) {
    char execution[32];
    snprintf(execution, sizeof execution, "e%d", ++world->executions);
    const struct completion completion = {.processor = &world->strict->processors[processor],
        .date = date,
        .status = status,
        .record_count = status == STATUS_SUCCESS ? 10 : 0,
        .timestamp_ms = world->now_ms,
        .backfill = dice_chance(&world->dice, 30),
        .execution_id = execution};
    harness_apply(world->harness, world->strict, &completion, world->now_ms);
}

static enum status some_status(struct world *world) {
    static const enum status others[] = {STATUS_FAILED, STATUS_NO_DATA, STATUS_SKIPPED};
    return dice_chance(&world->dice, 72) ? STATUS_SUCCESS : dice_pick(&world->dice, others);
}

/* Upstream, or the first group that is not done: most of the time, so that dates come far. */
static void complete_something(struct world *world, game_date date) {
    const struct date_state *state = harness_date(world->harness, world->strict, date);
    int group = 1;
    while (group <= world->strict->group_count && state->groups[group - 1].phase == GROUP_DONE)
        group++;
    bool eager = dice_chance(&world->dice, 85) && group <= world->strict->group_count;
    processor_set wanted = !eager                         ? ~(processor_set)0
        : state->groups[group - 1].phase == GROUP_WAITING ? date_state_missing(world->strict, state, group)
                                                          : world->strict->groups[group - 1].members;
    int processor;
    do
        processor = dice_below(&world->dice, NBA_PROCESSORS);
    while (wanted && !(wanted >> processor & 1));
    apply(world, date, processor, some_status(world));
}

static void complete_upstream(struct world *world, game_date date, enum status status) {
    for (int processor = PGS; processor <= TDGS; processor++)
        apply(world, date, processor, status);
}

static const struct trigger *some_trigger(struct world *world) {
    const struct trigger *triggers;
    size_t count = harness_outbox(world->harness, world->strict, &triggers);
    return count > 0 ? &triggers[dice_below(&world->dice, (int)count)] : NULL;
}

static void confirm_something(struct world *world) {
    const struct trigger *trigger = some_trigger(world);
    char message[32];
    snprintf(message, sizeof message, "m%d", ++world->executions);
    if (trigger)
        harness_confirm(world->harness, world->strict, trigger, message, world->now_ms);
}

static void cancel_something(struct world *world) {
    const struct trigger *trigger = some_trigger(world);
    if (trigger)
        harness_cancel(world->harness, world->strict, trigger, world->now_ms);
}

static void lose_something(struct world *world) {
    const struct trigger *trigger = some_trigger(world);
    char date[DATE_TEXT_MAX], month[MONTH_TEXT_MAX];
    if (trigger)
        redis_server_do(world->harness->server, "HDEL pg:{nba:%s}:outbox %s/g%d/r%d",
            month_format(trigger->date, month), date_format(trigger->date, date), trigger->group,
            trigger->run);
}

/* Hours may pass: settle times and deadlines are over. */
static void tick_all(struct world *world) {
    world->now_ms += dice_below(&world->dice, 200) * MINUTE_MS;
    for (int i = 0; i < DATES; i++)
        harness_tick(world->harness, world->strict, FIRST_DATE + i, world->now_ms);
}

static void something_happens(struct world *world) {
    int what = dice_below(&world->dice, 100);
    game_date date = some_date(world);
    world->now_ms += 1 + dice_below(&world->dice, 60000);
    if (what < 50)
        complete_something(world, date);
    else if (what < 80)
        confirm_something(world);
    else if (what < 83)
        complete_upstream(world, date, STATUS_SUCCESS);
    else if (what < 86)
        complete_upstream(world, date, STATUS_NO_DATA);
    else if (what < 91)
        cancel_something(world);
    else if (what < 95)
        lose_something(world);
    else if (what < 98)
        tick_all(world);
    else
        world->now_ms += 3 * 60 * MINUTE_MS; /* nobody looks */
}

/* --- Plan and deed -------------------------------------------------------------------------------------- */

static struct replay_plan foretell(struct world *world, const struct pipeline *pipeline, game_date date,
    const struct replay_request *request) {
    struct replay_outbox outbox;
    struct arena *arena = world->harness->arena;
    struct date_state *state = arena_alloc(arena, sizeof *state);
    assert_non_null(state);
    check_ok(reader_outbox(world->harness->reader, pipeline, arena, &outbox.triggers, &outbox.count));
    check_ok(reader_dates(world->harness->reader, pipeline, &date, 1, arena, state));
    replay_outbox_sort(&outbox);
    return replay_plan_of(pipeline, state, &outbox, request, world->now_ms);
}

static void check_same(struct world *world, const struct replay_plan *plan,
    const struct replay_request *request, const struct replayed *did) {
    char expected[64] = "", date[DATE_TEXT_MAX];
    const char *due = did->outbox_field ? did->outbox_field : "";
    date_format(plan->state->date, date);
    if (plan->due)
        snprintf(expected, sizeof expected, "%s/g%d/r%d", date, plan->group, plan->run);
    bool same = (int)did->what == plan->what && strcmp(due, expected) == 0;
    if (plan->what != REPLAYED_NOTHING)
        same = same && did->group == plan->group && did->run == plan->run;
    if (!same)
        fail_msg("PHASEGATE_SEED=%" PRIu64
                 ", replay %d from group %d of %s: foretold %d, group %d, run %d, "
                 "due \"%s\", because of %d; the store did %d, group %d, run %d, due \"%s\"",
            world->seed, request->replay, request->from_group, date, plan->what, plan->group, plan->run,
            expected, (int)plan->reason, (int)did->what, did->group, did->run, due);
}

/* Everything the store has of a date and of its month's outbox, in one text; the caller's. */
static redisReply *snapshot(struct world *world, game_date date) {
    static const char script[] =
        "local all = {} for _, key in ipairs(KEYS) do local kept = redis.call('HGETALL', key) "
        "for i = 1, #kept, 2 do all[#all + 1] = key .. ' ' .. kept[i] .. '=' .. kept[i + 1] end end "
        "table.sort(all) return table.concat(all, '\\n')";
    char text[DATE_TEXT_MAX], month[MONTH_TEXT_MAX];
    date_format(date, text);
    month_format(date, month);
    return redis_server_ask(world->harness->server, "EVAL %s 2 pg:{nba:%s}:%s pg:{nba:%s}:outbox", script,
        month, text + 8, month);
}

/* A trigger that is due is in the outbox; where there is nothing to do, nothing is changed. */
static void check_effect(struct world *world, const struct pipeline *pipeline, const struct replay_plan *plan,
    const redisReply *before) {
    const struct replay_request again = {.replay = REPLAY_AGAIN};
    struct replay_plan after = foretell(world, pipeline, plan->state->date, &again);
    redisReply *now = snapshot(world, plan->state->date);
    bool changed = strcmp(before->str, now->str) != 0;
    if ((plan->due && after.reason != REASON_IN_OUTBOX) || (plan->what == REPLAYED_NOTHING) == changed)
        fail_msg("PHASEGATE_SEED=%" PRIu64 ": foretold %d because of %d, and the store %s", world->seed,
            plan->what, (int)plan->reason, changed ? "did something else" : "changed nothing");
    freeReplyObject(now);
}

static void replay_something(struct world *world) {
    static const enum replay kinds[] = {REPLAY_AGAIN, REPLAY_AGAIN, REPLAY_MISSED, REPLAY_RERUN};
    const struct pipeline *pipeline = dice_chance(&world->dice, 35) ? &world->lax : world->strict;
    struct replay_request request = {.replay = dice_pick(&world->dice, kinds)};
    if (!dice_chance(&world->dice, 60))
        request.from_group = 1 + dice_below(&world->dice, pipeline->group_count);
    game_date date = dice_chance(&world->dice, 97) ? some_date(world) : FIRST_DATE - 1;
    char note[512];
    struct replay_plan plan = foretell(world, pipeline, date, &request);
    replay_plan_note(pipeline, &plan, world->now_ms, note, sizeof note);
    assert_string_not_equal(note, "");
    redisReply *before = snapshot(world, date);
    struct replayed_copy did =
        harness_replay(world->harness, pipeline, date, request.replay, request.from_group, world->now_ms);
    check_same(world, &plan, &request, &did.replayed);
    check_effect(world, pipeline, &plan, before);
    freeReplyObject(before);
    seen[plan.reason]++;
}

static void make_pipelines(struct world *world, struct arena *arena) {
    world->lenient = *nba_pipeline();
    memcpy(world->processors, world->lenient.processors, sizeof world->processors);
    for (int processor = PGS; processor <= TDGS; processor++)
        world->processors[processor].allow_empty = true;
    world->lenient.processors = world->processors;
    world->strict = &world->lenient;
    world->lax = *world->strict;
    memcpy(world->lax_groups, world->strict->groups,
        (size_t)world->strict->group_count * sizeof *world->lax_groups);
    world->lax_groups[0].needs = SET(PGS);
    world->lax_groups[2].needs = SET(PCF);
    world->lax_groups[3].needs = SET(PGS);
    world->lax.groups = world->lax_groups;
    world->lax.definition = pipeline_definition(&world->lax, arena);
    assert_non_null(world->lax.definition);
}

static void play(struct store_harness *harness, uint64_t seed) {
    struct arena *arena = arena_new(1 << 20);
    struct world world = {
        .harness = harness, .dice = {seed}, .strict = nba_pipeline(), .now_ms = START_MS, .seed = seed};
    assert_non_null(arena);
    make_pipelines(&world, arena);
    harness_reset(harness);
    for (int step = 0; step < STEPS; step++) {
        if (dice_chance(&world.dice, 12))
            replay_something(&world);
        else
            something_happens(&world);
        harness_forget(harness);
    }
    arena_free(&arena);
}

static void the_plan_and_the_store_agree(void **state) {
    bool chosen = getenv("PHASEGATE_SEED") != NULL;
    uint64_t first = dice_seed();
    for (uint64_t seed = first; seed < first + (chosen ? 1 : HISTORIES); seed++)
        play(*state, seed);
    for (int reason = 0; reason < REASONS && !chosen; reason++)
        if (seen[reason] < 5)
            fail_msg("reason %d came up only %zu times", reason, seen[reason]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_plan_and_the_store_agree)};
    return cmocka_run_group_tests(tests, open_harness, close_harness);
}
