/*
 * Triggers that do not get out: which entries of an outbox were there in each reading for too long. An
 * entry's age is how long it was seen there, not when it was decided: after a start everything is old, and a
 * replayed trigger is as old as its group, and both are published at once. A few entries stand for all; when
 * one leaves, another one takes its place.
 *
 * Pure: no clock, no memory of its own.
 */
#ifndef PHASEGATE_ENGINE_OVERDUE_H
#define PHASEGATE_ENGINE_OVERDUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OVERDUE_WATCHED = 16, OVERDUE_FIELD_MAX = 40 };

struct overdue_entry {
    char field[OVERDUE_FIELD_MAX]; /* "2021-11-17/g2/r1" */
    int64_t since_ms;
    bool seen; /* in this reading */
};

/* Of one outbox. Starts as {0}. */
struct overdue {
    struct overdue_entry entries[OVERDUE_WATCHED];
    size_t count;
    size_t noted; /* in this reading */
};

/* A reading: begin, one note for each entry that should get out, end. */
void overdue_begin(struct overdue *overdue);
void overdue_note(struct overdue *overdue, const char *field, int64_t now_ms);

/* The one seen for longest, if that is age_ms at least; else NULL. Valid until the next reading. */
const struct overdue_entry *overdue_end(struct overdue *overdue, int64_t now_ms, int64_t age_ms);

#endif
