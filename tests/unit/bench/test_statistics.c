#include "bench/runner/statistics.h"
#include "support/check.h"

#include <math.h>

#define NEAR 1e-6F

static void of_an_odd_number_the_middle_one(void **state) {
    (void)state;
    const double values[] = {5, 1, 9};
    struct spread spread = spread_of(values, 3);
    assert_float_equal(spread.median, 5, NEAR);
    assert_float_equal(spread.least, 1, NEAR);
    assert_float_equal(spread.most, 9, NEAR);
    assert_float_equal(values[0], 5, 0); /* as they were */
}

static void of_an_even_number_the_mean_of_two(void **state) {
    (void)state;
    const double values[] = {8, 2, 4, 100};
    assert_float_equal(spread_of(values, 4).median, 6, NEAR);
}

static void of_one_itself_and_of_none_nothing(void **state) {
    (void)state;
    const double value = 7;
    struct spread spread = spread_of(&value, 1);
    assert_float_equal(spread.median, 7, NEAR);
    assert_float_equal(spread.least, spread.most, NEAR);
    assert_true(isnan(spread_of(NULL, 0).median));
}

/* The quotient of the medians would be 1. */
static void ratios_are_of_the_same_round(void **state) {
    (void)state;
    const double ours[] = {10, 20, 40}, beside[] = {20, 5, 40};
    struct spread spread = spread_of_ratios(ours, beside, 3);
    assert_float_equal(spread.median, 1, NEAR);
    assert_float_equal(spread.least, 0.5, NEAR);
    assert_float_equal(spread.most, 4, NEAR);
}

static void percentiles_are_values_that_were_there(void **state) {
    (void)state;
    double values[100];
    for (int i = 0; i < 100; i++)
        values[i] = 100 - i;
    assert_float_equal(percentile(values, 100, 0.5), 50, NEAR);
    assert_float_equal(percentile(values, 100, 0.99), 99, NEAR);
    assert_float_equal(percentile(values, 100, 1), 100, NEAR);
    assert_float_equal(percentile(values, 100, 0), 1, NEAR);
    assert_true(isnan(percentile(values, 0, 0.5)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_an_odd_number_the_middle_one),
        cmocka_unit_test(of_an_even_number_the_mean_of_two),
        cmocka_unit_test(of_one_itself_and_of_none_nothing),
        cmocka_unit_test(ratios_are_of_the_same_round),
        cmocka_unit_test(percentiles_are_values_that_were_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
