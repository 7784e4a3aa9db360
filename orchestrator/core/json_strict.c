#include "core/json_strict.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct result json_refuse(const char *data, size_t read, const char *fault) {
    size_t line = 1, column = 0;
    for (size_t i = 0; i < read; i++) {
        bool is_new_line = data[i] == '\n';
        bool is_within_character = ((unsigned char)data[i] & 0xC0) == 0x80;
        line += is_new_line;
        column = is_new_line ? 0 : column + !is_within_character;
    }
    return fail(CODE_INVALID, "not JSON: line %zu column %zu: %s", line, column, fault);
}

/* The UTF-16 unit of \uXXXX; 0 when there is none. Digits that are none are left to yajl. */
static unsigned long escaped_unit(const char *data, size_t size) {
    char hex[5] = "";
    if (size < 6 || data[0] != '\\' || data[1] != 'u')
        return 0;
    memcpy(hex, data + 2, 4);
    return strtoul(hex, NULL, 16);
}

static bool is_high(unsigned long unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(unsigned long unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/*
 * Up to where there is no half of a surrogate pair; yajl makes a "?" of it, or another character, and so one
 * text of two. Backslashes outside of texts are left to yajl.
 */
static size_t whole_pairs(const char *data, size_t size) {
    size_t at = 0;
    while (at < size) {
        const char *escape = memchr(data + at, '\\', size - at);
        if (!escape)
            return size;
        at = (size_t)(escape - data);
        unsigned long unit = escaped_unit(data + at, size - at);
        bool is_pair = is_high(unit) && is_low(escaped_unit(data + at + 6, size - at - 6));
        if (!is_pair && (is_high(unit) || is_low(unit)))
            return at;
        at += is_pair ? 12 : 2;
    }
    return size;
}

struct result json_check(const char *data, size_t size) {
    size_t valid = text_utf8_length(data, size);
    if (valid < size)
        return json_refuse(data, valid + 1, "not UTF-8");
    const char *space = memchr(data, '\v', size);
    if (!space)
        space = memchr(data, '\f', size);
    if (space)
        return json_refuse(data, (size_t)(space - data) + 1, "a control character");
    size_t paired = whole_pairs(data, size);
    return paired < size ? json_refuse(data, paired + 1, "half of a surrogate pair") : ok();
}
