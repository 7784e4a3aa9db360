#include "bus/streams_flush.h"
#include "support/check.h"

struct heard {
    int calls;
    struct result result;
};

static void on_done(void *context, struct result result) {
    struct heard *heard = context;
    heard->calls++;
    heard->result = result;
}

static void a_round_is_over_when_all_that_joined_has_left(void **state) {
    (void)state;
    struct flush_queue queue;
    struct heard heard = {0};
    assert_true(flush_open(&queue));
    struct flush_round *one = flush_join(&queue), *two = flush_join(&queue);
    assert_true(flush_ask(&queue, on_done, &heard));
    struct flush_round *later = flush_join(&queue);
    flush_leave(one, true);
    flush_settle(&queue);
    assert_int_equal(heard.calls, 0);
    flush_leave(two, true);
    assert_int_equal(heard.calls, 0); /* only when settling */
    flush_settle(&queue);
    flush_settle(&queue);
    assert_int_equal(heard.calls, 1);
    check_ok(heard.result);
    flush_leave(later, true);
    flush_close(&queue);
}

static void an_empty_round_is_over_at_once(void **state) {
    (void)state;
    struct flush_queue queue;
    struct heard heard = {0};
    assert_true(flush_open(&queue));
    assert_true(flush_ask(&queue, on_done, &heard));
    flush_settle(&queue);
    assert_int_equal(heard.calls, 1);
    check_ok(heard.result);
    flush_close(&queue);
}

static void rounds_end_in_their_order(void **state) {
    (void)state;
    struct flush_queue queue;
    struct heard first = {0}, second = {0};
    assert_true(flush_open(&queue));
    struct flush_round *slow = flush_join(&queue);
    assert_true(flush_ask(&queue, on_done, &first));
    struct flush_round *fast = flush_join(&queue);
    assert_true(flush_ask(&queue, on_done, &second));
    flush_leave(fast, true);
    flush_settle(&queue);
    assert_int_equal(second.calls, 0);
    flush_leave(slow, true);
    flush_settle(&queue);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 1);
    flush_close(&queue);
}

static void a_failure_after_asking_is_told_and_one_before_is_not(void **state) {
    (void)state;
    struct flush_queue queue;
    struct heard first = {0}, second = {0};
    assert_true(flush_open(&queue));
    flush_leave(flush_join(&queue), false);
    assert_true(flush_ask(&queue, on_done, &first));
    struct flush_round *failing = flush_join(&queue);
    assert_true(flush_ask(&queue, on_done, &second));
    flush_leave(failing, false);
    flush_settle(&queue);
    check_ok(first.result);
    check_fails(second.result, CODE_UNAVAILABLE, "not everything");
    flush_close(&queue);
}

static void what_is_postponed_counts_for_the_next_flush_too(void **state) {
    (void)state;
    struct flush_queue queue;
    struct heard first = {0}, second = {0};
    assert_true(flush_open(&queue));
    struct flush_round *round = flush_join(&queue);
    assert_ptr_equal(flush_postpone(&queue, round), round); /* nobody has asked */
    assert_true(flush_ask(&queue, on_done, &first));
    round = flush_postpone(&queue, round);
    flush_settle(&queue);
    check_fails(first.result, CODE_UNAVAILABLE, "not everything");
    assert_true(flush_ask(&queue, on_done, &second));
    flush_settle(&queue);
    assert_int_equal(second.calls, 0);
    flush_leave(round, true);
    flush_settle(&queue);
    check_ok(second.result);
    flush_close(&queue);
}

static void closing_tells_everybody(void **state) {
    (void)state;
    struct flush_queue queue;
    struct heard first = {0}, second = {0};
    assert_true(flush_open(&queue));
    assert_true(flush_ask(&queue, on_done, &first));
    flush_join(&queue);
    assert_true(flush_ask(&queue, on_done, &second));
    flush_close(&queue);
    check_ok(first.result);
    check_fails(second.result, CODE_UNAVAILABLE, "not everything");
    assert_int_equal(first.calls + second.calls, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_is_over_when_all_that_joined_has_left),
        cmocka_unit_test(an_empty_round_is_over_at_once),
        cmocka_unit_test(rounds_end_in_their_order),
        cmocka_unit_test(a_failure_after_asking_is_told_and_one_before_is_not),
        cmocka_unit_test(what_is_postponed_counts_for_the_next_flush_too),
        cmocka_unit_test(closing_tells_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
