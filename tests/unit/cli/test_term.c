#include "cli/term.h"
#include "printed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct term ascii = {0}, utf8 = {.utf8 = true};

static void columns_are_code_points(void **state) {
    (void)state;
    assert_int_equal(term_columns(""), 0);
    assert_int_equal(term_columns("abc"), 3);
    assert_int_equal(term_columns("✓…ß"), 3);
}

static void check_cut(const struct term *term, const char *from, int columns, const char *expected) {
    char text[32];
    snprintf(text, sizeof text, "%s", from);
    term_cut(term, text, sizeof text, columns);
    assert_string_equal(text, expected);
}

static void cut_text_says_so(void **state) {
    (void)state;
    check_cut(&utf8, "abcdef", 6, "abcdef");
    check_cut(&utf8, "abcdef", 5, "abcd…");
    check_cut(&utf8, "ßßßßß", 3, "ßß…");
    check_cut(&ascii, "abcdef", 5, "ab...");
    check_cut(&ascii, "abcdef", 2, "");
    check_cut(&utf8, "abcdef", 1, "…");
}

static void a_cut_stays_within_its_buffer(void **state) {
    (void)state;
    char text[] = "abcdefg";
    term_cut(&utf8, text, sizeof text, 6);
    assert_int_equal(strlen(text) < sizeof text, true);
}

static void no_terminal_no_colors_no_width(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    struct term term = term_detect(ends[1], false);
    assert_false(term.color);
    assert_int_equal(term.width, 0);
    close(ends[0]);
    close(ends[1]);
}

/* The other end of a pseudo terminal: a terminal without a user. */
static int open_terminal(int *control) {
    *control = posix_openpt(O_RDWR | O_NOCTTY);
    if (*control < 0 || grantpt(*control) != 0 || unlockpt(*control) != 0)
        return -1;
    return open(ptsname(*control), O_RDWR | O_NOCTTY);
}

static void colors_on_a_terminal_unless_somebody_objects(void **state) {
    (void)state;
    int control, terminal = open_terminal(&control);
    assert_true(terminal >= 0);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    assert_true(term_detect(terminal, false).color);
    assert_false(term_detect(terminal, true).color);
    setenv("NO_COLOR", "", 1);
    assert_true(term_detect(terminal, false).color);
    setenv("NO_COLOR", "1", 1);
    assert_false(term_detect(terminal, false).color);
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    assert_false(term_detect(terminal, false).color);
    unsetenv("TERM");
    assert_false(term_detect(terminal, false).color);
    close(terminal);
    close(control);
}

static void glyphs_have_an_ascii_form(void **state) {
    (void)state;
    for (enum glyph glyph = GLYPH_NOTHING; glyph <= GLYPH_BETWEEN; glyph++) {
        assert_int_equal(term_columns(term_glyph(&utf8, glyph)), 1);
        for (const char *byte = term_glyph(&ascii, glyph); *byte; byte++)
            assert_true(*byte > 0x20 && *byte < 0x7F);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_code_points),
        cmocka_unit_test(cut_text_says_so),
        cmocka_unit_test(a_cut_stays_within_its_buffer),
        cmocka_unit_test(no_terminal_no_colors_no_width),
        cmocka_unit_test(colors_on_a_terminal_unless_somebody_objects),
        cmocka_unit_test(glyphs_have_an_ascii_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
