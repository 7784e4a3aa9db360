#include "core/csv.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

static struct csv csv;

/* All lines, cells between bars, lines between slashes: "a|b/1|2". */
static struct result read_all(const char *text, char out[256]) {
    bool more = true;
    struct result r = csv_begin(&csv, "x.csv", text);
    out[0] = '\0';
    while (is_ok(r) && more) {
        for (int i = 0; i < csv.count; i++)
            strcat(strcat(out, i ? "|" : *out ? "/" : ""), csv_cell(&csv, i));
        r = csv_next(&csv, &more);
    }
    return r;
}

static void reads(const char *text, const char *expected) {
    char out[256];
    check_ok(read_all(text, out));
    assert_string_equal(out, expected);
}

static void refused(const char *text, const char *why) {
    char out[256];
    struct result r = read_all(text, out);
    assert_string_equal(r.text, why);
    assert_int_equal(r.code, CODE_INVALID);
}

static void lines_and_cells(void **state) {
    (void)state;
    reads("a,b\n1,2\n3,4\n", "a|b/1|2/3|4");
    reads("a,b\r\n1,2\r\n3,4\r\n", "a|b/1|2/3|4");
    reads("a,b\n1,2", "a|b/1|2");
    reads("a,b\r\n1,2\r", "a|b/1|2");
    reads("a,b", "a|b");
    reads("a\n1\n", "a/1");
    reads("a,b,c\n,,\n1,,3\n4\n", "a|b|c/||/1||3/4");
}

static void what_does_not_count(void **state) {
    (void)state;
    reads(
        "\xef\xbb\xbf"
        "a,b\n1,2\n",
        "a|b/1|2");
    reads("\n \t\r\na,b\n\n\r\n1,2\n   \n\n", "a|b/1|2");
    reads("  a , b\t\n\t1 2 ,3  \n", "a|b/1 2|3");
    reads("\"a\",\"b\"\n \"1\" , \" 2\" \n", "a|b/1|2");
    reads("a,b\n\"1,5\",\"\"\n", "a|b/1,5|");
    reads("caf\xc3\xa9\n\xc3\xa9\n", "caf\xc3\xa9/\xc3\xa9");
}

static void short_lines_have_empty_cells(void **state) {
    (void)state;
    bool more = false;
    check_ok(csv_begin(&csv, "x.csv", "a,b,c\n1\n"));
    assert_int_equal(csv.columns, 3);
    assert_int_equal(csv_column(&csv, "c"), 2);
    assert_int_equal(csv_column(&csv, "d"), -1);
    check_ok(csv_next(&csv, &more));
    assert_true(more);
    assert_int_equal(csv.line, 2);
    assert_string_equal(csv_cell(&csv, 0), "1");
    assert_string_equal(csv_cell(&csv, 2), "");
    check_ok(csv_next(&csv, &more));
    assert_false(more);
}

static void what_is_refused(void **state) {
    (void)state;
    refused("", "x.csv:1: the file is empty; expected a line that titles the columns");
    refused("\xef\xbb\xbf\n \n", "x.csv:1: the file is empty; expected a line that titles the columns");
    refused("a,b\n\n1,2,3\n", "x.csv:3: more cells than the 2 columns of the header");
    refused("a,b\n1,2,\n", "x.csv:2: more cells than the 2 columns of the header");
    refused("a,b,a\n", "x.csv:1: two columns are titled \"a\"");
    refused("a\n\"1\n2\"\n", "x.csv:2: \"1: the quote is not closed on its line");
    refused("a\n\"1\" 2\n", "x.csv:2: \"1\" 2: expected a comma after the closing quote");
    refused("a\n\"1\"\"2\"\n", "x.csv:2: \"1\"\"2\": expected a comma after the closing quote");
    refused("a\n1\n\x1b[31m\n",
        "x.csv:3: \"\\x1b[31m\" is not plain text; expected UTF-8 without control characters");
    refused(
        "a\n1\n\xff\n", "x.csv:3: \"\\xff\" is not plain text; expected UTF-8 without control characters");
    refused("a\r1\r2\r",
        "x.csv:1: \"a\\x0d1\\x0d2\" is not plain text; expected UTF-8 without control characters");
}

static void untitled_columns_may_be_several(void **state) {
    (void)state;
    reads(",a,,\n0,1,2,3\n", "|a||/0|1|2|3");
}

static void required_columns(void **state) {
    (void)state;
    int column = 7;
    check_ok(csv_begin(&csv, "x.csv", "a;b\n"));
    check_fails(csv_require(&csv, "b", &column), CODE_INVALID,
        "x.csv:1: no column is titled b; the first one is \"a;b\"");
    assert_int_equal(column, 7);
    check_ok(csv_begin(&csv, "x.csv", "a,b\n"));
    check_ok(csv_require(&csv, "b", &column));
    assert_int_equal(column, 1);
}

static void check_number(const char *cell, int64_t most, int64_t expected) {
    char text[128];
    bool more;
    int64_t number = -1;
    snprintf(text, sizeof text, "n\n\"%s\"\n", cell);
    check_ok(csv_begin(&csv, "x.csv", text));
    check_ok(csv_next(&csv, &more));
    struct result r = csv_number(&csv, 0, "rows", most, &number);
    assert_int_equal(number, expected);
    if (expected >= 0) {
        check_ok(r);
        return;
    }
    snprintf(text, sizeof text, "x.csv:2: rows: got \"%s\", expected a whole number from 0 to %lld", cell,
        (long long)most);
    check_fails(r, CODE_INVALID, text);
}

static void numbers(void **state) {
    (void)state;
    check_number("0", 9, 0);
    check_number("9", 9, 9);
    check_number("007", 9, 7);
    check_number("10", 9, -1);
    check_number("-1", 9, -1);
    check_number("+1", 9, -1);
    check_number("1.0", 9, -1);
    check_number("1e3", 9999, -1);
    check_number("x", 9, -1);
    check_number("9223372036854775807", INT64_MAX, INT64_MAX);
    check_number("9223372036854775808", INT64_MAX, -1);
}

static void dates(void **state) {
    (void)state;
    bool more;
    game_date date = 7;
    check_ok(csv_begin(&csv, "x.csv", "n,d\n1,2021-11-17\n2,2021-11-31\n3\n"));
    check_ok(csv_next(&csv, &more));
    check_ok(csv_date(&csv, 1, &date));
    assert_int_equal(date, 18948);
    check_ok(csv_next(&csv, &more));
    check_fails(csv_date(&csv, 1, &date), CODE_INVALID, "x.csv:3: 2021-11-31 does not exist");
    check_ok(csv_next(&csv, &more));
    check_fails(csv_date(&csv, 1, &date), CODE_INVALID, "x.csv:4: \"\" is not a date");
    assert_int_equal(date, 18948);
}

static void limits(void **state) {
    (void)state;
    char text[2 * CSV_LINE_MAX], out[256];
    memset(text, 'a', CSV_LINE_MAX);
    strcpy(text + CSV_LINE_MAX, "\n");
    check_fails(read_all(text, out), CODE_LIMIT, "x.csv:1: a line of more than 4095 bytes");
    strcpy(text + CSV_LINE_MAX - 1, "\r\nb\n");
    check_ok(csv_begin(&csv, "x.csv", text));
    assert_int_equal(strlen(csv_cell(&csv, 0)), CSV_LINE_MAX - 1);

    memset(text, ',', CSV_CELLS_MAX);
    text[CSV_CELLS_MAX] = '\0';
    check_fails(csv_begin(&csv, "x.csv", text), CODE_LIMIT, "x.csv:1: more than 128 columns");
    check_ok(csv_begin(&csv, "x.csv", text + 1));
    assert_int_equal(csv.columns, CSV_CELLS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_cells),
        cmocka_unit_test(what_does_not_count),
        cmocka_unit_test(short_lines_have_empty_cells),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(untitled_columns_may_be_several),
        cmocka_unit_test(required_columns),
        cmocka_unit_test(numbers),
        cmocka_unit_test(dates),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
