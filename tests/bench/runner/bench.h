/*
 * The runner of the benches: each measurement does two things in turn, ours and what people would use
 * instead, several times on the same servers, and gives the figures of one or more rows of the table
 * (rows.h).
 *
 * What cannot be measured because something is not installed says so in `open`, and its rows are left out;
 * what goes wrong after that ends the runner.
 */
#ifndef PHASEGATE_BENCH_H
#define PHASEGATE_BENCH_H

#include "base/result.h"

#include <stddef.h>

enum { FIGURES_MAX = 8, ROUNDS_MAX = 9 };

struct bench {
    const char *phasegate; /* the program */
    const char *self;      /* this one, for what has to be a process of its own */
    const char *peers;     /* the folder of the peers' scripts, installed */
    bool small;            /* sizes that only show that everything works */
};

/* One kind of server and load, and what is done with it. */
struct measurement {
    const char *name; /* for progress: "drain" */
    int rounds;       /* odd */
    int warm_ups;     /* pairs that are not counted, while Java still compiles the emulator */

    /* Starts the servers. CODE_NOT_FOUND: something is not installed; the text says what. */
    struct result (*open)(const struct bench *bench, void **context);

    /* Fill in the figures, in the units of the rows. beside is NULL when there is nothing beside. */
    void (*ours)(void *context, double figures[FIGURES_MAX]);
    void (*beside)(void *context, double figures[FIGURES_MAX]);

    /* Ends everything; safe on what open left behind, NULL too. */
    void (*close)(void *context);
};

extern const struct measurement drain_measurement, firestore_measurement, flows_measurement,
    apply_measurement, pubsub_delay_measurement, embedded_delay_measurement, many_dates_measurement,
    start_measurement, pubsub_start_measurement, replicas_measurement;

/* The one or the other. */
static inline int bench_size(const struct bench *bench, int full, int small) {
    return bench->small ? small : full;
}

#endif
