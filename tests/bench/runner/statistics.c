#include "bench/runner/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct spread nothing = {NAN, NAN, NAN};

static int by_size(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static struct spread take_spread(double *copy, size_t count) {
    qsort(copy, count, sizeof *copy, by_size);
    return (struct spread){
        .median = (copy[(count - 1) / 2] + copy[count / 2]) / 2, .least = copy[0], .most = copy[count - 1]};
}

struct spread spread_of_ratios(const double *values, const double *divisors, size_t count) {
    double *copy = count > 0 ? malloc(count * sizeof *copy) : NULL;
    if (!copy)
        return nothing;
    for (size_t i = 0; i < count; i++)
        copy[i] = divisors ? values[i] / divisors[i] : values[i];
    struct spread spread = take_spread(copy, count);
    free(copy);
    return spread;
}

struct spread spread_of(const double *values, size_t count) {
    return spread_of_ratios(values, NULL, count);
}

double percentile(double *values, size_t count, double part) {
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, by_size);
    size_t rank = (size_t)ceil(part * (double)count);
    return values[rank > 0 ? rank - 1 : 0];
}
