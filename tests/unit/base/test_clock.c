#include "base/clock.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t parsed(const char *text) {
    int64_t ms = -1;
    struct result r = timestamp_parse(text, &ms);
    if (!is_ok(r))
        fail_msg("%s", r.text);
    return ms;
}

static void timestamps_are_read_as_publishers_write_them(void **state) {
    (void)state;
    const int64_t at = 1764872400000; /* 2025-12-04T18:20:00Z */
    assert_int_equal(parsed("2025-12-04T18:20:00Z"), at);
    assert_int_equal(parsed("2025-12-04t18:20:00z"), at);
    assert_int_equal(parsed("2025-12-04 18:20:00"), at);
    assert_int_equal(parsed("2025-12-04T18:20:00+00:00"), at);
    assert_int_equal(parsed("2025-12-04T13:20:00-05:00"), at);
    assert_int_equal(parsed("2025-12-04T13:20:00-0500"), at);
    assert_int_equal(parsed("2025-12-05T00:05:00+05:45"), at);
    assert_int_equal(parsed("2025-12-04T18:20:00.5Z"), at + 500);
    assert_int_equal(parsed("2025-12-04T18:20:00.104233+00:00"), at + 104);
    assert_int_equal(parsed("2025-12-04T18:20:00.999999999Z"), at + 999);
    assert_int_equal(parsed("2025-12-04T18:20:00,25"), at + 250);
}

static void the_edges_of_time_are_read(void **state) {
    (void)state;
    assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parsed("1969-12-31T23:59:59.999Z"), -1);
    assert_int_equal(parsed("2024-02-29T00:00:00Z"), 1709164800000);
    assert_int_equal(parsed("0000-01-01T00:00:00Z"), -62167219200000);
    assert_int_equal(parsed("9999-12-31T23:59:59.999Z"), 253402300799999);
}

/* They come at the end of a month only, and count as the second after. */
static void leap_seconds_are_read(void **state) {
    (void)state;
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
    assert_int_equal(parsed("2015-06-30T23:59:60.5Z"), parsed("2015-07-01T00:00:00.5Z"));
}

static void everything_else_is_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"0000-01-01T00:00:00+05:30", "9999-12-31T23:59:60Z", "", "now", "2025",
        "2025-12-04", "2025-12-04T", "2025-12-04T18:20", "2025-12-04T18:20:0", "2025-12-04T18:20:00.",
        "2025-12-04T18:20:00.Z", "2025-12-04T18:20:00+", "2025-12-04T18:20:00+0", "2025-12-04T18:20:00+00",
        "2025-12-04T18:20:00+00:0", "2025-12-04T18:20:00+24:00", "2025-12-04T18:20:00+00:60",
        "2025-12-04T18:20:00Zx", "2025-12-04T18:20:00 Z", "2025-12-04x18:20:00", "2025-13-04T18:20:00Z",
        "2025-00-04T18:20:00Z", "2025-02-29T18:20:00Z", "2025-02-29T18:20:60Z", "2025-12-32T18:20:00Z",
        "2025-12-00T18:20:00Z", "2025-12-04T24:00:00Z", "2025-12-04T18:60:00Z", "2025-12-04T18:20:61Z",
        "-025-12-04T18:20:00Z", "2025-12-04T18:20:00\n", "1764872400"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *exact = strdup(wrong[i]); /* so that the sanitizer sees a read past the end */
        int64_t ms = 7;
        struct result r = timestamp_parse(exact, &ms);
        if (is_ok(r))
            fail_msg("\"%s\" was taken as a timestamp", exact);
        assert_int_equal(r.code, CODE_INVALID);
        assert_int_equal(ms, 7);
        free(exact);
    }
}

static void the_refusal_shows_what_came_and_what_was_expected(void **state) {
    (void)state;
    int64_t ms;
    assert_string_equal(
        timestamp_parse("soon\n", &ms).text, "\"soon\\x0a\" is not a timestamp like 2025-12-04T18:20:00Z");
}

static void timestamps_are_written_in_one_form(void **state) {
    (void)state;
    char text[TIMESTAMP_TEXT_MAX];
    assert_string_equal(timestamp_format(1764874050512, text), "2025-12-04T18:47:30.512Z");
    assert_string_equal(timestamp_format(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(timestamp_format(-1, text), "1969-12-31T23:59:59.999Z");
    assert_string_equal(timestamp_format(-62167219200000, text), "0000-01-01T00:00:00.000Z");
    assert_string_equal(timestamp_format(-62135596800000, text), "0001-01-01T00:00:00.000Z");
    assert_string_equal(timestamp_format(INT64_MIN, text), "0000-01-01T00:00:00.000Z");
    assert_string_equal(timestamp_format(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
}

static void what_is_written_is_read_again(void **state) {
    (void)state;
    char text[TIMESTAMP_TEXT_MAX];
    for (int64_t ms = -62167219200000; ms < 253402300799999; ms += 86400000LL * 3 + 4127001)
        assert_int_equal(parsed(timestamp_format(ms, text)), ms);
}

static void the_system_clock_tells_the_time(void **state) {
    (void)state;
    struct clock clock = clock_system();
    int64_t before = (int64_t)time(NULL) * 1000, now = clock_now_ms(&clock);
    assert_true(now >= before && now < before + 60000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamps_are_read_as_publishers_write_them),
        cmocka_unit_test(the_edges_of_time_are_read),
        cmocka_unit_test(leap_seconds_are_read),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(the_refusal_shows_what_came_and_what_was_expected),
        cmocka_unit_test(timestamps_are_written_in_one_form),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_system_clock_tells_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
