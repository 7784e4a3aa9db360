/* When the puller reads, and what it does with what it reads; the rest is
 * tests/integration/test_pubsub_receive.c. */
#include "bus/pubsub_pull.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "unit/bus/fake_rpc.h"

enum { WAIT_MS = 5000, STREAMS = 2, IN_HAND_MAX = 3, QUIET_MS = 50 };

static uv_loop_t loop;
static struct pubsub_timers timers;
static struct pubsub_flush *flush;
static struct pubsub_puller *puller;
static struct log_capture capture;
static struct delivery *out[64];
static size_t out_count;

static void on_delivery(void *context, struct delivery *delivery) {
    (void)context;
    assert_true(out_count < 64);
    out[out_count++] = delivery;
}

static int set_up(void **state) {
    (void)state;
    fake_rpc_reset();
    out_count = 0;
    log_capture_open(&capture);
    uv_loop_init(&loop);
    pubsub_timers_init(&timers, &loop);
    flush = pubsub_flush_new(&timers);
    struct pubsub_puller_settings settings = {.timers = &timers,
        .flush = flush,
        .log = &capture.log,
        .subscription = "projects/p/subscriptions/s",
        .client_id = "c",
        .streams = STREAMS,
        .lease_seconds = 10,
        .receiver = {.on_delivery = on_delivery, .in_hand_max = IN_HAND_MAX}};
    check_ok(pubsub_puller_start(&settings, &puller));
    return 0;
}

static void end_stream(size_t index, enum rpc_status status) {
    struct rpc_stream *stream = &fake_rpc.streams[index];
    stream->events.on_end(stream->events.context, &(struct rpc_reply){.status = status, .text = "because"});
}

static void free_all(void *context) {
    (void)context;
    pubsub_puller_free(&puller);
    pubsub_flush_free(&flush);
}

static int tear_down(void **state) {
    (void)state;
    pubsub_puller_close(puller);
    for (size_t i = 0; i < fake_rpc.stream_count; i++)
        if (fake_rpc.streams[i].finished)
            end_stream(i, RPC_OK);
    for (size_t i = 0; i < fake_rpc.call_count; i++)
        if (!fake_rpc.calls[i].answered)
            fake_rpc_answer(i, RPC_OK);
    assert_true(pubsub_puller_done(puller));
    pubsub_timers_close(&timers, free_all, NULL);
    loop_close(&loop);
    log_capture_close(&capture);
    fake_rpc_reset();
    return 0;
}

static void give(size_t stream_index, size_t count) {
    Google__Pubsub__V1__StreamingPullResponse response = GOOGLE__PUBSUB__V1__STREAMING_PULL_RESPONSE__INIT;
    Google__Pubsub__V1__ReceivedMessage message = GOOGLE__PUBSUB__V1__RECEIVED_MESSAGE__INIT;
    Google__Pubsub__V1__ReceivedMessage *messages[64];
    message.ack_id = (char *)"ack";
    for (size_t i = 0; i < count; i++)
        messages[i] = &message;
    response.received_messages = messages;
    response.n_received_messages = count;
    uint8_t packed[1024];
    assert_true(protobuf_c_message_get_packed_size(&response.base) <= sizeof packed);
    size_t size = protobuf_c_message_pack(&response.base, packed);
    struct rpc_stream *stream = &fake_rpc.streams[stream_index];
    assert_int_equal(stream->reads--, 1);
    stream->events.on_message(stream->events.context, packed, size);
}

static int reads(void) {
    return fake_rpc.streams[0].reads + fake_rpc.streams[1].reads;
}

static void give_back(enum pubsub_wish wish) {
    pubsub_puller_return(out[--out_count], wish);
}

static bool out_reached(void *context) {
    return out_count >= *(const size_t *)context;
}

static void await_out(size_t count) {
    loop_until(&loop, out_reached, &count, WAIT_MS, "deliveries");
    assert_int_equal(out_count, count);
}

static void streams_share_what_may_be_in_hand(void **state) {
    (void)state;
    assert_int_equal(fake_rpc.stream_count, STREAMS);
    for (size_t i = 0; i < STREAMS; i++) {
        const Google__Pubsub__V1__StreamingPullRequest *first =
            (const Google__Pubsub__V1__StreamingPullRequest *)fake_rpc.streams[i].request;
        assert_int_equal(first->max_outstanding_messages, i == 0 ? 2 : 1); /* together 3 */
        assert_string_equal(first->client_id, "c");
    }
}

static void it_reads_while_there_is_room(void **state) {
    (void)state;
    assert_int_equal(reads(), 2);
    give(0, 2);
    assert_int_equal(out_count, 2);
    assert_int_equal(reads(), 2);
    give(0, 2); /* one too many: held back */
    assert_int_equal(out_count, 3);
    assert_int_equal(reads(), 1); /* that of the other stream is asked for already */
    give(1, 1);
    assert_int_equal(reads(), 0);
    assert_int_equal(out_count, 3);
    give_back(PUBSUB_ACK);
    assert_int_equal(reads(), 0); /* what is held back comes first */
    assert_int_equal(out_count, 2);
    await_out(3);
    give_back(PUBSUB_ACK);
    await_out(3);
    assert_int_equal(reads(), 0);
    give_back(PUBSUB_ACK);
    assert_int_equal(reads(), 2);
}

/* Its lease stays until the ack is answered; the message is not needed for that. */
static void a_message_goes_when_it_is_given_back(void **state) {
    (void)state;
    give(0, 2);
    assert_int_equal(out_count, 2);
    assert_non_null(out[0]->message.id);
    pubsub_puller_return(out[0], PUBSUB_ACK);
    assert_null(out[0]->message.id);
    assert_non_null(out[1]->message.id);
    pubsub_puller_return(out[1], PUBSUB_NACK);
    assert_null(out[1]->message.id);
}

static void a_pause_asks_for_nothing(void **state) {
    (void)state;
    pubsub_puller_pause(puller);
    give(0, 1);
    assert_int_equal(out_count, 0);
    assert_int_equal(reads(), 1);
    pubsub_puller_resume(puller);
    assert_int_equal(reads(), 2);
    assert_int_equal(out_count, 0); /* not inside the call */
    await_out(1);
}

static void too_many_acks_on_their_way_stop_the_reading(void **state) {
    (void)state;
    enum { ACKS_MAX = 10000 };
    fake_rpc.refuse = 1000000; /* acks cannot leave */
    for (int acks = 0; acks < ACKS_MAX; acks++) {
        assert_int_equal(reads(), 2);
        give(0, 1);
        give_back(PUBSUB_ACK);
    }
    give(0, 1); /* asked for before there were too many */
    assert_int_equal(reads(), 1);
    fake_rpc.refuse = 0;
    pubsub_puller_flush(puller);
    size_t sent = 0;
    for (int turn = 0; turn < 1000 && reads() < 2; turn++) {
        loop_never(&loop, out_reached, &(size_t){2}, 10, "a delivery");
        for (; sent < fake_rpc.call_count; sent++)
            fake_rpc_answer(sent, RPC_OK);
    }
    assert_int_equal(reads(), 2);
}

static void a_response_that_cannot_be_read_is_said(void **state) {
    (void)state;
    struct rpc_stream *stream = &fake_rpc.streams[0];
    stream->reads = 0;
    stream->events.on_message(stream->events.context, (const uint8_t *)"\xff\xff\xff", 3);
    assert_int_equal(log_capture_count(&capture, "a response of 3 bytes from Pub/Sub cannot be read"), 1);
    assert_int_equal(stream->reads, 1);
}

static void trouble_is_said_once_and_again_when_it_changes(void **state) {
    (void)state;
    end_stream(0, RPC_UNAVAILABLE);
    end_stream(1, RPC_INTERNAL);
    assert_int_equal(log_capture_count(&capture, "cannot receive for now, and tries again"), 1);
    loop_until(&loop, out_reached, &(size_t){0}, WAIT_MS, "");
    while (fake_rpc.stream_count < 4)
        uv_run(&loop, UV_RUN_ONCE);
    end_stream(2, RPC_NOT_FOUND);
    end_stream(3, RPC_NOT_FOUND);
    assert_int_equal(log_capture_count(&capture, "cannot receive until this is mended"), 1);
    while (fake_rpc.stream_count < 6)
        uv_run(&loop, UV_RUN_ONCE);
    give(4, 1);
    give(5, 1);
    assert_int_equal(log_capture_count(&capture, "receiving from projects/p/subscriptions/s again"), 1);
    end_stream(4, RPC_UNAVAILABLE); /* it had worked */
    assert_int_equal(log_capture_count(&capture, NULL), 3);
    while (fake_rpc.stream_count < 7)
        uv_run(&loop, UV_RUN_ONCE);
}

static void an_end_waits_for_the_streams(void **state) {
    (void)state;
    give(0, 5); /* 3 out, 2 held back */
    pubsub_puller_stop(puller);
    pubsub_puller_stop(puller);
    end_stream(0, RPC_OK);
    fake_rpc.streams[0].finished = false;
    give(1, 1); /* was on its way: read, so that it can be given back */
    assert_int_equal(out_count, 3);
    loop_never(&loop, out_reached, &(size_t){4}, QUIET_MS, "a delivery");
    assert_int_equal(fake_rpc.call_count, 0);
    end_stream(1, RPC_OK);
    fake_rpc.streams[1].finished = false;
    while (fake_rpc.call_count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    const Google__Pubsub__V1__ModifyAckDeadlineRequest *nack =
        (const Google__Pubsub__V1__ModifyAckDeadlineRequest *)fake_rpc.calls[0].request;
    assert_int_equal(nack->n_ack_ids, 3);
    assert_int_equal(nack->ack_deadline_seconds, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(streams_share_what_may_be_in_hand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_reads_while_there_is_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_goes_when_it_is_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause_asks_for_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_acks_on_their_way_stop_the_reading, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_response_that_cannot_be_read_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_is_said_once_and_again_when_it_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_waits_for_the_streams, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
