#include "bus/pubsub_stream.h"
#include "support/check.h"
#include "support/loop.h"
#include "unit/bus/fake_rpc.h"

enum { WAIT_MS = 5000, QUIET_MS = 100, PING_MS = 50 };

static uv_loop_t loop;
static struct pubsub_timers timers;
static struct pubsub_stream stream;
static struct pubsub_stream_settings settings;
static struct {
    bool wanted;
    int responses, healthy, failed, closed;
    enum rpc_status status;
} seen;

static bool wanted(void *context) {
    (void)context;
    return seen.wanted;
}

static void on_response(void *context, const uint8_t *data, size_t size) {
    (void)context;
    assert_int_equal(size, 1);
    assert_int_equal(*data, 'x');
    seen.responses++;
}

static void on_healthy(void *context) {
    (void)context;
    seen.healthy++;
}

static void on_failed(void *context, const struct rpc_reply *reply) {
    (void)context;
    seen.failed++;
    seen.status = reply->status;
}

static void on_closed(void *context) {
    (void)context;
    seen.closed++;
}

static int set_up(void **state) {
    (void)state;
    fake_rpc_reset();
    memset(&seen, 0, sizeof seen);
    seen.wanted = true;
    uv_loop_init(&loop);
    pubsub_timers_init(&timers, &loop);
    settings = (struct pubsub_stream_settings){.timers = &timers,
        .subscription = "s",
        .client_id = "c",
        .lease_seconds = 30,
        .bytes_max = 1000,
        .ping_ms = PING_MS,
        .wanted = wanted,
        .on_response = on_response,
        .on_healthy = on_healthy,
        .on_failed = on_failed,
        .on_closed = on_closed};
    pubsub_stream_start(&stream, &settings, 250);
    return 0;
}

static void nothing(void *context) {
    (void)context;
}

static int tear_down(void **state) {
    (void)state;
    pubsub_timers_close(&timers, nothing, NULL);
    loop_close(&loop);
    fake_rpc_reset();
    return 0;
}

static struct rpc_stream *newest(void) {
    return &fake_rpc.streams[fake_rpc.stream_count - 1];
}

static void give_message(void) {
    assert_int_equal(newest()->reads, 1);
    newest()->reads = 0;
    newest()->events.on_message(newest()->events.context, (const uint8_t *)"x", 1);
}

static void end(enum rpc_status status) {
    newest()->events.on_end(newest()->events.context, &(struct rpc_reply){.status = status, .text = ""});
}

static bool opened(void *context) {
    return fake_rpc.stream_count >= *(const size_t *)context;
}

/* How long it takes until the next stream is opened. */
static uint64_t await_open(void) {
    size_t count = fake_rpc.stream_count + 1;
    uint64_t begun = uv_hrtime();
    loop_until(&loop, opened, &count, WAIT_MS, "the stream to open again");
    return (uv_hrtime() - begun) / 1000000;
}

static bool is_healthy(void *context) {
    (void)context;
    return seen.healthy > 0;
}

static void says_what_it_wants(void **state) {
    (void)state;
    assert_int_equal(fake_rpc.stream_count, 1);
    const Google__Pubsub__V1__StreamingPullRequest *first =
        (const Google__Pubsub__V1__StreamingPullRequest *)newest()->request;
    assert_string_equal(first->subscription, "s");
    assert_string_equal(first->client_id, "c");
    assert_int_equal(first->stream_ack_deadline_seconds, 30);
    assert_int_equal(first->max_outstanding_messages, 250);
    assert_int_equal(first->max_outstanding_bytes, 1000);
}

static void reads_while_messages_are_wanted(void **state) {
    (void)state;
    give_message();
    give_message();
    assert_int_equal(newest()->reads, 1);
    seen.wanted = false;
    give_message();
    assert_int_equal(newest()->reads, 0);
    pubsub_stream_read(&stream);
    assert_int_equal(newest()->reads, 0);
    seen.wanted = true;
    pubsub_stream_read(&stream);
    pubsub_stream_read(&stream);
    assert_int_equal(newest()->reads, 1);
    assert_int_equal(seen.responses, 3);
    assert_int_equal(seen.healthy, 1);
}

static void an_open_stream_is_healthy_after_a_while(void **state) {
    (void)state;
    assert_int_equal(seen.healthy, 0);
    loop_until(&loop, is_healthy, NULL, WAIT_MS, "the stream to be called healthy");
    assert_int_equal(newest()->sent, 0);
}

static bool is_cancelled(void *context) {
    (void)context;
    return newest()->cancelled;
}

static bool pinged_twice(void *context) {
    (void)context;
    return newest()->sent >= 2;
}

static void an_open_stream_is_pinged(void **state) {
    (void)state;
    loop_until(&loop, pinged_twice, NULL, WAIT_MS, "two pings");
    pubsub_stream_close(&stream);
    int sent = newest()->sent;
    loop_never(&loop, is_cancelled, NULL, 3 * PING_MS, "the stream is cancelled");
    assert_int_equal(newest()->sent, sent);
}

static void one_that_is_not_connected_is_not(void **state) {
    (void)state;
    fake_rpc.not_ready = true;
    loop_never(&loop, is_healthy, NULL, 3500, "a stream without a connection is healthy");
}

static void failures_are_tried_again_more_and_more_slowly(void **state) {
    (void)state;
    static const uint64_t most[] = {100, 200, 400, 800};
    for (size_t i = 0; i < 4; i++) {
        end(RPC_UNAVAILABLE);
        assert_int_equal(seen.failed, i + 1);
        uint64_t waited = await_open();
        assert_true(waited >= most[i] / 2 - 1);
        assert_true(waited <= most[i] + 100);
    }
    give_message(); /* it works: from now on fast again, and no failure */
    end(RPC_UNAVAILABLE);
    assert_int_equal(seen.failed, 4);
    assert_true(await_open() <= 200);
}

static void what_takes_an_operator_is_tried_again_slowly(void **state) {
    (void)state;
    end(RPC_NOT_FOUND);
    assert_int_equal(seen.failed, 1);
    assert_int_equal(seen.status, RPC_NOT_FOUND);
    assert_true(await_open() >= 490);
    end(RPC_UNAVAILABLE);
    assert_true(await_open() <= 200);
}

static void a_close_reads_on_until_the_end(void **state) {
    (void)state;
    pubsub_stream_close(&stream);
    pubsub_stream_close(&stream);
    assert_true(newest()->finished);
    assert_false(newest()->cancelled);
    assert_int_equal(seen.closed, 0);
    seen.wanted = false;
    give_message();
    give_message();
    assert_int_equal(seen.responses, 2);
    end(RPC_OK);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(seen.failed, 0);
    size_t count = 2;
    loop_never(&loop, opened, &count, QUIET_MS, "a closed stream opens again");
}

static void a_server_that_does_not_end_it_is_not_awaited(void **state) {
    (void)state;
    pubsub_stream_close(&stream);
    loop_until(&loop, is_cancelled, NULL, WAIT_MS, "the stream to be cancelled");
    end(RPC_CANCELLED);
    assert_int_equal(seen.closed, 1);
}

static void one_that_waits_is_closed_at_once(void **state) {
    (void)state;
    end(RPC_UNAVAILABLE);
    pubsub_stream_close(&stream);
    assert_int_equal(seen.closed, 1);
    size_t count = 2;
    loop_never(&loop, opened, &count, 200, "a closed stream opens again");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_what_it_wants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_while_messages_are_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_open_stream_is_healthy_after_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_open_stream_is_pinged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_not_connected_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_tried_again_more_and_more_slowly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_takes_an_operator_is_tried_again_slowly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_close_reads_on_until_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_does_not_end_it_is_not_awaited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_waits_is_closed_at_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
