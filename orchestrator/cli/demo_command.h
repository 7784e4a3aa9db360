/*
 * A real command of the demo: this same binary as a child process, which talks to the demo's daemon as an
 * operator's would, in the daemon's directory. The demo's loop goes on meanwhile, so that its stand-in
 * processors answer.
 */
#ifndef PHASEGATE_CLI_DEMO_COMMAND_H
#define PHASEGATE_CLI_DEMO_COMMAND_H

#include "cli/demo_daemon.h"

#include <stdio.h>
#include <uv.h>

/*
 * Runs words, which end with NULL and begin with "phasegate", to the end; its output goes to out, which is
 * flushed before. *status is its exit status, or -signal.
 */
struct result demo_command_run(uv_loop_t *loop, const struct demo_daemon *daemon, const char *const *words,
    FILE *out, int *status) MUST_CHECK;

#endif
