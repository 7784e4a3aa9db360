#include "base/result.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const code_names[] = {
    [CODE_OK] = "ok",
    [CODE_INVALID] = "invalid",
    [CODE_NOT_FOUND] = "not_found",
    [CODE_REFUSED] = "refused",
    [CODE_LIMIT] = "limit",
    [CODE_UNAVAILABLE] = "unavailable",
    [CODE_INTERNAL] = "internal",
};

const char *code_name(enum code code) {
    return code_names[code];
}

struct result fail(enum code code, const char *format, ...) {
    struct result r = {.code = code, .retryable = code == CODE_UNAVAILABLE};
    va_list args;
    va_start(args, format);
    vsnprintf(r.text, sizeof r.text, format, args);
    va_end(args);
    return r;
}

struct result fail_within(struct result cause, const char *format, ...) {
    if (is_ok(cause))
        return cause;
    struct result r = cause;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(r.text, sizeof r.text, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof r.text)
        snprintf(r.text + length, sizeof r.text - (size_t)length, ": %s", cause.text);
    return r;
}
