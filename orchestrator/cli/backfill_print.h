/* A backfill's plan for people, and as JSON. */
#ifndef PHASEGATE_CLI_BACKFILL_PRINT_H
#define PHASEGATE_CLI_BACKFILL_PRINT_H

#include "cli/backfill_plan.h"
#include "cli/term.h"

#include <jansson.h>

/* One line per date: what is sent, and what is there already. states: of the plan's dates; NULL when they
 * were not asked for. */
void backfill_print_dates(
    const struct backfill_plan *plan, const struct date_state *states, const struct term *term, FILE *out);

/* "backfill bf-20251204: 16 dates, 45 completions to send, 35 there already", and what is left out. */
void backfill_print_totals(const struct backfill_plan *plan, FILE *out);

/* An element of `dates`, as JSON.md says. */
json_t *backfill_json_date(
    const struct backfill_plan *plan, const struct plan_date *date, const struct date_state *state);

/* The object `completions`. */
json_t *backfill_json_totals(const struct backfill_plan *plan);

#endif
