/*
 * The JSON output: building blocks that the commands share, and printing. The forms are documented in JSON.md
 * and stable: fields may be added, never renamed or removed.
 *
 * A json_t that could not be made for lack of memory is NULL, and NULL inside an object makes json_print
 * fail.
 */
#ifndef PHASEGATE_CLI_JSON_OUTPUT_H
#define PHASEGATE_CLI_JSON_OUTPUT_H

#include "base/result.h"
#include "core/pipeline.h"
#include "state/reader.h"

#include <jansson.h>
#include <stdio.h>

/* A string, or null for NULL; bytes that are not UTF-8 come out as \xNN. */
json_t *json_text(const char *text);

/* "2025-12-04T18:20:00.000Z", or null for 0. */
json_t *json_time(int64_t ms);

/* A game date. */
json_t *json_date(game_date date);

/* A count of rows, or null for ROWS_UNKNOWN. */
json_t *json_rows(int64_t rows);

/* The names of the processors of a set. */
json_t *json_processors(const struct pipeline *pipeline, processor_set set);

/* One record; null when there is none. */
json_t *json_record(const struct record *record);

/* A date with its outlook, processors and groups: an element of `dates` in the output of status. */
json_t *json_date_state(const struct pipeline *pipeline, const struct date_state *state, int64_t now_ms);

/* Adds value to the object, taking it over; on failure it frees the object and sets it to NULL. Both may be
 * NULL. */
void json_put(json_t **object, const char *key, json_t *value);

/* Same, for an array. */
void json_push(json_t **array, json_t *value);

/* Prints it, indented, with a newline behind it, and frees it. */
struct result json_print(json_t *value, FILE *out) MUST_CHECK;

#endif
