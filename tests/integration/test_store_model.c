/*
 * Long random histories, applied to the store and to the model of the rules; after each step answer, state,
 * outbox and history have to agree, and the invariants of the design have to hold in what the store shows. A
 * history that fails is shrunk to few steps before it is printed.
 *
 * PHASEGATE_SEED=n repeats the history of that seed; PHASEGATE_HISTORIES=n says how many there are.
 */
#include "support/check.h"
#include "support/model_compare.h"
#include "support/story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { HISTORIES = 150, LAST_STEPS = 15, HISTORY_EVERY = 16, SHRINK_SECONDS = 60 };

/* What the histories came to, so that one sees that they are rich. */
struct tally {
    uint64_t steps, verdicts[VERDICT_COUNT], triggers, last_triggers, backfills, closings, failures, dropped;
};

/* One playing of a history: the store, the model, and what the store itself has shown so far. */
struct play {
    struct store_harness *harness;
    const struct story *story;
    struct model *model;
    bool due_once[MODEL_DATES_MAX][PIPELINE_GROUPS_MAX];
    struct difference difference;
    struct tally *tally; /* NULL: not counted */
};

static void play_begin(struct play *play, struct store_harness *harness, const struct story *story) {
    *play = (struct play){.harness = harness, .story = story, .model = model_new(story->pipeline)};
    if (!play->model)
        fail_msg("out of memory");
    harness_reset(harness);
}

static bool is_fine(struct result result, const char *what, struct difference *difference) {
    return is_ok(result) || differs(difference, "%s failed: %s", what, result.text);
}

/* --- The invariants, in what the store shows and without the model -------------------------------------- */

static int place_of(const struct story *story, game_date date) {
    for (int i = 0; i < story->date_count; i++)
        if (story->dates[i] == date)
            return i;
    return 0;
}

static bool invariants_hold(struct play *play, const struct trigger *due, const struct date_state *state) {
    const struct pipeline *pipeline = play->story->pipeline;
    bool *before = &play->due_once[place_of(play->story, due->date)][due->group - 1];
    char id[TRIGGER_ID_MAX];
    trigger_id(pipeline, due, id);
    if (*before)
        return differs(&play->difference, "%s was decided twice", id);
    *before = true;
    if (due->group > 1 && state->groups[due->group - 2].phase != GROUP_DONE)
        return differs(&play->difference, "%s was decided, and group %d is not done", id, due->group - 1);
    for (int i = 0; i < pipeline->processor_count; i++) {
        const struct record *record = &state->records[i];
        if (pipeline->groups[due->group - 1].needs >> i & 1
            && (record->mark != RECORD_COUNTS
                || !model_satisfies(
                    &pipeline->processors[i], record->status, record->record_count, record->records_failed)))
            return differs(&play->difference, "%s was decided on partial data: %s is not satisfied", id,
                pipeline->processors[i].abbr);
    }
    return true;
}

/* --- One step ------------------------------------------------------------------------------------------- */

static bool read_date(struct play *play, game_date date, struct date_state *state) {
    return is_fine(
        reader_dates(play->harness->reader, play->story->pipeline, &date, 1, play->harness->arena, state),
        "reading the date", &play->difference);
}

static bool date_agrees(struct play *play, game_date date) {
    struct date_state state;
    return read_date(play, date, &state)
        && same_date(play->story->pipeline, &state, model_date(play->model, date), &play->difference);
}

static bool history_agrees(struct play *play, game_date date) {
    static struct history_entry expected[MODEL_HISTORY_MAX];
    struct history_entry *got = NULL;
    size_t count = 0;
    int64_t dropped = 0, expected_dropped = 0;
    if (!is_fine(reader_history(play->harness->reader, play->story->pipeline, date, play->harness->arena,
                     &got, &count, &dropped),
            "reading the history", &play->difference))
        return false;
    size_t expected_count = model_history(play->model, date, expected, &expected_dropped);
    if (play->tally && expected_dropped > 0)
        play->tally->dropped++;
    if (dropped != expected_dropped)
        return differs(&play->difference, "the history dropped %" PRId64 " entries, expected %" PRId64,
            dropped, expected_dropped);
    return same_history(
        got, count, expected, expected_count, !play->story->temper.clocks_apart, &play->difference);
}

static bool outbox_agrees(struct play *play) {
    static struct trigger expected[MODEL_OUTBOX_MAX];
    const struct trigger *got = NULL;
    size_t count = 0, expected_count = model_outbox(play->model, expected);
    return is_fine(harness_try_outbox(play->harness, play->story->pipeline, &got, &count),
               "reading the outbox", &play->difference)
        && same_outbox(play->story->pipeline, got, count, expected, expected_count, &play->difference);
}

static void count_answer(struct play *play, const struct model_answer *answer) {
    struct tally *tally = play->tally;
    if (!tally)
        return;
    tally->verdicts[answer->verdict]++;
    tally->triggers += answer->due;
    tally->last_triggers += answer->due && answer->trigger.group == play->story->pipeline->group_count;
    tally->backfills += answer->due && answer->trigger.backfill;
    tally->closings += answer->closed_no_games;
    tally->failures += answer->group != 0 && answer->phase == GROUP_FAILED;
}

static bool apply_agrees(struct play *play, const struct step *step) {
    const struct pipeline *pipeline = play->story->pipeline;
    struct applied_copy applied;
    struct date_state state;
    struct model_answer expected = model_apply(play->model, &step->completion, step->now_ms);
    count_answer(play, &expected);
    return is_fine(harness_try_apply(play->harness, pipeline, &step->completion, step->now_ms, &applied),
               "apply", &play->difference)
        && same_answer(pipeline, &applied, &expected, &play->difference)
        && (!applied.field
            || (read_date(play, step->completion.date, &state)
                && invariants_hold(play, &applied.trigger, &state)));
}

static bool confirm_agrees(struct play *play, const struct step *step) {
    model_confirm(play->model, &step->trigger, step->bus_message_id, step->now_ms);
    return is_fine(harness_try_confirm(play->harness, play->story->pipeline, &step->trigger,
                       step->bus_message_id, step->now_ms),
        "confirm", &play->difference);
}

static bool play_step(struct play *play, const struct step *step, bool with_history) {
    bool completion = step->kind == STEP_COMPLETION;
    game_date date = completion ? step->completion.date : step->trigger.date;
    harness_forget(play->harness);
    return (completion ? apply_agrees(play, step) : confirm_agrees(play, step)) && date_agrees(play, date)
        && outbox_agrees(play) && (!with_history || history_agrees(play, date));
}

/* In the end every date, also those that were not touched for long. */
static bool play_end(struct play *play) {
    bool agrees = true;
    for (int i = 0; i < play->story->date_count && agrees; i++) {
        harness_forget(play->harness);
        agrees = date_agrees(play, play->story->dates[i]) && history_agrees(play, play->story->dates[i]);
    }
    return agrees;
}

/* --- Shrinking ------------------------------------------------------------------------------------------ */

/* Some steps of a history, in order. */
struct selection {
    struct step steps[STORY_STEPS_MAX];
    int count;
};

/* Plays them; true when it fails, and then cuts what came after. */
static bool selection_fails(struct store_harness *harness, const struct story *story,
    struct selection *selection, struct difference *difference) {
    struct play play;
    play_begin(&play, harness, story);
    bool agrees = true;
    int played = 0;
    while (played < selection->count && agrees)
        agrees = play_step(&play, &selection->steps[played++], true);
    if (agrees)
        agrees = play_end(&play);
    selection->count = played;
    model_free(&play.model);
    *difference = play.difference;
    return !agrees;
}

/* A failing history that is being shrunk, for no longer than till the deadline. */
struct shrinking {
    struct store_harness *harness;
    const struct story *story;
    struct selection selection;
    struct difference difference;
    uint64_t deadline_ns;
};

/* Leaves out each run of length steps that is not needed to fail. True when there was one. */
static bool leave_out(struct shrinking *shrinking, int length) {
    static struct selection candidate;
    struct selection *selection = &shrinking->selection;
    bool any = false;
    for (int first = selection->count - length; first >= 0 && uv_hrtime() < shrinking->deadline_ns;
         first -= length) {
        struct difference found;
        candidate = *selection;
        candidate.count -= length;
        memmove(&candidate.steps[first], &candidate.steps[first + length],
            (size_t)(candidate.count - first) * sizeof *candidate.steps);
        if (!selection_fails(shrinking->harness, shrinking->story, &candidate, &found))
            continue;
        *selection = candidate;
        shrinking->difference = found;
        any = true;
        first = first > selection->count ? selection->count : first;
    }
    return any;
}

static void shrink(struct shrinking *shrinking) {
    for (int length = shrinking->selection.count / 2; length > 1; length /= 2)
        leave_out(shrinking, length);
    while (leave_out(shrinking, 1))
        ;
}

/* --- Reports -------------------------------------------------------------------------------------------- */

static void print_steps(const struct story *story, const struct step *steps, int first, int end) {
    char text[STORY_TEXT_MAX];
    for (int i = first; i < end; i++)
        print_error("%5d. %s\n", i + 1, story_tell(story, &steps[i], text));
}

static void report(
    struct store_harness *harness, struct story *story, uint64_t seed, const struct difference *difference) {
    static struct shrinking shrinking;
    struct selection *selection = &shrinking.selection;
    char text[STORY_TEXT_MAX];
    int first = story->count > LAST_STEPS ? story->count - LAST_STEPS : 0;
    print_error("PHASEGATE_SEED=%" PRIu64 " fails at step %d: %s\nThe pipeline: %s", seed, story->count,
        difference->text, story_tell_pipeline(story, text, sizeof text));
    print_error("The last steps:\n");
    print_steps(story, story->steps, first, story->count);
    shrinking = (struct shrinking){.harness = harness, .story = story, .difference = *difference};
    shrinking.deadline_ns = uv_hrtime() + SHRINK_SECONDS * UINT64_C(1000000000);
    memcpy(selection->steps, story->steps, sizeof selection->steps);
    selection->count = story->count;
    shrink(&shrinking);
    print_error("The fewest steps that fail: %s\n", shrinking.difference.text);
    print_steps(story, selection->steps, 0, selection->count);
}

/* --- The test ------------------------------------------------------------------------------------------- */

static bool story_agrees(
    struct store_harness *harness, struct story *story, struct tally *tally, struct difference *difference) {
    struct play play;
    play_begin(&play, harness, story);
    play.tally = tally;
    bool agrees = true;
    while (story->count < story->wanted && agrees) {
        const struct step *step = story_next(story, play.model);
        agrees = play_step(&play, step, story->count % HISTORY_EVERY == 0);
    }
    agrees = agrees && play_end(&play);
    model_free(&play.model);
    *difference = play.difference;
    return agrees;
}

static uint64_t environment_number(const char *name, uint64_t absent) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : absent;
}

static void print_tally(const struct tally *tally) {
    print_message("%" PRIu64 " steps:", tally->steps);
    for (int i = 0; i < VERDICT_COUNT; i++)
        print_message(" %" PRIu64 " %s,", tally->verdicts[i], verdict_name((enum verdict)i));
    print_message(" %" PRIu64 " triggers (%" PRIu64 " of a last group, %" PRIu64 " backfill), %" PRIu64
                  " groups failed, %" PRIu64 " dates closed, %" PRIu64 " histories cut\n",
        tally->triggers, tally->last_triggers, tally->backfills, tally->failures, tally->closings,
        tally->dropped);
}

static void the_store_does_what_the_rules_say(void **state) {
    (void)state;
    bool given = getenv("PHASEGATE_SEED") != NULL;
    uint64_t seed = environment_number("PHASEGATE_SEED", uv_hrtime() % 1000000000);
    uint64_t histories = environment_number("PHASEGATE_HISTORIES", given ? 1 : HISTORIES);
    struct store_harness *harness = harness_open((struct redis_server_options){0});
    struct tally tally = {0};
    print_message("%" PRIu64 " histories from PHASEGATE_SEED=%" PRIu64 "\n", histories, seed);
    for (uint64_t i = 0; i < histories; i++) {
        struct difference difference;
        struct story *story = story_new(seed + i);
        bool agrees = story_agrees(harness, story, &tally, &difference);
        if (!agrees)
            report(harness, story, seed + i, &difference);
        tally.steps += (uint64_t)story->count;
        story_free(&story);
        if (!agrees)
            fail_msg("the store and the rules disagree");
    }
    print_tally(&tally);
    harness_close(&harness);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_store_does_what_the_rules_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
