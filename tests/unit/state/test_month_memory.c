/* What is remembered of a month, and when an answer shows that its slot has forgotten. */
#include "state/month_memory.h"

#include "support/check.h"
#include "support/nba.h"

enum { NOVEMBER = 18932 /* 2021-11-01 */ };

static struct month_memories memories;

static struct month_memory *november(void) {
    return month_memory_of(&memories, nba_pipeline(), NOVEMBER);
}

static void a_month_is_one_whatever_its_date(void **state) {
    static const struct pipeline other;
    (void)state;
    assert_non_null(november());
    assert_ptr_equal(month_memory_of(&memories, nba_pipeline(), NOVEMBER + 29), november());
    assert_ptr_not_equal(month_memory_of(&memories, nba_pipeline(), NOVEMBER + 30), november());
    assert_ptr_not_equal(month_memory_of(&memories, &other, NOVEMBER), november());
}

static void far_years_are_not_remembered(void **state) {
    (void)state;
    assert_null(month_memory_of(&memories, nba_pipeline(), -25568)); /* 1899-12-31 */
    assert_non_null(month_memory_of(&memories, nba_pipeline(), -25567));
    assert_non_null(month_memory_of(&memories, nba_pipeline(), 47481)); /* 2099-12-31 */
    assert_null(month_memory_of(&memories, nba_pipeline(), 47482));
    month_step_answered(month_step_of(NULL), 1);
}

static void a_count_that_grows_is_remembered(void **state) {
    (void)state;
    for (int64_t count = 1; count < 5; count++)
        month_step_answered(month_step_of(november()), count);
    assert_int_equal(november()->own, 4);
    assert_false(november()->lost);
}

static void a_count_that_was_reached_before_it_was_sent_is_a_loss(void **state) {
    (void)state;
    month_step_answered(month_step_of(november()), 4);
    assert_false(month_memories_changed(&memories, nba_pipeline()));
    month_step_answered(month_step_of(november()), 4);
    assert_true(november()->lost);
    assert_true(month_memories_changed(&memories, nba_pipeline())); /* so that it is looked at */
}

/* Sent together, answered by two nodes while the slot moved. */
static void answers_that_overtake_each_other_are_none(void **state) {
    (void)state;
    struct month_step first = month_step_of(november()), second = month_step_of(november());
    month_step_answered(second, 2);
    month_step_answered(first, 1);
    assert_false(november()->lost);
    assert_int_equal(november()->own, 2);
}

/* What was sent before a loss was noted says nothing more. */
static void after_a_loss_it_begins_anew(void **state) {
    (void)state;
    month_step_answered(month_step_of(november()), 9);
    struct month_step before = month_step_of(november());
    month_memory_begin_anew(november(), 1);
    month_step_answered(before, 2);
    assert_false(november()->lost);
    assert_int_equal(november()->own, 0);
    assert_int_equal(november()->losses, 1);
    month_step_answered(month_step_of(november()), 3);
    assert_int_equal(november()->own, 3);
}

static int forget(void **state) {
    (void)state;
    month_memories_free(&memories);
    return 0;
}

#define TEST(function) cmocka_unit_test_teardown(function, forget)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_month_is_one_whatever_its_date),
        TEST(far_years_are_not_remembered),
        TEST(a_count_that_grows_is_remembered),
        TEST(a_count_that_was_reached_before_it_was_sent_is_a_loss),
        TEST(answers_that_overtake_each_other_are_none),
        TEST(after_a_loss_it_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
