/*
 * The status grid, dates × processors and groups, that an operator reads at a glance: one row per date with
 * the rows of each table, the phase of each group, and in few words what the date waits for. A pure function
 * of what was read, so that `status` prints it once, and `demo` again and again.
 *
 * Every mark can be read without colours: 0 and "12!" are counts that do not satisfy, "~180" is partial, "–"
 * no data, "✗" failed, "ok" vouched for without a count, "(212)" premature, "[212]" from before its group was
 * started again, "·" nothing yet.
 */
#ifndef PHASEGATE_CLI_GRID_H
#define PHASEGATE_CLI_GRID_H

#include "cli/term.h"
#include "core/pipeline.h"
#include "state/reader.h"

struct grid {
    const struct pipeline *pipeline;
    const struct date_state *states; /* in the order of the rows */
    size_t count;
    int64_t now_ms; /* for "running for 12 min" */
};

/* A line of titles and one line per date: count + 1 lines. */
void grid_print(const struct grid *grid, const struct term *term, FILE *out);

/* What the marks mean: one line for records and one for groups, or more on a narrow terminal. */
void grid_print_legend(const struct term *term, FILE *out);

/* "16 dates: 1 done, 14 held, 1 no games": one line. Every date is counted once, by its standing. */
void grid_print_totals(const struct grid *grid, const struct term *term, FILE *out);

/* What is wrong with each date that cannot be read, and what to do: a line for each; how many there are. */
size_t grid_print_broken(const struct grid *grid, const struct term *term, FILE *out);

/* "backfill: 12 in flight, 903 waiting", or since when it is paused: one line, or none when there is nothing
 * to say. */
void grid_print_backfill(const struct pipeline *pipeline, const struct backfill_state *backfill,
    const struct term *term, FILE *out);

enum { GRID_MARK_MAX = 32 };

/* The mark of one record, as the grid shows it, and the tone that goes with it. */
enum tone grid_mark(const struct record *record, const struct term *term, char text[GRID_MARK_MAX]);

#endif
