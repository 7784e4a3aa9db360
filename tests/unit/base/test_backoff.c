#include "base/backoff.h"
#include "support/check.h"

static void it_doubles_up_to_the_maximum(void **state) {
    (void)state;
    const uint64_t steps[] = {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    struct backoff backoff = {.first_ms = 50, .max_ms = 5000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_in_range(backoff_next_ms(&backoff), steps[i] / 2, steps[i]);
    backoff.failures = 0;
    assert_in_range(backoff_next_ms(&backoff), 25, 50);
}

static void many_failures_do_not_overflow(void **state) {
    (void)state;
    struct backoff backoff = {.first_ms = 3, .max_ms = UINT64_C(1) << 40, .failures = 4000000000u};
    assert_in_range(backoff_next_ms(&backoff), UINT64_C(1) << 39, UINT64_C(1) << 40);
}

static void it_is_not_always_the_same(void **state) {
    (void)state;
    uint64_t first = 0, different = 0;
    for (int i = 0; i < 50; i++) {
        struct backoff backoff = {.first_ms = 100000, .max_ms = 100000};
        uint64_t ms = backoff_next_ms(&backoff);
        first = i == 0 ? ms : first;
        different += ms != first ? 1 : 0;
    }
    assert_true(different > 0);
}

static void a_step_of_one_stays_above_zero(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct backoff backoff = {.first_ms = 1, .max_ms = 1};
        assert_int_equal(backoff_next_ms(&backoff), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_doubles_up_to_the_maximum),
        cmocka_unit_test(many_failures_do_not_overflow),
        cmocka_unit_test(it_is_not_always_the_same),
        cmocka_unit_test(a_step_of_one_stays_above_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
