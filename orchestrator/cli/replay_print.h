/* What a replay did, or would do: for people, and as JSON.md documents it. Pure functions. */
#ifndef PHASEGATE_CLI_REPLAY_PRINT_H
#define PHASEGATE_CLI_REPLAY_PRINT_H

#include "cli/replay_work.h"
#include "cli/term.h"

#include <jansson.h>

/* A line per date and the totals, and what to expect next. Of what was missed, only the dates that were. */
void replay_print(const struct replay_work *work, const struct term *term, FILE *out);

/* NULL when out of memory. */
json_t *replay_json(const struct replay_work *work);

#endif
