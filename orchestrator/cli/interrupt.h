/*
 * Ctrl-C and SIGTERM for commands that take long: instead of ending the process they are counted, and the
 * command, which asks after every turn of its loop, leaves cleanly at the first and at once at the second.
 */
#ifndef PHASEGATE_CLI_INTERRUPT_H
#define PHASEGATE_CLI_INTERRUPT_H

#include "base/result.h"

#include <uv.h>

struct interrupt {
    int count; /* how often so far */
    uv_signal_t signals[2];
    int open;
};

/* Begins to listen on the loop. The struct stays where it is until interrupt_stop. */
struct result interrupt_start(uv_loop_t *loop, struct interrupt *interrupt) MUST_CHECK;

/* From here on the signals end the process again. Runs the loop until the handles are gone; safe on a zeroed
 * one. */
void interrupt_stop(struct interrupt *interrupt);

#endif
