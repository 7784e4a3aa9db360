/*
 * The built-in configuration, damaged at random: whatever comes, the answer is a configuration or a failure
 * that names the file, and nothing crashes or leaks. The seed is fixed; a failing text is printed.
 */
#include "core/config.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 3000, TEXT_MAX = 16384, EDITS_MAX = 6 };

static uint32_t random_next(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static size_t below(uint32_t *seed, size_t limit) {
    return random_next(seed) % limit;
}

/* What YAML and the schema are most sensitive to. */
static const char *const scraps[] = {":", "- ", "[", "]", "{", "}", "\n", "  ", "\"", "'", "#", "&a ", "*a",
    "!!int ", "|\n", "? ", "<<: ", "---\n", "...\n", "%YAML 1.1\n", "0", "-1", "1e9", "null", "~",
    "name: ", "needs: []\n", "pipelines:\n", "\t", "\\", "\xff", "\xc3", "é", "\x01", "kind: pubsub",
    "player_game_summary", ", ", "99999999999"};

static void splice(char *text, size_t *length, size_t at, size_t cut, const char *in, size_t in_length) {
    if (*length - cut + in_length > TEXT_MAX)
        return;
    memmove(text + at + in_length, text + at + cut, *length - at - cut);
    memmove(text + at, in, in_length);
    *length += in_length - cut;
}

static void mutate(char *text, size_t *length, uint32_t *seed) {
    size_t at = below(seed, *length + 1);
    size_t rest = *length - at;
    size_t span = below(seed, (rest < 80 ? rest : 80) + 1);
    const char *scrap = scraps[below(seed, sizeof scraps / sizeof *scraps)];
    char piece[80];
    switch (below(seed, 5)) {
    case 0:
        splice(text, length, at, span, "", 0);
        break;
    case 1:
        splice(text, length, at, 0, scrap, strlen(scrap));
        break;
    case 2:
        splice(text, length, at, span, scrap, strlen(scrap));
        break;
    case 3:
        memcpy(piece, text + at, span);
        splice(text, length, below(seed, *length + 1), 0, piece, span);
        break;
    default:
        if (rest)
            text[at] = (char)random_next(seed);
    }
}

static void damaged(void **state) {
    (void)state;
    uint32_t seed = 20211117;
    char *text = malloc(TEXT_MAX);
    assert_non_null(text);
    int taken = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t length = strlen(config_default_yaml);
        memcpy(text, config_default_yaml, length);
        for (size_t edits = 1 + below(&seed, EDITS_MAX); edits > 0; edits--)
            mutate(text, &length, &seed);
        struct config *config = NULL;
        struct result r = config_parse("gate.yaml", text, length, NULL, &config);
        taken += is_ok(r);
        if (is_ok(r) == !config || r.code == CODE_INTERNAL
            || (!is_ok(r) && strncmp(r.text, "gate.yaml:", 10) != 0))
            fail_msg("%s\nfor:\n%.*s", r.text, (int)length, text);
        config_free(&config);
    }
    free(text);
    assert_in_range(taken, ROUNDS / 50, ROUNDS / 2);
}

static double seconds_to_refuse(const char *piece, enum code code) {
    size_t length = CONFIG_BYTES_MAX / strlen(piece) * strlen(piece);
    char *text = malloc(length);
    assert_non_null(text);
    for (size_t i = 0; i < length; i += strlen(piece))
        memcpy(text + i, piece, strlen(piece));
    struct config *config = NULL;
    clock_t start = clock();
    struct result r = config_parse("gate.yaml", text, length, NULL, &config);
    clock_t end = clock();
    assert_int_equal(r.code, code);
    free(text);
    return (double)(end - start) / CLOCKS_PER_SEC;
}

/* A mebibyte of the worst for YAML parsers takes seconds at most, and not stack or memory. */
static void hostile(void **state) {
    (void)state;
    assert_true(seconds_to_refuse("[", CODE_LIMIT) < 20);
    assert_true(seconds_to_refuse("{", CODE_LIMIT) < 20);
    assert_true(seconds_to_refuse("- ", CODE_LIMIT) < 20);
    assert_true(seconds_to_refuse("? ", CODE_LIMIT) < 20);
    assert_true(seconds_to_refuse("- a\n", CODE_INVALID) < 20);
    assert_true(seconds_to_refuse("a: b\n", CODE_INVALID) < 20);
    assert_true(seconds_to_refuse("a", CODE_INVALID) < 20);
    assert_true(seconds_to_refuse("\"", CODE_INVALID) < 20);
}

static void too_large(void **state) {
    (void)state;
    size_t length = CONFIG_BYTES_MAX + 1;
    char *text = malloc(length);
    assert_non_null(text);
    memset(text, '#', length);
    struct config *config = NULL;
    struct result r = config_parse("gate.yaml", text, length, NULL, &config);
    assert_int_equal(r.code, CODE_LIMIT);
    assert_string_equal(r.text, "gate.yaml: 1048577 bytes; at most 1048576 are read");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged),
        cmocka_unit_test(hostile),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
