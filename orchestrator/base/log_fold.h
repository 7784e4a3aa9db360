/*
 * Folding of a log: a line that was written often enough is counted instead, and summed up once a period, so
 * that ten thousand messages with the same fault are a handful of lines. What log.c asks before it writes a
 * warning or worse; others only make one, for a sink, and flush the log (log_flush).
 *
 * Two lines are alike when they have the same severity, the same lasting fields (pipeline, part,
 * subscription) and the same text but for numbers and what stands in double quotes, which is how messages
 * show ids and values. So errors of different kinds are never folded together.
 *
 * Memory is bounded: when there are too many kinds, the one that was silent for longest gives way. May be
 * called from any thread.
 */
#ifndef PHASEGATE_BASE_LOG_FOLD_H
#define PHASEGATE_BASE_LOG_FOLD_H

#include "base/log.h"

struct log_fold;

enum {
    LOG_FOLD_LINES = 10, /* of a kind that are written in a period; in one after a folded one, the first */
    LOG_FOLD_PERIOD_MS = 60000,
    LOG_FOLD_KINDS = 64,
    LOG_FOLD_FIELDS = 3,
    LOG_FOLD_VALUE_MAX = 64,
    LOG_FOLD_MESSAGE_MAX = 512, /* of a summary; cut if longer */
};

/* What was not written; the message is that of the newest such line. */
struct log_folded {
    enum severity severity;
    int64_t count;
    int64_t for_ms;
    const char *keys[LOG_FOLD_FIELDS]; /* NULL: the end */
    char values[LOG_FOLD_FIELDS][LOG_FOLD_VALUE_MAX];
    char message[LOG_FOLD_MESSAGE_MAX];
};

/* NULL when out of memory: then nothing is folded. */
struct log_fold *log_fold_new(void);

/*
 * Is this line to be written? A summary that is due because of it, to be written before, goes into *before;
 * its count is 0 when there is none.
 */
bool log_fold_take(struct log_fold *fold, const struct log *log, enum severity severity, const char *message,
    int64_t now_ms, struct log_folded *before);

/* Takes out one summary whose period is over, or, with all, any; false when there is none. */
bool log_fold_next(struct log_fold *fold, bool all, int64_t now_ms, struct log_folded *folded);

/* Sets the pointer to NULL; safe on NULL. */
void log_fold_free(struct log_fold **fold);

#endif
