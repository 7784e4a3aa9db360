/* The fake Pub/Sub's seek: does it bring back, and take away, what production does? */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/pubsub_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TOPIC "projects/p/topics/completions"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"

enum {
    QUIET_MS = 50,
    SOON_MS = 5000, /* half a lease, whose end would bring everything */
    ACK_MAX = 256,
};

struct world {
    struct fake_pubsub *fake;
    struct probe *probe;
    struct probe_stream *stream;
};

static grpc_status_code create(struct world *world, bool keeps_acked, int64_t kept_seconds, bool ordered) {
    Google__Pubsub__V1__Subscription subscription = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    Google__Pubsub__V1__Duration kept = GOOGLE__PUBSUB__V1__DURATION__INIT;
    kept.seconds = kept_seconds;
    subscription.name = (char *)SUBSCRIPTION;
    subscription.topic = (char *)TOPIC;
    subscription.retain_acked_messages = keeps_acked;
    subscription.enable_message_ordering = ordered;
    subscription.message_retention_duration = kept_seconds ? &kept : NULL;
    return probe_call(
        world->probe, "Subscriber/CreateSubscription", &subscription.base, NULL, NULL, PROBE_WAIT_MS);
}

static int set_up(void **state) {
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    check_ok(fake_pubsub_start(NULL, &world->fake));
    world->probe = probe_new(fake_pubsub_address(world->fake));
    assert_int_equal(probe_create_topic(world->probe, TOPIC), GRPC_STATUS_OK);
    *state = world;
    return 0;
}

static int tear_down(void **state) {
    struct world *world = *state;
    probe_stream_free(world->stream);
    probe_free(world->probe);
    fake_pubsub_free(&world->fake);
    free(world);
    return 0;
}

/* Waits for the clock's next millisecond, so that the message's time is its own. Returns that time. */
static int64_t publish(struct world *world, const char *text, const char *key) {
    size_t count = fake_pubsub_published(world->fake, TOPIC);
    if (count > 0) {
        int64_t last_ms = fake_pubsub_message(world->fake, TOPIC, count - 1)->published_ms;
        struct timespec next = {.tv_sec = last_ms / 1000, .tv_nsec = (last_ms % 1000 + 1) * 1000000};
        if (next.tv_nsec == 1000000000)
            next = (struct timespec){.tv_sec = next.tv_sec + 1};
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL);
    }
    assert_int_equal(probe_publish_text(world->probe, TOPIC, text, key), GRPC_STATUS_OK);
    return fake_pubsub_message(world->fake, TOPIC, count)->published_ms;
}

static grpc_status_code seek(struct world *world, const char *subscription, int64_t time_ms) {
    Google__Pubsub__V1__SeekRequest request = GOOGLE__PUBSUB__V1__SEEK_REQUEST__INIT;
    Google__Pubsub__V1__Timestamp moment = GOOGLE__PUBSUB__V1__TIMESTAMP__INIT;
    moment.seconds = time_ms / 1000;
    moment.nanos = (int32_t)(time_ms % 1000) * 1000000;
    request.subscription = (char *)subscription;
    request.time = time_ms < 0 ? NULL : &moment;
    return probe_call(world->probe, "Subscriber/Seek", &request.base,
        &google__pubsub__v1__seek_response__descriptor, NULL, PROBE_WAIT_MS);
}

/* Reads one-letter messages, in this order and no more; acks them, or keeps the ack ids. */
static void expect(struct world *world, const char *letters, char (*ack_ids)[ACK_MAX]) {
    for (size_t i = 0; letters[i];) {
        const probe_response *response = probe_stream_read(world->stream, SOON_MS);
        assert_non_null(response);
        for (size_t j = 0; j < response->n_received_messages; j++, i++) {
            const Google__Pubsub__V1__ReceivedMessage *received = response->received_messages[j];
            assert_int_equal(received->message->data.data[0], letters[i]);
            if (ack_ids)
                snprintf(ack_ids[i], ACK_MAX, "%s", received->ack_id);
            else
                assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, received->ack_id), GRPC_STATUS_OK);
        }
    }
    assert_null(probe_stream_read(world->stream, QUIET_MS));
}

static void open_stream(struct world *world) {
    world->stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
}

static void brings_back_what_was_acked_since(void **state) {
    struct world *world = *state;
    assert_int_equal(create(world, true, 0, false), GRPC_STATUS_OK);
    publish(world, "a", "");
    int64_t moment_ms = publish(world, "b", "");
    publish(world, "c", "");
    open_stream(world);
    expect(world, "abc", NULL);
    assert_int_equal(seek(world, SUBSCRIPTION, moment_ms), GRPC_STATUS_OK);
    expect(world, "bc", NULL);
    assert_int_equal(seek(world, SUBSCRIPTION, 0), GRPC_STATUS_OK);
    expect(world, "abc", NULL);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).acked, 3);
}

static void but_only_where_it_was_kept(void **state) {
    struct world *world = *state;
    assert_int_equal(create(world, false, 0, false), GRPC_STATUS_OK);
    publish(world, "a", "");
    open_stream(world);
    expect(world, "a", NULL);
    assert_int_equal(seek(world, SUBSCRIPTION, 0), GRPC_STATUS_OK);
    expect(world, "", NULL);
}

static void takes_away_what_was_not_acked_before(void **state) {
    struct world *world = *state;
    assert_int_equal(create(world, true, 0, false), GRPC_STATUS_OK);
    publish(world, "a", "");
    int64_t moment_ms = publish(world, "b", "");
    assert_int_equal(seek(world, SUBSCRIPTION, moment_ms), GRPC_STATUS_OK);
    open_stream(world);
    expect(world, "b", NULL);
}

static void leaves_what_is_leased(void **state) {
    struct world *world = *state;
    char acks[2][ACK_MAX];
    assert_int_equal(create(world, true, 0, false), GRPC_STATUS_OK);
    publish(world, "a", "");
    int64_t moment_ms = publish(world, "b", "");
    open_stream(world);
    expect(world, "ab", acks);
    assert_int_equal(seek(world, SUBSCRIPTION, moment_ms), GRPC_STATUS_OK);
    expect(world, "", NULL);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).leased, 1);
    fake_pubsub_expire_leases(world->fake);
    expect(world, "b", NULL); /* a is acked now */
}

static void keeps_the_order_of_a_key(void **state) {
    struct world *world = *state;
    char acks[4][ACK_MAX];
    assert_int_equal(create(world, true, 0, true), GRPC_STATUS_OK);
    publish(world, "a", "key");
    int64_t moment_ms = publish(world, "b", "key");
    publish(world, "c", "key");
    publish(world, "d", "key");
    open_stream(world);
    expect(world, "abcd", acks);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, acks[i]), GRPC_STATUS_OK);
    assert_int_equal(seek(world, SUBSCRIPTION, moment_ms), GRPC_STATUS_OK);
    expect(world, "bc", acks);
    assert_int_equal(probe_modify(world->probe, SUBSCRIPTION, acks[0], 0), GRPC_STATUS_OK);
    expect(world, "bcd", NULL);
}

static void refuses_what_production_refuses(void **state) {
    struct world *world = *state;
    assert_int_equal(create(world, true, 599, false), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(create(world, true, 31 * 24 * 3600 + 1, false), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(create(world, true, 600, false), GRPC_STATUS_OK);
    assert_int_equal(seek(world, SUBSCRIPTION "2", 0), GRPC_STATUS_NOT_FOUND);
    assert_int_equal(seek(world, SUBSCRIPTION, -1), GRPC_STATUS_INVALID_ARGUMENT);
}

static void says_what_it_keeps(void **state) {
    struct world *world = *state;
    Google__Pubsub__V1__GetSubscriptionRequest request = GOOGLE__PUBSUB__V1__GET_SUBSCRIPTION_REQUEST__INIT;
    request.subscription = (char *)SUBSCRIPTION;
    ProtobufCMessage *response;
    assert_int_equal(create(world, true, 3600, false), GRPC_STATUS_OK);
    assert_int_equal(probe_call(world->probe, "Subscriber/GetSubscription", &request.base,
                         &google__pubsub__v1__subscription__descriptor, &response, PROBE_WAIT_MS),
        GRPC_STATUS_OK);
    const Google__Pubsub__V1__Subscription *subscription = (const Google__Pubsub__V1__Subscription *)response;
    assert_true(subscription->retain_acked_messages);
    assert_int_equal(subscription->message_retention_duration->seconds, 3600);
    protobuf_c_message_free_unpacked(response, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(brings_back_what_was_acked_since, set_up, tear_down),
        cmocka_unit_test_setup_teardown(but_only_where_it_was_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_away_what_was_not_acked_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_what_is_leased, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_order_of_a_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_production_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_it_keeps, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
