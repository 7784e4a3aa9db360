/*
 * A table on the terminal, from a function that gives its cells. Columns are as wide as their widest cell;
 * the last one is cut at the edge of the terminal. Nothing is allocated: the function is asked twice, once to
 * measure.
 */
#ifndef PHASEGATE_CLI_TABLE_H
#define PHASEGATE_CLI_TABLE_H

#include "cli/term.h"

enum { TABLE_COLUMNS_MAX = 96, TABLE_CELL_MAX = 512 };

struct table_column {
    const char *title;
    bool right; /* aligned */
    int gap;    /* spaces before it */
};

/* Writes the text of a cell, without control characters, into text (of TABLE_CELL_MAX bytes, "" at first). */
typedef enum tone table_cell_fn(const void *context, size_t row, size_t column, char *text);

struct table {
    const struct table_column *columns;
    size_t column_count; /* at most TABLE_COLUMNS_MAX */
    size_t row_count;
    table_cell_fn *cell;
    const void *context;
};

/* A line of titles and one line per row. */
void table_print(const struct table *table, const struct term *term, FILE *out);

#endif
