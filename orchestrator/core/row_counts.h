/*
 * Row counts per date and table, as `bq query --format=csv` prints them, in either of two forms that the
 * header tells apart. Wide: "game_date,pgs,upgc,…", names, abbreviations or aliases of processors, then a
 * line for each date. Long: "game_date,processor,record_count", a line for each count. The order of columns
 * is free. An empty cell says nothing about its table.
 */
#ifndef PHASEGATE_CORE_ROW_COUNTS_H
#define PHASEGATE_CORE_ROW_COUNTS_H

#include "base/arena.h"
#include "core/date.h"
#include "core/pipeline.h"

struct row_count {
    game_date date;
    const struct processor *processor;
    int64_t rows; /* 0 or more */
    int line;     /* of the file */
};

/*
 * Reads the text of the file `name`; the counts live in the arena, in the file's order. CODE_INVALID says
 * file, line, table and what was expected; an unknown table comes with the closest known one, and a table
 * counted twice for one date is an error. CODE_LIMIT when the arena is full: a cell takes some 40 bytes.
 */
struct result row_counts_parse(const struct pipeline *pipeline, const char *name, const char *text,
    struct arena *arena, struct row_count **counts, size_t *count) MUST_CHECK;

#endif
