#include "support/check.h"
#include "support/patience.h"

#include <limits.h>
#include <stdlib.h>

static int patient_with(const char *factor, int deadline_ms) {
    setenv("PHASEGATE_TESTS_PATIENCE", factor, 1);
    return patient_ms(deadline_ms);
}

static void a_deadline_is_longer_by_the_factor(void **state) {
    (void)state;
    unsetenv("PHASEGATE_TESTS_PATIENCE");
    assert_int_equal(patient_ms(300), 300);
    assert_int_equal(patient_with("1", 300), 300);
    assert_int_equal(patient_with("4", 300), 1200);
    assert_int_equal(patient_with("4", 0), 0);
}

static void a_factor_that_is_none_is_left_out(void **state) {
    (void)state;
    assert_int_equal(patient_with("", 300), 300);
    assert_int_equal(patient_with("soon", 300), 300);
    assert_int_equal(patient_with("0", 300), 300);
    assert_int_equal(patient_with("-7", 300), 300);
}

static void no_factor_is_too_much(void **state) {
    (void)state;
    assert_int_equal(patient_with("99999999999999999999", 300), 300 * PATIENCE_MAX);
    assert_int_equal(patient_with("20", INT_MAX / 2), INT_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_is_longer_by_the_factor),
        cmocka_unit_test(a_factor_that_is_none_is_left_out),
        cmocka_unit_test(no_factor_is_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
