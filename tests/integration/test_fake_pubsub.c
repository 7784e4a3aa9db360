/* The fake Pub/Sub that other tests rely on: does it take, keep, deliver and refuse what production does? */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/pubsub_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "projects/p/topics/completions"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"

enum {
    QUIET_MS = 50, /* how long a stream is watched to see that nothing comes */
    ACK_MAX = 256,
};

struct world {
    struct fake_pubsub *fake;
    struct probe *probe;
};

static int set_up(void **state) {
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    check_ok(fake_pubsub_start(NULL, &world->fake));
    world->probe = probe_new(fake_pubsub_address(world->fake));
    *state = world;
    return 0;
}

static int set_up_ordered(void **state) {
    set_up(state);
    struct world *world = *state;
    return is_ok(fake_pubsub_create(world->fake, TOPIC, SUBSCRIPTION, true)) ? 0 : -1;
}

static int set_up_subscription(void **state) {
    set_up(state);
    struct world *world = *state;
    return is_ok(fake_pubsub_create(world->fake, TOPIC, SUBSCRIPTION, false)) ? 0 : -1;
}

static int tear_down(void **state) {
    struct world *world = *state;
    probe_free(world->probe);
    fake_pubsub_free(&world->fake);
    free(world);
    return 0;
}

static void publish(struct world *world, const char *text, const char *key) {
    assert_int_equal(probe_publish_text(world->probe, TOPIC, text, key), GRPC_STATUS_OK);
}

/* A round trip, for waiting until the fake has seen something. */
static void get_topic(struct world *world) {
    Google__Pubsub__V1__GetTopicRequest request = GOOGLE__PUBSUB__V1__GET_TOPIC_REQUEST__INIT;
    request.topic = (char *)TOPIC;
    assert_int_equal(probe_call(world->probe, "Publisher/GetTopic", &request.base, NULL, NULL, PROBE_WAIT_MS),
        GRPC_STATUS_OK);
}

/* Reads one-letter messages, in this order and no more; keeps their ack ids unless NULL. */
static void expect(struct probe_stream *stream, const char *letters, char ack_ids[][ACK_MAX]) {
    char got[32] = "";
    size_t count = 0;
    while (count < strlen(letters)) {
        const probe_response *response = probe_stream_read(stream, PROBE_WAIT_MS);
        assert_non_null(response);
        for (size_t i = 0; i < response->n_received_messages && count < sizeof got - 1; i++) {
            if (ack_ids && count < strlen(letters))
                snprintf(ack_ids[count], ACK_MAX, "%s", response->received_messages[i]->ack_id);
            got[count++] = (char)response->received_messages[i]->message->data.data[0];
        }
    }
    assert_string_equal(got, letters);
}

static void expect_quiet(struct probe_stream *stream) {
    assert_null(probe_stream_read(stream, QUIET_MS));
}

/* --- Topics and subscriptions --------------------------------------------------------------------------- */

static void makes_topics_and_subscriptions_once(void **state) {
    struct probe *probe = ((struct world *)*state)->probe;
    assert_int_equal(probe_create_topic(probe, TOPIC), GRPC_STATUS_OK);
    assert_int_equal(probe_create_topic(probe, TOPIC), GRPC_STATUS_ALREADY_EXISTS);
    assert_int_equal(probe_create_subscription(probe, SUBSCRIPTION, TOPIC, 0, false), GRPC_STATUS_OK);
    assert_int_equal(
        probe_create_subscription(probe, SUBSCRIPTION, TOPIC, 0, false), GRPC_STATUS_ALREADY_EXISTS);
    assert_int_equal(
        probe_create_subscription(probe, SUBSCRIPTION "2", TOPIC "2", 0, false), GRPC_STATUS_NOT_FOUND);
    assert_string_equal(probe_text(probe), "there is no topic " TOPIC "2");
    assert_int_equal(
        probe_create_subscription(probe, SUBSCRIPTION "2", TOPIC, 9, false), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(
        probe_create_subscription(probe, SUBSCRIPTION "2", TOPIC, 601, false), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(probe_create_subscription(probe, TOPIC, TOPIC, 10, false), GRPC_STATUS_INVALID_ARGUMENT);
}

static void refuses_names_that_production_refuses(void **state) {
    struct probe *probe = ((struct world *)*state)->probe;
    static const char *const names[] = {"", "completions", "projects/p/topics/", "projects/p/topics/ab",
        "projects/p/topics/1st", "projects/p/topics/a b c", "projects//topics/abc",
        "projects/p/topics/google", "projects/p/subscriptions/abc", "projects/p/topics/abc/d"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(probe_create_topic(probe, names[i]), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(probe_create_topic(probe, "projects/p/topics/a-b_c.d~e+f%g9"), GRPC_STATUS_OK);
}

static void finds_what_is_there(void **state) {
    struct world *world = *state;
    Google__Pubsub__V1__GetSubscriptionRequest request = GOOGLE__PUBSUB__V1__GET_SUBSCRIPTION_REQUEST__INIT;
    request.subscription = (char *)SUBSCRIPTION;
    ProtobufCMessage *response;
    assert_int_equal(probe_call(world->probe, "Subscriber/GetSubscription", &request.base,
                         &google__pubsub__v1__subscription__descriptor, &response, PROBE_WAIT_MS),
        GRPC_STATUS_OK);
    const Google__Pubsub__V1__Subscription *subscription = (const Google__Pubsub__V1__Subscription *)response;
    assert_string_equal(subscription->name, SUBSCRIPTION);
    assert_string_equal(subscription->topic, TOPIC);
    assert_int_equal(subscription->ack_deadline_seconds, 10);
    assert_true(subscription->enable_message_ordering);
    protobuf_c_message_free_unpacked(response, NULL);

    Google__Pubsub__V1__GetTopicRequest topic = GOOGLE__PUBSUB__V1__GET_TOPIC_REQUEST__INIT;
    topic.topic = (char *)TOPIC;
    assert_int_equal(probe_call(world->probe, "Publisher/GetTopic", &topic.base, NULL, NULL, PROBE_WAIT_MS),
        GRPC_STATUS_OK);
    topic.topic = (char *)TOPIC "2";
    assert_int_equal(probe_call(world->probe, "Publisher/GetTopic", &topic.base, NULL, NULL, PROBE_WAIT_MS),
        GRPC_STATUS_NOT_FOUND);
    assert_int_equal(probe_call(world->probe, "Publisher/ListTopics", &topic.base, NULL, NULL, PROBE_WAIT_MS),
        GRPC_STATUS_UNIMPLEMENTED);
    assert_int_equal(fake_pubsub_calls(world->fake, FAKE_GET_TOPIC), 2);
}

/* --- Publish -------------------------------------------------------------------------------------------- */

static void keeps_what_is_published(void **state) {
    struct world *world = *state;
    Google__Pubsub__V1__Attribute attribute = GOOGLE__PUBSUB__V1__ATTRIBUTE__INIT;
    attribute.key = (char *)"trigger_id";
    attribute.value = (char *)"nba/2021-11-17/g1/r1";
    probe_message message = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    message.data = (ProtobufCBinaryData){.len = 3, .data = (uint8_t *)"a\0b"};
    message.attributes = &(Google__Pubsub__V1__Attribute *){&attribute};
    message.n_attributes = 1;
    message.ordering_key = (char *)"nba/2021-11-17";
    probe_message bare = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    bare.attributes = message.attributes;
    bare.n_attributes = 1;
    bare.ordering_key = message.ordering_key;
    assert_int_equal(
        probe_publish(world->probe, TOPIC, (probe_message *[]){&message, &bare}, 2), GRPC_STATUS_OK);

    assert_int_equal(fake_pubsub_published(world->fake, TOPIC), 2);
    const struct message *kept = fake_pubsub_message(world->fake, TOPIC, 0);
    assert_int_equal(kept->size, 3);
    assert_memory_equal(kept->data, "a\0b", 3);
    assert_int_equal(kept->attribute_count, 1);
    assert_string_equal(kept->attributes[0].key, "trigger_id");
    assert_string_equal(kept->attributes[0].value, "nba/2021-11-17/g1/r1");
    assert_string_equal(kept->ordering_key, "nba/2021-11-17");
    assert_true(kept->published_ms > 0);
    assert_string_not_equal(kept->id, fake_pubsub_message(world->fake, TOPIC, 1)->id);
    assert_int_equal(fake_pubsub_message(world->fake, TOPIC, 1)->size, 0);
    assert_null(fake_pubsub_message(world->fake, TOPIC, 2));
    assert_int_equal(fake_pubsub_published(world->fake, TOPIC "2"), 0);
}

static void refuses_what_production_refuses(void **state) {
    struct world *world = *state;
    static char large[10000000];
    memset(large, 'x', sizeof large);
    probe_message empty = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    probe_message a = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT, b = a;
    a.data = b.data = (ProtobufCBinaryData){.len = 1, .data = (uint8_t *)"x"};
    b.ordering_key = (char *)"k";
    probe_message *many[1001];
    for (size_t i = 0; i < 1001; i++)
        many[i] = &a;
    probe_message huge = a;
    huge.data = (ProtobufCBinaryData){.len = sizeof large, .data = (uint8_t *)large};
    struct {
        probe_message *const *messages;
        size_t count;
    } wrong[] = {
        {NULL, 0},
        {(probe_message *[]){&empty}, 1},
        {(probe_message *[]){&a, &empty}, 2},
        {(probe_message *[]){&a, &b}, 2},
        {many, 1001},
        {(probe_message *[]){&huge}, 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(probe_publish(world->probe, TOPIC, wrong[i].messages, wrong[i].count),
            GRPC_STATUS_INVALID_ARGUMENT);
    large[1025] = '\0';
    b.ordering_key = large;
    assert_int_equal(
        probe_publish(world->probe, TOPIC, (probe_message *[]){&b}, 1), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(
        probe_publish(world->probe, TOPIC "2", (probe_message *[]){&a}, 1), GRPC_STATUS_NOT_FOUND);
    assert_int_equal(fake_pubsub_published(world->fake, TOPIC), 0);
    assert_int_equal(probe_publish(world->probe, TOPIC, many, 1000), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_published(world->fake, TOPIC), 1000);
}

/* --- StreamingPull -------------------------------------------------------------------------------------- */

static void delivers_until_acked(void **state) {
    struct world *world = *state;
    char acks[1][ACK_MAX];
    publish(world, "a", "");
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    expect(stream, "a", acks);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).leased, 1);
    fake_pubsub_expire_leases(world->fake);
    expect(stream, "a", NULL);
    assert_int_equal(fake_pubsub_deliveries(world->fake, SUBSCRIPTION, 0), 2);

    assert_int_equal(
        probe_ack(world->probe, SUBSCRIPTION, acks[0]), GRPC_STATUS_OK); /* an older ack id does, too */
    struct fake_counts counts = fake_pubsub_counts(world->fake, SUBSCRIPTION);
    assert_int_equal(counts.acked, 1);
    assert_int_equal(counts.leased, 0);
    assert_int_equal(counts.deliveries, 2);
    fake_pubsub_expire_leases(world->fake);
    expect_quiet(stream);
    probe_stream_free(stream);
}

static void delivers_what_was_published(void **state) {
    struct world *world = *state;
    struct attribute attribute = {"backfill", "true"};
    const struct message message = {.data = "a\0b",
        .size = 3,
        .attributes = &attribute,
        .attribute_count = 1,
        .ordering_key = "nba/2021-11-17"};
    check_ok(fake_pubsub_publish(world->fake, TOPIC, &message));
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    const probe_response *response = probe_stream_read(stream, PROBE_WAIT_MS);
    assert_non_null(response);
    const probe_message *got = response->received_messages[0]->message;
    const struct message *kept = fake_pubsub_message(world->fake, TOPIC, 0);
    assert_int_equal(got->data.len, 3);
    assert_memory_equal(got->data.data, "a\0b", 3);
    assert_int_equal(got->n_attributes, 1);
    assert_string_equal(got->attributes[0]->key, "backfill");
    assert_string_equal(got->attributes[0]->value, "true");
    assert_string_equal(got->ordering_key, "nba/2021-11-17");
    assert_string_equal(got->message_id, kept->id);
    assert_int_equal(got->publish_time->seconds, kept->published_ms / 1000);
    assert_int_equal(got->publish_time->nanos, kept->published_ms % 1000 * 1000000);
    probe_stream_free(stream);
}

static void delivers_again_when_nacked_or_late(void **state) {
    struct world *world = *state;
    char acks[1][ACK_MAX];
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    publish(world, "a", "");
    expect(stream, "a", acks);
    probe_stream_modify(stream, acks[0], 0);
    expect(stream, "a", acks);
    assert_int_equal(probe_modify(world->probe, SUBSCRIPTION, acks[0], 0), GRPC_STATUS_OK);
    expect(stream, "a", acks);
    assert_int_equal(fake_pubsub_extensions(world->fake), 0);

    fake_pubsub_advance(world->fake, 5000);
    assert_int_equal(probe_modify(world->probe, SUBSCRIPTION, acks[0], 60), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_extensions(world->fake), 1);
    fake_pubsub_advance(world->fake, 50000);
    expect_quiet(stream);
    fake_pubsub_advance(world->fake, 10000);
    expect(stream, "a", NULL);
    assert_int_equal(probe_modify(world->probe, SUBSCRIPTION, acks[0], 0), GRPC_STATUS_OK);
    expect_quiet(stream); /* that ack id's delivery is over */
    probe_stream_free(stream);
}

static void holds_back_what_a_stream_has_no_room_for(void **state) {
    struct world *world = *state;
    char acks[2][ACK_MAX];
    for (const char *letter = "abc"; *letter; letter++)
        publish(world, (char[]){*letter, '\0'}, "");
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 2);
    expect(stream, "ab", acks);
    expect_quiet(stream);
    probe_stream_ack(stream, acks[0]);
    expect(stream, "c", NULL);
    probe_stream_free(stream);
    while (fake_pubsub_open_streams(world->fake) > 0)
        get_topic(world);

    probe_request first = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    first.subscription = (char *)SUBSCRIPTION;
    first.stream_ack_deadline_seconds = 10;
    first.max_outstanding_bytes = 1;
    fake_pubsub_expire_leases(world->fake);
    stream = probe_stream_open(world->probe, &first);
    expect(stream, "b", NULL);
    expect_quiet(stream);
    probe_stream_free(stream);
}

static void spreads_over_its_streams(void **state) {
    struct world *world = *state;
    struct probe_stream *streams[2];
    for (int i = 0; i < 2; i++)
        streams[i] = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    while (fake_pubsub_open_streams(world->fake) < 2)
        get_topic(world);
    for (const char *letter = "abcd"; *letter; letter++)
        publish(world, (char[]){*letter, '\0'}, "");
    size_t got = 0;
    for (int i = 0; i < 2; i++) {
        const probe_response *response = probe_stream_read(streams[i], PROBE_WAIT_MS);
        assert_non_null(response);
        got += response->n_received_messages;
    }
    assert_true(got >= 2);
    for (int i = 0; i < 2; i++)
        probe_stream_free(streams[i]);
}

static void keeps_the_order_of_a_key(void **state) {
    struct world *world = *state;
    char acks[3][ACK_MAX];
    for (const char *letter = "abc"; *letter; letter++)
        publish(world, (char[]){*letter, '\0'}, "key");
    struct probe_stream *first = probe_stream_pull(world->probe, SUBSCRIPTION, 2);
    expect(first, "ab", acks);
    struct probe_stream *second = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    publish(world, "x", "other");
    expect(second, "x", NULL); /* but not c: a and b are the other stream's */
    probe_stream_ack(first, acks[0]);
    expect(first, "c", acks);

    fake_pubsub_break_streams(world->fake, GRPC_STATUS_UNAVAILABLE);
    probe_stream_free(first);
    probe_stream_free(second);
    second = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    publish(world, "d", "key");
    expect_quiet(second); /* b is still leased to a stream that has gone */
    assert_int_equal(probe_modify(world->probe, SUBSCRIPTION, acks[1], 0), GRPC_STATUS_OK);
    expect(second, "bcd", acks); /* c comes again behind b */
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, acks[1]), GRPC_STATUS_OK);
    fake_pubsub_expire_leases(world->fake);
    expect(second, "bxd", NULL);
    probe_stream_free(second);
}

static void refuses_wrong_streams(void **state) {
    struct world *world = *state;
    static const struct {
        const char *subscription;
        int seconds;
        grpc_status_code status;
    } wrong[] = {
        {"", 10, GRPC_STATUS_INVALID_ARGUMENT},
        {SUBSCRIPTION, 9, GRPC_STATUS_INVALID_ARGUMENT},
        {SUBSCRIPTION, 601, GRPC_STATUS_INVALID_ARGUMENT},
        {SUBSCRIPTION "2", 10, GRPC_STATUS_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        probe_request first = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
        first.subscription = (char *)wrong[i].subscription;
        first.stream_ack_deadline_seconds = wrong[i].seconds;
        struct probe_stream *stream = probe_stream_open(world->probe, &first);
        assert_int_equal(probe_stream_status(stream, PROBE_WAIT_MS), wrong[i].status);
        probe_stream_free(stream);
    }
    probe_request later[2] = {
        GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT, GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT};
    later[0].subscription = (char *)SUBSCRIPTION;
    later[1].modify_deadline_ack_ids = (char *[]){(char *)"x"};
    later[1].n_modify_deadline_ack_ids = 1;
    for (size_t i = 0; i < 2; i++) {
        struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
        probe_stream_write(stream, &later[i]);
        assert_int_equal(probe_stream_status(stream, PROBE_WAIT_MS), GRPC_STATUS_INVALID_ARGUMENT);
        probe_stream_free(stream);
    }
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    probe_stream_half_close(stream);
    assert_int_equal(probe_stream_status(stream, PROBE_WAIT_MS), GRPC_STATUS_OK);
    probe_stream_free(stream);
}

static void refuses_wrong_acks(void **state) {
    struct world *world = *state;
    char acks[1][ACK_MAX];
    check_ok(fake_pubsub_create(world->fake, TOPIC, SUBSCRIPTION "2", false));
    publish(world, "a", "");
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    expect(stream, "a", acks);
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION "2", acks[0]), GRPC_STATUS_OK); /* ignored */
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, "nonsense"), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION "2").acked, 0);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).acked, 0);
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION "3", acks[0]), GRPC_STATUS_NOT_FOUND);
    assert_int_equal(probe_modify(world->probe, SUBSCRIPTION, acks[0], 601), GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(probe_modify(world->probe, SUBSCRIPTION, acks[0], -1), GRPC_STATUS_INVALID_ARGUMENT);
    Google__Pubsub__V1__AcknowledgeRequest none = GOOGLE__PUBSUB__V1__ACKNOWLEDGE_REQUEST__INIT;
    none.subscription = (char *)SUBSCRIPTION;
    assert_int_equal(
        probe_call(world->probe, "Subscriber/Acknowledge", &none.base, NULL, NULL, PROBE_WAIT_MS),
        GRPC_STATUS_INVALID_ARGUMENT);
    probe_stream_free(stream);
}

static void carries_the_largest_message(void **state) {
    struct world *world = *state;
    enum { SIZE = 9900000 };
    struct message message = {.data = calloc(1, SIZE), .size = SIZE};
    assert_non_null(message.data);
    check_ok(fake_pubsub_publish(world->fake, TOPIC, &message));
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    const probe_response *response = probe_stream_read(stream, PROBE_WAIT_MS);
    assert_non_null(response);
    assert_int_equal(response->received_messages[0]->message->data.len, SIZE);
    probe_stream_free(stream);
    free((void *)message.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_topics_and_subscriptions_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_names_that_production_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_what_is_there, set_up_ordered, tear_down),
        cmocka_unit_test_setup_teardown(keeps_what_is_published, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_production_refuses, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(delivers_until_acked, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(delivers_what_was_published, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(delivers_again_when_nacked_or_late, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(
            holds_back_what_a_stream_has_no_room_for, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(spreads_over_its_streams, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_order_of_a_key, set_up_ordered, tear_down),
        cmocka_unit_test_setup_teardown(refuses_wrong_streams, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(refuses_wrong_acks, set_up_subscription, tear_down),
        cmocka_unit_test_setup_teardown(carries_the_largest_message, set_up_subscription, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
