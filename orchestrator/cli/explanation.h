/*
 * Why a date, or one of its groups, is where it is: what it needs, what was received for each need and when,
 * why that does not satisfy, and what an operator can do. A pure function of what was read; printed for
 * people, or as JSON.
 */
#ifndef PHASEGATE_CLI_EXPLANATION_H
#define PHASEGATE_CLI_EXPLANATION_H

#include "cli/opening.h"
#include "cli/outlook.h"
#include "cli/term.h"

#include <jansson.h>

struct explanation {
    const struct pipeline *pipeline;
    const struct date_state *state;
    struct outlook outlook;
    /* The group that it speaks of: the one asked for, else the first stale one, else the first that is not
     * done; 0: none, all is over. */
    int group;
    bool asked; /* the group was asked for */
    int64_t now_ms;
    const struct opening *opening;         /* of the date's run; NULL for the first, and when not known */
    const struct backfill_state *backfill; /* NULL when it was not read */
};

/* group: 0 for the date as a whole, else 1 to group_count. Pipeline and state must outlive it; opening and
 * backfill are the caller's to set. */
struct explanation explanation_of(
    const struct pipeline *pipeline, const struct date_state *state, int group, int64_t now_ms);

/* Does the group's trigger need a slot that it does not have yet (rule 8)? Only where backfill was read. */
bool explanation_waits_for_slot(const struct explanation *explanation);

/* The standing of the group asked for, which may be behind or ahead of the date's; else the date's. */
enum standing explanation_standing(const struct explanation *explanation);

/*
 * Nothing is held up: the date is done, has no games, its processors are at work, or a new run opens by
 * itself and has what it needs; with a group asked for, the group is ready, triggered or done. Not so when
 * something is missing, has failed, stalled or was cancelled, when it takes an operator to open the new run
 * or to resume backfill, or nothing was ever received.
 */
bool explanation_is_fine(const struct explanation *explanation);

void explanation_print(const struct explanation *explanation, const struct term *term, FILE *out);

/* As JSON.md documents for `explain`; NULL when out of memory. */
json_t *explanation_json(const struct explanation *explanation);

enum { EXPLANATION_TEXT_MAX = 512 };

/* One sentence on where the date, or the group asked for, stands. Returns text. */
char *explanation_headline(const struct explanation *explanation, char text[EXPLANATION_TEXT_MAX]);

/* Which run it is, how it was opened and which groups were carried over; "" in the first. Returns text. */
char *explanation_run(const struct explanation *explanation, char text[EXPLANATION_TEXT_MAX]);

/* Why a record does not satisfy, in words; "" when it does. Returns text. */
char *explanation_reason(
    const struct explanation *explanation, int processor, char text[EXPLANATION_TEXT_MAX]);

/* The index-th thing that an operator can do; false when there are no more. */
bool explanation_advice(const struct explanation *explanation, int index, char text[EXPLANATION_TEXT_MAX]);

#endif
