/* Trying again: each thing after its own back-off, in order, and without waiting for another. */
#include "engine/retries.h"

#include "support/check.h"
#include "support/loop.h"

#include <string.h>

enum { THINGS = 5 };

struct thing {
    struct retry retry;
    int times; /* it was tried */
    int fails; /* so often more it fails */
    uint64_t first_ms;
};

static struct fixture {
    uv_loop_t loop;
    struct retries *retries;
    struct thing things[THINGS];
    char order[64];
} f;

static void on_again(struct retry *retry) {
    struct thing *thing = (struct thing *)retry;
    f.order[strlen(f.order)] = (char)('a' + (thing - f.things));
    if (thing->times++ == 0)
        thing->first_ms = uv_now(&f.loop);
    if (thing->fails-- > 0)
        retries_add(f.retries, retry);
}

static void add(int index, uint64_t first_ms, int fails) {
    struct thing *thing = &f.things[index];
    *thing = (struct thing){.fails = fails, .retry.backoff = {.first_ms = first_ms, .max_ms = 60000}};
    retries_add(f.retries, &thing->retry);
}

static int open_fixture(void **state) {
    (void)state;
    memset(&f, 0, sizeof f);
    uv_loop_init(&f.loop);
    f.retries = retries_new(&f.loop, on_again);
    return f.retries ? 0 : -1;
}

static int close_fixture(void **state) {
    (void)state;
    retries_free(&f.retries);
    loop_close(&f.loop);
    return 0;
}

static bool was_tried(void *context) {
    const struct thing *thing = context;
    return thing->times > 0;
}

static void one_that_waits_long_holds_up_no_other(void **state) {
    (void)state;
    add(0, 60000, 0);
    add(1, 40, 0);
    loop_until(&f.loop, was_tried, &f.things[1], 5000, "the short one");
    assert_int_equal(f.things[0].times, 0);
    assert_ptr_equal(retries_take(f.retries), &f.things[0].retry);
    assert_null(retries_take(f.retries));
}

static void a_later_one_may_be_due_earlier(void **state) {
    (void)state;
    uint64_t start = uv_now(&f.loop);
    add(0, 2000, 0);
    add(1, 20, 0);
    loop_until(&f.loop, was_tried, &f.things[1], 5000, "the later one");
    assert_in_range(f.things[1].first_ms - start, 10, 1000);
    loop_until(&f.loop, was_tried, &f.things[0], 5000, "the first one");
    assert_in_range(f.things[0].first_ms - start, 1000, 5000);
}

/* Each is tried once, although it is added again in its turn. */
static void now_is_once_for_each_and_in_order(void **state) {
    (void)state;
    for (int i = 0; i < THINGS; i++)
        add(i, 30000, i == 2 ? 1 : 0);
    retries_now(f.retries);
    assert_string_equal(f.order, "abcde");
    retries_now(f.retries);
    assert_string_equal(f.order, "abcdec");
    retries_now(f.retries);
    assert_string_equal(f.order, "abcdec");
}

static void what_fails_is_tried_less_and_less_often(void **state) {
    (void)state;
    add(0, 1000, 3);
    for (int i = 0; i < 3; i++) {
        uint64_t step = (uint64_t)1000 << i;
        assert_in_range(f.things[0].retry.due_ms - uv_now(&f.loop), step / 2, step + 50);
        retries_now(f.retries);
    }
    assert_int_equal(f.things[0].times, 3);
    assert_non_null(retries_take(f.retries));
}

#define with(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        with(one_that_waits_long_holds_up_no_other),
        with(a_later_one_may_be_due_earlier),
        with(now_is_once_for_each_and_in_order),
        with(what_fails_is_tried_less_and_less_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
