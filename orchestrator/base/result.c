#include "base/result.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Whatever shows the text can: it is UTF-8 even when a format's "%.60s" cut a character, or a value was not.
 */
static void set_text(struct result *r, const char *text) {
    size_t length = text_cut(text, strlen(text), sizeof r->text - 1);
    memcpy(r->text, text, length);
    r->text[length] = '\0';
    text_mend(r->text);
}

struct result fail(enum code code, const char *format, ...) {
    struct result r = {.code = code, .retryable = code == CODE_UNAVAILABLE};
    char text[RESULT_TEXT_MAX + 3] = ""; /* the rest of a character that the cut would break */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    set_text(&r, text);
    return r;
}

struct result fail_within(struct result cause, const char *format, ...) {
    if (is_ok(cause))
        return cause;
    struct result r = cause;
    char text[RESULT_TEXT_MAX + 3] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t length = strlen(text);
    snprintf(text + length, sizeof text - length, ": %s", cause.text);
    set_text(&r, text);
    return r;
}
