/*
 * Why a date, or one of its groups, is where it is: what it needs, what was received for each need and when,
 * why that does not satisfy, and what an operator can do. A pure function of what was read; printed for
 * people, or as JSON.
 */
#ifndef PHASEGATE_CLI_EXPLANATION_H
#define PHASEGATE_CLI_EXPLANATION_H

#include "cli/outlook.h"
#include "cli/term.h"

#include <jansson.h>

struct explanation {
    const struct pipeline *pipeline;
    const struct date_state *state;
    struct outlook outlook;
    int group;  /* that it speaks of: the one asked for, else the first that is not done; 0: none, all is over
                 */
    bool asked; /* the group was asked for */
    int64_t now_ms;
};

/* group: 0 for the date as a whole, else 1 to group_count. Pipeline and state must outlive it. */
struct explanation explanation_of(
    const struct pipeline *pipeline, const struct date_state *state, int group, int64_t now_ms);

/*
 * Nothing is held up: the date is done, has no games, or its processors are at work; with a group asked for,
 * the group is ready, triggered or done. Not so when something is missing or has failed, or nothing was ever
 * received.
 */
bool explanation_is_fine(const struct explanation *explanation);

void explanation_print(const struct explanation *explanation, const struct term *term, FILE *out);

/* As JSON.md documents for `explain`; NULL when out of memory. */
json_t *explanation_json(const struct explanation *explanation);

enum { EXPLANATION_TEXT_MAX = 512 };

/* One sentence on where the date, or the group asked for, stands. Returns text. */
char *explanation_headline(const struct explanation *explanation, char text[EXPLANATION_TEXT_MAX]);

/* Why a record does not satisfy, in words; "" when it does. Returns text. */
char *explanation_reason(
    const struct explanation *explanation, int processor, char text[EXPLANATION_TEXT_MAX]);

/* The index-th thing that an operator can do; false when there are no more. */
bool explanation_advice(const struct explanation *explanation, int index, char text[EXPLANATION_TEXT_MAX]);

#endif
