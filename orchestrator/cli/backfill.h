/* What the parts of `phasegate backfill` share: its options, and the subcommands on what waits. */
#ifndef PHASEGATE_CLI_BACKFILL_H
#define PHASEGATE_CLI_BACKFILL_H

#include "cli/backfill_plan.h"
#include "cli/command.h"
#include "cli/dates.h"
#include "cli/setup.h"

struct backfill_fields {
    struct date_options dates;
    struct option_list processors;
    bool phase4;
    const char *file;
    const char *id;
    bool no_resume;
    int64_t rate;
    bool wait;
    int64_t timeout;
    bool dry_run;
    bool all;
};

extern const struct option_row backfill_rows[];

/*
 * Makes the plan that the options and operands ask for (backfill_input.c): reads the row-count file, the
 * calendar. plan->pipeline and plan->id are set before. CODE_INVALID says what is missing or wrong.
 */
struct result backfill_input(
    const struct invocation *call, const struct setup *setup, struct backfill_plan *plan) MUST_CHECK;

/* `phasegate backfill pause | resume | cancel` (backfill_waiting.c); operands[0] is its name. */
bool backfill_waiting_has(const char *name);
struct result backfill_waiting(const struct invocation *call, bool *answer) MUST_CHECK;

#endif
