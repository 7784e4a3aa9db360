/* Which entries of an outbox have been there for too long. */
#include "engine/overdue.h"

#include "support/check.h"

#include <stdio.h>

enum { AGE = 600 };

static struct overdue overdue;

/* One reading; names ends in NULL. */
static const struct overdue_entry *read_at(int64_t now_ms, const char *const *fields) {
    overdue_begin(&overdue);
    for (; *fields; fields++)
        overdue_note(&overdue, *fields, now_ms);
    return overdue_end(&overdue, now_ms, AGE);
}

#define READ(now_ms, ...) read_at((now_ms), (const char *const[]){__VA_ARGS__, NULL})

static void what_stays_is_overdue(void **state) {
    (void)state;
    assert_null(READ(1000, "a", "b"));
    assert_null(READ(1599, "a", "b"));
    const struct overdue_entry *oldest = READ(1600, "a", "b");
    assert_string_equal(oldest->field, "a");
    assert_int_equal(oldest->since_ms, 1000);
    assert_int_equal(overdue.noted, 2);
}

/* What comes and goes is not, however long there is something. */
static void what_comes_and_goes_is_not(void **state) {
    (void)state;
    char field[32], next[32] = "0";
    for (int i = 0; i < 20; i++) {
        snprintf(field, sizeof field, "%s", next);
        snprintf(next, sizeof next, "%d", i + 1);
        assert_null(READ(i * AGE / 2, field, next));
    }
}

static void one_that_left_begins_anew(void **state) {
    (void)state;
    assert_null(READ(1000, "a"));
    overdue_begin(&overdue);
    assert_null(overdue_end(&overdue, 1300, AGE));
    assert_null(READ(1600, "a"));
    assert_non_null(READ(2200, "a"));
}

/* Those past the maximum take the places of those that leave. */
static void many(void **state) {
    char names[3 * OVERDUE_WATCHED][8];
    const char *fields[3 * OVERDUE_WATCHED + 1] = {NULL};
    (void)state;
    for (int i = 0; i < 3 * OVERDUE_WATCHED; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        fields[i] = names[i];
    }
    assert_null(read_at(1000, fields));
    assert_int_equal(overdue.count, OVERDUE_WATCHED);
    assert_int_equal(overdue.noted, 3 * OVERDUE_WATCHED);
    assert_null(read_at(1300, fields + OVERDUE_WATCHED));
    assert_null(read_at(1599, fields + OVERDUE_WATCHED)); /* seen first in the reading at 1300, or later */
    assert_non_null(read_at(2300, fields + OVERDUE_WATCHED));
}

static void a_name_that_is_too_long_is_passed_over(void **state) {
    (void)state;
    assert_null(READ(1000, "0123456789012345678901234567890123456789"));
    assert_int_equal(overdue.count, 0);
}

static int setup(void **state) {
    (void)state;
    overdue = (struct overdue){.count = 0};
    return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_stays_is_overdue),
        TEST(what_comes_and_goes_is_not),
        TEST(one_that_left_begins_anew),
        TEST(many),
        TEST(a_name_that_is_too_long_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
