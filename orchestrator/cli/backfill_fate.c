#include "cli/backfill_fate.h"

#include "cli/outlook.h"
#include "cli/words.h"

#include <stdio.h>
#include <string.h>

const char *fate_name(enum fate fate) {
    static const char *const names[] = {
        [FATE_OPEN] = "open",
        [FATE_DONE] = "done",
        [FATE_NO_GAMES] = "no_games",
        [FATE_HELD] = "held",
        [FATE_FAILED] = "failed",
    };
    return names[fate];
}

/* Under the same id an earlier, worse outcome may be recorded: then this one is still on its way. */
static bool is_at_least(const struct record *record, const struct plan_item *item) {
    return item->rows == 0
        || (record->status == STATUS_SUCCESS
            && (item->rows == ROWS_UNKNOWN || record->record_count >= item->rows));
}

/* The record is this completion's, or one that makes it needless. */
static bool is_recorded(
    const struct backfill_plan *plan, const struct plan_item *item, const struct date_state *state) {
    const struct record *record = &state->records[item->processor->index];
    char id[COMPLETION_ID_MAX + 1];
    if (record->mark == RECORD_NONE)
        return false;
    bool is_ours = strcmp(record->execution_id, backfill_execution_id(plan, item, id)) == 0;
    return (is_ours && is_at_least(record, item)) || backfill_item_is_there(item, state);
}

size_t backfill_unrecorded(
    const struct backfill_plan *plan, const struct plan_date *date, const struct date_state *state) {
    size_t count = 0;
    for (size_t i = date->first; i < date->first + date->count; i++)
        count += plan->items[i].sent && !is_recorded(plan, &plan->items[i], state);
    return count;
}

/* Its trigger is published again by itself. */
static bool is_triggered_again(const struct pipeline *pipeline, const struct date_state *state) {
    const struct stall *stall = &state->stall;
    return stall->group > 0 && state->groups[stall->group - 1].phase != GROUP_WAITING
        && pipeline->on_stall == STALL_RETRIGGER && stall->times <= pipeline->retrigger_limit;
}

static bool is_about_to_start(const struct date_state *state, const struct outlook *outlook) {
    return outlook->waits_for == 0 && state->groups[outlook->group - 1].phase == GROUP_WAITING;
}

enum fate backfill_fate(const struct backfill_plan *plan, const struct plan_date *date,
    const struct date_state *state, bool given_up) {
    const struct outlook outlook = outlook_of(plan->pipeline, state);
    if (backfill_unrecorded(plan, date, state) > 0)
        return given_up ? FATE_HELD : FATE_OPEN;
    switch (outlook.standing) {
    case STANDING_DONE:
        return FATE_DONE;
    case STANDING_NO_GAMES:
        return FATE_NO_GAMES;
    case STANDING_FAILED:
        return FATE_FAILED;
    case STANDING_RUNNING:
        return FATE_OPEN;
    case STANDING_STALE:
        return state->stale.due_ms > 0 ? FATE_OPEN : FATE_HELD;
    case STANDING_STALLED:
        return is_triggered_again(plan->pipeline, state) ? FATE_OPEN : FATE_HELD;
    case STANDING_HELD:
        return is_about_to_start(state, &outlook) ? FATE_OPEN : FATE_HELD;
    case STANDING_CANCELLED:
    case STANDING_BROKEN:
    case STANDING_UNKNOWN:
        break;
    }
    return FATE_HELD;
}

char *backfill_fate_note(const struct backfill_plan *plan, const struct plan_date *date,
    const struct date_state *state, int64_t now_ms, char note[FATE_NOTE_MAX]) {
    const struct outlook outlook = outlook_of(plan->pipeline, state);
    size_t unrecorded = backfill_unrecorded(plan, date, state);
    char count[48];
    if (unrecorded == 0)
        return outlook_note(plan->pipeline, &outlook, state, now_ms, note, FATE_NOTE_MAX);
    snprintf(note, FATE_NOTE_MAX, "%s sent, and not recorded: does `phasegate serve` run?",
        words_count((int64_t)unrecorded, "completion", "completions", count, sizeof count));
    return note;
}
