/*
 * Small CSV files, line by line: what `bq query --format=csv` prints and spreadsheets save. The first line
 * titles the columns. Lines end in \n or \r\n, the last one perhaps in nothing; blank lines, a byte order
 * mark and blanks around a cell do not count; a cell may stand in double quotes, on one line.
 *
 * Every failure begins "<file>:<line>: " and is CODE_INVALID, or CODE_LIMIT for a line that is too long or
 * has too many cells. No allocation: a reader is one value of some 5 KiB,
 * which is not to be copied, since its cells point into itself.
 */
#ifndef PHASEGATE_CORE_CSV_H
#define PHASEGATE_CORE_CSV_H

#include "base/result.h"
#include "core/date.h"

enum { CSV_LINE_MAX = 4096, CSV_CELLS_MAX = 128 };

struct csv {
    const char *name; /* of the file, for messages */
    const char *next; /* what is not read yet */
    int line;         /* the number of the line in text */
    int columns;      /* cells of the first line */
    int count;        /* cells of this line; at most as many */
    const char *cells[CSV_CELLS_MAX];
    char text[CSV_LINE_MAX];
};

/* Reads the titles, which stand in the cells until the next line is read; text outlives the reader. A title
 * twice is an error, as is a file without a line. */
struct result csv_begin(struct csv *csv, const char *name, const char *text) MUST_CHECK;

/* The column with this title, while the titles are in the cells; -1 when there is none. */
int csv_column(const struct csv *csv, const char *title);
/* The same, for one that has to be there. */
struct result csv_require(const struct csv *csv, const char *title, int *column) MUST_CHECK;

/* Reads the next line that is not blank into the cells; *more is false at the end. */
struct result csv_next(struct csv *csv, bool *more) MUST_CHECK;

/* A cell of this line; "" where the line is too short to have it. */
const char *csv_cell(const struct csv *csv, int column);

/* Puts file and line before a failure. */
struct result csv_within(const struct csv *csv, struct result cause) MUST_CHECK;

/* A cell as a date, or as a whole number from 0 to most; `what` says in messages what it counts. */
struct result csv_date(const struct csv *csv, int column, game_date *date) MUST_CHECK;
struct result csv_number(
    const struct csv *csv, int column, const char *what, int64_t most, int64_t *number) MUST_CHECK;

#endif
