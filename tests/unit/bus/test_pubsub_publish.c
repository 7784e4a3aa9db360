/* What no server does on demand; the rest is tests/integration/test_pubsub_publish.c. */
#include "bus/pubsub_publish.h"
#include "support/check.h"
#include "support/loop.h"
#include "unit/bus/fake_rpc.h"

enum { WAIT_MS = 5000, KEYS = 100, REQUESTS_MAX = 64 };

static uv_loop_t loop;
static struct pubsub_timers timers;
static struct pubsub_flush *flush;
static struct pubsub_publisher *publisher;
static struct {
    int times;
    struct result result;
    char id[16];
} told[KEYS];

static int set_up(void **state) {
    (void)state;
    fake_rpc_reset();
    memset(told, 0, sizeof told);
    uv_loop_init(&loop);
    pubsub_timers_init(&timers, &loop);
    flush = pubsub_flush_new(&timers);
    publisher = pubsub_publisher_new(&timers, flush, NULL);
    return publisher ? 0 : -1;
}

static void free_all(void *context) {
    (void)context;
    assert_true(pubsub_publisher_idle(publisher));
    pubsub_publisher_free(&publisher);
    pubsub_flush_free(&flush);
}

static int tear_down(void **state) {
    (void)state;
    pubsub_timers_close(&timers, free_all, NULL);
    loop_close(&loop);
    fake_rpc_reset();
    return 0;
}

static void on_published(void *context, struct result result, const char *message_id) {
    size_t number = (size_t)(uintptr_t)context;
    told[number].times++;
    told[number].result = result;
    snprintf(told[number].id, sizeof told[number].id, "%s", message_id ? message_id : "");
}

static void publish(size_t number, const char *key) {
    struct message message = {.data = "x", .size = 1, .ordering_key = key};
    pubsub_publish(publisher, "t", &message, on_published, (void *)(uintptr_t)number);
}

static bool called(void *context) {
    return fake_rpc.call_count >= *(const size_t *)context;
}

static void await_calls(size_t count) {
    loop_until(&loop, called, &count, WAIT_MS, "a request");
    assert_int_equal(fake_rpc.call_count, count);
}

static void confirm(size_t call, char **ids, size_t count) {
    Google__Pubsub__V1__PublishResponse response = GOOGLE__PUBSUB__V1__PUBLISH_RESPONSE__INIT;
    response.message_ids = ids;
    response.n_message_ids = count;
    fake_rpc_respond(call, &response.base);
}

static void ids_go_to_their_messages(void **state) {
    (void)state;
    publish(0, NULL);
    publish(1, NULL);
    await_calls(1);
    confirm(0, (char *[]){(char *)"a", (char *)"b"}, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(told[i].times, 1);
        check_ok(told[i].result);
        assert_int_equal(told[i].id[0], "ab"[i]);
    }
}

/* Whether a message was published is then not known, so it was not confirmed. */
static void an_answer_with_too_few_ids_confirms_nothing(void **state) {
    (void)state;
    publish(0, "k");
    publish(1, "k");
    await_calls(1);
    publish(2, "k");
    confirm(0, (char *[]){(char *)"a"}, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(told[i].times, 1);
        check_fails(told[i].result, CODE_UNAVAILABLE, "cannot be read");
    }
}

static void only_so_many_requests_are_under_way(void **state) {
    (void)state;
    char keys[KEYS][8];
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "%zu", i);
        publish(i, keys[i]);
    }
    await_calls(REQUESTS_MAX);
    confirm(5, (char *[]){(char *)"a"}, 1);
    assert_int_equal(fake_rpc.call_count, REQUESTS_MAX + 1);
    for (size_t i = 0; i < fake_rpc.call_count; i++)
        if (i != 5)
            confirm(i, (char *[]){(char *)"a"}, 1);
    assert_int_equal(fake_rpc.call_count, KEYS);
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(told[i].times, 1);
}

static bool second_is_told(void *context) {
    (void)context;
    return told[1].times > 0;
}

static void a_request_that_cannot_start_fails_as_unavailable(void **state) {
    (void)state;
    fake_rpc.refuse = 1;
    publish(0, "k");
    publish(1, "k");
    assert_int_equal(told[0].times, 0);
    loop_until(&loop, second_is_told, NULL, WAIT_MS, "the failure");
    for (size_t i = 0; i < 2; i++) {
        check_fails(told[i].result, CODE_UNAVAILABLE, "the test refuses");
        assert_true(told[i].result.retryable);
    }
    publish(2, "k");
    await_calls(1);
    confirm(0, (char *[]){(char *)"c"}, 1);
    check_ok(told[2].result);
}

/* A caller that publishes again at once keeps the order of its own calls. */
static void on_failed_again(void *context, struct result result, const char *message_id) {
    size_t number = (size_t)(uintptr_t)context;
    on_published(context, result, message_id);
    if (number < 2)
        publish(number + 10, "k");
}

static void what_is_published_from_a_failure_does_not_fail_with_it(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char data[] = {(char)('0' + i)};
        struct message message = {.data = data, .size = 1, .ordering_key = "k"};
        pubsub_publish(publisher, "t", &message, on_failed_again, (void *)(uintptr_t)i);
    }
    await_calls(1);
    fake_rpc_answer(0, RPC_UNAVAILABLE);
    assert_int_equal(told[1].times, 1);
    assert_int_equal(told[10].times, 0);
    if (fake_rpc.call_count == 1)
        await_calls(2);
    confirm(1, (char *[]){(char *)"a", (char *)"b"}, 2);
    check_ok(told[10].result);
    assert_string_equal(told[10].id, "a");
    assert_string_equal(told[11].id, "b");
}

static void a_flush_does_not_wait_for_company(void **state) {
    (void)state;
    publish(0, NULL);
    pubsub_publisher_flush(publisher);
    assert_int_equal(fake_rpc.call_count, 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(fake_rpc.call_count, 1);
    confirm(0, (char *[]){(char *)"a"}, 1);
}

/* Publishes one more and waits until its fate is known or it has been sent; says which. */
static bool is_sent(size_t number) {
    size_t before = fake_rpc.call_count;
    publish(number, NULL);
    uint64_t end = uv_hrtime() + (uint64_t)WAIT_MS * 1000000;
    while (told[number].times == 0 && fake_rpc.call_count == before && uv_hrtime() < end)
        uv_run(&loop, UV_RUN_ONCE);
    return fake_rpc.call_count > before;
}

static bool is_time_to_ask(void *context) {
    const uint64_t *end_ms = context;
    return uv_now(&loop) >= *end_ms;
}

/* Two were under way; the others are not sent, until one of them finds that the quota is there again. */
static void a_quota_that_is_used_up_is_left_alone(void **state) {
    (void)state;
    assert_true(is_sent(0) && is_sent(1));
    fake_rpc_answer(0, RPC_RESOURCE_EXHAUSTED);
    fake_rpc_answer(1, RPC_RESOURCE_EXHAUSTED);
    check_fails(told[0].result, CODE_UNAVAILABLE, "RESOURCE_EXHAUSTED");
    uint64_t first_ms = uv_now(&loop) + 450, last_ms = first_ms + 1000; /* half a step of 1 s, at least */
    for (size_t i = 2; uv_now(&loop) < first_ms && i < 40; i++) {
        assert_false(is_sent(i));
        check_fails(told[i].result, CODE_UNAVAILABLE, "quota is used up");
        assert_true(told[i].result.retryable);
    }
    loop_until(&loop, is_time_to_ask, &last_ms, WAIT_MS, "the time to ask again");
    assert_true(is_sent(50));
    assert_false(is_sent(51)); /* not before the first one is answered */
    fake_rpc_answer(2, RPC_RESOURCE_EXHAUSTED);
    assert_false(is_sent(52));
    last_ms = uv_now(&loop) + 2000;
    loop_until(&loop, is_time_to_ask, &last_ms, WAIT_MS, "the time to ask again");
    assert_true(is_sent(53));
    confirm(3, (char *[]){(char *)"a"}, 1);
    assert_true(is_sent(54) && is_sent(55));
    confirm(4, (char *[]){(char *)"b"}, 1);
    confirm(5, (char *[]){(char *)"c"}, 1);
}

static void a_close_fails_everything(void **state) {
    (void)state;
    publish(0, "k");
    await_calls(1);
    publish(1, "k");
    publish(2, NULL);
    pubsub_publisher_close(publisher);
    assert_true(fake_rpc.calls[0].cancelled);
    assert_int_equal(told[0].times + told[1].times + told[2].times, 0);
    fake_rpc_answer(0, RPC_CANCELLED);
    for (size_t i = 0; i < 3; i++) {
        if (told[i].times == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
        check_fails(told[i].result, CODE_UNAVAILABLE, "clos");
    }
    assert_int_equal(fake_rpc.call_count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids_go_to_their_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_with_too_few_ids_confirms_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_so_many_requests_are_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_cannot_start_fails_as_unavailable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_published_from_a_failure_does_not_fail_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flush_does_not_wait_for_company, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_quota_that_is_used_up_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_close_fails_everything, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
