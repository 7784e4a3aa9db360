#include "bus/pubsub_late.h"
#include "support/check.h"
#include "support/loop.h"

#include <string.h>

static uv_loop_t loop;
static struct pubsub_timers timers;
static struct pubsub_late late;
static char told[16];

static int set_up(void **state) {
    (void)state;
    told[0] = '\0';
    uv_loop_init(&loop);
    pubsub_timers_init(&timers, &loop);
    pubsub_late_init(&late, &timers);
    return 0;
}

static void nothing(void *context) {
    (void)context;
}

static int tear_down(void **state) {
    (void)state;
    pubsub_timers_close(&timers, nothing, NULL);
    loop_close(&loop);
    return 0;
}

static void on_done(void *context, struct result result) {
    check_fails(result, CODE_INVALID, "wrong");
    strcat(told, context);
}

static void on_published(void *context, struct result result, const char *message_id) {
    assert_null(message_id);
    on_done(context, result);
}

static void on_done_add(void *context, struct result result) {
    on_done(context, result);
    pubsub_late_done(&late, on_done, (void *)"d", fail(CODE_INVALID, "wrong"));
}

static bool is_idle(void *context) {
    (void)context;
    return pubsub_late_idle(&late);
}

static void failures_are_told_later_and_in_order(void **state) {
    (void)state;
    assert_true(pubsub_late_idle(&late));
    pubsub_late_done(&late, on_done, (void *)"a", fail(CODE_INVALID, "wrong"));
    pubsub_late_published(&late, on_published, (void *)"b", fail(CODE_INVALID, "wrong"));
    pubsub_late_done(&late, on_done_add, (void *)"c", fail(CODE_INVALID, "wrong"));
    assert_string_equal(told, "");
    assert_false(pubsub_late_idle(&late));
    loop_until(&loop, is_idle, NULL, 5000, "failures to be told");
    assert_string_equal(told, "abcd");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(failures_are_told_later_and_in_order, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
