#include "base/text.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool valid(const char *text) {
    return text_is_utf8(text, strlen(text));
}

static void utf8_is_told_from_the_rest(void **state) {
    (void)state;
    assert_true(valid(""));
    assert_true(valid("plain"));
    assert_true(valid("Jokić"));
    assert_true(valid("\xEF\xBF\xBD"));     /* U+FFFD */
    assert_true(valid("\xF0\x9F\x8F\x80")); /* a basketball */
    assert_true(valid("\xF4\x8F\xBF\xBF")); /* U+10FFFF, the last */
    assert_true(text_is_utf8("a\0b", 3));
    assert_false(valid("\x80"));             /* starts in the middle */
    assert_false(valid("\xC3"));             /* ends in the middle */
    assert_false(valid("\xE2\x82"));         /* ends in the middle */
    assert_false(valid("\xC0\xAF"));         /* overlong */
    assert_false(valid("\xE0\x80\xAF"));     /* overlong */
    assert_false(valid("\xF0\x80\x80\xAF")); /* overlong */
    assert_false(valid("\xED\xA0\x80"));     /* a surrogate */
    assert_false(valid("\xF4\x90\x80\x80")); /* past U+10FFFF */
    assert_false(valid("\xFF"));
    assert_false(valid("\xE2\x28\xA1"));
}

/* Eight bytes are looked at at once where they are ASCII: each place in them, before and after. */
static void the_first_byte_that_is_none_is_found(void **state) {
    (void)state;
    for (size_t at = 0; at < 20; at++) {
        char text[24] = "abcdefghijklmnopqrstuvw";
        text[at] = '\xFF';
        assert_int_equal(text_utf8_length(text, 23), at);
        text[at] = '\xC3';
        text[at + 1] = '\xA9';
        assert_int_equal(text_utf8_length(text, 23), 23);
        assert_int_equal(text_utf8_length(text, at + 1), at);
    }
}

static void a_cut_keeps_characters_whole(void **state) {
    (void)state;
    const char *euros = "a\xE2\x82\xAC\xE2\x82\xAC";
    const size_t kept[] = {0, 1, 1, 1, 4, 4, 4, 7, 7};
    for (size_t max = 0; max < sizeof kept / sizeof *kept; max++)
        assert_int_equal(text_cut(euros, strlen(euros), max), kept[max]);
}

static void a_cut_of_what_is_not_utf8_is_where_it_is_asked(void **state) {
    (void)state;
    assert_int_equal(text_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
    assert_int_equal(text_cut("\x80\x80", 2, 1), 1);
}

#define assert_shown(text, size, expected)                                                                   \
    do {                                                                                                     \
        char out_[64];                                                                                       \
        memset(out_, '#', sizeof out_);                                                                      \
        assert_string_equal(text_show((text), sizeof(text) - 1, out_, (size)), (expected));                  \
        assert_int_equal(out_[(size)], '#');                                                                 \
    } while (0)

static void strange_bytes_are_shown_in_hex(void **state) {
    (void)state;
    assert_shown("YESTERDAY", 32, "YESTERDAY");
    assert_shown("Jokić", 32, "Jokić");
    assert_shown("a\nb\033[31m\x7F", 32, "a\\x0ab\\x1b[31m\\x7f");
    assert_shown("\xC2\x9B", 32, "\\xc2\\x9b"); /* CSI, as one character */
    assert_shown("\xC2\xA0", 32, "\xC2\xA0");
    assert_shown("a\0b", 32, "a\\x00b");
    assert_shown("\xFF\xE2\x82", 32, "\\xff\\xe2\\x82");
    assert_shown("", 32, "");
}

static void what_does_not_fit_ends_in_dots(void **state) {
    (void)state;
    assert_shown("abcdefgh", 9, "abcdefgh");
    assert_shown("abcdefgh", 8, "abcd...");
    assert_shown("abcdefgh", 4, "...");
    assert_shown("\n\n", 9, "\\x0a\\x0a");
    assert_shown("\n\n", 8, "\\x0a...");
    assert_shown("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 10, "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC");
    assert_shown("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 9, "\xE2\x82\xAC...");
}

static void any_bytes_are_shown_as_one_utf8_line(void **state) {
    (void)state;
    srand(20211117);
    for (int round = 0; round < 20000; round++) {
        char text[40], out[64];
        size_t length = (size_t)rand() % sizeof text, size = 4 + (size_t)rand() % (sizeof out - 4);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)rand();
        text_show(text, length, out, size);
        assert_true(strlen(out) < size);
        assert_true(valid(out));
        assert_null(strpbrk(out, "\n\r\033"));
        size_t cut = text_cut(text, length, size);
        assert_true(cut <= size && cut <= length);
    }
}

static void what_is_no_character_is_mended(void **state) {
    (void)state;
    char whole[] = "Bogdanović", cut[] = "Bogdanovi\xc4",
         strange[] =
             "\xff"
             "a\xed\xa0\x80z",
         none[] = "";
    text_mend(whole);
    text_mend(cut);
    text_mend(strange);
    text_mend(none);
    assert_string_equal(whole, "Bogdanović");
    assert_string_equal(cut, "Bogdanovi?");
    assert_string_equal(strange, "?a???z");
    assert_string_equal(none, "");
}

static void numbers_are_what_printf_writes(void **state) {
    (void)state;
    const int64_t numbers[] = {0, 1, 9, 10, 241, -1, -10, 1764874932000, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char expected[32], out[TEXT_NUMBER_MAX];
        snprintf(expected, sizeof expected, "%lld", (long long)numbers[i]);
        assert_string_equal(text_number(numbers[i], out), expected);
    }
}

static void digits_have_leading_zeros(void **state) {
    (void)state;
    char text[] = "<######>";
    text_digits(text + 1, 4, 7);
    assert_string_equal(text, "<0007##>");
    text_digits(text + 5, 2, 1964);
    assert_string_equal(text, "<000764>");
    text_digits(text + 1, 1, 0);
    assert_string_equal(text, "<000764>");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_the_rest),
        cmocka_unit_test(the_first_byte_that_is_none_is_found),
        cmocka_unit_test(a_cut_keeps_characters_whole),
        cmocka_unit_test(a_cut_of_what_is_not_utf8_is_where_it_is_asked),
        cmocka_unit_test(strange_bytes_are_shown_in_hex),
        cmocka_unit_test(what_does_not_fit_ends_in_dots),
        cmocka_unit_test(what_is_no_character_is_mended),
        cmocka_unit_test(any_bytes_are_shown_as_one_utf8_line),
        cmocka_unit_test(numbers_are_what_printf_writes),
        cmocka_unit_test(digits_have_leading_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
