#include "cli/table.h"
#include "printed.h"

static const struct term plain = {.utf8 = true};

static const char *const cells[][3] = {
    {"a", "1", "short"},
    {"…ß", "12345", "a note that is longer than others"},
    {"", "7", ""},
};

static enum tone cell(const void *context, size_t row, size_t column, char *text) {
    (void)context;
    snprintf(text, TABLE_CELL_MAX, "%s", cells[row][column]);
    return column == 1 ? TONE_GOOD : TONE_PLAIN;
}

static const struct table_column columns[] = {{"name", false, 0}, {"n", true, 2}, {"", false, 2}};

static const struct table table = {.columns = columns, .column_count = 3, .row_count = 3, .cell = cell};

static void check_table(const struct term *term, const char *expected) {
    struct printed printed;
    printed_start(&printed);
    table_print(&table, term, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void columns_fit_their_widest_cell(void **state) {
    (void)state;
    check_table(&plain,
        "name      n\n"
        "a         1  short\n"
        "…ß    12345  a note that is longer than others\n"
        "          7\n");
}

static void the_last_column_is_cut(void **state) {
    (void)state;
    check_table(&(struct term){.utf8 = true, .width = 25},
        "name      n\n"
        "a         1  short\n"
        "…ß    12345  a note that…\n"
        "          7\n");
    check_table(&(struct term){.width = 25},
        "name      n\n"
        "a         1  short\n"
        "…ß    12345  a note th...\n"
        "          7\n");
}

static void a_tiny_terminal_leaves_ten_columns(void **state) {
    (void)state;
    check_table(&(struct term){.utf8 = true, .width = 5},
        "name      n\n"
        "a         1  short\n"
        "…ß    12345  a note th…\n"
        "          7\n");
}

static void colors_wrap_the_text_only(void **state) {
    (void)state;
    check_table(&(struct term){.utf8 = true, .color = true},
        "\033[2mname\033[0m      \033[2mn\033[0m\n"
        "a         \033[32m1\033[0m  short\n"
        "…ß    \033[32m12345\033[0m  a note that is longer than others\n"
        "          \033[32m7\033[0m\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_fit_their_widest_cell),
        cmocka_unit_test(the_last_column_is_cut),
        cmocka_unit_test(a_tiny_terminal_leaves_ten_columns),
        cmocka_unit_test(colors_wrap_the_text_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
