/*
 * Structured logs: one line an entry, as a JSON object with Cloud Logging's `severity`, `time` and `message`,
 * or as readable text on a terminal. A `struct log` is a sink plus a chain of fields (pipeline, game_date,
 * message_id, trigger_id …) that every line written through it carries.
 *
 * Lines are written with one write(2) each, so that processes sharing a file do not mix them. Never log a
 * secret. Source of the JSON shape: https://cloud.google.com/logging/docs/structured-logging
 */
#ifndef PHASEGATE_BASE_LOG_H
#define PHASEGATE_BASE_LOG_H

#include "base/clock.h"
#include "base/result.h"

/* Cloud Logging's LogSeverity names, in rising order. */
enum severity { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };

enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct log_fold;

/* Where lines go. Not copied: it outlives every log made from it. */
struct log_sink {
    int fd;
    enum log_format format;
    enum severity least; /* lines below it are dropped */
    bool color;          /* text format only */
    struct clock clock;
    struct log_fold *fold; /* repeats of warnings and worse are folded (log_fold.h); NULL: they are not */
};

/* A logger. Small, made on the stack, never freed; sink, parent, key and value outlive it. */
struct log {
    const struct log_sink *sink; /* NULL drops everything */
    const struct log *parent;
    const char *key; /* NULL for the root */
    const char *value;
};

struct log log_root(const struct log_sink *sink);

/* The parent plus one field. A NULL value leaves the field out. */
struct log log_with(const struct log *parent, const char *key, const char *value);

/* Writes one line. May be called from any thread. The message is cut at 1,024 bytes. */
void log_write(const struct log *log, enum severity severity, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * Writes what was folded and not summed up yet: where the period is over, or, with all, everything. Call it
 * every few seconds, and at the end.
 */
void log_flush(const struct log_sink *sink, bool all);

#define log_debug(log, ...) log_write((log), LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...) log_write((log), LOG_INFO, __VA_ARGS__)
#define log_notice(log, ...) log_write((log), LOG_NOTICE, __VA_ARGS__)
#define log_warning(log, ...) log_write((log), LOG_WARNING, __VA_ARGS__)
#define log_error(log, ...) log_write((log), LOG_ERROR, __VA_ARGS__)
#define log_critical(log, ...) log_write((log), LOG_CRITICAL, __VA_ARGS__)

#endif
