#include "fuzz/fuzz.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *condition) {
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, condition);
    abort();
}

struct arena *fuzz_arena(size_t max_bytes) {
    struct arena *arena = arena_new(max_bytes);
    fuzz_check(arena);
    return arena;
}

char *fuzz_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    fuzz_check(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

bool fuzz_same(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

void fuzz_check_reason(struct result refused) {
    fuzz_check(!is_ok(refused));
    fuzz_check(refused.text[0] != '\0');
    fuzz_check(text_is_utf8(refused.text, strlen(refused.text)));
}
