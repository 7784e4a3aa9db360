/* The file of epochs: what is written is read, what others wrote stays, what is broken is passed over. */
#include "engine/epoch_file.h"

#include "support/check.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct fixture {
    struct temp_dir dir;
    char path[256];
    struct pipeline nba, wnba;
    const struct pipeline *both[2];
} f;

static int set_up(void **state) {
    (void)state;
    f.dir = temp_dir_make();
    snprintf(f.path, sizeof f.path, "%s/epoch", f.dir.path);
    f.nba.name = "nba";
    f.wnba.name = "wnba";
    f.both[0] = &f.nba;
    f.both[1] = &f.wnba;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temp_dir_remove(&f.dir);
    return 0;
}

static struct epoch_memory memory_of(const char *identity, int64_t value) {
    struct epoch_memory memory = {.value = value, .own = 5, .seen_ms = INT64_C(1764502927104)};
    snprintf(memory.identity, sizeof memory.identity, "%s", identity);
    return memory;
}

static void write_text(const char *text) {
    FILE *file = fopen(f.path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void what_is_written_is_read(void **state) {
    struct epoch_memory memories[2] = {
        memory_of("0123456789abcdef0123456789abcdef", 812), memory_of("ff", INT64_MAX)};
    struct epoch_memory read[2] = {0};
    struct stat status;
    (void)state;
    check_ok(epoch_file_write(f.path, f.both, 2, memories));
    check_ok(epoch_file_read(f.path, f.both, 2, read));
    for (int i = 0; i < 2; i++) {
        assert_string_equal(read[i].identity, memories[i].identity);
        assert_int_equal(read[i].value, memories[i].value);
        assert_int_equal(read[i].seen_ms, memories[i].seen_ms);
        assert_int_equal(read[i].own, 0); /* another process raised it */
    }
    assert_int_equal(stat(f.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void no_file_is_nothing(void **state) {
    struct epoch_memory read[2] = {0};
    (void)state;
    check_ok(epoch_file_read(f.path, f.both, 2, read));
    assert_string_equal(read[0].identity, "");
    assert_int_equal(
        epoch_file_read(f.dir.path, f.both, 2, read).code, CODE_OK); /* nothing in it is a line */
}

static void another_process_keeps_its_lines(void **state) {
    struct epoch_memory mine = memory_of("aa", 7), theirs = memory_of("bb", 9), read[2] = {0};
    (void)state;
    check_ok(epoch_file_write(f.path, &f.both[1], 1, &theirs));
    check_ok(epoch_file_write(f.path, &f.both[0], 1, &mine));
    check_ok(epoch_file_read(f.path, f.both, 2, read));
    assert_int_equal(read[0].value, 7);
    assert_int_equal(read[1].value, 9);
}

static void broken_lines_are_passed_over(void **state) {
    struct epoch_memory read[2] = {0};
    (void)state;
    write_text("\nnba\nnba aa\nnba aa x y\n\x01\xff\nother aa 1 2\nwnba bb 9 2\n");
    check_ok(epoch_file_read(f.path, f.both, 2, read));
    assert_string_equal(read[0].identity, "");
    assert_int_equal(read[1].value, 9);
}

static void what_cannot_be_written_says_so(void **state) {
    struct epoch_memory mine = memory_of("aa", 7);
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/nowhere/epoch", f.dir.path);
    struct result result = epoch_file_write(path, f.both, 1, &mine);
    assert_int_equal(result.code, CODE_INVALID);
    assert_non_null(strstr(result.text, path));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(no_file_is_nothing),
        TEST(another_process_keeps_its_lines),
        TEST(broken_lines_are_passed_over),
        TEST(what_cannot_be_written_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
