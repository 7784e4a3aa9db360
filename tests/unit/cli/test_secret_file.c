#include "cli/secret_file.h"
#include "support/check.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct temp_dir dir;
static struct arena *arena;
static char path[128];

static int set_up(void **state) {
    (void)state;
    dir = temp_dir_make();
    arena = arena_new_private(1 << 16);
    snprintf(path, sizeof path, "%s/secret", dir.path);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    temp_dir_remove(&dir);
    return 0;
}

static void write_bytes(const char *bytes, size_t size, mode_t mode) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void check_read(const char *text, const char *expected) {
    const char *secret;
    write_bytes(text, strlen(text), 0600);
    check_ok(secret_file_read(path, SECRET_PRIVATE, arena, &secret));
    assert_string_equal(secret, expected);
}

static void check_refused(const char *bytes, size_t size, const char *why) {
    const char *untouched = "untouched", *secret = untouched;
    write_bytes(bytes, size, 0600);
    check_fails(secret_file_read(path, SECRET_READABLE, arena, &secret), CODE_INVALID, why);
    assert_ptr_equal(secret, untouched);
}

static void the_only_line_is_read_without_its_end(void **state) {
    (void)state;
    check_read("a b", "a b");
    check_read("word\n", "word");
    check_read("word\r\n", "word");
    check_read(" word ", " word ");
    check_read("p\xc3\xa4ss\n", "p\xc3\xa4ss");
}

static void what_is_not_one_line_is_refused(void **state) {
    (void)state;
    static const char one_line[] = "expected a secret in one line";
    check_refused("", 0, one_line);
    check_refused("\n", 1, one_line);
    check_refused("a\nb\n", 4, one_line);
    check_refused("a\n\n", 3, one_line);
    check_refused("a\0b", 3, one_line);
    check_refused("a\tb", 3, one_line);
    check_refused("a\x7f", 2, one_line);
}

static void it_has_a_largest_size(void **state) {
    (void)state;
    static char text[SECRET_BYTES_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    check_refused(text, SECRET_BYTES_MAX + 1, "is larger than 1024 bytes");
    text[SECRET_BYTES_MAX] = '\0';
    check_read(text, text);
}

static void check_mode(mode_t mode, bool readable, bool private) {
    const char *secret;
    write_bytes("word", 4, mode);
    struct result result = secret_file_read(path, SECRET_READABLE, arena, &secret);
    assert_int_equal(is_ok(result), readable);
    result = secret_file_read(path, SECRET_PRIVATE, arena, &secret);
    assert_int_equal(is_ok(result), private);
    assert_true(private || strstr(result.text, "do: chmod 0600"));
}

static void its_mode_says_who_else_knows_it(void **state) {
    (void)state;
    check_mode(0600, true, true);
    check_mode(0400, true, true);
    check_mode(0640, true, true);
    check_mode(0660, true, false);
    check_mode(0604, true, false);
    check_mode(0644, true, false);
    check_mode(0601, true, false);
    check_mode(0602, false, false);
    check_mode(0666, false, false);
    assert_true(secret_file_exposed(path));
    check_mode(0640, true, true);
    assert_false(secret_file_exposed(path));
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    const char *secret;
    check_fails(secret_file_read(dir.path, SECRET_READABLE, arena, &secret), CODE_INVALID, "is no file");
    check_fails(secret_file_read("/dev/null", SECRET_READABLE, arena, &secret), CODE_INVALID, "is no file");
    check_fails(secret_file_read(path, SECRET_READABLE, arena, &secret), CODE_INVALID, "cannot be opened");
    assert_int_equal(mkfifo(path, 0600), 0); /* it does not wait for a writer */
    check_fails(secret_file_read(path, SECRET_READABLE, arena, &secret), CODE_INVALID, "is no file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_only_line_is_read_without_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_one_line_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_a_largest_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_mode_says_who_else_knows_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
