/*
 * A command line as text, for "go on with: …": the words that would say again what was said, ready to be
 * pasted into a shell. And which of its options a call used, so that a subcommand can refuse those that are
 * not its own.
 */
#ifndef PHASEGATE_CLI_COMMAND_LINE_H
#define PHASEGATE_CLI_COMMAND_LINE_H

#include "cli/options.h"

#include <stdbool.h>
#include <stdio.h>

/* Was it given? fields: the struct that the row's table fills. */
bool option_is_set(const struct option_row *row, const void *fields);

/* The first option that was given and is not in allowed, which ends with NULL; NULL when there is none. */
const char *option_not_allowed(const struct option_row *rows, const void *fields, const char *const *allowed);

/* A blank and the word, in quotes where a shell would take it apart. */
void command_line_word(FILE *out, const char *word);

/* Every option of the table that was given, but those that are named in except, which ends with NULL. */
void command_line_options(
    FILE *out, const struct option_row *rows, const void *fields, const char *const *except);

/* Those of the common options that say where: --config, --pipeline, --embedded, --data. */
void command_line_where(FILE *out, const struct common_options *common);

#endif
