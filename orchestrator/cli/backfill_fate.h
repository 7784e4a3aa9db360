/*
 * What became of a date that was backfilled, for whoever waits for it: over, and how, or will something more
 * come by itself? A pure function of the plan and of what was read.
 *
 * A date is judged when all that was sent for it is recorded. Then it is over when it is done, has no games,
 * or has failed; and it is held when nothing more comes by itself: its next group lacks something, was
 * cancelled or has stalled, or a re-run waits for an operator. A re-run that will open a new run is not over.
 */
#ifndef PHASEGATE_CLI_BACKFILL_FATE_H
#define PHASEGATE_CLI_BACKFILL_FATE_H

#include "cli/backfill_plan.h"

enum fate { FATE_OPEN, FATE_DONE, FATE_NO_GAMES, FATE_HELD, FATE_FAILED };

enum { FATE_COUNT = FATE_FAILED + 1, FATE_NOTE_MAX = 256 };

/* "open", "done", "no_games" …: the words of the JSON output. */
const char *fate_name(enum fate fate);

/* How many of the date's completions were sent, and are not recorded yet. */
size_t backfill_unrecorded(
    const struct backfill_plan *plan, const struct plan_date *date, const struct date_state *state);

/* given_up: what is not recorded by now is not expected any more. */
enum fate backfill_fate(const struct backfill_plan *plan, const struct plan_date *date,
    const struct date_state *state, bool given_up);

/* Why, in few words. Returns note. */
char *backfill_fate_note(const struct backfill_plan *plan, const struct plan_date *date,
    const struct date_state *state, int64_t now_ms, char note[FATE_NOTE_MAX]);

#endif
