#include "cli/outlook.h"

#include "base/text.h"
#include "cli/words.h"

#include <stdio.h>
#include <string.h>

static const char *const standing_names[] = {
    [STANDING_UNKNOWN] = "unknown",
    [STANDING_HELD] = "held",
    [STANDING_RUNNING] = "running",
    [STANDING_FAILED] = "failed",
    [STANDING_DONE] = "done",
    [STANDING_NO_GAMES] = "no_games",
    [STANDING_STALE] = "stale",
    [STANDING_STALLED] = "stalled",
    [STANDING_CANCELLED] = "cancelled",
    [STANDING_BROKEN] = "broken",
};

const char *standing_name(enum standing standing) {
    return standing_names[standing];
}

bool outlook_is_stale(const struct date_state *state, int group) {
    return state->stale.group > 0 && group >= state->stale.group;
}

bool outlook_is_stalled(const struct date_state *state, int group) {
    const struct group_state *now = &state->groups[group - 1];
    return state->stall.group == group && now->phase != GROUP_READY
        && now->triggered_ms <= state->stall.at_ms;
}

static int first_not_done(const struct pipeline *pipeline, const struct date_state *state) {
    for (int g = 1; g <= pipeline->group_count; g++)
        if (state->groups[g - 1].phase != GROUP_DONE)
            return g;
    return 0;
}

static processor_set unsatisfied(
    const struct pipeline *pipeline, const struct date_state *state, processor_set of) {
    processor_set left = 0;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (of >> i & 1 && state->records[i].mark != RECORD_COUNTS)
            left |= (processor_set)1 << i;
    return left;
}

/* The members that said "failed" in this run, and were not triggered again since: one is enough for the group
 * to be failed. */
static processor_set failed_members(
    const struct pipeline *pipeline, const struct date_state *state, int group) {
    processor_set members = pipeline->groups[group - 1].members, failed = 0;
    for (int i = 0; i < pipeline->processor_count; i++) {
        const struct record *record = &state->records[i];
        if (members >> i & 1 && record->mark == RECORD_SHORT && record->status == STATUS_FAILED
            && !record->set_aside)
            failed |= (processor_set)1 << i;
    }
    return failed;
}

/* Since when the group could have started but for its needs: when its deadline began to run. */
static int64_t waiting_since(const struct date_state *state, int group) {
    int64_t before_ms = group > 1 ? state->groups[group - 2].ended_ms : 0;
    return before_ms > state->since_ms ? before_ms : state->since_ms;
}

/* Since when the group runs, or its trigger is in the outbox: where that is there again after a stall, since
 * the stall. */
static int64_t running_since(const struct date_state *state, int group) {
    const struct group_state *now = &state->groups[group - 1];
    if (now->phase == GROUP_TRIGGERED)
        return now->triggered_ms;
    bool again = state->stall.group == group && state->stall.at_ms > now->ready_ms;
    return again ? state->stall.at_ms : now->ready_ms;
}

static struct outlook outlook_of_group(
    const struct pipeline *pipeline, const struct date_state *state, int group) {
    const struct group_state *now = &state->groups[group - 1];
    bool stalled = outlook_is_stalled(state, group);
    struct outlook outlook = {.group = group};
    switch (now->phase) {
    case GROUP_WAITING:
        outlook.standing = stalled ? STANDING_STALLED : STANDING_HELD;
        outlook.waits_for = date_state_missing(pipeline, state, group);
        outlook.since_ms = stalled ? waiting_since(state, group) : 0;
        break;
    case GROUP_READY:
    case GROUP_TRIGGERED:
        outlook.standing = stalled ? STANDING_STALLED : STANDING_RUNNING;
        outlook.waits_for = unsatisfied(pipeline, state, pipeline->groups[group - 1].members);
        outlook.since_ms = running_since(state, group);
        break;
    case GROUP_FAILED:
        outlook.standing = STANDING_FAILED;
        outlook.waits_for = failed_members(pipeline, state, group);
        outlook.since_ms = now->ended_ms;
        break;
    case GROUP_CANCELLED:
        outlook.standing = STANDING_CANCELLED;
        outlook.since_ms = now->ended_ms;
        break;
    case GROUP_DONE:
        break; /* not asked: the first group that is not done */
    }
    return outlook;
}

/* What the first group of the new run will lack: its needs, and whatever of the group before did badly. */
static processor_set stale_lacks(const struct pipeline *pipeline, const struct date_state *state) {
    int group = state->stale.group;
    processor_set before = group > 1 ? pipeline->groups[group - 2].members : 0;
    return unsatisfied(pipeline, state, pipeline->groups[group - 1].needs | before);
}

struct outlook outlook_of(const struct pipeline *pipeline, const struct date_state *state) {
    if (state->broken)
        return (struct outlook){.standing = STANDING_BROKEN};
    if (!state->known)
        return (struct outlook){.standing = STANDING_UNKNOWN, .group = 1};
    if (state->no_games_ms)
        return (struct outlook){.standing = STANDING_NO_GAMES};
    int group = first_not_done(pipeline, state);
    if (state->stale.group)
        return (struct outlook){.standing = STANDING_STALE,
            .group = group,
            .waits_for = stale_lacks(pipeline, state),
            .since_ms = state->stale.since_ms};
    if (group == 0)
        return (struct outlook){.standing = STANDING_DONE};
    return outlook_of_group(pipeline, state, group);
}

char *outlook_rerun_command(
    const struct pipeline *pipeline, const struct date_state *state, char text[OUTLOOK_COMMAND_MAX]) {
    char date[DATE_TEXT_MAX];
    int group = first_not_done(pipeline, state);
    bool at_work = group > 0 && state->groups[group - 1].phase == GROUP_TRIGGERED;
    snprintf(text, OUTLOOK_COMMAND_MAX, "phasegate replay --rerun %s--dates %s", at_work ? "--running " : "",
        date_format(state->date, date));
    return text;
}

/* --- Notes ---------------------------------------------------------------------------------------------- */

enum { NAMES_MAX = PIPELINE_PROCESSORS_MAX * (PIPELINE_ABBR_MAX + 2) };

/* What a note is made of. */
struct notes {
    int group;
    enum group_phase phase;
    bool backfill;
    char names[NAMES_MAX]; /* of what it waits for, or what failed */
    char duration[WORDS_DURATION_MAX];
    char date[DATE_TEXT_MAX];
    char rerun[OUTLOOK_COMMAND_MAX];
    char again[32]; /* ", stalled once": a group that was triggered again since */
};

static void note_of_group(const struct notes *notes, char *text, size_t size) {
    int group = notes->group;
    switch (notes->phase) {
    case GROUP_WAITING:
        if (!*notes->names)
            snprintf(text, size, "group %d is about to start", group);
        else if (group == 1)
            snprintf(text, size, "waits for %s", notes->names);
        else
            snprintf(text, size, "group %d waits for %s", group, notes->names);
        break;
    case GROUP_READY:
        if (notes->backfill)
            snprintf(text, size, "group %d waits for a slot for %s%s", group, notes->duration, notes->again);
        else
            snprintf(text, size, "group %d ready for %s, not yet published%s", group, notes->duration,
                notes->again);
        break;
    case GROUP_TRIGGERED:
        snprintf(
            text, size, "group %d running for %s%s: %s", group, notes->duration, notes->again, notes->names);
        break;
    case GROUP_FAILED:
        snprintf(text, size, "group %d failed: %s", group, notes->names);
        break;
    case GROUP_CANCELLED:
        snprintf(text, size, "group %d cancelled: phasegate replay --dates %s", group, notes->date);
        break;
    case GROUP_DONE:
        break;
    }
}

static void note_of_stall(const struct notes *notes, int times, char *text, size_t size) {
    char group[16] = "", often[32] = "";
    if (notes->group > 1 || notes->phase != GROUP_WAITING)
        snprintf(group, sizeof group, "group %d ", notes->group);
    if (times > 1)
        snprintf(often, sizeof often, " %d times", times);
    snprintf(text, size, "stalled%s: %swaits for %s for %s", often, group,
        *notes->names ? notes->names : "its start", notes->duration);
}

static void note_of_stale(
    const struct notes *notes, const struct date_state *state, int64_t now_ms, char *text, size_t size) {
    const struct stale *stale = &state->stale;
    char left[WORDS_DURATION_MAX], opens[WORDS_DURATION_MAX + OUTLOOK_COMMAND_MAX + 24];
    char then[NAMES_MAX + 16] = "";
    if (!stale->due_ms)
        snprintf(opens, sizeof opens, " %s ago, on hold: %s", notes->duration, notes->rerun);
    else if (stale->due_ms > now_ms)
        snprintf(opens, sizeof opens, "; run %d opens in %s", state->run + 1,
            words_duration(stale->due_ms - now_ms, left));
    else
        snprintf(opens, sizeof opens, "; run %d is about to open", state->run + 1);
    if (*notes->names)
        snprintf(then, sizeof then, "; lacks %s", notes->names);
    snprintf(text, size, "re-run%s%s%s%s", stale->processor ? " of " : "",
        stale->processor ? stale->processor->abbr : "", opens, then);
}

static struct notes notes_of(const struct pipeline *pipeline, const struct outlook *outlook,
    const struct date_state *state, int64_t now_ms) {
    struct notes notes = {.group = outlook->group};
    if (outlook->group > 0) {
        notes.phase = state->groups[outlook->group - 1].phase;
        notes.backfill = state->groups[outlook->group - 1].backfill;
    }
    if (state->stall.group == outlook->group && state->stall.times == 1)
        snprintf(notes.again, sizeof notes.again, ", stalled once");
    else if (state->stall.group == outlook->group && state->stall.times > 1)
        snprintf(notes.again, sizeof notes.again, ", stalled %d times", state->stall.times);
    words_processors(pipeline, outlook->waits_for, true, notes.names, sizeof notes.names);
    words_duration(now_ms - outlook->since_ms, notes.duration);
    date_format(state->date, notes.date);
    outlook_rerun_command(pipeline, state, notes.rerun);
    return notes;
}

/* "run 2: " where it is not the first. */
static size_t note_run(const struct date_state *state, char *text, size_t size) {
    int written = state->run > 1 ? snprintf(text, size, "run %d: ", state->run) : 0;
    return written > 0 && (size_t)written < size ? (size_t)written : 0;
}

char *outlook_note(const struct pipeline *pipeline, const struct outlook *outlook,
    const struct date_state *state, int64_t now_ms, char *text, size_t size) {
    struct notes notes = notes_of(pipeline, outlook, state, now_ms);
    size_t used = 0;
    text[0] = '\0';
    switch (outlook->standing) {
    case STANDING_BROKEN:
        text_show(state->broken, strlen(state->broken), text, size);
        break;
    case STANDING_UNKNOWN:
        snprintf(text, size, "nothing received");
        break;
    case STANDING_NO_GAMES:
        snprintf(text, size, "no games");
        break;
    case STANDING_DONE:
        if (state->run > 1)
            snprintf(text, size, "done, run %d", state->run);
        else
            snprintf(text, size, "done");
        break;
    case STANDING_STALE:
        note_of_stale(&notes, state, now_ms, text, size);
        break;
    case STANDING_STALLED:
        used = note_run(state, text, size);
        note_of_stall(&notes, state->stall.times, text + used, size - used);
        break;
    case STANDING_HELD:
    case STANDING_RUNNING:
    case STANDING_FAILED:
    case STANDING_CANCELLED:
        used = note_run(state, text, size);
        note_of_group(&notes, text + used, size - used);
        break;
    }
    return text;
}
