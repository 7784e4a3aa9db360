#include "bus/pubsub_status.h"
#include "support/check.h"

static struct result result_of(enum rpc_status status) {
    return pubsub_result(&(struct rpc_reply){.status = status, .text = "the words"}, "projects/p/topics/t");
}

static void a_fault_of_the_moment_is_unavailable(void **state) {
    (void)state;
    static const enum rpc_status passing[] = {RPC_CANCELLED, RPC_UNKNOWN, RPC_DEADLINE_EXCEEDED,
        RPC_RESOURCE_EXHAUSTED, RPC_ABORTED, RPC_INTERNAL, RPC_UNAVAILABLE};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        struct result r = result_of(passing[i]);
        assert_int_equal(pubsub_class(passing[i]), PUBSUB_PASSING);
        check_fails(r, CODE_UNAVAILABLE, pubsub_status_name(passing[i]));
        check_fails(r, CODE_UNAVAILABLE, "projects/p/topics/t");
        check_fails(r, CODE_UNAVAILABLE, "the words");
        assert_true(r.retryable);
    }
}

static void what_an_operator_can_mend_is_tried_again(void **state) {
    (void)state;
    static const struct {
        enum rpc_status status;
        enum code code;
        const char *advice;
    } mendable[] = {
        {RPC_NOT_FOUND, CODE_NOT_FOUND, "projects/p/topics/t does not exist; create it, or start with"},
        {RPC_PERMISSION_DENIED, CODE_REFUSED, "grant this service account the role"},
        {RPC_UNAUTHENTICATED, CODE_REFUSED, "GOOGLE_APPLICATION_CREDENTIALS"},
        {RPC_FAILED_PRECONDITION, CODE_REFUSED, "FAILED_PRECONDITION: the words"},
    };
    for (size_t i = 0; i < sizeof mendable / sizeof *mendable; i++) {
        struct result r = result_of(mendable[i].status);
        assert_int_equal(pubsub_class(mendable[i].status), PUBSUB_MENDABLE);
        check_fails(r, mendable[i].code, mendable[i].advice);
        assert_true(r.retryable);
    }
}

static void a_refused_request_is_not_tried_again(void **state) {
    (void)state;
    static const struct {
        enum rpc_status status;
        enum code code;
    } hopeless[] = {
        {RPC_INVALID_ARGUMENT, CODE_INVALID},
        {RPC_OUT_OF_RANGE, CODE_INVALID},
        {RPC_ALREADY_EXISTS, CODE_REFUSED},
        {RPC_UNIMPLEMENTED, CODE_INTERNAL},
        {RPC_DATA_LOSS, CODE_INTERNAL},
    };
    for (size_t i = 0; i < sizeof hopeless / sizeof *hopeless; i++) {
        struct result r = result_of(hopeless[i].status);
        assert_int_equal(pubsub_class(hopeless[i].status), PUBSUB_HOPELESS);
        check_fails(r, hopeless[i].code, "the words");
        assert_false(r.retryable);
    }
}

static void ok_is_ok(void **state) {
    (void)state;
    check_ok(result_of(RPC_OK));
    assert_int_equal(pubsub_class(RPC_OK), PUBSUB_FINE);
}

/* What a later gRPC may say. */
static void an_unknown_status_passes(void **state) {
    (void)state;
    struct result r = result_of((enum rpc_status)17);
    check_fails(r, CODE_UNAVAILABLE, "an unknown status");
    assert_true(r.retryable);
    assert_int_equal(pubsub_class((enum rpc_status) - 1), PUBSUB_PASSING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_of_the_moment_is_unavailable),
        cmocka_unit_test(what_an_operator_can_mend_is_tried_again),
        cmocka_unit_test(a_refused_request_is_not_tried_again),
        cmocka_unit_test(ok_is_ok),
        cmocka_unit_test(an_unknown_status_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
