#include "bus/pubsub_flush.h"
#include "support/check.h"
#include "support/loop.h"

enum { QUIET_MS = 30, WAIT_MS = 5000 };

struct told {
    int times;
    struct result result;
};

static uv_loop_t loop;
static struct pubsub_timers timers;
static struct pubsub_flush *flush;

static int set_up(void **state) {
    (void)state;
    uv_loop_init(&loop);
    pubsub_timers_init(&timers, &loop);
    flush = pubsub_flush_new(&timers);
    return flush ? 0 : -1;
}

static void free_flush(void *context) {
    (void)context;
    pubsub_flush_free(&flush);
}

static int tear_down(void **state) {
    (void)state;
    pubsub_timers_close(&timers, free_flush, NULL);
    loop_close(&loop);
    return 0;
}

static void on_done(void *context, struct result result) {
    struct told *told = context;
    told->times++;
    told->result = result;
}

static bool is_told(void *context) {
    return ((struct told *)context)->times > 0;
}

static void wait_for(struct told *told) {
    loop_until(&loop, is_told, told, WAIT_MS, "the flush");
    assert_int_equal(told->times, 1);
}

static void nothing_is_flushed_at_once_but_not_inside_the_call(void **state) {
    (void)state;
    struct told told = {0};
    pubsub_flush_wait(flush, on_done, &told);
    assert_int_equal(told.times, 0);
    wait_for(&told);
    check_ok(told.result);
}

static void waits_for_what_was_begun_before(void **state) {
    (void)state;
    struct told told = {0};
    struct pubsub_ticket before, after;
    pubsub_ticket_take(flush, &before);
    pubsub_flush_wait(flush, on_done, &told);
    pubsub_ticket_take(flush, &after);
    loop_never(&loop, is_told, &told, QUIET_MS, "a flush before the end");
    pubsub_ticket_return(flush, &before, true);
    wait_for(&told);
    check_ok(told.result);
    pubsub_ticket_return(flush, &after, true);
}

static void a_later_flush_waits_for_the_earlier_ones(void **state) {
    (void)state;
    struct told first = {0}, second = {0};
    struct pubsub_ticket one, two;
    pubsub_ticket_take(flush, &one);
    pubsub_flush_wait(flush, on_done, &first);
    pubsub_ticket_take(flush, &two);
    pubsub_flush_wait(flush, on_done, &second);
    pubsub_ticket_return(flush, &two, true);
    loop_never(&loop, is_told, &second, QUIET_MS, "the second flush before the first");
    pubsub_ticket_return(flush, &one, true);
    wait_for(&first);
    wait_for(&second);
}

static void what_is_stuck_is_said_and_not_waited_for(void **state) {
    (void)state;
    struct told first = {0}, second = {0}, third = {0};
    struct pubsub_ticket one, two;
    pubsub_ticket_take(flush, &one);
    pubsub_ticket_take(flush, &two);
    pubsub_flush_wait(flush, on_done, &first);
    pubsub_ticket_return(flush, &two, true);
    loop_never(&loop, is_told, &first, QUIET_MS, "a flush before the end");
    pubsub_ticket_stick(flush, &one);
    pubsub_ticket_stick(flush, &one);
    wait_for(&first);
    check_fails(first.result, CODE_UNAVAILABLE, "1 yet");
    pubsub_flush_wait(flush, on_done, &second); /* still stuck */
    wait_for(&second);
    check_fails(second.result, CODE_UNAVAILABLE, "1 yet");
    pubsub_ticket_return(flush, &one, true);
    pubsub_flush_wait(flush, on_done, &third);
    wait_for(&third);
    check_ok(third.result);
}

static void what_was_given_up_is_said_once(void **state) {
    (void)state;
    struct told first = {0}, second = {0};
    struct pubsub_ticket ticket;
    pubsub_ticket_take(flush, &ticket);
    pubsub_ticket_return(flush, &ticket, false);
    pubsub_ticket_return(flush, &ticket, false); /* not taken any more */
    pubsub_flush_wait(flush, on_done, &first);
    wait_for(&first);
    check_fails(first.result, CODE_UNAVAILABLE, "1 yet");
    pubsub_flush_wait(flush, on_done, &second);
    wait_for(&second);
    check_ok(second.result);
}

static void an_abort_ends_every_flush(void **state) {
    (void)state;
    struct told told[2] = {0};
    struct pubsub_ticket ticket;
    pubsub_ticket_take(flush, &ticket);
    pubsub_flush_wait(flush, on_done, &told[0]);
    pubsub_flush_wait(flush, on_done, &told[1]);
    pubsub_flush_abort(flush, fail(CODE_UNAVAILABLE, "closed"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(told[i].times, 1);
        check_fails(told[i].result, CODE_UNAVAILABLE, "closed");
    }
    pubsub_ticket_return(flush, &ticket, true);
    loop_never(&loop, is_told, &(struct told){0}, QUIET_MS, "");
    assert_int_equal(told[0].times + told[1].times, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            nothing_is_flushed_at_once_but_not_inside_the_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_what_was_begun_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_flush_waits_for_the_earlier_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_stuck_is_said_and_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_given_up_is_said_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abort_ends_every_flush, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
