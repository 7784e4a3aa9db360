/*
 * Sends what a plan has left to send: many publishes in flight, at no more than the rate asked for; what
 * could not be confirmed is tried again with back-off. It ends when all are confirmed; when somebody
 * interrupts it (then what is under way is finished first, or, at the second interrupt, given up); when the
 * bus refuses a completion; or when the bus has confirmed nothing for too long.
 */
#ifndef PHASEGATE_CLI_BACKFILL_SEND_H
#define PHASEGATE_CLI_BACKFILL_SEND_H

#include "bus/bus.h"
#include "cli/backfill_plan.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

enum { SEND_WINDOW = 256 };

struct send_settings {
    int64_t rate;        /* per second, at most TOKEN_RATE_MAX; 0: as fast as it goes */
    int64_t patience_ms; /* without a confirmation */
    const struct interrupt *interrupt;
    struct term term;
    FILE *out; /* for progress; NULL: none */
};

struct send_report {
    size_t sent;      /* confirmed by the bus */
    size_t under_way; /* given up: they may have been published, or not */
    bool interrupted;
    int64_t elapsed_ms;
    struct result result; /* why the bus took no more; ok when all are sent, or it was interrupted */
};

/*
 * Runs the loop until it is over; marks the items that were sent. The arena lives until the bus is closed,
 * since what is under way then still answers.
 */
void backfill_send(uv_loop_t *loop, struct bus *bus, struct backfill_plan *plan,
    const struct send_settings *settings, struct arena *arena, struct send_report *report);

#endif
