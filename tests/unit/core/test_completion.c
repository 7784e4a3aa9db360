#include "core/completion.h"
#include "support/check.h"
#include "support/nba.h"

#include <string.h>

/* A processor like pgs with other rules. */
struct rules {
    int64_t min_rows;
    double min_coverage;
    bool require_rows;
    bool allow_empty;
};

static const struct rules usual = {.min_rows = 1, .min_coverage = 0.95};
static const struct rules empty_allowed = {.min_rows = 1, .min_coverage = 0.95, .allow_empty = true};
static const struct rules rows_required = {.min_rows = 1, .min_coverage = 0.95, .require_rows = true};

static struct processor processor_with(struct rules rules) {
    struct processor processor = nba_pipeline()->processors[PGS];
    processor.min_rows = rules.min_rows;
    processor.min_coverage = rules.min_coverage;
    processor.require_rows = rules.require_rows;
    processor.allow_empty = rules.allow_empty;
    return processor;
}

/* shortfall "" means that it satisfies. */
static void assert_judged(
    struct rules rules, enum status status, int64_t rows, int64_t failed, const char *shortfall) {
    struct processor processor = processor_with(rules);
    struct completion completion = {
        .processor = &processor, .status = status, .record_count = rows, .records_failed = failed};
    char text[300];
    assert_string_equal(completion_shortfall(&completion, text, sizeof text), shortfall);
    assert_int_equal(completion_satisfies(&completion), *shortfall == '\0');
}

static void statuses_have_names(void **state) {
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        enum status status = (enum status)(STATUS_COUNT - 1 - i);
        assert_true(status_parse(status_name((enum status)i), &status));
        assert_int_equal(status, i);
    }
    enum status status = STATUS_SUCCESS;
    assert_true(status_parse("No_Data", &status));
    assert_int_equal(status, STATUS_NO_DATA);
    assert_false(status_parse("", &status));
    assert_false(status_parse("succes", &status));
    assert_false(status_parse("success ", &status));
    assert_int_equal(status, STATUS_NO_DATA);
}

static void success_needs_rows(void **state) {
    (void)state;
    assert_judged(usual, STATUS_SUCCESS, 241, 0, "");
    assert_judged(usual, STATUS_SUCCESS, 1, 0, "");
    assert_judged(usual, STATUS_SUCCESS, 0, 0, "0 rows; needs 1");
    assert_judged(usual, STATUS_SUCCESS, 1, 1000, ""); /* coverage is asked of partial only */
    struct rules five = {.min_rows = 5};
    assert_judged(five, STATUS_SUCCESS, 5, 0, "");
    assert_judged(five, STATUS_SUCCESS, 4, 0, "4 rows; needs 5");
    assert_judged(five, STATUS_SUCCESS, 1, 0, "1 row; needs 5");
}

static void unknown_rows_are_vouched_for(void **state) {
    (void)state;
    assert_judged(usual, STATUS_SUCCESS, ROWS_UNKNOWN, 0, "");
    assert_judged((struct rules){.min_rows = 500}, STATUS_SUCCESS, ROWS_UNKNOWN, 0, "");
    assert_judged(rows_required, STATUS_SUCCESS, ROWS_UNKNOWN, 0, "record_count unknown; needs rows");
    assert_judged(rows_required, STATUS_SUCCESS, 1, 0, "");
    assert_judged(usual, STATUS_PARTIAL, ROWS_UNKNOWN, 0, "partial, record_count unknown; needs rows");
    assert_judged(
        empty_allowed, STATUS_PARTIAL, ROWS_UNKNOWN, 0, "partial, record_count unknown; needs rows");
}

static void partial_needs_coverage(void **state) {
    (void)state;
    assert_judged(usual, STATUS_PARTIAL, 95, 5, "");
    assert_judged(usual, STATUS_PARTIAL, 19, 1, "");
    assert_judged(usual, STATUS_PARTIAL, 100, 0, "");
    assert_judged(usual, STATUS_PARTIAL, 88, 12, "partial 88.0 % of rows; needs 95 %");
    assert_judged(usual, STATUS_PARTIAL, 94999, 5001, "partial 94.9 % of rows; needs 95 %");
    assert_judged(usual, STATUS_PARTIAL, 0, 0, "partial, 0 rows; needs 1");
    assert_judged(usual, STATUS_PARTIAL, 0, 10, "partial, 0 rows; needs 1");
    assert_judged((struct rules){.min_rows = 10, .min_coverage = 0.955}, STATUS_PARTIAL, 955, 46,
        "partial 95.4 % of rows; needs 95.5 %");
    assert_judged((struct rules){.min_rows = 10}, STATUS_PARTIAL, 9, 0, "partial, 9 rows; needs 10");
}

/* What the ratio of two whole numbers says exactly must not be lost in floating point. */
static void exact_coverage_satisfies(void **state) {
    (void)state;
    for (int percent = 1; percent <= 100; percent++)
        for (int times = 1; times <= 50; times++)
            assert_judged((struct rules){.min_rows = 1, .min_coverage = percent / 100.0}, STATUS_PARTIAL,
                (int64_t)percent * times, (int64_t)(100 - percent) * times, "");
}

static void the_largest_counts_do_not_overflow(void **state) {
    (void)state;
    assert_judged(usual, STATUS_PARTIAL, INT64_MAX, INT64_MAX, "partial 50.0 % of rows; needs 95 %");
    assert_judged(usual, STATUS_SUCCESS, INT64_MAX, INT64_MAX, "");
    assert_judged(usual, STATUS_PARTIAL, 1, INT64_MAX, "partial 0.0 % of rows; needs 95 %");
}

static void no_data_and_skipped_do_not_satisfy(void **state) {
    (void)state;
    assert_judged(usual, STATUS_NO_DATA, ROWS_UNKNOWN, 0, "status no_data");
    assert_judged(usual, STATUS_NO_DATA, 100, 0, "status no_data");
    assert_judged(usual, STATUS_SKIPPED, ROWS_UNKNOWN, 0, "status skipped");
}

static void allow_empty_takes_nothing_for_an_answer(void **state) {
    (void)state;
    assert_judged(empty_allowed, STATUS_NO_DATA, ROWS_UNKNOWN, 0, "");
    assert_judged(empty_allowed, STATUS_SKIPPED, ROWS_UNKNOWN, 0, "");
    assert_judged(empty_allowed, STATUS_SUCCESS, 0, 0, "");
    assert_judged(empty_allowed, STATUS_PARTIAL, 0, 0, "");
    assert_judged(empty_allowed, STATUS_SUCCESS, ROWS_UNKNOWN, 0, "");
    assert_judged(empty_allowed, STATUS_FAILED, 0, 0, "status failed");
    assert_judged(empty_allowed, STATUS_PARTIAL, 0, 7, "partial, 0 rows; needs 1");
    struct rules five = {.min_rows = 5, .allow_empty = true};
    assert_judged(five, STATUS_SUCCESS, 3, 0, "3 rows; needs 5");
}

static void check_bootstrap(
    int group, bool bootstrap, enum status status, int64_t rows, int64_t failed, const char *shortfall) {
    struct processor processor = processor_with(usual);
    processor.group = group;
    struct completion completion = {.processor = &processor,
        .status = status,
        .record_count = rows,
        .records_failed = failed,
        .day.bootstrap = bootstrap};
    char text[300];
    assert_string_equal(completion_shortfall(&completion, text, sizeof text), shortfall);
    assert_int_equal(completion_satisfies(&completion), *shortfall == '\0');
}

/* In the first days of a season, of a group's processor: upstream tables have rows from the first game on. */
static void a_season_begins_with_empty_groups(void **state) {
    (void)state;
    check_bootstrap(1, true, STATUS_NO_DATA, ROWS_UNKNOWN, 0, "");
    check_bootstrap(4, true, STATUS_SKIPPED, ROWS_UNKNOWN, 0, "");
    check_bootstrap(1, true, STATUS_SUCCESS, 0, 0, "");
    check_bootstrap(1, true, STATUS_PARTIAL, 0, 7, "partial, 0 rows; needs 1");
    check_bootstrap(1, true, STATUS_FAILED, 0, 0, "status failed");
    check_bootstrap(0, true, STATUS_NO_DATA, ROWS_UNKNOWN, 0, "status no_data");
    check_bootstrap(0, true, STATUS_SUCCESS, 0, 0, "0 rows; needs 1");
    check_bootstrap(1, false, STATUS_NO_DATA, ROWS_UNKNOWN, 0, "status no_data");
    check_bootstrap(1, false, STATUS_SUCCESS, 0, 0, "0 rows; needs 1");
}

static void failed_never_satisfies(void **state) {
    (void)state;
    assert_judged(usual, STATUS_FAILED, 241, 0, "status failed");
    assert_judged(empty_allowed, STATUS_FAILED, ROWS_UNKNOWN, 0, "status failed");
    struct completion completion = {.processor = &nba_pipeline()->processors[PGS],
        .status = STATUS_FAILED,
        .record_count = ROWS_UNKNOWN,
        .error_message = "quota\nexceeded"};
    char text[300], small[12];
    assert_string_equal(completion_shortfall(&completion, text, sizeof text), "failed: quota\\x0aexceeded");
    assert_string_equal(completion_shortfall(&completion, small, sizeof small), "failed: quo");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(success_needs_rows),
        cmocka_unit_test(unknown_rows_are_vouched_for),
        cmocka_unit_test(partial_needs_coverage),
        cmocka_unit_test(exact_coverage_satisfies),
        cmocka_unit_test(the_largest_counts_do_not_overflow),
        cmocka_unit_test(no_data_and_skipped_do_not_satisfy),
        cmocka_unit_test(allow_empty_takes_nothing_for_an_answer),
        cmocka_unit_test(a_season_begins_with_empty_groups),
        cmocka_unit_test(failed_never_satisfies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
