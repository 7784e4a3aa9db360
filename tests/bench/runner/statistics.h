/* The median and spread of a few measurements of the same thing. */
#ifndef PHASEGATE_BENCH_STATISTICS_H
#define PHASEGATE_BENCH_STATISTICS_H

#include <stddef.h>

struct spread {
    double median, least, most;
};

/* Of at least one value; values stay as they are. Of an even number the median is the mean of the middle two.
 * All NAN when out of memory, or of none. */
struct spread spread_of(const double *values, size_t count);

/* Of the quotients of two values of the same round: what disturbs a round disturbs both of them. */
struct spread spread_of_ratios(const double *values, const double *divisors, size_t count);

/* The value below which the part (0 to 1) of the values lies, by nearest rank. Sorts them. */
double percentile(double *values, size_t count, double part);

#endif
