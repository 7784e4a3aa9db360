#include "support/story_play.h"

#include "support/check.h"

#include <inttypes.h>
#include <string.h>

const char *happening_words(enum happening happening) {
    static const char *const words[] = {
#define HAPPENING_WORDS(name, text) [HAPPENED_##name] = text,
        HAPPENINGS(HAPPENING_WORDS)
#undef HAPPENING_WORDS
    };
    return words[happening];
}

void play_begin(
    struct play *play, struct store_harness *harness, const struct story *story, struct tally *tally) {
    *play = (struct play){.harness = harness,
        .story = story,
        .model = model_new(story->pipeline),
        .watch = {.pipeline = story->pipeline, .bootstrap = story->temper.bootstrap > 0},
        .tally = tally};
    if (!play->model)
        fail_msg("out of memory");
    harness_reset(harness);
}

void play_free(struct play *play) {
    model_free(&play->model);
}

static void count(struct play *play, enum happening happening, bool happened) {
    if (play->tally && happened)
        play->tally->counts[happening]++;
}

static bool is_fine(struct result result, const char *what, struct difference *difference) {
    return is_ok(result) || differs(difference, "%s failed: %s", what, result.text);
}

/* --- What is to be seen --------------------------------------------------------------------------------- */

static bool read_date(struct play *play, game_date date, struct date_state *state) {
    return is_fine(
        reader_dates(play->harness->reader, play->story->pipeline, &date, 1, play->harness->arena, state),
        "reading the date", &play->difference);
}

static bool date_agrees(struct play *play, game_date date) {
    struct date_state state;
    return read_date(play, date, &state)
        && same_date(play->story->pipeline, &state, model_date(play->model, date), &play->difference)
        && watch_date(&play->watch, &state, &play->difference);
}

static bool history_agrees(struct play *play, game_date date) {
    static struct history_entry expected[MODEL_HISTORY_MAX];
    struct history_entry *got = NULL;
    size_t got_count = 0;
    int64_t dropped = 0, expected_dropped = 0;
    if (!is_fine(reader_history(play->harness->reader, play->story->pipeline, date, play->harness->arena,
                     &got, &got_count, &dropped),
            "reading the history", &play->difference))
        return false;
    size_t expected_count = model_history(play->model, date, expected, &expected_dropped);
    count(play, HAPPENED_CUT, expected_dropped > 0);
    if (dropped != expected_dropped)
        return differs(&play->difference, "the history dropped %" PRId64 " entries, expected %" PRId64,
            dropped, expected_dropped);
    return same_history(
        got, got_count, expected, expected_count, !play->story->temper.clocks_apart, &play->difference);
}

static bool outbox_agrees(struct play *play) {
    static struct trigger expected[MODEL_OUTBOX_MAX];
    const struct trigger *got = NULL;
    size_t got_count = 0, expected_count = model_outbox(play->model, expected);
    return is_fine(harness_try_outbox(play->harness, play->story->pipeline, &got, &got_count),
               "reading the outbox", &play->difference)
        && same_outbox(play->story->pipeline, got, got_count, expected, expected_count, &play->difference);
}

static bool backfill_agrees(struct play *play) {
    struct backfill_state state;
    return is_fine(
               reader_backfill(play->harness->reader, play->story->pipeline, play->harness->arena, &state),
               "reading backfill", &play->difference)
        && same_backfill(play->story->pipeline, &state, play->model, &play->difference)
        && watch_slots(&play->watch, &state, &play->difference);
}

/* A trigger came due by a call: anew, or again. */
static bool trigger_is_right(struct play *play, const struct trigger *due, bool again) {
    struct date_state state;
    return read_date(play, due->date, &state)
        && watch_trigger(&play->watch, due, again, &state, &play->difference);
}

/* --- Completions and confirmations ---------------------------------------------------------------------- */

static bool has_group_in_flight(const struct play *play, const struct date_state *state) {
    bool any = false;
    for (int g = 0; g < play->story->pipeline->group_count; g++)
        any = any || state->groups[g].phase == GROUP_TRIGGERED;
    return any;
}

static void count_answer(
    struct play *play, const struct completion *completion, const struct model_answer *answer) {
    static const enum happening verdicts[] = {[VERDICT_APPLIED] = HAPPENED_APPLIED,
        [VERDICT_DUPLICATE] = HAPPENED_DUPLICATES,
        [VERDICT_LATE] = HAPPENED_LATE,
        [VERDICT_PREMATURE] = HAPPENED_PREMATURE,
        [VERDICT_OTHER_RUN] = HAPPENED_OTHER_RUN};
    const struct date_state *state = model_date(play->model, completion->date);
    bool rerun = answer->stale_from != 0, other = answer->verdict == VERDICT_OTHER_RUN && state->run > 1;
    count(play, verdicts[answer->verdict], true);
    count(play, HAPPENED_TRIGGERS, answer->due);
    count(play, HAPPENED_LAST_TRIGGERS,
        answer->due && answer->trigger.group == play->story->pipeline->group_count);
    count(play, HAPPENED_BACKFILL_TRIGGERS, answer->due && answer->trigger.backfill);
    count(play, HAPPENED_CLOSINGS, answer->closed_no_games);
    count(play, HAPPENED_FAILURES, answer->group != 0 && answer->phase == GROUP_FAILED);
    count(play, HAPPENED_RERUNS, rerun);
    count(play, HAPPENED_RERUNS_IN_FLIGHT, rerun && has_group_in_flight(play, state));
    count(play, HAPPENED_RERUNS_BAD, rerun && !model_satisfies(completion));
    count(play, HAPPENED_LATE_BY_ID, other && completion->trigger_id);
    count(play, HAPPENED_LATE_BY_MESSAGE, other && completion->trigger_message_id);
}

static bool apply_agrees(struct play *play, const struct step *step) {
    const struct pipeline *pipeline = play->story->pipeline;
    const struct completion *completion = &step->completion;
    struct applied_copy applied;
    struct model_answer expected = model_apply(play->model, completion, step->now_ms);
    count_answer(play, completion, &expected);
    return is_fine(harness_try_apply(play->harness, pipeline, completion, step->now_ms, &applied), "apply",
               &play->difference)
        && watch_verdict(&play->watch, completion, applied.verdict, &play->difference)
        && same_answer(pipeline, &applied, &expected, &play->difference)
        && (!applied.field || trigger_is_right(play, &applied.trigger, false));
}

static bool confirm_agrees(struct play *play, const struct step *step) {
    const struct group_state *group =
        &model_date(play->model, step->trigger.date)->groups[step->trigger.group - 1];
    bool cancelled = group->phase == GROUP_CANCELLED;
    model_confirm(play->model, &step->trigger, step->bus_message_id, step->now_ms);
    count(play, HAPPENED_CONFIRMED_CANCELS, cancelled && group->phase == GROUP_TRIGGERED);
    watch_confirm(&play->watch, &step->trigger, step->bus_message_id);
    return is_fine(harness_try_confirm(play->harness, play->story->pipeline, &step->trigger,
                       step->bus_message_id, step->now_ms),
        "confirm", &play->difference);
}

/* --- Timers --------------------------------------------------------------------------------------------- */

static void count_tick(struct play *play, const struct model_tick *tick, size_t outbox_before) {
    static struct trigger triggers[MODEL_OUTBOX_MAX];
    bool opened = tick->opened_run != 0, stalled = tick->stalled_group != 0;
    size_t outbox = model_outbox(play->model, triggers);
    count(play, HAPPENED_RUNS, opened);
    count(play, HAPPENED_CARRIED, opened && tick->opened_from > 1);
    count(play, HAPPENED_SUPERSEDED, opened && outbox - tick->due < outbox_before);
    count(play, HAPPENED_TRIGGERS, opened && !stalled && tick->due);
    count(play, HAPPENED_UPSTREAM_STALLS, stalled && tick->stalled_run == 0);
    count(play, HAPPENED_GROUP_STALLS, stalled && tick->stalled_run != 0);
    count(play, HAPPENED_RETRIGGERS, stalled && tick->due);
}

static bool tick_agrees(struct play *play, game_date date, int64_t now_ms) {
    static struct trigger triggers[MODEL_OUTBOX_MAX];
    const struct pipeline *pipeline = play->story->pipeline;
    struct ticked_copy got;
    size_t outbox_before = model_outbox(play->model, triggers);
    struct model_tick expected = model_tick(play->model, date, now_ms);
    count_tick(play, &expected, outbox_before);
    return is_fine(harness_try_tick(play->harness, pipeline, date, now_ms, &got), "tick", &play->difference)
        && same_tick(pipeline, &got, &expected, &play->difference)
        && (!got.ticked.outbox_field || trigger_is_right(play, &got.trigger, got.ticked.stalled_group != 0))
        && date_agrees(play, date);
}

static bool is_told(game_date date, const game_date *dates, size_t date_count) {
    for (size_t i = 0; i < date_count; i++)
        if (dates[i] == date)
            return true;
    return false;
}

/* Everything that is due by the model is told; what is told too early is looked at in vain. */
static bool due_is_told(struct play *play, int64_t now_ms, const game_date *dates, size_t date_count) {
    char text[DATE_TEXT_MAX];
    for (int i = 0; i < play->story->date_count; i++) {
        game_date date = play->story->dates[i];
        int64_t due_ms = model_due_ms(play->model, date);
        if (due_ms != 0 && due_ms <= now_ms && !is_told(date, dates, date_count))
            return differs(&play->difference, "%s is due since %" PRId64 " ms, and was not told",
                date_format(date, text), due_ms - play->story->base_ms);
    }
    return true;
}

/* After that nothing is due any more. */
static bool sweep_agrees(struct play *play, int64_t now_ms) {
    const struct pipeline *pipeline = play->story->pipeline;
    const game_date *dates = NULL, *left = NULL;
    size_t date_count = 0, left_count = 0;
    char text[DATE_TEXT_MAX];
    bool agrees = is_fine(harness_try_due(play->harness, pipeline, now_ms, &dates, &date_count), "due",
                      &play->difference)
        && due_is_told(play, now_ms, dates, date_count);
    for (size_t i = 0; i < date_count && agrees; i++) {
        agrees = tick_agrees(play, dates[i], now_ms);
        count(play, HAPPENED_SWEPT, true);
    }
    agrees = agrees
        && is_fine(
            harness_try_due(play->harness, pipeline, now_ms, &left, &left_count), "due", &play->difference);
    if (agrees && left_count > 0)
        return differs(&play->difference, "%s was looked at and is due still", date_format(left[0], text));
    return agrees;
}

/* --- Operators ------------------------------------------------------------------------------------------ */

static void count_replay(struct play *play, const struct model_replayed *replayed, bool failed) {
    count(play, HAPPENED_OPERATOR_RUNS, replayed->what == REPLAYED_RUN);
    count(play, HAPPENED_REPLAYS, replayed->what == REPLAYED_TRIGGER);
    count(play, HAPPENED_REPLAYS_OF_FAILED, replayed->what == REPLAYED_TRIGGER && failed);
    count(play, HAPPENED_IDLE_REPLAYS, replayed->what == REPLAYED_NOTHING);
    count(play, HAPPENED_TRIGGERS, replayed->due && replayed->what != REPLAYED_TRIGGER);
}

static bool replay_agrees(struct play *play, const struct step *step) {
    const struct pipeline *pipeline = play->story->pipeline;
    const struct date_state *before = model_date(play->model, step->trigger.date);
    struct replayed_copy got;
    bool failed = false;
    for (int g = 0; g < pipeline->group_count; g++)
        failed = failed || before->groups[g].phase == GROUP_FAILED;
    struct model_replayed expected =
        model_replay(play->model, step->trigger.date, step->replay, step->from_group, step->now_ms);
    count_replay(play, &expected, failed);
    return is_fine(harness_try_replay(play->harness, pipeline, step->trigger.date, step->replay,
                       step->from_group, step->now_ms, &got),
               "replay", &play->difference)
        && same_replayed(pipeline, &got, &expected, &play->difference)
        && (!got.replayed.outbox_field
            || trigger_is_right(play, &got.trigger, got.replayed.what == REPLAYED_TRIGGER));
}

static bool cancel_agrees(struct play *play, const struct step *step) {
    bool got = false, expected = model_cancel(play->model, &step->trigger, step->now_ms);
    count(play, expected ? HAPPENED_CANCELS : HAPPENED_IDLE_CANCELS, true);
    return is_fine(
               harness_try_cancel(play->harness, play->story->pipeline, &step->trigger, step->now_ms, &got),
               "cancel", &play->difference)
        && (got == expected || differs(&play->difference, "cancelled is %d, expected %d", got, expected));
}

/* --- Slots ---------------------------------------------------------------------------------------------- */

static bool claim_agrees(struct play *play, const struct step *step) {
    static const char *const names[] = {"full", "granted", "paused", "gone", "theirs"};
    static const enum happening happenings[] = {[CLAIM_FULL] = HAPPENED_FULL,
        [CLAIM_GRANTED] = HAPPENED_GRANTED,
        [CLAIM_PAUSED] = HAPPENED_PAUSED,
        [CLAIM_GONE] = HAPPENED_GONE,
        [CLAIM_THEIRS] = HAPPENED_THEIRS};
    enum claim got = CLAIM_FULL, expected = model_claim(play->model, &step->trigger, step->now_ms);
    if (expected == CLAIM_GRANTED)
        expected = leases_claim(&play->leases, &step->trigger);
    count(play, happenings[expected], true);
    return is_fine(
               harness_try_claim(play->harness, play->story->pipeline, &step->trigger, step->now_ms, &got),
               "claim", &play->difference)
        && (got == expected
            || differs(&play->difference, "the claim is %s, expected %s", names[got], names[expected]));
}

static bool release_agrees(struct play *play, const struct step *step) {
    model_release(play->model, &step->trigger);
    return is_fine(harness_try_release(play->harness, play->story->pipeline, &step->trigger), "release",
        &play->difference);
}

static bool reclaim_agrees(struct play *play, const struct step *step) {
    int got = 0, expected = model_reclaim(play->model, step->trigger.group, step->now_ms);
    count(play, HAPPENED_FREED, expected > 0);
    return is_fine(harness_try_reclaim(
                       play->harness, play->story->pipeline, step->trigger.group, step->now_ms, &got),
               "reclaim", &play->difference)
        && (got == expected || differs(&play->difference, "%d slots were freed, expected %d", got, expected));
}

static bool pause_agrees(struct play *play, const struct step *step) {
    model_pause(play->model, step->paused, step->now_ms);
    return is_fine(harness_try_pause(play->harness, play->story->pipeline, step->paused, step->now_ms),
        "pause", &play->difference);
}

/* --- Playing -------------------------------------------------------------------------------------------- */

static bool answer_agrees(struct play *play, const struct step *step) {
    switch (step->kind) {
    case STEP_COMPLETION:
        return apply_agrees(play, step);
    case STEP_CONFIRM:
        return confirm_agrees(play, step);
    case STEP_TICK:
        return tick_agrees(play, step->trigger.date, step->now_ms);
    case STEP_SWEEP:
        return sweep_agrees(play, step->now_ms);
    case STEP_REPLAY:
        return replay_agrees(play, step);
    case STEP_CANCEL:
        return cancel_agrees(play, step);
    case STEP_CLAIM:
        return claim_agrees(play, step);
    case STEP_RELEASE:
        return release_agrees(play, step);
    case STEP_RECLAIM:
        return reclaim_agrees(play, step);
    case STEP_PAUSE:
        return pause_agrees(play, step);
    }
    return false;
}

static bool changes_slots(enum step_kind kind) {
    return kind == STEP_CLAIM || kind == STEP_RELEASE || kind == STEP_RECLAIM || kind == STEP_PAUSE;
}

bool play_step(struct play *play, const struct step *step, bool with_history) {
    game_date date = step_date(step);
    harness_forget(play->harness);
    count(play, HAPPENED_STEPS, true);
    leases_begin(&play->leases, play->harness, step);
    return answer_agrees(play, step)
        && leases_agree(
            &play->leases, play->harness, step, play->model, play->story->pipeline, &play->difference)
        && (date == 0 || date_agrees(play, date)) && outbox_agrees(play)
        && (!(with_history || changes_slots(step->kind)) || backfill_agrees(play))
        && (!with_history || date == 0 || history_agrees(play, date));
}

bool play_end(struct play *play, int64_t now_ms) {
    enum { SWEEPS = 3 };
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    bool agrees = true;
    for (int i = 0; i < SWEEPS && agrees; i++) {
        harness_forget(play->harness);
        agrees = sweep_agrees(play, now_ms + day_ms * i);
    }
    for (int i = 0; i < play->story->date_count && agrees; i++) {
        harness_forget(play->harness);
        agrees = date_agrees(play, play->story->dates[i]) && history_agrees(play, play->story->dates[i]);
    }
    return agrees && outbox_agrees(play);
}
