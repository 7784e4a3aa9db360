#include "cli/outlook.h"

#include "cli/words.h"

#include <stdio.h>

static const char *const standing_names[] = {
    [STANDING_UNKNOWN] = "unknown",
    [STANDING_HELD] = "held",
    [STANDING_RUNNING] = "running",
    [STANDING_FAILED] = "failed",
    [STANDING_DONE] = "done",
    [STANDING_NO_GAMES] = "no_games",
};

const char *standing_name(enum standing standing) {
    return standing_names[standing];
}

static int first_not_done(const struct pipeline *pipeline, const struct date_state *state) {
    for (int g = 1; g <= pipeline->group_count; g++)
        if (state->groups[g - 1].phase != GROUP_DONE)
            return g;
    return 0;
}

bool outlook_finished(const struct date_state *state, const struct record *record) {
    return record->mark == RECORD_COUNTS && record->run == state->run;
}

static processor_set unfinished(const struct pipeline *pipeline, const struct date_state *state, int group) {
    processor_set members = pipeline->groups[group - 1].members, left = 0;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (members >> i & 1 && !outlook_finished(state, &state->records[i]))
            left |= (processor_set)1 << i;
    return left;
}

/* The members that said "failed" in this run: one is enough for the group to be failed. */
static processor_set failed_members(
    const struct pipeline *pipeline, const struct date_state *state, int group) {
    processor_set members = pipeline->groups[group - 1].members, failed = 0;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (members >> i & 1 && state->records[i].status == STATUS_FAILED
            && state->records[i].mark == RECORD_SHORT && state->records[i].run == state->run)
            failed |= (processor_set)1 << i;
    return failed;
}

static struct outlook outlook_of_group(
    const struct pipeline *pipeline, const struct date_state *state, int group) {
    const struct group_state *now = &state->groups[group - 1];
    struct outlook outlook = {.group = group};
    switch (now->phase) {
    case GROUP_WAITING:
        outlook.standing = STANDING_HELD;
        outlook.waits_for = date_state_missing(pipeline, state, group);
        break;
    case GROUP_READY:
    case GROUP_TRIGGERED:
        outlook.standing = STANDING_RUNNING;
        outlook.waits_for = unfinished(pipeline, state, group);
        outlook.since_ms = now->phase == GROUP_READY ? now->ready_ms : now->triggered_ms;
        break;
    case GROUP_FAILED:
        outlook.standing = STANDING_FAILED;
        outlook.waits_for = failed_members(pipeline, state, group);
        outlook.since_ms = now->ended_ms;
        break;
    case GROUP_CANCELLED:
        outlook.standing = STANDING_HELD;
        outlook.since_ms = now->ended_ms;
        break;
    case GROUP_DONE:
        break; /* not asked: the first group that is not done */
    }
    return outlook;
}

struct outlook outlook_of(const struct pipeline *pipeline, const struct date_state *state) {
    if (!state->known)
        return (struct outlook){.standing = STANDING_UNKNOWN, .group = 1};
    if (state->no_games_ms)
        return (struct outlook){.standing = STANDING_NO_GAMES};
    int group = first_not_done(pipeline, state);
    if (group == 0)
        return (struct outlook){.standing = STANDING_DONE};
    return outlook_of_group(pipeline, state, group);
}

static void note_of_group(const struct pipeline *pipeline, const struct outlook *outlook,
    const struct date_state *state, int64_t now_ms, char *text, size_t size) {
    char names[PIPELINE_PROCESSORS_MAX * (PIPELINE_ABBR_MAX + 2)], duration[WORDS_DURATION_MAX];
    words_processors(pipeline, outlook->waits_for, true, names, sizeof names);
    words_duration(now_ms - outlook->since_ms, duration);
    int group = outlook->group;
    switch (state->groups[group - 1].phase) {
    case GROUP_WAITING:
        if (!outlook->waits_for)
            snprintf(text, size, "group %d is about to start", group);
        else if (group == 1)
            snprintf(text, size, "waits for %s", names);
        else
            snprintf(text, size, "group %d waits for %s", group, names);
        break;
    case GROUP_READY:
        snprintf(text, size, "group %d ready for %s, not yet published", group, duration);
        break;
    case GROUP_TRIGGERED:
        snprintf(text, size, "group %d running for %s: %s", group, duration, names);
        break;
    case GROUP_FAILED:
        snprintf(text, size, "group %d failed: %s", group, names);
        break;
    case GROUP_CANCELLED:
        snprintf(text, size, "group %d cancelled", group);
        break;
    case GROUP_DONE:
        break;
    }
}

char *outlook_note(const struct pipeline *pipeline, const struct outlook *outlook,
    const struct date_state *state, int64_t now_ms, char *text, size_t size) {
    text[0] = '\0';
    switch (outlook->standing) {
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
    case STANDING_HELD:
    case STANDING_RUNNING:
    case STANDING_FAILED:
        note_of_group(pipeline, outlook, state, now_ms, text, size);
        break;
    }
    return text;
}
