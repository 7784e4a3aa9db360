#include "support/story_completion.h"

#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>

enum { SECOND_MS = 1000 };

static const char *const executions[] = {
    "e1", "e2", "e3", "4f0c7f0e-9a3d-4a53-8f4f-0d5f2f3c9f10", "bf 2025 \"togs\"", "caf\u00e9-\u2713", "-"};
static const char *const correlations[] = {NULL, NULL, "bf-20251204", "say \"hi\" \\ back\\slash", "-", "0",
    "%s %d", "sp\u00e4ti \u2013 \u6f22\u5b57 \U0001F3C0", "line\nbreak\tand tab", "{\"a\":[1]}", "nul\x01l"};
static const char *const errors[] = {NULL, NULL, "boom", "quota \"exceeded\"\tfor table\nretry later", "-",
    "zero rows \u2013 see \\\\server\\log"};
static const char *const garbage[] = {"garbage", "-", "nba/2021-11-27/g1", "nba//g1/r1", "g1/r1"};

/* Message ids that no trigger has; those of other triggers, 9000 and up, are among them. */
static const char *const strangers[] = {"unknown-9", "-", "9001", "9010"};

void *story_need(void *memory) {
    if (!memory)
        fail_msg("out of memory");
    return memory;
}

game_date story_date(struct story *story) {
    return story->dates[dice_below(&story->dice, story->date_count)];
}

const struct processor *story_processor(struct story *story, processor_set set) {
    const struct pipeline *pipeline = story->pipeline;
    const struct processor *chosen;
    do
        chosen = &pipeline->processors[dice_below(&story->dice, pipeline->processor_count)];
    while (set && !(set >> chosen->index & 1));
    return chosen;
}

/* --- How it went, and when ------------------------------------------------------------------------------ */

static int64_t some_rows(struct story *story, const struct processor *processor) {
    const int64_t counts[] = {ROWS_UNKNOWN, 0, 0, 1, processor->min_rows - 1, processor->min_rows,
        processor->min_rows + 1, 19, 20, 382, ROWS_MAX - 1, ROWS_MAX};
    return dice_pick(&story->dice, counts);
}

static void judge_well(struct story *story, struct completion *completion) {
    const struct processor *processor = completion->processor;
    bool unknown = !processor->require_rows && dice_chance(&story->dice, 15);
    completion->status = STATUS_SUCCESS;
    completion->record_count = unknown ? ROWS_UNKNOWN : processor->min_rows + dice_below(&story->dice, 3);
    if (unknown || dice_chance(&story->dice, 90))
        return;
    completion->status = STATUS_PARTIAL;
    completion->record_count = processor->min_rows + 19 * (int64_t)(1 + dice_below(&story->dice, 20));
    completion->records_failed = dice_below(&story->dice, 3);
}

static void judge_somehow(struct story *story, struct completion *completion) {
    static const enum status statuses[] = {
        STATUS_FAILED, STATUS_FAILED, STATUS_SKIPPED, STATUS_NO_DATA, STATUS_PARTIAL, STATUS_SUCCESS};
    static const int64_t failures[] = {0, 0, 0, 1, 2, 19, 20, ROWS_MAX};
    completion->status = dice_pick(&story->dice, statuses);
    completion->record_count = some_rows(story, completion->processor);
    completion->records_failed = dice_pick(&story->dice, failures);
}

static int64_t some_timestamp(struct story *story) {
    int64_t latest = story->now_ms > story->base_ms ? story->now_ms : story->base_ms;
    switch (dice_below(&story->dice, 8)) {
    case 0:
        return story->base_ms - dice_below(&story->dice, 3);
    case 1:
    case 2:
        return latest - dice_below(&story->dice, 5 * SECOND_MS);
    case 3:
        return latest - latest % (60 * SECOND_MS); /* whole minutes: often equal */
    case 4:
        return dice_chance(&story->dice, 5) ? dice_below(&story->dice, 2) * INT64_C(-86400000) : latest;
    default:
        return latest;
    }
}

/* --- Which trigger it answers --------------------------------------------------------------------------- */

static const char *id_of(struct story *story, game_date day, int group, int run) {
    char date[DATE_TEXT_MAX];
    return story_need(
        arena_printf(story->arena, "nba/%s/g%d/r%d", date_format(day, date), group > 0 ? group : 1, run));
}

/* The message of a confirmed trigger of the group, in whichever run; NULL when none is found soon. */
static const char *some_message(struct story *story, game_date date, int group) {
    enum { LOOK = 40 };
    for (int i = 0; i < LOOK && story->count > 0; i++) {
        const struct step *step = &story->steps[dice_below(&story->dice, story->count)];
        if (step->kind == STEP_CONFIRM && step->trigger.date == date && step->trigger.group == group)
            return step->bus_message_id;
    }
    return NULL;
}

static void name_message(struct story *story, struct model *model, struct completion *completion) {
    struct dice *dice = &story->dice;
    int group = completion->processor->group;
    const char *known =
        group > 0 ? model_date(model, completion->date)->groups[group - 1].bus_message_id : NULL;
    if (!known || dice_chance(dice, 20))
        known = some_message(story, completion->date, group);
    completion->trigger_message_id = known && dice_chance(dice, 75) ? known : dice_pick(dice, strangers);
}

static void name_id(struct story *story, struct model *model, struct completion *completion) {
    struct dice *dice = &story->dice;
    int group = completion->processor->group, run = 1;
    game_date day = completion->date;
    const struct date_state *state = model_date(model, day);
    if (dice_chance(dice, 15)) {
        completion->trigger_id = dice_pick(dice, garbage);
        return;
    }
    if (group > 0 && state->groups[group - 1].run > 0)
        run = state->groups[group - 1].run;
    if (dice_chance(dice, 15))
        run = dice_below(dice, state->run + 3);
    if (dice_chance(dice, 15))
        group = 1 + dice_below(dice, 4);
    if (dice_chance(dice, 10))
        day = story_date(story);
    completion->trigger_id = id_of(story, day, group, run);
}

static void name_trigger(struct story *story, struct model *model, struct completion *completion) {
    bool both = dice_chance(&story->dice, 5);
    if (!dice_chance(&story->dice, story->temper.named))
        return;
    if (dice_chance(&story->dice, 50) || both)
        name_message(story, model, completion);
    if (!completion->trigger_message_id || both)
        name_id(story, model, completion);
}

void story_completion_answer(struct story *story, struct model *model, struct completion *completion) {
    int group = completion->processor->group, run = model_date(model, completion->date)->run;
    completion->trigger_id = completion->trigger_message_id = NULL;
    if (dice_chance(&story->dice, 50))
        completion->trigger_message_id = some_message(story, completion->date, group);
    if (!completion->trigger_message_id && dice_chance(&story->dice, 85))
        completion->trigger_id = id_of(story, completion->date, group, 1 + dice_below(&story->dice, run + 1));
}

/* --- Completions ---------------------------------------------------------------------------------------- */

/* A calendar that is reloaded now and then says something else. */
static struct game_day some_day(struct story *story, game_date date) {
    struct game_day day = {.bootstrap = dice_chance(&story->dice, story->temper.bootstrap)};
    if (!dice_chance(&story->dice, story->temper.calendar))
        return day;
    day.games = date % 3 == 0 ? GAMES_NONE : GAMES_PLAYED;
    if (dice_chance(&story->dice, 10))
        day.games = dice_chance(&story->dice, 50) ? GAMES_NONE : GAMES_UNKNOWN;
    return day;
}

struct completion story_complete(
    struct story *story, struct model *model, game_date date, const struct processor *processor, bool well) {
    struct dice *dice = &story->dice;
    struct completion completion = {.processor = processor, .date = date, .day = some_day(story, date)};
    completion.backfill = dice_chance(dice, story->temper.backfill);
    completion.execution_id = dice_chance(dice, 50)
        ? dice_pick(dice, executions)
        : story_need(arena_printf(story->arena, "x%d", dice_below(dice, 1000)));
    completion.correlation_id = dice_pick(dice, correlations);
    completion.timestamp_ms = some_timestamp(story);
    if (well)
        judge_well(story, &completion);
    else
        judge_somehow(story, &completion);
    if (completion.status == STATUS_FAILED || dice_chance(dice, 5))
        completion.error_message = dice_pick(dice, errors);
    name_trigger(story, model, &completion);
    return completion;
}

void story_change(struct story *story, struct completion *completion) {
    if (dice_chance(&story->dice, 30))
        judge_somehow(story, completion);
    if (dice_chance(&story->dice, 20))
        completion->timestamp_ms = some_timestamp(story);
}

void story_take_off(struct story *story, struct completion *completion) {
    if (completion->processor->group > 0 || !dice_chance(&story->dice, story->temper.off_day))
        return;
    completion->status = STATUS_NO_DATA;
    completion->record_count = dice_chance(&story->dice, 50) ? 0 : ROWS_UNKNOWN;
    completion->records_failed = 0;
}

void story_rerun(struct story *story, struct completion *completion) {
    completion->execution_id = story_need(arena_printf(story->arena, "again%d", story->count));
    completion->timestamp_ms = story->now_ms;
}
