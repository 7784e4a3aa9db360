/*
 * Follows a backfill until every date of its plan is over: done, without games, held or failed. It looks at
 * the store again and again, and blocks for each look.
 */
#ifndef PHASEGATE_CLI_BACKFILL_WAIT_H
#define PHASEGATE_CLI_BACKFILL_WAIT_H

#include "cli/backfill_fate.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

#include <uv.h>

struct wait_settings {
    const struct redis_settings *redis; /* the store */
    int64_t timeout_ms;                 /* 0: none */
    int64_t quiet_ms;    /* nothing more was recorded for so long: the rest of what was sent is given up */
    int64_t patience_ms; /* the store may be away for so long */
    const struct interrupt *interrupt;
    struct term term;
    FILE *out; /* for progress; NULL: none */
};

/* What became of one date. */
struct date_fate {
    enum fate fate;
    const char *note;
};

struct wait_report {
    struct date_fate *fates; /* by date of the plan, in the arena */
    size_t counts[FATE_COUNT];
    bool timed_out;
    bool interrupted;
};

/* Runs the loop until it is over. CODE_UNAVAILABLE when the store went away and did not come back. */
struct result backfill_wait(uv_loop_t *loop, const struct backfill_plan *plan,
    const struct wait_settings *settings, struct arena *arena, struct wait_report *report) MUST_CHECK;

#endif
