/* Has the store forgotten, or is it being rebuilt: for people, and as JSON.md documents it. */
#ifndef PHASEGATE_CLI_EPOCH_PRINT_H
#define PHASEGATE_CLI_EPOCH_PRINT_H

#include "cli/term.h"
#include "state/epoch.h"

#include <jansson.h>
#include <stdio.h>

/* What an operator has to know before all else; nothing when all is well. */
void epoch_print(
    const struct pipeline *pipeline, const struct epoch_state *epoch, const struct term *term, FILE *out);

/* `store` in the output of status; NULL when out of memory. */
json_t *epoch_json(const struct pipeline *pipeline, const struct epoch_state *epoch);

#endif
