#include "base/log.h"

#include "base/log_fold.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line stays below PIPE_BUF (4,096 on Linux) in text, and in JSON unless much of it has to be escaped: that
 * is how much one write(2) to a pipe never mixes with another's. */
enum { MESSAGE_MAX = 1024, VALUE_MAX = 512, FIELDS_MAX = 2048, TEXT_LINE_MAX = 4096 };

static const struct {
    const char *name;
    const char *color;
} severities[] = {
    [LOG_DEBUG] = {"DEBUG", "\033[2m"},
    [LOG_INFO] = {"INFO", ""},
    [LOG_NOTICE] = {"NOTICE", "\033[1m"},
    [LOG_WARNING] = {"WARNING", "\033[33m"},
    [LOG_ERROR] = {"ERROR", "\033[31m"},
    [LOG_CRITICAL] = {"CRITICAL", "\033[1;31m"},
};

struct log log_root(const struct log_sink *sink) {
    return (struct log){.sink = sink};
}

struct log log_with(const struct log *parent, const char *key, const char *value) {
    return (struct log){.sink = parent->sink, .parent = parent, .key = value ? key : NULL, .value = value};
}

/* As it is, which JSON can escape; shown printable when it is not UTF-8 or too long. */
static json_t *json_text(const char *text) {
    size_t length = strnlen(text, MESSAGE_MAX);
    json_t *string = length < MESSAGE_MAX ? json_stringn(text, length) : NULL;
    char shown[MESSAGE_MAX];
    return string ? string : json_string(text_show(text, length, shown, sizeof shown));
}

static void add_fields(json_t *entry, const struct log *log) {
    if (!log)
        return;
    add_fields(entry, log->parent);
    if (log->key)
        json_object_set_new(entry, log->key, json_text(log->value));
}

static char *json_line(
    const struct log *log, enum severity severity, const char *time, const char *message, int64_t repeated) {
    json_t *entry = json_object();
    json_object_set_new(entry, "severity", json_string(severities[severity].name));
    json_object_set_new(entry, "time", json_string(time));
    json_object_set_new(entry, "message", json_text(message));
    add_fields(entry, log);
    if (repeated > 0)
        json_object_set_new(entry, "repeated", json_integer(repeated));
    char *line = json_dumps(entry, JSON_COMPACT);
    json_decref(entry);
    return line;
}

/* " key=value" for each field, the root's first; those that do not fit are left out. Returns the length. */
static size_t text_fields(char *line, size_t size, const struct log *log) {
    if (!log)
        return 0;
    size_t used = text_fields(line, size, log->parent);
    if (!log->key)
        return used;
    char value[VALUE_MAX];
    text_show(log->value, strnlen(log->value, sizeof value), value, sizeof value);
    int written = snprintf(line + used, size - used, " %s=%s", log->key, value);
    if (written > 0 && (size_t)written < size - used)
        return used + (size_t)written;
    line[used] = '\0';
    return used;
}

static void write_all(int fd, const char *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        data += written;
        length -= (size_t)written;
    }
}

static void write_text(const struct log *log, enum severity severity, const char *time, const char *message) {
    char fields[FIELDS_MAX] = "", shown[MESSAGE_MAX], line[TEXT_LINE_MAX];
    text_fields(fields, sizeof fields, log);
    text_show(message, strlen(message), shown, sizeof shown);
    bool color = log->sink->color;
    int length = snprintf(line, sizeof line, "%.8s %s%-8s %s%s%s%s\n", time + strlen("YYYY-MM-DDT"),
        color ? severities[severity].color : "", severities[severity].name, shown,
        color ? "\033[0m\033[2m" : "", fields, color ? "\033[0m" : "");
    if (length > 0)
        write_all(log->sink->fd, line, (size_t)length);
}

static void write_json(
    const struct log *log, enum severity severity, const char *time, const char *message, int64_t repeated) {
    char *line = json_line(log, severity, time, message, repeated);
    if (!line)
        return;
    size_t length = strlen(line);
    line[length] = '\n'; /* one write(2) for text and newline; the NUL is not needed any more */
    write_all(log->sink->fd, line, length + 1);
    free(line);
}

/* repeated: how many lines this one stands for; 0: for itself. */
static void write_line(
    const struct log *log, enum severity severity, int64_t now_ms, const char *message, int64_t repeated) {
    char time[TIMESTAMP_TEXT_MAX];
    timestamp_format(now_ms, time);
    if (log->sink->format == LOG_FORMAT_JSON)
        write_json(log, severity, time, message, repeated);
    else
        write_text(log, severity, time, message);
}

static void write_folded(const struct log_sink *sink, int64_t now_ms, const struct log_folded *folded) {
    struct log logs[LOG_FOLD_FIELDS + 1] = {log_root(sink)};
    const struct log *log = &logs[0];
    for (size_t i = 0; i < LOG_FOLD_FIELDS && folded->keys[i]; i++) {
        logs[i + 1] = log_with(log, folded->keys[i], folded->values[i]);
        log = &logs[i + 1];
    }
    char message[LOG_FOLD_MESSAGE_MAX + 80];
    snprintf(message, sizeof message, "%s (%" PRId64 " more like this in the last %" PRId64 " s)",
        folded->message, folded->count, (folded->for_ms + 999) / 1000);
    write_line(log, folded->severity, now_ms, message, folded->count);
}

/* Only trouble is folded: lines about what goes well are a record of what was done. */
static bool is_to_be_written(
    const struct log *log, enum severity severity, const char *message, int64_t now_ms) {
    struct log_folded before;
    if (!log->sink->fold || severity < LOG_WARNING)
        return true;
    bool written = log_fold_take(log->sink->fold, log, severity, message, now_ms, &before);
    if (before.count > 0)
        write_folded(log->sink, now_ms, &before);
    return written;
}

void log_write(const struct log *log, enum severity severity, const char *format, ...) {
    if (!log->sink || severity < log->sink->least)
        return;
    char message[MESSAGE_MAX + 3] = ""; /* 3: the rest of a character that the cut breaks */
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    message[text_cut(message, strlen(message), MESSAGE_MAX - 1)] = '\0';
    int64_t now_ms = clock_now_ms(&log->sink->clock);
    if (is_to_be_written(log, severity, message, now_ms))
        write_line(log, severity, now_ms, message, 0);
}

void log_flush(const struct log_sink *sink, bool all) {
    struct log_folded folded;
    int64_t now_ms = clock_now_ms(&sink->clock);
    while (sink->fold && log_fold_next(sink->fold, all, now_ms, &folded))
        write_folded(sink, now_ms, &folded);
}
