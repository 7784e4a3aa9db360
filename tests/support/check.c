#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_failed_at(const char *file, int line, const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_error("%s\n", text);
    _fail(file, line);
    abort();
}

void check_ok_at(struct result result, const char *file, int line) {
    if (!is_ok(result))
        check_failed_at(file, line, "expected ok, got %s: %s", code_name(result.code), result.text);
}

void check_fails_at(struct result result, enum code code, const char *part, const char *file, int line) {
    if (result.code != code || !strstr(result.text, part))
        check_failed_at(file, line, "expected %s with \"%s\", got %s: %s", code_name(code), part,
            code_name(result.code), result.text);
}
