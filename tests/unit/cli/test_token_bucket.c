#include "cli/token_bucket.h"

#include "support/check.h"

static int take_all(struct token_bucket *bucket, int64_t now_ms) {
    int taken = 0;
    while (taken < 1000000 && token_bucket_take(bucket, now_ms))
        taken++;
    return taken;
}

static void without_a_rate_there_is_always_one(void **state) {
    (void)state;
    struct token_bucket bucket = token_bucket_new(0, 0);
    assert_int_equal(take_all(&bucket, 0), 1000000);
    assert_int_equal(token_bucket_wait_ms(&bucket), 0);
}

static void a_second_brings_the_rate(void **state) {
    (void)state;
    static const int64_t rates[] = {1, 3, 19, 20, 100, 977, TOKEN_RATE_MAX};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct token_bucket bucket = token_bucket_new(rates[i], 5000);
        take_all(&bucket, 5000);
        int64_t taken = 0;
        for (int64_t now_ms = 5001; now_ms <= 15000; now_ms++)
            taken += take_all(&bucket, now_ms);
        assert_int_equal(taken, rates[i] * 10);
    }
}

static void it_holds_a_twentieth_of_a_second(void **state) {
    (void)state;
    struct token_bucket bucket = token_bucket_new(100, 0);
    assert_int_equal(take_all(&bucket, 0), 5);
    assert_int_equal(take_all(&bucket, 3600000), 5);
    struct token_bucket slow = token_bucket_new(1, 0);
    assert_int_equal(take_all(&slow, INT64_MAX / 2), 1);
}

static void the_wait_is_over_when_it_says(void **state) {
    (void)state;
    struct token_bucket bucket = token_bucket_new(3, 0);
    assert_int_equal(token_bucket_wait_ms(&bucket), 0);
    assert_true(token_bucket_take(&bucket, 0));
    assert_int_equal(token_bucket_wait_ms(&bucket), 334);
    assert_false(token_bucket_take(&bucket, 333));
    assert_int_equal(token_bucket_wait_ms(&bucket), 1);
    assert_true(token_bucket_take(&bucket, 334));
}

static void a_clock_that_stands_still_brings_nothing(void **state) {
    (void)state;
    struct token_bucket bucket = token_bucket_new(1, 1000);
    assert_true(token_bucket_take(&bucket, 1000));
    assert_false(token_bucket_take(&bucket, 1000));
    assert_false(token_bucket_take(&bucket, 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_there_is_always_one),
        cmocka_unit_test(a_second_brings_the_rate),
        cmocka_unit_test(it_holds_a_twentieth_of_a_second),
        cmocka_unit_test(the_wait_is_over_when_it_says),
        cmocka_unit_test(a_clock_that_stands_still_brings_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
