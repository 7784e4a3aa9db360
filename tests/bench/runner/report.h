/* What was measured, as a table for people or as JSON. */
#ifndef PHASEGATE_BENCH_REPORT_H
#define PHASEGATE_BENCH_REPORT_H

#include "bench/runner/rows.h"

#include <stdio.h>

/* All figures of one measurement, by round. */
struct outcome_of {
    const struct measurement *measurement;
    int rounds; /* 0: left out */
    double ours[ROUNDS_MAX][FIGURES_MAX];
    double beside[ROUNDS_MAX][FIGURES_MAX];
    struct result left_out; /* why */
};

/* One row, with the outcome of its measurement. */
struct line {
    const struct row *row;
    const struct outcome_of *outcome;
};

/* Markdown, one line each. */
void report_table(FILE *file, const struct line *lines, size_t count);

/* An array of objects, or NULL when out of memory; printed by report_json. */
void report_json(FILE *file, const struct line *lines, size_t count);

#endif
