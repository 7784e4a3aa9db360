#include "bus/pubsub_backoff.h"
#include "support/check.h"

static void doubles_up_to_its_most(void **state) {
    (void)state;
    struct pubsub_backoff backoff = {.least_ms = 100, .most_ms = 1000};
    static const uint64_t steps[] = {100, 200, 400, 800, 1000, 1000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct pubsub_backoff copy = backoff;
        assert_int_equal(pubsub_backoff_next(&copy, 0), steps[i] - steps[i] / 2);
        /* The largest jitter: step / 2 of step / 2 + 1 values. */
        assert_int_equal(pubsub_backoff_next(&backoff, (uint32_t)(steps[i] / 2)), steps[i]);
    }
}

static void stays_within_half_and_whole(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct pubsub_backoff backoff = {.least_ms = 100, .most_ms = 1000};
        uint64_t wait = pubsub_backoff_next(&backoff, pubsub_random());
        assert_in_range(wait, 50, 100);
    }
}

static void starts_anew_after_a_success(void **state) {
    (void)state;
    struct pubsub_backoff backoff = {.least_ms = 100, .most_ms = 1000};
    for (int i = 0; i < 5; i++)
        pubsub_backoff_next(&backoff, 0);
    pubsub_backoff_reset(&backoff);
    assert_int_equal(pubsub_backoff_next(&backoff, 0), 50);
}

static void does_not_overflow(void **state) {
    (void)state;
    struct pubsub_backoff backoff = {.least_ms = UINT32_MAX - 1, .most_ms = UINT32_MAX};
    pubsub_backoff_next(&backoff, 0);
    assert_in_range(pubsub_backoff_next(&backoff, UINT32_MAX), UINT32_MAX / 2, UINT32_MAX);
    struct pubsub_backoff tiny = {.least_ms = 1, .most_ms = 1};
    assert_int_equal(pubsub_backoff_next(&tiny, 7), 1);
}

static void random_numbers_differ(void **state) {
    (void)state;
    uint32_t first = pubsub_random(), same = 0;
    for (int i = 0; i < 8; i++)
        same += pubsub_random() == first;
    assert_true(same < 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_its_most),
        cmocka_unit_test(stays_within_half_and_whole),
        cmocka_unit_test(starts_anew_after_a_success),
        cmocka_unit_test(does_not_overflow),
        cmocka_unit_test(random_numbers_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
