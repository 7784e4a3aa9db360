#include "core/note.h"

#include "support/check.h"

static void whole_numbers_are_told_from_the_rest(void **state) {
    (void)state;
    int64_t number = 0;
    assert_true(note_whole(&(struct note){.kind = NOTE_INTEGER, .integer = 241}, 241, &number));
    assert_int_equal(number, 241);
    assert_true(note_whole(&(struct note){.kind = NOTE_REAL, .real = 30.0}, INT64_MAX, &number));
    assert_int_equal(number, 30);
    const struct note others[] = {{.kind = NOTE_ABSENT}, {.kind = NOTE_TRUE},
        {.kind = NOTE_INTEGER, .integer = -1}, {.kind = NOTE_INTEGER, .integer = 242},
        {.kind = NOTE_REAL, .real = 241.5}, {.kind = NOTE_REAL, .real = -1},
        {.kind = NOTE_REAL, .real = 0x1p63}, {.kind = NOTE_TEXT, .text = "1", .length = 1}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(note_whole(&others[i], 241, &number));
    assert_int_equal(number, 30);
}

static void check_shown(struct note note, const char *expected) {
    char text[64];
    assert_string_equal(note_show(&note, text, sizeof text), expected);
}

static void each_kind_has_its_words(void **state) {
    (void)state;
    check_shown((struct note){.kind = NOTE_ABSENT}, "absent");
    check_shown((struct note){.kind = NOTE_NULL}, "null");
    check_shown((struct note){.kind = NOTE_FALSE}, "false");
    check_shown((struct note){.kind = NOTE_TRUE}, "true");
    check_shown((struct note){.kind = NOTE_ARRAY}, "an array");
    check_shown((struct note){.kind = NOTE_OBJECT}, "an object");
    check_shown((struct note){.kind = NOTE_INTEGER, .integer = INT64_MIN}, "the number -9223372036854775808");
    check_shown((struct note){.kind = NOTE_REAL, .real = 3.5}, "the number 3.5");
    check_shown((struct note){.kind = NOTE_TEXT, .text = "a\0\n", .length = 3}, "the text \"a\\x00\\x0a\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_told_from_the_rest),
        cmocka_unit_test(each_kind_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
