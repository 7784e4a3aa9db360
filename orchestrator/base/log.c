#include "base/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024, LINE_MAX_BYTES = 4096 };

static const struct {
    const char *name;
    const char *color;
} severities[] = {
    [LOG_DEBUG] = {"DEBUG", "\033[2m"},      [LOG_INFO] = {"INFO", ""},
    [LOG_NOTICE] = {"NOTICE", "\033[1m"},    [LOG_WARNING] = {"WARNING", "\033[33m"},
    [LOG_ERROR] = {"ERROR", "\033[31m"},     [LOG_CRITICAL] = {"CRITICAL", "\033[1;31m"},
};

struct log log_root(const struct log_sink *sink) {
    return (struct log){.sink = sink};
}

struct log log_with(const struct log *parent, const char *key, const char *value) {
    return (struct log){.sink = parent->sink, .parent = parent, .key = value ? key : NULL, .value = value};
}

static void add_fields(json_t *entry, const struct log *log) {
    if (!log)
        return;
    add_fields(entry, log->parent);
    if (log->key)
        json_object_set_new(entry, log->key, json_string(log->value));
}

static char *json_line(const struct log *log, enum severity severity, const char *time, const char *message) {
    json_t *entry = json_object();
    json_object_set_new(entry, "severity", json_string(severities[severity].name));
    json_object_set_new(entry, "time", json_string(time));
    json_t *text = json_string(message);
    json_object_set_new(entry, "message", text ? text : json_string("(a message that is not UTF-8)"));
    add_fields(entry, log);
    char *line = json_dumps(entry, JSON_COMPACT);
    json_decref(entry);
    return line;
}

static size_t text_fields(char *line, size_t size, const struct log *log) {
    if (!log)
        return 0;
    size_t used = text_fields(line, size, log->parent);
    if (log->key && used < size) {
        int written = snprintf(line + used, size - used, " %s=%s", log->key, log->value);
        used += written > 0 ? (size_t)written : 0;
    }
    return used < size ? used : size - 1;
}

static void write_all(int fd, const char *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written <= 0)
            return;
        data += written;
        length -= (size_t)written;
    }
}

static void write_text(const struct log *log, enum severity severity, const char *time, const char *message) {
    char fields[LINE_MAX_BYTES / 2] = "", line[LINE_MAX_BYTES];
    text_fields(fields, sizeof fields, log);
    bool color = log->sink->color;
    int length = snprintf(line, sizeof line, "%.8s %s%-8s %s%s%s%s\n", time + 11,
        color ? severities[severity].color : "", severities[severity].name, message, color ? "\033[0m\033[2m" : "",
        fields, color ? "\033[0m" : "");
    if (length >= (int)sizeof line) {
        length = sizeof line - 1;
        line[length - 1] = '\n';
    }
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
    char message[MESSAGE_MAX], time[TIMESTAMP_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    timestamp_format(clock_now_ms(&log->sink->clock), time);
    if (log->sink->format == LOG_FORMAT_JSON)
        write_json(log, severity, time, message);
    else
        write_text(log, severity, time, message);
}
