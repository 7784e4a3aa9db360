/* The rows of the table: what is measured beside what, where its figure comes from, and what is aimed at. */
#ifndef PHASEGATE_BENCH_ROWS_H
#define PHASEGATE_BENCH_ROWS_H

#include "bench/runner/bench.h"

#include <stdbool.h>

enum { ROW_NUMBER_MAX = 12 };

struct row {
    int number; /* of the list of aims; several rows may have one */
    const struct measurement *measurement;
    int figure;                /* its place among what the measurement gives */
    const char *what, *beside; /* beside: NULL where there is nothing */
    const char *unit;
    double aim; /* of the ratio; 0: none, the figures are printed */
    bool at_most;
    const char *durability;
};

extern const struct row rows[];
extern const size_t row_count;

#endif
