/*
 * From the words of the command line to a command and to the exit status: finds the command, parses its
 * options, prints help and failures. All of it works on the table of commands that the caller passes.
 */
#ifndef PHASEGATE_CLI_PROGRAM_H
#define PHASEGATE_CLI_PROGRAM_H

#include "cli/command.h"

/*
 * Runs what argv (with the program's name first; rearranged by it) says; commands ends with NULL. Failures go
 * to err as "phasegate: …". Returns the exit status.
 */
enum exit_status program_run(
    const struct command *const *commands, int argc, const char **argv, FILE *out, FILE *err);

#endif
