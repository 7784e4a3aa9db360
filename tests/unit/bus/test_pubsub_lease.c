#include "bus/pubsub_lease.h"
#include "support/check.h"
#include "support/loop.h"
#include "unit/bus/fake_rpc.h"

enum { LEASE_SECONDS = 1, WAIT_MS = 5000, QUIET_MS = 100, COUNT = 10 };

static uv_loop_t loop;
static struct pubsub_timers timers;
static struct pubsub_flush *flush;
static struct pubsub_leases *leases;
static struct pubsub_lease all[COUNT];
static struct log quiet;
static int settled;

static void on_settled(void *context, struct pubsub_lease *lease) {
    assert_ptr_equal(context, all);
    assert_true(lease >= all && lease < all + COUNT);
    settled++;
}

static int set_up(void **state) {
    (void)state;
    fake_rpc_reset();
    settled = 0;
    uv_loop_init(&loop);
    pubsub_timers_init(&timers, &loop);
    flush = pubsub_flush_new(&timers);
    struct pubsub_leases_settings settings = {.timers = &timers,
        .flush = flush,
        .log = &quiet,
        .subscription = "s",
        .lease_seconds = LEASE_SECONDS,
        .settled = on_settled,
        .context = all};
    leases = pubsub_leases_new(&settings);
    return leases ? 0 : -1;
}

static void free_all(void *context) {
    (void)context;
    pubsub_leases_free(&leases);
    pubsub_flush_free(&flush);
}

static int tear_down(void **state) {
    (void)state;
    pubsub_timers_close(&timers, free_all, NULL);
    loop_close(&loop);
    fake_rpc_reset();
    return 0;
}

static void begin(size_t count) {
    static char ids[COUNT][8];
    uv_update_time(&loop);
    for (size_t i = 0; i < count; i++) {
        snprintf(ids[i], sizeof ids[i], "%zu", i);
        all[i].word.ack_id = ids[i];
        pubsub_lease_begin(leases, &all[i]);
    }
}

static bool called(void *context) {
    return fake_rpc.call_count >= *(const size_t *)context;
}

static void await_calls(size_t count) {
    loop_until(&loop, called, &count, WAIT_MS, "a request");
    assert_int_equal(fake_rpc.call_count, count);
}

static void expect_no_call(void) {
    size_t count = fake_rpc.call_count + 1;
    loop_never(&loop, called, &count, QUIET_MS, "a request");
}

/* Checks method, deadline and ids of a call, ids as one letter each. */
static void check_call(size_t index, const char *method, int seconds, const char *ids) {
    const struct rpc_call *call = &fake_rpc.calls[index];
    assert_string_equal(call->method, method);
    char **list = ((const Google__Pubsub__V1__AcknowledgeRequest *)call->request)->ack_ids;
    size_t count = ((const Google__Pubsub__V1__AcknowledgeRequest *)call->request)->n_ack_ids;
    if (seconds >= 0) {
        const Google__Pubsub__V1__ModifyAckDeadlineRequest *modify =
            (const Google__Pubsub__V1__ModifyAckDeadlineRequest *)call->request;
        list = modify->ack_ids;
        count = modify->n_ack_ids;
        assert_int_equal(modify->ack_deadline_seconds, seconds);
    }
    assert_int_equal(count, strlen(ids));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i][0], ids[i]);
}

static void leases_are_extended_again_and_again(void **state) {
    (void)state;
    begin(3);
    uint64_t begun = uv_now(&loop);
    for (size_t i = 0; i < 3; i++) {
        await_calls(i + 1);
        check_call(i, "ModifyAckDeadline", LEASE_SECONDS, "012");
        assert_true(uv_now(&loop) - begun < LEASE_SECONDS * 1000); /* before it is over */
        fake_rpc_answer(i, RPC_OK);
        begun = uv_now(&loop);
    }
    assert_int_equal(settled, 0);
    for (int i = 0; i < 3; i++)
        pubsub_lease_end(leases, &all[i], PUBSUB_ACK);
    await_calls(4);
    fake_rpc_answer(3, RPC_OK);
}

static void an_ack_ends_a_lease(void **state) {
    (void)state;
    begin(3);
    pubsub_lease_end(leases, &all[1], PUBSUB_ACK);
    assert_int_equal(pubsub_leases_ending(leases), 1);
    await_calls(1);
    check_call(0, "Acknowledge", -1, "1");
    assert_int_equal(settled, 0);
    fake_rpc_answer(0, RPC_OK);
    assert_int_equal(settled, 1);
    assert_int_equal(pubsub_leases_ending(leases), 0);
    await_calls(2);
    check_call(1, "ModifyAckDeadline", LEASE_SECONDS, "02");
    fake_rpc_answer(1, RPC_OK);
    pubsub_lease_end(leases, &all[0], PUBSUB_NACK);
    pubsub_lease_end(leases, &all[2], PUBSUB_NACK);
    await_calls(3);
    check_call(2, "ModifyAckDeadline", 0, "02");
    assert_false(pubsub_leases_empty(leases));
    fake_rpc_answer(2, RPC_OK);
    assert_true(pubsub_leases_empty(leases));
}

/* An extension that arrives after a nack would hold the message back for a whole lease. */
static void an_end_waits_for_an_extension_under_way(void **state) {
    (void)state;
    begin(2);
    await_calls(1);
    pubsub_lease_end(leases, &all[0], PUBSUB_NACK);
    pubsub_lease_end(leases, &all[1], PUBSUB_ACK);
    expect_no_call();
    fake_rpc_answer(0, RPC_OK);
    await_calls(3);
    check_call(1, "ModifyAckDeadline", 0, "0");
    check_call(2, "Acknowledge", -1, "1");
    fake_rpc_answer(1, RPC_OK);
    fake_rpc_answer(2, RPC_OK);
    assert_int_equal(settled, 2);
}

static void an_extension_that_waits_gives_way_to_an_end(void **state) {
    (void)state;
    begin(2);
    await_calls(1);
    fake_rpc_answer(0, RPC_UNAVAILABLE); /* waits to be tried again */
    pubsub_lease_end(leases, &all[0], PUBSUB_ACK);
    await_calls(2);
    check_call(1, "Acknowledge", -1, "0");
    await_calls(3);
    check_call(2, "ModifyAckDeadline", LEASE_SECONDS, "1");
    fake_rpc_answer(1, RPC_OK);
    pubsub_lease_end(leases, &all[1], PUBSUB_ACK);
    fake_rpc_answer(2, RPC_UNAVAILABLE); /* nor is it tried again for what has ended meanwhile */
    await_calls(4);
    check_call(3, "Acknowledge", -1, "1");
    fake_rpc_answer(3, RPC_OK);
    assert_true(pubsub_leases_empty(leases));
}

static void a_refused_extension_does_not_end_the_lease(void **state) {
    (void)state;
    begin(1);
    await_calls(1);
    fake_rpc_answer(0, RPC_INVALID_ARGUMENT);
    await_calls(2);
    check_call(1, "ModifyAckDeadline", LEASE_SECONDS, "0");
    fake_rpc_answer(1, RPC_OK);
    pubsub_lease_end(leases, &all[0], PUBSUB_ACK);
    await_calls(3);
    fake_rpc_answer(2, RPC_OK);
    assert_int_equal(settled, 1);
}

static bool is_settled(void *context) {
    (void)context;
    if (fake_rpc.call_count > 0 && !fake_rpc.calls[fake_rpc.call_count - 1].answered)
        fake_rpc_answer(fake_rpc.call_count - 1, RPC_UNAVAILABLE);
    return settled > 0;
}

static void an_ack_is_tried_until_the_lease_is_over(void **state) {
    (void)state;
    begin(1);
    uint64_t begun = uv_now(&loop);
    pubsub_lease_end(leases, &all[0], PUBSUB_ACK);
    loop_until(&loop, is_settled, NULL, WAIT_MS, "the ack to be given up");
    assert_true(uv_now(&loop) - begun >= LEASE_SECONDS * 1000);
    assert_true(fake_rpc.call_count >= 3);
    assert_true(pubsub_leases_empty(leases));
}

static void a_confirmed_extension_gives_an_ack_more_time(void **state) {
    (void)state;
    begin(1);
    uint64_t until = all[0].until_ms;
    await_calls(1);
    fake_rpc_answer(0, RPC_OK);
    assert_true(all[0].until_ms > until);
    pubsub_lease_end(leases, &all[0], PUBSUB_ACK);
    await_calls(2);
    fake_rpc_answer(1, RPC_OK);
}

static void a_close_tries_once(void **state) {
    (void)state;
    begin(4);
    await_calls(1); /* an extension is under way */
    for (int i = 0; i < 4; i++)
        pubsub_lease_end(leases, &all[i], i == 0 ? PUBSUB_ACK : PUBSUB_NACK);
    pubsub_leases_close(leases);
    fake_rpc_answer(0, RPC_UNAVAILABLE);
    assert_int_equal(fake_rpc.call_count > 1, true);
    for (size_t i = 1; i < fake_rpc.call_count; i++)
        fake_rpc_answer(i, RPC_UNAVAILABLE);
    assert_int_equal(settled, 4);
    assert_true(pubsub_leases_empty(leases));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leases_are_extended_again_and_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ack_ends_a_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_waits_for_an_extension_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_extension_that_waits_gives_way_to_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_extension_does_not_end_the_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ack_is_tried_until_the_lease_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_confirmed_extension_gives_an_ack_more_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_close_tries_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
