#include "base/log.h"

#include "base/text.h"

#include <errno.h>
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

static char *json_line(const struct log *log, enum severity severity, const char *time, const char *message) {
    json_t *entry = json_object();
    json_object_set_new(entry, "severity", json_string(severities[severity].name));
    json_object_set_new(entry, "time", json_string(time));
    json_object_set_new(entry, "message", json_text(message));
    add_fields(entry, log);
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

static void write_json(const struct log *log, enum severity severity, const char *time, const char *message) {
    char *line = json_line(log, severity, time, message);
    if (!line)
        return;
    size_t length = strlen(line);
    line[length] = '\n'; /* one write(2) for text and newline; the NUL is not needed any more */
    write_all(log->sink->fd, line, length + 1);
    free(line);
}

void log_write(const struct log *log, enum severity severity, const char *format, ...) {
    if (!log->sink || severity < log->sink->least)
        return;
    char message[MESSAGE_MAX + 3] = "",
                               time[TIMESTAMP_TEXT_MAX]; /* 3: the rest of a character that the cut breaks */
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    message[text_cut(message, strlen(message), MESSAGE_MAX - 1)] = '\0';
    timestamp_format(clock_now_ms(&log->sink->clock), time);
    if (log->sink->format == LOG_FORMAT_JSON)
        write_json(log, severity, time, message);
    else
        write_text(log, severity, time, message);
}
