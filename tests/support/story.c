#include "support/story.h"

#include "support/story_completion.h"
#include "support/story_pipeline.h"

#include <stdlib.h>

enum { ARENA_MAX = 4 << 20, SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

/* 2021-11-27: dates of one month and the next. */
enum { FIRST_DATE = 18958, SECOND_MONTH = 4, LAST_MONTH = 40 };

/* 2025-12-04 18:00:00 UTC. */
#define BASE_MS ((int64_t)1764871200000)

/* --- One history ---------------------------------------------------------------------------------------- */

static void open_date(struct story *story) {
    static const int offsets[] = {0, 1, 2, 3, SECOND_MONTH, SECOND_MONTH + 1, SECOND_MONTH + 2, LAST_MONTH};
    game_date date = FIRST_DATE + dice_pick(&story->dice, offsets);
    for (int i = 0; i < story->date_count; i++)
        if (story->dates[i] == date)
            return;
    story->dates[story->date_count++] = date;
}

static struct temper temper_of(struct dice *dice) {
    static const int goods[] = {30, 60, 80, 95, 95}, off_days[] = {0, 0, 0, 5, 80},
                     backfills[] = {0, 10, 100, 100}, calendars[] = {0, 0, 100},
                     bootstraps[] = {0, 0, 20, 100};
    struct temper temper;
    temper.good = dice_pick(dice, goods);
    temper.off_day = dice_pick(dice, off_days);
    temper.backfill = dice_pick(dice, backfills);
    temper.resend = dice_below(dice, 20);
    temper.eager = dice_below(dice, 20);
    temper.named = dice_below(dice, 100);
    temper.confirm = dice_below(dice, 50);
    temper.flap = dice_below(dice, 20);
    temper.rerun = dice_below(dice, 25);
    temper.late = dice_below(dice, 12);
    temper.timers = dice_below(dice, 25);
    temper.sweep = dice_below(dice, 8);
    temper.jump = dice_below(dice, 6);
    temper.operators = dice_below(dice, 15);
    temper.slots = dice_below(dice, 25);
    temper.reclaim = dice_below(dice, 25);
    temper.calendar = dice_pick(dice, calendars);
    temper.bootstrap = dice_pick(dice, bootstraps);
    temper.dates = 1 + dice_below(dice, 6);
    temper.opens = dice_chance(dice, 80);
    temper.clocks_apart = dice_chance(dice, 15);
    return temper;
}

struct story *story_new(uint64_t seed) {
    struct story *story = story_need(calloc(1, sizeof *story));
    story->dice.state = seed;
    story->arena = story_need(arena_new(ARENA_MAX));
    story->temper = temper_of(&story->dice);
    story->pipeline = story_need((void *)story_pipeline(&story->dice, story->arena));
    story->wanted = 100 + dice_below(&story->dice, STORY_STEPS_MAX - 100);
    story->now_ms = story->base_ms = BASE_MS;
    while (story->date_count < story->temper.dates)
        open_date(story);
    return story;
}

void story_free(struct story **story) {
    if (!*story)
        return;
    arena_free(&(*story)->arena);
    free(*story);
    *story = NULL;
}

game_date step_date(const struct step *step) {
    switch (step->kind) {
    case STEP_COMPLETION:
        return step->completion.date;
    case STEP_SWEEP:
    case STEP_RECLAIM:
    case STEP_PAUSE:
        return 0;
    case STEP_CONFIRM:
    case STEP_TICK:
    case STEP_REPLAY:
    case STEP_CANCEL:
    case STEP_CLAIM:
    case STEP_RELEASE:
        return step->trigger.date;
    }
    return 0;
}

/* --- Completions ---------------------------------------------------------------------------------------- */

static bool counts(const struct date_state *state, int processor) {
    return state->records[processor].mark == RECORD_COUNTS;
}

/* The processors whose good completion would move the date on: needs that are missing, or the members of the
 * group that is under way. 0: nothing would. */
static processor_set awaited(const struct pipeline *pipeline, const struct date_state *state) {
    for (int g = 0; g < pipeline->group_count; g++) {
        const struct group *group = &pipeline->groups[g];
        processor_set missing = 0, wanted = group->members;
        if (state->groups[g].phase == GROUP_DONE)
            continue;
        if (state->groups[g].phase == GROUP_WAITING)
            wanted = group->needs;
        for (int i = 0; i < pipeline->processor_count; i++)
            if (wanted >> i & 1 && !counts(state, i))
                missing |= (processor_set)1 << i;
        return missing;
    }
    return 0;
}

/* The processors that started groups rest on. */
static processor_set rested_on(const struct pipeline *pipeline, const struct date_state *state) {
    processor_set set = 0;
    for (int g = 0; g < pipeline->group_count && state->groups[g].phase != GROUP_WAITING; g++)
        set |= pipeline->groups[g].needs | (g > 0 ? pipeline->groups[g - 1].members : 0);
    return set;
}

static bool goes_well(struct story *story) {
    return dice_chance(&story->dice, story->temper.good);
}

/* What is waited for comes, mostly well. When all dates are through, another one opens. */
static void move_on(struct story *story, struct model *model, struct step *step) {
    game_date date = story_date(story);
    processor_set set = awaited(story->pipeline, model_date(model, date));
    if (set == 0 && story->temper.opens && dice_chance(&story->dice, 20))
        open_date(story);
    const struct processor *processor = story_processor(story, set);
    step->completion = story_complete(story, model, date, processor, goes_well(story));
    story_take_off(story, &step->completion);
}

static void run_again(struct story *story, struct model *model, struct step *step) {
    game_date date = story_date(story);
    processor_set set = rested_on(story->pipeline, model_date(model, date));
    if (set == 0)
        return;
    const struct processor *processor = story_processor(story, set);
    step->completion = story_complete(story, model, date, processor, goes_well(story));
    story_rerun(story, &step->completion);
}

static void answer_late(struct story *story, struct model *model, struct step *step) {
    game_date date = story_date(story);
    int group = 1 + dice_below(&story->dice, story->pipeline->group_count);
    const struct processor *processor = story_processor(story, story->pipeline->groups[group - 1].members);
    step->completion = story_complete(story, model, date, processor, goes_well(story));
    story_completion_answer(story, model, &step->completion);
}

/* Waited for or not. */
static void complete_anything(struct story *story, struct model *model, struct step *step, bool well) {
    game_date date = story_date(story);
    const struct processor *processor = story_processor(story, 0);
    step->completion = story_complete(story, model, date, processor, well);
}

static void come_again(struct story *story, struct step *step) {
    const struct step *earlier = &story->steps[dice_below(&story->dice, story->count)];
    if (earlier->kind == STEP_COMPLETION)
        step->completion = earlier->completion;
    story_change(story, &step->completion);
}

/* --- Triggers ------------------------------------------------------------------------------------------- */

/* Any trigger: one of now, of before, or of never. */
static struct trigger any_trigger(struct story *story, struct model *model) {
    struct dice *dice = &story->dice;
    struct trigger trigger = {.date = story_date(story)};
    trigger.group = 1 + dice_below(dice, story->pipeline->group_count);
    const struct date_state *state = model_date(model, trigger.date);
    trigger.run = state->groups[trigger.group - 1].run;
    if (trigger.run == 0 || dice_chance(dice, 30))
        trigger.run = 1 + dice_below(dice, state->run + 1);
    return trigger;
}

/* Mostly something in the outbox. */
static struct trigger some_trigger(struct story *story, struct model *model) {
    struct trigger triggers[MODEL_OUTBOX_MAX];
    size_t count = model_outbox(model, triggers);
    if (count > 0 && dice_chance(&story->dice, 80))
        return triggers[dice_below(&story->dice, (int)count)];
    return any_trigger(story, model);
}

static bool waits_for_slot(struct model *model, const struct trigger *trigger) {
    struct trigger triggers[MODEL_OUTBOX_MAX];
    size_t count = model_waiting(model, triggers);
    for (size_t i = 0; i < count; i++)
        if (triggers[i].date == trigger->date && triggers[i].group == trigger->group)
            return true;
    return false;
}

/* Mostly one of backfill has its slot first, and seldom asks twice. Also a repeated confirmation, or one of
 * what never was. */
static void publish(struct story *story, struct model *model, struct step *step) {
    *step = (struct step){.kind = STEP_CONFIRM,
        .trigger = some_trigger(story, model),
        .bus_message_id = story_need(arena_printf(story->arena, "%d", 9000 + story->count))};
    int percent = waits_for_slot(model, &step->trigger) ? 70 : 10;
    if (step->trigger.backfill && dice_chance(&story->dice, percent))
        step->kind = STEP_CLAIM;
}

/* --- Time and operators --------------------------------------------------------------------------------- */

static void advance(struct story *story) {
    static const int jumps[] = {5 * SECOND_MS, 30 * SECOND_MS, 11 * MINUTE_MS, HOUR_MS, 7 * HOUR_MS};
    struct dice *dice = &story->dice;
    if (dice_chance(dice, 70))
        story->now_ms += dice_below(dice, SECOND_MS);
    if (dice_chance(dice, story->temper.jump))
        story->now_ms += dice_pick(dice, jumps);
}

/* What the replica's clock says that makes the step. */
static int64_t clock_of_replica(struct story *story) {
    enum { APART_MS = 900 };
    return story->temper.clocks_apart && dice_chance(&story->dice, 20) ? story->now_ms - APART_MS
                                                                       : story->now_ms;
}

/* Often just when something is due, or a millisecond before. */
static void look_at(struct story *story, struct model *model, struct step *step) {
    game_date date = story_date(story);
    int64_t due_ms = model_due_ms(model, date) + dice_below(&story->dice, 3) - 1;
    if (due_ms > story->now_ms && dice_chance(&story->dice, 80))
        story->now_ms = due_ms;
    *step = (struct step){.kind = STEP_TICK, .trigger.date = date};
}

/* Often one whose group is under way, so that there is something to operate on. */
static game_date date_to_replay(struct story *story, struct model *model) {
    enum { LOOK = 6 };
    game_date date = story_date(story);
    for (int i = 0; i < LOOK; i++) {
        const struct date_state *state = model_date(model, date);
        for (int g = 0; g < story->pipeline->group_count; g++) {
            enum group_phase phase = state->groups[g].phase;
            bool under_way = phase == GROUP_FAILED || phase == GROUP_CANCELLED || phase == GROUP_TRIGGERED;
            if (under_way && state->stale.group == 0)
                return date;
        }
        date = story_date(story);
    }
    return date;
}

static void operate(struct story *story, struct model *model, struct step *step) {
    static const enum replay replays[] = {
        REPLAY_AGAIN, REPLAY_AGAIN, REPLAY_AGAIN, REPLAY_MISSED, REPLAY_RERUN};
    struct dice *dice = &story->dice;
    *step = (struct step){.kind = STEP_CANCEL, .trigger = some_trigger(story, model)};
    if (dice_chance(dice, 40))
        return;
    step->kind = STEP_REPLAY;
    step->trigger = (struct trigger){.date = date_to_replay(story, model)};
    step->replay = dice_pick(dice, replays);
    if (dice_chance(dice, 30))
        step->from_group = 1 + dice_below(dice, story->pipeline->group_count);
}

/* Mostly a claim for a backfill trigger in the outbox, seldom one of another trigger. */
static void use_slots(struct story *story, struct model *model, struct step *step) {
    static const enum step_kind kinds[] = {
        STEP_CLAIM, STEP_CLAIM, STEP_CLAIM, STEP_CLAIM, STEP_RELEASE, STEP_PAUSE};
    struct dice *dice = &story->dice;
    struct trigger triggers[MODEL_OUTBOX_MAX];
    size_t waiting = model_waiting(model, triggers);
    if (waiting == 0 && dice_chance(dice, 60))
        return;
    *step = (struct step){.kind = dice_pick(dice, kinds)};
    step->trigger = waiting > 0 && dice_chance(dice, 85) ? triggers[dice_below(dice, (int)waiting)]
                                                         : some_trigger(story, model);
    step->paused = dice_chance(dice, model_paused_ms(model) ? 5 : 30);
}

static void clear_up(struct story *story, struct step *step) {
    *step = (struct step){.kind = STEP_RECLAIM};
    step->trigger.group = 1 + dice_below(&story->dice, story->pipeline->group_count);
}

/* --- What happens next ---------------------------------------------------------------------------------- */

static void choose(struct story *story, struct model *model, struct step *step) {
    struct dice *dice = &story->dice;
    const struct temper *temper = &story->temper;
    if (dice_chance(dice, temper->confirm))
        publish(story, model, step);
    else if (dice_chance(dice, temper->timers))
        look_at(story, model, step);
    else if (dice_chance(dice, temper->sweep))
        *step = (struct step){.kind = STEP_SWEEP};
    else if (dice_chance(dice, temper->operators))
        operate(story, model, step);
    else if (temper->backfill > 0 && dice_chance(dice, temper->slots))
        use_slots(story, model, step);
    else if (temper->backfill > 0 && dice_chance(dice, temper->reclaim))
        clear_up(story, step);
    else if (dice_chance(dice, temper->rerun))
        run_again(story, model, step);
    else if (dice_chance(dice, temper->late))
        answer_late(story, model, step);
    else if (story->count > 0 && dice_chance(dice, temper->resend))
        come_again(story, step);
    else if (dice_chance(dice, temper->eager))
        complete_anything(story, model, step, true);
    else if (dice_chance(dice, temper->flap))
        complete_anything(story, model, step, false);
}

const struct step *story_next(struct story *story, struct model *model) {
    advance(story);
    struct step *step = &story->steps[story->count];
    *step = (struct step){.kind = STEP_COMPLETION};
    move_on(story, model, step);
    choose(story, model, step);
    step->now_ms = clock_of_replica(story);
    story->count++;
    return step;
}
