#include "redis/command.h"

#include "support/check.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* hiredis' own form of it. */
static void check_as_hiredis(int argc, const char **argv, const size_t *lengths) {
    char *expected;
    size_t size = 0;
    int length = redisFormatCommandArgv(&expected, argc, argv, lengths);
    char *command = redis_command(argc, (const char *const *)argv, lengths, &size);
    assert_non_null(command);
    assert_int_equal(size, length);
    assert_memory_equal(command, expected, size);
    redisFreeCommand(expected);
    free(command);
}

static void texts_end_with_nul(void **state) {
    (void)state;
    size_t size;
    const char *argv[] = {"HSET", "pg:{nba:2021-11}:17", "", "é"};
    check_as_hiredis(4, argv, NULL);
    check_as_hiredis(1, argv, NULL);
    char *command = redis_command(2, (const char *const[]){"GET", "k"}, NULL, &size);
    assert_memory_equal(command, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", size);
    free(command);
}

static void bytes_have_lengths(void **state) {
    (void)state;
    const char *argv[] = {"SET", "a\0b\r\n", "longer than said", ""};
    check_as_hiredis(4, argv, (const size_t[]){3, 5, 6, 0});
}

/* Numbers of each length, in the count and before a text. */
static void long_ones_fit(void **state) {
    (void)state;
    enum { BYTES = 1 << 20, ARGUMENTS = 1000 };
    char *bytes = malloc(BYTES);
    memset(bytes, 'x', BYTES);
    const char *argv[ARGUMENTS];
    size_t lengths[ARGUMENTS];
    for (int i = 0; i < ARGUMENTS; i++) {
        argv[i] = bytes;
        lengths[i] = (size_t)i;
    }
    for (int count = 0; count <= ARGUMENTS; count += count / 3 + 1)
        check_as_hiredis(count, argv, lengths);
    for (size_t length = 1; length <= BYTES; length *= 2)
        check_as_hiredis(1, argv, &length);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_end_with_nul),
        cmocka_unit_test(bytes_have_lengths),
        cmocka_unit_test(long_ones_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
