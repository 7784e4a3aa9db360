#include "core/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { NAME_LENGTH_MAX = 128 }; /* longer than any name there is; nothing is near to a longer one */

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

/* A word begins at a capital that follows something else, or that ends a run of capitals: "MLFeature". */
static bool begins_word(const char *name, size_t at, size_t length) {
    if (at == 0 || !is_upper(name[at]) || name[at - 1] == '_')
        return false;
    return !is_upper(name[at - 1]) || (at + 1 < length && is_lower(name[at + 1]));
}

char *name_from_class(const char *class_name, char *out, size_t size) {
    static const char async[] = "Async", processor[] = "Processor";
    size_t length = strlen(class_name), prefix = sizeof async - 1, suffix = sizeof processor - 1, used = 0;
    if (length > prefix && memcmp(class_name, async, prefix) == 0 && is_upper(class_name[prefix])) {
        class_name += prefix;
        length -= prefix;
    }
    if (length > suffix && memcmp(class_name + length - suffix, processor, suffix) == 0)
        length -= suffix;
    for (size_t i = 0; i < length && used + 1 < size; i++) {
        if (begins_word(class_name, i, length))
            out[used++] = '_';
        if (used + 1 < size)
            out[used++] = is_upper(class_name[i]) ? (char)(class_name[i] - 'A' + 'a') : class_name[i];
    }
    if (size > 0)
        out[used] = '\0';
    return out;
}

static size_t least_of(size_t a, size_t b) {
    return a < b ? a : b;
}

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/*
 * Levenshtein's distance, in one row of the table: after i letters of a, row[j] is the distance from them to
 * the first j letters of b. Both are at most NAME_LENGTH_MAX long.
 */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t row[NAME_LENGTH_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + !same_letter(a[i - 1], b[j - 1]);
            diagonal = row[j];
            row[j] = least_of(replaced, least_of(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

const char *name_nearest(const char *name, const char *const *candidates, size_t count) {
    size_t length = strnlen(name, NAME_LENGTH_MAX + 1);
    if (length > NAME_LENGTH_MAX)
        return NULL;
    size_t limit = length < 3 ? 1 : length / 3;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strnlen(candidates[i], NAME_LENGTH_MAX + 1);
        size_t apart = length > other ? length - other : other - length;
        if (other > NAME_LENGTH_MAX || apart > limit)
            continue;
        size_t distance = edit_distance(name, length, candidates[i], other);
        if (distance > limit || (nearest && distance == limit))
            continue;
        limit = distance;
        nearest = candidates[i];
    }
    return nearest;
}
