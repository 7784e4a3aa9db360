/*
 * Everything that happened to a date, as a table for people and as JSON. Pure functions of what was read.
 */
#ifndef PHASEGATE_CLI_HISTORY_TABLE_H
#define PHASEGATE_CLI_HISTORY_TABLE_H

#include "cli/term.h"
#include "state/reader.h"

#include <jansson.h>

struct history {
    const struct pipeline *pipeline;
    const struct term *term;
    game_date date;
    const struct history_entry *entries; /* oldest first */
    size_t count;
    int64_t dropped; /* older ones that are no longer kept */
};

/* One line per entry; what changed nothing is dim. */
void history_print(const struct history *history, FILE *out);

/* As JSON.md documents for `history`; NULL when out of memory. */
json_t *history_json(const struct history *history);

#endif
