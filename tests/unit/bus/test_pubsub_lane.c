#include "bus/pubsub_lane.h"
#include "support/check.h"
#include "support/loop.h"
#include "unit/bus/fake_rpc.h"

#define SUBSCRIPTION "projects/p/subscriptions/s"

enum { WORDS_MAX = 40000, WAIT_MS = 5000, PATIENCE_MS = 4321 };

struct word {
    struct pubsub_word word;
    char ack_id[16];
    int finished, confirmed, again;
};

static uv_loop_t loop;
static struct pubsub_timers timers;
static struct pubsub_lane lane;
static struct log quiet;
static struct word *words;
static bool try_again = true;

static void on_finished(void *context, struct pubsub_word *word, bool confirmed, uint64_t sent_ms) {
    (void)context;
    struct word *of = list_entry(word, struct word, word);
    assert_null(word->lane);
    assert_true(sent_ms <= uv_now(&loop));
    of->finished++;
    of->confirmed += confirmed;
}

static bool on_again(void *context, struct pubsub_word *word) {
    (void)context;
    list_entry(word, struct word, word)->again++;
    return try_again;
}

static void open_lane(int deadline_seconds) {
    struct pubsub_lane_settings settings = {.timers = &timers,
        .log = &quiet,
        .subscription = SUBSCRIPTION,
        .routing = "subscription=" SUBSCRIPTION,
        .deadline_seconds = deadline_seconds,
        .patience_ms = PATIENCE_MS,
        .finished = on_finished,
        .again = on_again};
    pubsub_lane_init(&lane, &settings);
}

static int set_up_with(int deadline_seconds) {
    fake_rpc_reset();
    try_again = true;
    uv_loop_init(&loop);
    pubsub_timers_init(&timers, &loop);
    words = calloc(WORDS_MAX, sizeof *words);
    open_lane(deadline_seconds);
    return words ? 0 : -1;
}

static int set_up(void **state) {
    (void)state;
    return set_up_with(PUBSUB_LANE_ACK);
}

static int set_up_modify(void **state) {
    (void)state;
    return set_up_with(45);
}

static void closed(void *context) {
    (void)context;
}

static int tear_down(void **state) {
    (void)state;
    pubsub_timers_close(&timers, closed, NULL);
    loop_close(&loop);
    fake_rpc_reset();
    free(words);
    return 0;
}

static void put(size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) {
        snprintf(words[i].ack_id, sizeof words[i].ack_id, "id-%zu", i);
        words[i].word.ack_id = words[i].ack_id;
        pubsub_lane_put(&lane, &words[i].word);
    }
}

static bool called(void *context) {
    return fake_rpc.call_count >= *(const size_t *)context;
}

static void await_calls(size_t count) {
    loop_until(&loop, called, &count, WAIT_MS, "a request");
    assert_int_equal(fake_rpc.call_count, count);
}

static const Google__Pubsub__V1__AcknowledgeRequest *ack_of(size_t call) {
    return (const Google__Pubsub__V1__AcknowledgeRequest *)fake_rpc.calls[call].request;
}

static void words_travel_together(void **state) {
    (void)state;
    put(0, 3);
    assert_int_equal(fake_rpc.call_count, 0);
    await_calls(1);
    assert_string_equal(fake_rpc.calls[0].method, "Acknowledge");
    assert_string_equal(fake_rpc.calls[0].routing, "subscription=" SUBSCRIPTION);
    assert_int_equal(fake_rpc.calls[0].deadline_ms, PATIENCE_MS);
    assert_string_equal(ack_of(0)->subscription, SUBSCRIPTION);
    assert_int_equal(ack_of(0)->n_ack_ids, 3);
    assert_string_equal(ack_of(0)->ack_ids[2], "id-2");
    fake_rpc_answer(0, RPC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(words[i].confirmed, 1);
    assert_int_equal(lane.words, 0);
}

static void a_deadline_goes_along(void **state) {
    (void)state;
    put(0, 1);
    await_calls(1);
    const Google__Pubsub__V1__ModifyAckDeadlineRequest *request =
        (const Google__Pubsub__V1__ModifyAckDeadlineRequest *)fake_rpc.calls[0].request;
    assert_string_equal(fake_rpc.calls[0].method, "ModifyAckDeadline");
    assert_int_equal(request->ack_deadline_seconds, 45);
    assert_string_equal(request->ack_ids[0], "id-0");
    fake_rpc_answer(0, RPC_OK);
}

static void a_full_request_leaves_at_once(void **state) {
    (void)state;
    put(0, PUBSUB_LANE_IDS_MAX - 1);
    assert_int_equal(fake_rpc.call_count, 0);
    put(PUBSUB_LANE_IDS_MAX - 1, 2);
    assert_int_equal(fake_rpc.call_count, 1);
    assert_int_equal(ack_of(0)->n_ack_ids, PUBSUB_LANE_IDS_MAX);
    await_calls(2);
    assert_int_equal(ack_of(1)->n_ack_ids, 1);
    fake_rpc_answer(0, RPC_OK);
    fake_rpc_answer(1, RPC_OK);
}

static void a_request_has_a_maximum_of_bytes(void **state) {
    (void)state;
    enum { LONG = 2000, COUNT = 600 };
    static char id[LONG + 1];
    memset(id, 'i', LONG);
    for (size_t i = 0; i < COUNT; i++) {
        words[i].word.ack_id = id;
        pubsub_lane_put(&lane, &words[i].word);
    }
    await_calls(3);
    size_t sent = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_true(fake_rpc.calls[i].size <= 512 * 1024);
        sent += ack_of(i)->n_ack_ids;
        fake_rpc_answer(i, RPC_OK);
    }
    assert_int_equal(sent, COUNT);
}

static void only_so_many_requests_are_under_way(void **state) {
    (void)state;
    put(0, 20 * PUBSUB_LANE_IDS_MAX);
    assert_int_equal(fake_rpc.call_count, 16);
    fake_rpc_answer(3, RPC_OK);
    assert_int_equal(fake_rpc.call_count, 17);
    for (size_t i = 0; i < fake_rpc.call_count; i++)
        if (i != 3)
            fake_rpc_answer(i, RPC_OK);
    assert_int_equal(fake_rpc.call_count, 20);
    assert_int_equal(lane.words, 0);
}

static void a_passing_failure_is_tried_again(void **state) {
    (void)state;
    put(0, 2);
    await_calls(1);
    fake_rpc_answer(0, RPC_UNAVAILABLE);
    assert_int_equal(words[0].again, 1);
    put(2, 1); /* waits with the others */
    pubsub_lane_flush(&lane);
    assert_int_equal(fake_rpc.call_count, 1);
    await_calls(2);
    assert_int_equal(ack_of(1)->n_ack_ids, 3);
    fake_rpc_answer(1, RPC_DEADLINE_EXCEEDED);
    await_calls(3);
    fake_rpc_answer(2, RPC_OK);
    assert_int_equal(words[0].again, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(words[i].confirmed, 1);
}

static void a_success_makes_it_patient_again(void **state) {
    (void)state;
    put(0, 1);
    for (size_t i = 0; i < 5; i++) {
        await_calls(i + 1);
        fake_rpc_answer(i, i == 3 ? RPC_OK : RPC_UNAVAILABLE);
        if (i == 3)
            put(1, 1);
    }
    uint64_t failed = uv_hrtime();
    await_calls(6);
    assert_true((uv_hrtime() - failed) / 1000000 < 400); /* the fourth wait of a row is 400 ms at least */
    fake_rpc_answer(5, RPC_OK);
}

static void what_shall_not_be_tried_again_is_out(void **state) {
    (void)state;
    put(0, 1);
    await_calls(1);
    try_again = false;
    fake_rpc_answer(0, RPC_UNAVAILABLE);
    assert_int_equal(lane.words, 0);
    assert_int_equal(words[0].finished, 0);
    assert_null(words[0].word.lane);
}

static void a_refusal_is_final(void **state) {
    (void)state;
    static const enum rpc_status refusals[] = {RPC_INVALID_ARGUMENT, RPC_NOT_FOUND, RPC_PERMISSION_DENIED};
    for (size_t i = 0; i < 3; i++) {
        put(i, 1);
        await_calls(i + 1);
        fake_rpc_answer(i, refusals[i]);
        assert_int_equal(words[i].finished, 1);
        assert_int_equal(words[i].confirmed, 0);
        assert_int_equal(words[i].again, 0);
    }
}

static void a_request_that_cannot_start_is_tried_again(void **state) {
    (void)state;
    fake_rpc.refuse = 2;
    put(0, 1);
    await_calls(1);
    assert_int_equal(words[0].again, 2);
    fake_rpc_answer(0, RPC_OK);
    assert_int_equal(words[0].confirmed, 1);
}

static void a_word_can_be_taken_back(void **state) {
    (void)state;
    put(0, 3);
    pubsub_lane_take_back(&words[1].word);
    assert_null(words[1].word.lane);
    await_calls(1);
    assert_int_equal(ack_of(0)->n_ack_ids, 2);
    assert_string_equal(ack_of(0)->ack_ids[1], "id-2");
    fake_rpc_answer(0, RPC_OK);
    assert_int_equal(words[1].finished, 0);
}

static void a_closed_lane_tries_once(void **state) {
    (void)state;
    put(0, 1);
    await_calls(1);
    fake_rpc_answer(0, RPC_UNAVAILABLE); /* waits to be tried again */
    put(1, 1);
    pubsub_lane_close(&lane);
    assert_int_equal(fake_rpc.call_count, 2);
    put(2, 1);
    assert_int_equal(fake_rpc.call_count, 3);
    fake_rpc_answer(1, RPC_UNAVAILABLE);
    fake_rpc_answer(2, RPC_OK);
    fake_rpc.refuse = 1;
    put(3, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(words[i].finished, 1);
    assert_int_equal(lane.words, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_travel_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_goes_along, set_up_modify, tear_down),
        cmocka_unit_test_setup_teardown(a_full_request_leaves_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_has_a_maximum_of_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_so_many_requests_are_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_passing_failure_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_success_makes_it_patient_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_shall_not_be_tried_again_is_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_final, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_cannot_start_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_word_can_be_taken_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_closed_lane_tries_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
