#include "support/story.h"

#include "support/check.h"
#include "support/story_pipeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 4 << 20, SECOND_MS = 1000, HOUR_MS = 3600 * 1000 };

/* 2021-11-27: dates of one month and the next. */
enum { FIRST_DATE = 18958, SECOND_MONTH = 4, LAST_MONTH = 40 };

/* 2025-12-04 18:00:00 UTC. */
#define BASE_MS ((int64_t)1764871200000)

static const char *const executions[] = {
    "e1", "e2", "e3", "4f0c7f0e-9a3d-4a53-8f4f-0d5f2f3c9f10", "bf 2025 \"togs\"", "caf\u00e9-\u2713", "-"};
static const char *const correlations[] = {NULL, NULL, "bf-20251204", "say \"hi\" \\ back\\slash", "-", "0",
    "%s %d", "sp\u00e4ti \u2013 \u6f22\u5b57 \U0001F3C0", "line\nbreak\tand tab", "{\"a\":[1]}", "nul\x01l"};
static const char *const errors[] = {NULL, NULL, "boom", "quota \"exceeded\"\tfor table\nretry later", "-",
    "zero rows \u2013 see \\\\server\\log"};
static const char *const garbage[] = {"garbage", "-", "nba/2021-11-27/g1", "nba//g1/r1", "g1/r1"};

/* Message ids that no trigger has; those of other triggers, 9000 and up, are among them. */
static const char *const strangers[] = {"unknown-9", "-", "9001", "9010"};

static void *need(void *memory) {
    if (!memory)
        fail_msg("out of memory");
    return memory;
}

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
    static const int goods[] = {30, 60, 80, 95}, off_days[] = {0, 0, 0, 5, 80}, backfills[] = {0, 10, 100};
    return (struct temper){
        .good = dice_pick(dice, goods),
        .off_day = dice_pick(dice, off_days),
        .backfill = dice_pick(dice, backfills),
        .resend = dice_below(dice, 30),
        .eager = dice_below(dice, 30),
        .named = dice_below(dice, 100),
        .confirm = dice_below(dice, 50),
        .flap = dice_below(dice, 20),
        .dates = 1 + dice_below(dice, 4),
        .opens = dice_chance(dice, 80),
        .clocks_apart = dice_chance(dice, 15),
    };
}

struct story *story_new(uint64_t seed) {
    struct story *story = need(calloc(1, sizeof *story));
    story->dice.state = seed;
    story->arena = need(arena_new(ARENA_MAX));
    story->temper = temper_of(&story->dice);
    story->pipeline = need((void *)story_pipeline(&story->dice, story->arena));
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

/* --- One completion ------------------------------------------------------------------------------------- */

static game_date some_date(struct story *story) {
    return story->dates[dice_below(&story->dice, story->date_count)];
}

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

static void name_trigger(struct story *story, struct model *model, struct completion *completion) {
    struct dice *dice = &story->dice;
    char date[DATE_TEXT_MAX];
    int group = completion->processor->group, run = 1;
    game_date day = completion->date;
    if (!dice_chance(dice, story->temper.named))
        return;
    if (dice_chance(dice, 50)) {
        const char *known = group > 0 ? model_date(model, day)->groups[group - 1].bus_message_id : NULL;
        completion->trigger_message_id = known && dice_chance(dice, 70) ? known : dice_pick(dice, strangers);
        return;
    }
    if (dice_chance(dice, 25)) {
        completion->trigger_id = dice_pick(dice, garbage);
        return;
    }
    if (dice_chance(dice, 15))
        run = dice_below(dice, 3);
    if (dice_chance(dice, 15))
        group = 1 + dice_below(dice, 4);
    if (dice_chance(dice, 10))
        day = some_date(story);
    completion->trigger_id = need(
        arena_printf(story->arena, "nba/%s/g%d/r%d", date_format(day, date), group > 0 ? group : 1, run));
}

static struct completion complete(
    struct story *story, struct model *model, game_date date, const struct processor *processor, bool well) {
    struct dice *dice = &story->dice;
    struct completion completion = {
        .processor = processor,
        .date = date,
        .backfill = dice_chance(dice, story->temper.backfill),
        .execution_id = dice_chance(dice, 50)
            ? dice_pick(dice, executions)
            : need(arena_printf(story->arena, "x%d", dice_below(dice, 1000))),
        .correlation_id = dice_pick(dice, correlations),
        .timestamp_ms = some_timestamp(story),
    };
    if (well)
        judge_well(story, &completion);
    else
        judge_somehow(story, &completion);
    if (completion.status == STATUS_FAILED || dice_chance(dice, 5))
        completion.error_message = dice_pick(dice, errors);
    name_trigger(story, model, &completion);
    return completion;
}

/* --- What happens next ---------------------------------------------------------------------------------- */

/* No games: upstream has nothing to write. */
static void take_off(struct story *story, struct completion *completion) {
    if (completion->processor->group > 0 || !dice_chance(&story->dice, story->temper.off_day))
        return;
    completion->status = STATUS_NO_DATA;
    completion->record_count = dice_chance(&story->dice, 50) ? 0 : ROWS_UNKNOWN;
    completion->records_failed = 0;
}

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

static const struct processor *one_of(struct story *story, processor_set set) {
    const struct pipeline *pipeline = story->pipeline;
    const struct processor *chosen;
    do
        chosen = &pipeline->processors[dice_below(&story->dice, pipeline->processor_count)];
    while (set && !(set >> chosen->index & 1));
    return chosen;
}

/* What is waited for comes, mostly well. When all dates are through, another one opens. */
static void move_on(struct story *story, struct model *model, struct step *step) {
    game_date date = some_date(story);
    processor_set set = awaited(story->pipeline, model_date(model, date));
    if (set == 0 && story->temper.opens && dice_chance(&story->dice, 20))
        open_date(story);
    const struct processor *processor = one_of(story, set);
    bool well = dice_chance(&story->dice, story->temper.good);
    step->completion = complete(story, model, date, processor, well);
    take_off(story, &step->completion);
}

static void come_again(struct story *story, struct step *step) {
    const struct step *earlier = &story->steps[dice_below(&story->dice, story->count)];
    if (earlier->kind == STEP_COMPLETION)
        step->completion = earlier->completion;
    if (dice_chance(&story->dice, 30))
        judge_somehow(story, &step->completion);
    if (dice_chance(&story->dice, 20))
        step->completion.timestamp_ms = some_timestamp(story);
}

static void confirm(struct story *story, struct step *step, const struct trigger *trigger) {
    *step = (struct step){.kind = STEP_CONFIRM,
        .now_ms = story->now_ms,
        .trigger = *trigger,
        .bus_message_id = need(arena_printf(story->arena, "%d", 9000 + story->count))};
}

/* Something in the outbox, or anything: a repeated confirmation, or one of what never was. */
static void confirm_some(struct story *story, struct model *model, struct step *step) {
    struct dice *dice = &story->dice;
    struct trigger triggers[MODEL_OUTBOX_MAX];
    size_t count = model_outbox(model, triggers);
    if (count > 0 && dice_chance(dice, 80)) {
        confirm(story, step, &triggers[dice_below(dice, (int)count)]);
        return;
    }
    struct trigger trigger = {.date = some_date(story),
        .group = 1 + dice_below(dice, story->pipeline->group_count),
        .run = dice_chance(dice, 90) ? 1 : 2};
    confirm(story, step, &trigger);
}

static void advance(struct story *story) {
    struct dice *dice = &story->dice;
    int most = dice_chance(dice, 3) ? HOUR_MS : SECOND_MS;
    if (dice_chance(dice, 70))
        story->now_ms += dice_below(dice, most);
    if (story->temper.clocks_apart && dice_chance(dice, 20))
        story->now_ms -= dice_below(dice, 3 * SECOND_MS);
}

const struct step *story_next(struct story *story, struct model *model) {
    struct dice *dice = &story->dice;
    const struct temper *temper = &story->temper;
    advance(story);
    struct step *step = &story->steps[story->count];
    *step = (struct step){.kind = STEP_COMPLETION, .now_ms = story->now_ms};
    move_on(story, model, step);
    if (dice_chance(dice, temper->confirm))
        confirm_some(story, model, step);
    else if (story->count > 0 && dice_chance(dice, temper->resend))
        come_again(story, step);
    else if (dice_chance(dice, temper->eager))
        step->completion = complete(story, model, some_date(story), one_of(story, 0), true);
    else if (dice_chance(dice, temper->flap))
        step->completion = complete(story, model, some_date(story), one_of(story, 0), false);
    story->count++;
    return step;
}

/* --- In words ------------------------------------------------------------------------------------------- */

static int tell_text(char *text, size_t size, const char *name, const char *value) {
    return value ? snprintf(text, size, ", %s \"%s\"", name, value) : 0;
}

char *story_tell(const struct story *story, const struct step *step, char text[STORY_TEXT_MAX]) {
    const struct completion *c = &step->completion;
    char date[DATE_TEXT_MAX], rows[24] = "?";
    int64_t now = step->now_ms - story->base_ms;
    if (step->kind == STEP_CONFIRM) {
        snprintf(text, STORY_TEXT_MAX, "at %" PRId64 " ms: %s/g%d/r%d is confirmed as \"%s\"", now,
            date_format(step->trigger.date, date), step->trigger.group, step->trigger.run,
            step->bus_message_id);
        return text;
    }
    if (c->record_count != ROWS_UNKNOWN)
        snprintf(rows, sizeof rows, "%" PRId64, c->record_count);
    int length = snprintf(text, STORY_TEXT_MAX,
        "at %" PRId64 " ms: %s %s %s, rows %s, failed %" PRId64 ", of %" PRId64 " ms, execution \"%s\"%s",
        now, date_format(c->date, date), c->processor->abbr, status_name(c->status), rows, c->records_failed,
        c->timestamp_ms - story->base_ms, c->execution_id, c->backfill ? ", backfill" : "");
    const struct {
        const char *name, *value;
    } texts[] = {{"trigger_id", c->trigger_id}, {"trigger_message_id", c->trigger_message_id},
        {"correlation", c->correlation_id}, {"error", c->error_message}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts && length < STORY_TEXT_MAX; i++)
        length += tell_text(text + length, STORY_TEXT_MAX - (size_t)length, texts[i].name, texts[i].value);
    return text;
}

char *story_tell_pipeline(const struct story *story, char *text, size_t size) {
    const struct pipeline *pipeline = story->pipeline;
    size_t length = (size_t)snprintf(text, size, "%s\n", pipeline->definition);
    for (int i = 0; i < pipeline->processor_count && length < size; i++) {
        const struct processor *p = &pipeline->processors[i];
        if (p->min_rows != 1 || p->min_coverage != 0.95 || p->require_rows || p->allow_empty)
            length += (size_t)snprintf(text + length, size - length,
                "    %s: min_rows %" PRId64 ", min_coverage %g%s%s\n", p->abbr, p->min_rows, p->min_coverage,
                p->require_rows ? ", require_rows" : "", p->allow_empty ? ", allow_empty" : "");
    }
    return text;
}
