#include "support/story_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The store promises to know eight messages of earlier triggers; it sorts the last one among them when that
 * is published again, and not when it was confirmed. */
enum { KEPT_MESSAGES = 7 };

static struct watched_date *date_of(struct watch *watch, game_date date) {
    for (int i = 0; i < watch->date_count; i++)
        if (watch->dates[i].date == date)
            return &watch->dates[i];
    if (watch->date_count == MODEL_DATES_MAX)
        abort();
    struct watched_date *added = &watch->dates[watch->date_count++];
    added->date = date;
    return added;
}

/* --- One decision, strict order, never on partial data -------------------------------------------------- */

static bool decided_once(
    struct watch *watch, const struct trigger *due, bool again, struct difference *difference) {
    char id[TRIGGER_ID_MAX];
    trigger_id(watch->pipeline, due, id);
    if (due->run < 1 || due->run >= WATCH_RUNS_MAX)
        return differs(difference, "%s was decided: that is no run", id);
    bool *before = &date_of(watch, due->date)->groups[due->group - 1].decided[due->run];
    if (*before && !again)
        return differs(difference, "%s was decided twice", id);
    if (!*before && again)
        return differs(difference, "%s was published again, and was not decided before", id);
    *before = true;
    return true;
}

static bool in_order(const struct watch *watch, const struct trigger *due, const struct date_state *state,
    struct difference *difference) {
    char id[TRIGGER_ID_MAX];
    trigger_id(watch->pipeline, due, id);
    for (int g = 1; g < due->group; g++) {
        const struct group_state *group = &state->groups[g - 1];
        if (group->phase != GROUP_DONE || group->run > due->run)
            return differs(difference, "%s was decided, and group %d is %s in run %d", id, g,
                group_phase_name(group->phase), group->run);
    }
    return true;
}

/* A need in the words of its record; the model's thresholds are the first paragraph of the rules. */
static bool is_whole(const struct watch *watch, const struct date_state *state, int processor) {
    const struct record *record = &state->records[processor];
    const struct completion completion = {.processor = &watch->pipeline->processors[processor],
        .status = record->status,
        .record_count = record->record_count,
        .records_failed = record->records_failed,
        .day.bootstrap = watch->bootstrap};
    return record->mark == RECORD_COUNTS && model_satisfies(&completion);
}

static bool on_whole_data(const struct watch *watch, const struct trigger *due,
    const struct date_state *state, struct difference *difference) {
    char id[TRIGGER_ID_MAX];
    for (int i = 0; i < watch->pipeline->processor_count; i++)
        if (watch->pipeline->groups[due->group - 1].needs >> i & 1 && !is_whole(watch, state, i))
            return differs(difference, "%s was decided on partial data: %s is not satisfied",
                trigger_id(watch->pipeline, due, id), watch->pipeline->processors[i].abbr);
    if (state->stale.group != 0 || state->no_games_ms != 0)
        return differs(difference, "%s was decided on a date that is %s",
            trigger_id(watch->pipeline, due, id), state->stale.group ? "stale" : "closed");
    return true;
}

/* A trigger that is published again left when its needs were satisfied; that may have changed since. */
bool watch_trigger(struct watch *watch, const struct trigger *due, bool again, const struct date_state *state,
    struct difference *difference) {
    return decided_once(watch, due, again, difference) && in_order(watch, due, state, difference)
        && (again || on_whole_data(watch, due, state, difference));
}

/* --- No answer of an old run for a new one -------------------------------------------------------------- */

/* The run whose trigger of the group this id is, 0: none. */
static int run_by_id(const struct watch *watch, const struct completion *completion) {
    char begin[TRIGGER_ID_MAX], date[DATE_TEXT_MAX];
    if (!completion->trigger_id)
        return 0;
    int length = snprintf(begin, sizeof begin, "%s/%s/g%d/r", watch->pipeline->name,
        date_format(completion->date, date), completion->processor->group);
    if (strncmp(completion->trigger_id, begin, (size_t)length) != 0)
        return 0;
    return atoi(completion->trigger_id + length);
}

/* The same by the message, as far as the store keeps them. */
static int run_by_message(const struct watched_group *group, const char *message_id) {
    for (int i = 1; message_id && i <= KEPT_MESSAGES && i <= group->message_count; i++) {
        const struct watched_message *message =
            &group->messages[(group->message_count - i) % WATCH_MESSAGES_MAX];
        if (strcmp(message->id, message_id) == 0)
            return message->run;
    }
    return 0;
}

bool watch_verdict(struct watch *watch, const struct completion *completion, enum verdict verdict,
    struct difference *difference) {
    if (completion->processor->group == 0)
        return true;
    const struct watched_date *date = date_of(watch, completion->date);
    const struct watched_group *group = &date->groups[completion->processor->group - 1];
    int by_id = run_by_id(watch, completion),
        by_message = run_by_message(group, completion->trigger_message_id),
        run = group->run != 0 ? group->run : date->run;
    bool old_message = !completion->trigger_id && by_message != 0 && by_message < run,
         old = (by_id != 0 && by_id < run) || old_message;
    if (old && verdict != VERDICT_OTHER_RUN)
        return differs(difference, "an answer to run %d of group %d, which is in run %d, was %s",
            by_id ? by_id : by_message, completion->processor->group, run, verdict_name(verdict));
    if (!completion->trigger_id && by_message == run && by_message != 0 && verdict == VERDICT_OTHER_RUN)
        return differs(difference, "an answer to run %d of group %d, by its message, was %s", run,
            completion->processor->group, verdict_name(verdict));
    return true;
}

/* --- Always in the end, and how a date may look ----------------------------------------------------------
 */

static void note_message(struct watched_group *group, int run, const char *id) {
    for (int i = 1; i <= WATCH_MESSAGES_MAX && i <= group->message_count; i++)
        if (strcmp(group->messages[(group->message_count - i) % WATCH_MESSAGES_MAX].id, id) == 0)
            return;
    struct watched_message *message = &group->messages[group->message_count++ % WATCH_MESSAGES_MAX];
    message->run = run;
    snprintf(message->id, sizeof message->id, "%s", id);
}

void watch_confirm(struct watch *watch, const struct trigger *trigger, const char *bus_message_id) {
    struct watched_date *date = date_of(watch, trigger->date);
    struct watched_group *group = &date->groups[trigger->group - 1];
    if (trigger->run < (group->run != 0 ? group->run : date->run))
        note_message(group, trigger->run, bus_message_id);
}

/* What a group shows fits what those before it show. */
static bool fits(const struct date_state *state, int group, const char *date, struct difference *difference) {
    const struct group_state *it = &state->groups[group - 1], *before = group > 1 ? it - 1 : NULL;
    if (it->phase == GROUP_WAITING)
        return true;
    if (it->run < 1 || it->run > state->run)
        return differs(
            difference, "%s: group %d is of run %d, and the date of %d", date, group, it->run, state->run);
    if (before && (before->phase != GROUP_DONE || before->run > it->run))
        return differs(difference, "%s: group %d is %s, and the one before is %s", date, group,
            group_phase_name(it->phase), group_phase_name(before->phase));
    return true;
}

bool watch_date(struct watch *watch, const struct date_state *state, struct difference *difference) {
    struct watched_date *shown = date_of(watch, state->date);
    char date[DATE_TEXT_MAX];
    int first_waiting = 0;
    date_format(state->date, date);
    if (state->run < shown->run)
        return differs(difference, "%s went from run %d back to %d", date, shown->run, state->run);
    shown->run = state->run;
    for (int g = 1; g <= watch->pipeline->group_count; g++) {
        if (!fits(state, g, date, difference))
            return false;
        shown->groups[g - 1].run = state->groups[g - 1].run;
        if (state->groups[g - 1].bus_message_id)
            note_message(
                &shown->groups[g - 1], state->groups[g - 1].run, state->groups[g - 1].bus_message_id);
        if (state->groups[g - 1].phase == GROUP_WAITING && first_waiting == 0)
            first_waiting = g;
    }
    bool held = first_waiting == 0 || state->stale.group != 0 || state->no_games_ms != 0
        || (first_waiting > 1 && state->groups[first_waiting - 2].phase != GROUP_DONE);
    if (!held && date_state_missing(watch->pipeline, state, first_waiting) == 0)
        return differs(difference, "%s: group %d has all it needs, and was not started", date, first_waiting);
    return true;
}

/* --- Slots ---------------------------------------------------------------------------------------------- */

bool watch_slots(
    const struct watch *watch, const struct backfill_state *backfill, struct difference *difference) {
    for (int g = 0; g < watch->pipeline->group_count; g++)
        if (backfill->in_flight[g] > watch->pipeline->groups[g].backfill_cap)
            return differs(difference, "%d triggers of group %d are in flight, the cap is %d",
                backfill->in_flight[g], g + 1, watch->pipeline->groups[g].backfill_cap);
    return true;
}
