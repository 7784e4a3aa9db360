#include "cli/replay_plan.h"

#include "cli/outlook.h"
#include "cli/words.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = PIPELINE_PROCESSORS_MAX * (PIPELINE_ABBR_MAX + 2) };

/* --- The outbox ----------------------------------------------------------------------------------------- */

static int compare(int left, int right) {
    return (left > right) - (left < right);
}

static int by_place(const void *left, const void *right) {
    const struct trigger *a = left, *b = right;
    if (a->date != b->date)
        return compare(a->date, b->date);
    return a->group != b->group ? compare(a->group, b->group) : compare(a->run, b->run);
}

void replay_outbox_sort(struct replay_outbox *outbox) {
    if (outbox->count > 0)
        qsort(outbox->triggers, outbox->count, sizeof *outbox->triggers, by_place);
}

static bool in_outbox(const struct replay_outbox *outbox, const struct date_state *state, int group) {
    const struct trigger wanted = {.date = state->date, .group = group, .run = state->groups[group - 1].run};
    return outbox->count > 0
        && bsearch(&wanted, outbox->triggers, outbox->count, sizeof wanted, by_place) != NULL;
}

/* --- Who is at work ------------------------------------------------------------------------------------- */

static int first_not_done(const struct pipeline *pipeline, const struct date_state *state) {
    for (int g = 1; g <= pipeline->group_count; g++)
        if (state->groups[g - 1].phase != GROUP_DONE)
            return g;
    return 0;
}

/* A deadline that has passed counts also when no daemon was there to raise the stall; a stall that was raised
 * before the trigger was last published does not. */
static bool is_stalled(
    const struct pipeline *pipeline, const struct date_state *state, int group, int64_t now_ms) {
    int64_t triggered_ms = state->groups[group - 1].triggered_ms;
    int64_t deadline_ms = (int64_t)pipeline->group_deadline * 1000;
    return (state->stall.group == group && state->stall.at_ms >= triggered_ms)
        || (deadline_ms > 0 && now_ms >= triggered_ms + deadline_ms);
}

/* Has every member come back since the group was triggered? */
static bool all_answered(const struct pipeline *pipeline, const struct date_state *state, int group) {
    const struct group_state *now = &state->groups[group - 1];
    for (int i = 0; i < pipeline->processor_count; i++) {
        const struct record *record = &state->records[i];
        bool answered = record->mark == RECORD_COUNTS
            || (record->mark == RECORD_SHORT && record->run == now->run && !record->set_aside
                && record->arrived_ms >= now->triggered_ms);
        if (pipeline->groups[group - 1].members >> i & 1 && !answered)
            return false;
    }
    return true;
}

static enum replay_reason reason_of_started(
    const struct pipeline *pipeline, const struct date_state *state, int group, int64_t now_ms) {
    if (state->groups[group - 1].phase == GROUP_FAILED)
        return REASON_FAILED;
    if (is_stalled(pipeline, state, group, now_ms))
        return REASON_STALLED;
    return all_answered(pipeline, state, group) ? REASON_ANSWERED : REASON_AT_WORK;
}

/* The group that may be at work, or 0. Only the first that is not done can be. */
static int group_at_work(const struct pipeline *pipeline, const struct date_state *state, int64_t now_ms) {
    int group = first_not_done(pipeline, state);
    bool triggered = group > 0 && state->groups[group - 1].phase == GROUP_TRIGGERED;
    return triggered && reason_of_started(pipeline, state, group, now_ms) == REASON_AT_WORK ? group : 0;
}

/* --- A trigger again, or a group that should have started ------------------------------------------------
 */

static struct replay_plan nothing(const struct date_state *state, int group, enum replay_reason reason) {
    return (struct replay_plan){.state = state, .what = REPLAYED_NOTHING, .group = group, .reason = reason};
}

static struct replay_plan trigger_again(
    const struct date_state *state, int group, enum replay_reason reason) {
    return (struct replay_plan){.state = state,
        .what = REPLAYED_TRIGGER,
        .group = group,
        .run = state->groups[group - 1].run,
        .due = true,
        .reason = reason};
}

static struct replay_plan plan_start(
    const struct pipeline *pipeline, const struct date_state *state, int group) {
    struct replay_plan plan = nothing(state, group, REASON_WAITS);
    plan.waits_for = date_state_missing(pipeline, state, group);
    if (plan.waits_for)
        return plan;
    plan.what = REPLAYED_START;
    plan.run = state->run > 0 ? state->run : 1;
    plan.due = true;
    plan.reason = REASON_NOT_STARTED;
    return plan;
}

static struct replay_plan plan_group(const struct pipeline *pipeline, const struct date_state *state,
    const struct replay_outbox *outbox, const struct replay_request *request, int64_t now_ms) {
    int group = first_not_done(pipeline, state);
    if (!state->known)
        return nothing(state, 0, REASON_UNKNOWN);
    if (state->no_games_ms)
        return nothing(state, 0, REASON_NO_GAMES);
    if (state->stale.group > 0)
        return nothing(state, state->stale.group, REASON_STALE);
    if (group == 0)
        return nothing(state, 0, REASON_DONE);
    if (request->from_group > group)
        return nothing(state, group, REASON_BEFORE);
    switch (state->groups[group - 1].phase) {
    case GROUP_WAITING:
        return plan_start(pipeline, state, group);
    case GROUP_READY:
        if (in_outbox(outbox, state, group))
            return nothing(state, group, REASON_IN_OUTBOX);
        return trigger_again(state, group, REASON_LOST);
    case GROUP_CANCELLED:
        return trigger_again(state, group, REASON_CANCELLED);
    case GROUP_TRIGGERED:
    case GROUP_FAILED:
    case GROUP_DONE: /* not asked: the first that is not done */
        break;
    }
    if (request->replay == REPLAY_MISSED)
        return nothing(state, group, REASON_LEFT);
    return trigger_again(state, group, reason_of_started(pipeline, state, group, now_ms));
}

/* --- A new run ------------------------------------------------------------------------------------------ */

/* What is stale or not done is never carried over. */
static int first_of_new_run(const struct pipeline *pipeline, const struct date_state *state, int from_group) {
    int stale = state->stale.group, not_done = first_not_done(pipeline, state);
    int first = from_group ? from_group : stale ? stale : 1;
    if (stale > 0 && stale < first)
        first = stale;
    return not_done > 0 && not_done < first ? not_done : first;
}

/* What the first group of the new run lacks: needs, or members of the last group that is carried over. */
static processor_set lacks_in_new_run(
    const struct pipeline *pipeline, const struct date_state *state, int first) {
    processor_set wanted = pipeline->groups[first - 1].needs, lacks = 0;
    if (first > 1)
        wanted |= pipeline->groups[first - 2].members;
    for (int i = 0; i < pipeline->processor_count; i++) {
        bool there = state->records[i].mark == RECORD_COUNTS && pipeline->processors[i].group < first;
        if (wanted >> i & 1 && !there)
            lacks |= (processor_set)1 << i;
    }
    return lacks;
}

static bool closes_as_no_games(const struct pipeline *pipeline, const struct date_state *state, int first) {
    for (int i = 0; i < pipeline->processor_count; i++)
        if (pipeline->upstream >> i & 1
            && (state->records[i].mark == RECORD_NONE || state->records[i].status != STATUS_NO_DATA))
            return false;
    return first == 1 && pipeline->upstream != 0;
}

static struct replay_plan plan_run(
    const struct pipeline *pipeline, const struct date_state *state, int from_group) {
    if (!state->known)
        return nothing(state, 0, REASON_UNKNOWN);
    if (state->groups[0].phase == GROUP_WAITING)
        return nothing(state, 0, state->no_games_ms ? REASON_NO_GAMES : REASON_NEVER_STARTED);
    int first = first_of_new_run(pipeline, state, from_group);
    struct replay_plan plan = {.state = state,
        .what = REPLAYED_RUN,
        .group = first,
        .run = state->run + 1,
        .closes = closes_as_no_games(pipeline, state, first),
        .waits_for = lacks_in_new_run(pipeline, state, first),
        .reason = REASON_ASKED};
    plan.due = !plan.closes && !plan.waits_for;
    return plan;
}

struct replay_plan replay_plan_of(const struct pipeline *pipeline, const struct date_state *state,
    const struct replay_outbox *outbox, const struct replay_request *request, int64_t now_ms) {
    struct replay_plan plan = request->replay == REPLAY_RERUN
        ? plan_run(pipeline, state, request->from_group)
        : plan_group(pipeline, state, outbox, request, now_ms);
    if (plan.what != REPLAYED_NOTHING)
        plan.at_work = group_at_work(pipeline, state, now_ms);
    return plan;
}

/* --- In words ------------------------------------------------------------------------------------------- */

static processor_set unfinished(const struct pipeline *pipeline, const struct date_state *state, int group) {
    processor_set found = 0;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (pipeline->groups[group - 1].members >> i & 1 && state->records[i].mark != RECORD_COUNTS)
            found |= (processor_set)1 << i;
    return found;
}

static void started_note(const struct pipeline *pipeline, const struct replay_plan *plan, const char *since,
    int64_t now_ms, char *text, size_t size) {
    int group = plan->at_work ? plan->at_work : plan->group;
    char names[NAMES_MAX], duration[WORDS_DURATION_MAX];
    words_processors(pipeline, unfinished(pipeline, plan->state, group), true, names, sizeof names);
    words_duration(now_ms - plan->state->groups[group - 1].triggered_ms, duration);
    snprintf(text, size, "group %d was triggered %s ago and %s: %s", group, duration, since, names);
}

static void run_note(const struct pipeline *pipeline, const struct replay_plan *plan, int64_t now_ms,
    char *text, size_t size) {
    char names[NAMES_MAX];
    words_processors(pipeline, plan->waits_for, true, names, sizeof names);
    if (plan->at_work)
        started_note(pipeline, plan, "may still be at work", now_ms, text, size);
    else if (plan->closes)
        snprintf(text, size, "no table has data any more: the date is closed as no games");
    else if (plan->waits_for)
        snprintf(text, size, "run %d: group %d waits for %s", plan->run, plan->group, names);
    else
        snprintf(text, size, "run %d, from group %d on", plan->run, plan->group);
}

/* Where the date's standing says it all, it is said as everywhere. */
static void standing_note(const struct pipeline *pipeline, const struct date_state *state, int64_t now_ms,
    char *text, size_t size) {
    const struct outlook outlook = outlook_of(pipeline, state);
    outlook_note(pipeline, &outlook, state, now_ms, text, size);
}

char *replay_plan_note(const struct pipeline *pipeline, const struct replay_plan *plan, int64_t now_ms,
    char *text, size_t size) {
    text[0] = '\0';
    switch (plan->reason) {
    case REASON_UNKNOWN:
    case REASON_NO_GAMES:
    case REASON_DONE:
    case REASON_STALE:
    case REASON_WAITS:
    case REASON_IN_OUTBOX:
    case REASON_LEFT:
    case REASON_FAILED:
        standing_note(pipeline, plan->state, now_ms, text, size);
        break;
    case REASON_BEFORE:
        snprintf(text, size, "group %d comes first, and is not done", plan->group);
        break;
    case REASON_NEVER_STARTED:
        snprintf(text, size, "nothing was ever started");
        break;
    case REASON_STALLED:
        started_note(pipeline, plan, "has stalled", now_ms, text, size);
        break;
    case REASON_ANSWERED:
        started_note(pipeline, plan, "came back short", now_ms, text, size);
        break;
    case REASON_AT_WORK:
        started_note(pipeline, plan, "may still be at work", now_ms, text, size);
        break;
    case REASON_CANCELLED:
        snprintf(text, size, "group %d was cancelled", plan->group);
        break;
    case REASON_LOST:
        snprintf(text, size, "group %d was ready, and its trigger is not in the outbox", plan->group);
        break;
    case REASON_NOT_STARTED:
        snprintf(text, size, "group %d has all it needs, and was not started", plan->group);
        break;
    case REASON_ASKED:
        run_note(pipeline, plan, now_ms, text, size);
        break;
    }
    return text;
}
