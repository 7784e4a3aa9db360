#include "base/clock.h"
#include "bus/pubsub_admin.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "unit/bus/fake_rpc.h"

#define TOPIC "projects/p/topics/t"
#define SUBSCRIPTION "projects/p/subscriptions/s"

#define MOMENT_MS INT64_C(1638903005025) /* 2021-12-07T18:50:05.025Z */

enum { WAIT_MS = 5000, LEASE_SECONDS = 77, WEEK_SECONDS = 7 * 24 * 3600 };

static uv_loop_t loop;
static struct log_capture capture;
static struct pubsub_timers timers;
static struct pubsub_admin *admin;
static struct {
    int times;
    struct result result;
} told;

static int set_up(void **state) {
    (void)state;
    fake_rpc_reset();
    told.times = 0;
    uv_loop_init(&loop);
    log_capture_open(&capture);
    pubsub_timers_init(&timers, &loop);
    admin = pubsub_admin_new(&timers, NULL, &capture.log);
    return admin ? 0 : -1;
}

static void free_admin(void *context) {
    (void)context;
    assert_true(pubsub_admin_idle(admin));
    pubsub_admin_free(&admin);
}

static int tear_down(void **state) {
    (void)state;
    pubsub_timers_close(&timers, free_admin, NULL);
    loop_close(&loop);
    log_capture_close(&capture);
    fake_rpc_reset();
    return 0;
}

static void on_done(void *context, struct result result) {
    (void)context;
    told.times++;
    told.result = result;
}

static void create(const char *subscription) {
    pubsub_admin_create(admin, TOPIC, subscription, LEASE_SECONDS, on_done, NULL);
    assert_int_equal(fake_rpc.call_count, 0);
}

static bool called(void *context) {
    return fake_rpc.call_count >= *(const size_t *)context;
}

/* The newest call is the count-th, of this method, about this resource. */
static void await_call(size_t count, const char *method, const char *routing) {
    loop_until(&loop, called, &count, WAIT_MS, method);
    assert_int_equal(fake_rpc.call_count, count);
    assert_string_equal(fake_rpc.calls[count - 1].method, method);
    assert_string_equal(fake_rpc.calls[count - 1].routing, routing);
}

static void answer(enum rpc_status status) {
    fake_rpc_answer(fake_rpc.call_count - 1, status);
}

/* kept_seconds and topic_seconds: 0 for a description without them. */
static void describe(const char *topic, bool keeps_acked, int64_t kept_seconds, int64_t topic_seconds) {
    Google__Pubsub__V1__Subscription subscription = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    Google__Pubsub__V1__Duration kept = GOOGLE__PUBSUB__V1__DURATION__INIT, by_topic = kept;
    kept.seconds = kept_seconds;
    by_topic.seconds = topic_seconds;
    subscription.name = (char *)SUBSCRIPTION;
    subscription.topic = (char *)topic;
    subscription.retain_acked_messages = keeps_acked;
    subscription.message_retention_duration = kept_seconds ? &kept : NULL;
    subscription.topic_message_retention_duration = topic_seconds ? &by_topic : NULL;
    fake_rpc_respond(fake_rpc.call_count - 1, &subscription.base);
}

static void describe_subscription(const char *topic) {
    describe(topic, true, WEEK_SECONDS, 0);
}

static void check_done(enum code code, const char *part) {
    assert_int_equal(told.times, 1);
    if (code == CODE_OK)
        check_ok(told.result);
    else
        check_fails(told.result, code, part);
    assert_true(pubsub_admin_idle(admin));
}

static void makes_what_is_missing(void **state) {
    (void)state;
    create(SUBSCRIPTION);
    assert_false(pubsub_admin_idle(admin));
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_NOT_FOUND);
    await_call(2, "CreateTopic", "name=" TOPIC);
    answer(RPC_OK);
    await_call(3, "GetSubscription", "subscription=" SUBSCRIPTION);
    answer(RPC_NOT_FOUND);
    await_call(4, "CreateSubscription", "name=" SUBSCRIPTION);
    const Google__Pubsub__V1__Subscription *made =
        (const Google__Pubsub__V1__Subscription *)fake_rpc.calls[3].request;
    assert_string_equal(made->name, SUBSCRIPTION);
    assert_string_equal(made->topic, TOPIC);
    assert_int_equal(made->ack_deadline_seconds, LEASE_SECONDS);
    assert_false(made->enable_message_ordering);
    assert_true(made->retain_acked_messages);
    assert_non_null(made->message_retention_duration);
    assert_int_equal(made->message_retention_duration->seconds, WEEK_SECONDS);
    assert_non_null(made->expiration_policy); /* present and empty: never */
    answer(RPC_OK);
    check_done(CODE_OK, "");
}

static void leaves_what_is_there(void **state) {
    (void)state;
    create(SUBSCRIPTION);
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_OK);
    await_call(2, "GetSubscription", "subscription=" SUBSCRIPTION);
    describe_subscription(TOPIC);
    check_done(CODE_OK, "");
    assert_int_equal(log_capture_count(&capture, NULL), 0);
}

static void says_that_what_is_there_cannot_be_moved_back(void **state) {
    (void)state;
    create(SUBSCRIPTION);
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_OK);
    await_call(2, "GetSubscription", "subscription=" SUBSCRIPTION);
    describe(TOPIC, false, WEEK_SECONDS, 0);
    check_done(CODE_OK, "");
    assert_int_equal(
        log_capture_count(&capture, "gcloud pubsub subscriptions update " SUBSCRIPTION " --retain-acked"), 1);
}

static void a_topic_needs_no_subscription(void **state) {
    (void)state;
    create(NULL);
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_OK);
    check_done(CODE_OK, "");
}

/* Two replicas start at once. */
static void somebody_else_may_be_faster(void **state) {
    (void)state;
    create(SUBSCRIPTION);
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_NOT_FOUND);
    await_call(2, "CreateTopic", "name=" TOPIC);
    answer(RPC_ALREADY_EXISTS);
    await_call(3, "GetSubscription", "subscription=" SUBSCRIPTION);
    answer(RPC_NOT_FOUND);
    await_call(4, "CreateSubscription", "name=" SUBSCRIPTION);
    answer(RPC_ALREADY_EXISTS);
    check_done(CODE_OK, "");
}

static void a_subscription_to_another_topic_is_refused(void **state) {
    (void)state;
    create(SUBSCRIPTION);
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_OK);
    await_call(2, "GetSubscription", "subscription=" SUBSCRIPTION);
    describe_subscription("_deleted-topic_");
    check_done(CODE_REFUSED, SUBSCRIPTION " is there, but on topic _deleted-topic_, not on " TOPIC);
}

static void what_is_forbidden_is_refused(void **state) {
    (void)state;
    create(NULL);
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_PERMISSION_DENIED);
    check_done(CODE_REFUSED, "forbids the use of " TOPIC);
}

static void a_passing_failure_is_tried_again(void **state) {
    (void)state;
    create(NULL);
    await_call(1, "GetTopic", "topic=" TOPIC);
    answer(RPC_UNAVAILABLE);
    await_call(2, "GetTopic", "topic=" TOPIC);
    answer(RPC_NOT_FOUND);
    await_call(3, "CreateTopic", "name=" TOPIC);
    answer(RPC_DEADLINE_EXCEEDED);
    await_call(4, "CreateTopic", "name=" TOPIC);
    answer(RPC_OK);
    check_done(CODE_OK, "");
}

static bool is_told(void *context) {
    (void)context;
    if (fake_rpc.call_count > 0 && !fake_rpc.calls[fake_rpc.call_count - 1].answered)
        answer(RPC_UNAVAILABLE);
    return told.times > 0;
}

static void but_not_for_ever(void **state) {
    (void)state;
    create(NULL);
    loop_until(&loop, is_told, NULL, 10000, "create to give up");
    check_done(CODE_UNAVAILABLE, TOPIC ": UNAVAILABLE");
}

static void a_close_ends_what_is_under_way(void **state) {
    (void)state;
    create(NULL);
    await_call(1, "GetTopic", "topic=" TOPIC);
    pubsub_admin_close(admin);
    assert_true(fake_rpc.calls[0].cancelled);
    answer(RPC_CANCELLED);
    check_done(CODE_UNAVAILABLE, "CANCELLED");
}

static void a_close_ends_what_waits(void **state) {
    (void)state;
    create(NULL);
    pubsub_admin_close(admin);
    loop_until(&loop, is_told, NULL, WAIT_MS, "create to end");
    check_done(CODE_UNAVAILABLE, "closed");
    assert_int_equal(fake_rpc.call_count, 0);
}

/* --- Moving back in time -------------------------------------------------------------------------------- */

static void seek(int64_t time_ms) {
    pubsub_admin_seek(admin, SUBSCRIPTION, time_ms, on_done, NULL);
    assert_int_equal(fake_rpc.call_count, 0);
    await_call(1, "GetSubscription", "subscription=" SUBSCRIPTION);
}

static void seeks_what_keeps_acked_messages(void **state) {
    (void)state;
    seek(MOMENT_MS);
    describe("_deleted-topic_", true, WEEK_SECONDS, 0);
    await_call(2, "Seek", "subscription=" SUBSCRIPTION);
    const Google__Pubsub__V1__SeekRequest *sought =
        (const Google__Pubsub__V1__SeekRequest *)fake_rpc.calls[1].request;
    assert_string_equal(sought->subscription, SUBSCRIPTION);
    assert_int_equal(sought->time->seconds, MOMENT_MS / 1000);
    assert_int_equal(sought->time->nanos, 25000000);
    assert_int_equal(told.times, 0);
    answer(RPC_OK);
    check_done(CODE_OK, "");
}

static void what_does_not_keep_them_is_not_sought(void **state) {
    (void)state;
    seek(MOMENT_MS);
    describe(TOPIC, false, WEEK_SECONDS, 0);
    check_done(CODE_REFUSED,
        SUBSCRIPTION
        " does not keep acked messages (retain_acked_messages is off), so none can come again; let "
        "it, from now on: gcloud pubsub subscriptions update " SUBSCRIPTION
        " --retain-acked-messages --message-retention-duration=7d");
    assert_int_equal(fake_rpc.call_count, 1);
}

static void a_topic_may_keep_them_instead(void **state) {
    (void)state;
    seek(MOMENT_MS);
    describe(TOPIC, false, WEEK_SECONDS, WEEK_SECONDS);
    await_call(2, "Seek", "subscription=" SUBSCRIPTION);
    answer(RPC_OK);
    check_done(CODE_OK, "");
}

/* An hour beyond what is kept, and an hour within; kept by whichever keeps for longer. */
static void a_moment_before_what_is_kept_is_warned_of(void **state) {
    (void)state;
    static const struct {
        int64_t own, topic;
        int hours;
        size_t warnings;
    } cases[] = {
        {WEEK_SECONDS, 0, 169, 1},
        {WEEK_SECONDS, 0, 167, 0},
        {0, 0, 169, 1}, /* does not say: Google's default */
        {0, 0, 167, 0},
        {3600, WEEK_SECONDS, 169, 1},
        {3600, WEEK_SECONDS, 167, 0},
        {WEEK_SECONDS, 3600, 167, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t before = log_capture_count(&capture, "what was acked before then is gone");
        fake_rpc_reset();
        told.times = 0;
        seek(clock_system().now_ms(NULL) - cases[i].hours * INT64_C(3600000));
        describe(TOPIC, true, cases[i].own, cases[i].topic);
        await_call(2, "Seek", "subscription=" SUBSCRIPTION);
        answer(RPC_OK);
        check_done(CODE_OK, "");
        assert_int_equal(
            log_capture_count(&capture, "what was acked before then is gone"), before + cases[i].warnings);
    }
}

static void a_missing_subscription_is_not_sought(void **state) {
    (void)state;
    seek(MOMENT_MS);
    answer(RPC_NOT_FOUND);
    check_done(CODE_NOT_FOUND, SUBSCRIPTION " does not exist");
    assert_int_equal(fake_rpc.call_count, 1);
}

static void a_refused_seek_is_told(void **state) {
    (void)state;
    seek(MOMENT_MS);
    describe_subscription(TOPIC);
    await_call(2, "Seek", "subscription=" SUBSCRIPTION);
    answer(RPC_PERMISSION_DENIED);
    check_done(CODE_REFUSED, "forbids the use of " SUBSCRIPTION);
}

static void a_seek_that_fails_for_now_is_tried_again(void **state) {
    (void)state;
    seek(MOMENT_MS);
    answer(RPC_UNAVAILABLE);
    await_call(2, "GetSubscription", "subscription=" SUBSCRIPTION);
    describe_subscription(TOPIC);
    await_call(3, "Seek", "subscription=" SUBSCRIPTION);
    answer(RPC_DEADLINE_EXCEEDED);
    await_call(4, "Seek", "subscription=" SUBSCRIPTION);
    answer(RPC_OK);
    check_done(CODE_OK, "");
}

static void a_seek_gives_up_in_the_end(void **state) {
    (void)state;
    seek(MOMENT_MS);
    loop_until(&loop, is_told, NULL, 10000, "seek to give up");
    check_done(CODE_UNAVAILABLE, SUBSCRIPTION ": UNAVAILABLE");
}

static void an_unreadable_description_is_told(void **state) {
    (void)state;
    seek(MOMENT_MS);
    struct rpc_call *call = &fake_rpc.calls[0];
    call->answered = true;
    call->reply(call->context, &(struct rpc_reply){.text = "", .data = (const uint8_t *)"\xff", .size = 1});
    check_done(CODE_INTERNAL, "cannot be read");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_what_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_that_what_is_there_cannot_be_moved_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_needs_no_subscription, set_up, tear_down),
        cmocka_unit_test_setup_teardown(somebody_else_may_be_faster, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subscription_to_another_topic_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_forbidden_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_passing_failure_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(but_not_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_close_ends_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_close_ends_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(seeks_what_keeps_acked_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_keep_them_is_not_sought, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_may_keep_them_instead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_moment_before_what_is_kept_is_warned_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_subscription_is_not_sought, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_seek_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_seek_that_fails_for_now_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_seek_gives_up_in_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unreadable_description_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
