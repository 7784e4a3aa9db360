/*
 * A subcommand: one file and one `struct command` each, with its name, its help, its options and its
 * function. main.c has the table of them all. A command answers with a result and, for questions, with yes or
 * no; the exit status follows from both:
 *
 *   0  fine              the result is ok and the answer is yes
 *   1  the answer is no  … is no; or what was asked for is not there (CODE_NOT_FOUND)
 *   2  wrong usage or configuration  CODE_INVALID, CODE_LIMIT, CODE_REFUSED
 *   3  bus or store unreachable      CODE_UNAVAILABLE; and CODE_INTERNAL, since nothing is known then either
 */
#ifndef PHASEGATE_CLI_COMMAND_H
#define PHASEGATE_CLI_COMMAND_H

#include "base/result.h"
#include "cli/options.h"
#include "cli/term.h"

#include <stdio.h>

enum exit_status { EXIT_FINE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

struct command;

/* One call of a command, as the words of the command line say it. */
struct invocation {
    const struct command *command;
    const struct common_options *common;
    const void *fields; /* what command->options filled */
    const char *const *operands;
    int operand_count;
    struct term term; /* of out */
    FILE *out;        /* never standard error: failures are returned */
};

struct command {
    const char *name;
    const char *synopsis;    /* what follows the name: "[options] DATE" */
    const char *summary;     /* one line */
    const char *description; /* for its own help; lines of at most 100 columns, the last one ended too */
    const struct option_row *options; /* besides the common ones; NULL when it has none */
    size_t fields_size;               /* of the struct that options fills */
    int operands_min;
    int operands_max;
    /* *answer is true when it is called. A failure without text is one that it has told of by itself. */
    struct result (*run)(const struct invocation *call, bool *answer);
};

extern const struct command alerts_command;
extern const struct command backfill_command;
extern const struct command config_command;
extern const struct command demo_command;
extern const struct command explain_command;
extern const struct command gaps_command;
extern const struct command history_command;
extern const struct command preflight_command;
extern const struct command publish_command;
extern const struct command quarantine_command;
extern const struct command replay_command;
extern const struct command serve_command;
extern const struct command status_command;

#endif
