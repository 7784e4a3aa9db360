/* Help, rendered from the tables of commands and options. */
#ifndef PHASEGATE_CLI_HELP_H
#define PHASEGATE_CLI_HELP_H

#include "cli/command.h"

/* What `phasegate` alone prints; commands ends with NULL. */
void help_overview(const struct command *const *commands, const struct term *term, FILE *out);

/* What `phasegate help NAME` prints. */
void help_command(const struct command *command, const struct term *term, FILE *out);

void help_version(FILE *out);

#endif
