/* The faults of the fake Pub/Sub: does each do what it says, no more, and stop when told? */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/pubsub_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "projects/p/topics/completions"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"

enum { QUIET_MS = 50 }; /* how long a stream is watched to see that nothing comes */

struct world {
    struct fake_pubsub *fake;
    struct probe *probe;
};

static int set_up(void **state) {
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    check_ok(fake_pubsub_start(NULL, &world->fake));
    check_ok(fake_pubsub_create(world->fake, TOPIC, SUBSCRIPTION, false));
    world->probe = probe_new(fake_pubsub_address(world->fake));
    *state = world;
    return 0;
}

static int tear_down(void **state) {
    struct world *world = *state;
    probe_free(world->probe);
    fake_pubsub_free(&world->fake);
    free(world);
    return 0;
}

static grpc_status_code get_topic(struct world *world, int deadline_ms) {
    Google__Pubsub__V1__GetTopicRequest request = GOOGLE__PUBSUB__V1__GET_TOPIC_REQUEST__INIT;
    request.topic = (char *)TOPIC;
    return probe_call(world->probe, "Publisher/GetTopic", &request.base, NULL, NULL, deadline_ms);
}

static grpc_status_code publish(struct world *world) {
    return probe_publish_text(world->probe, TOPIC, "x", "");
}

static void inject(struct world *world, int count) {
    const struct message message = {.data = "x", .size = 1};
    for (int i = 0; i < count; i++)
        check_ok(fake_pubsub_publish(world->fake, TOPIC, &message));
}

/* Opens a stream and waits until the fake knows it. */
static struct probe_stream *pull(struct world *world) {
    size_t open = fake_pubsub_open_streams(world->fake);
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    while (fake_pubsub_open_streams(world->fake) == open)
        get_topic(world, PROBE_WAIT_MS);
    return stream;
}

/* Reads until `count` messages have come; the ack id of the last is in ack_id unless that is NULL. */
static void expect(struct probe_stream *stream, size_t count, char *ack_id, size_t size) {
    size_t got = 0;
    while (got < count) {
        const probe_response *response = probe_stream_read(stream, PROBE_WAIT_MS);
        assert_non_null(response);
        got += response->n_received_messages;
        if (ack_id)
            snprintf(
                ack_id, size, "%s", response->received_messages[response->n_received_messages - 1]->ack_id);
    }
    assert_int_equal(got, count);
}

static void expect_quiet(struct probe_stream *stream) {
    assert_null(probe_stream_read(stream, QUIET_MS));
}

static void breaks_all_streams(void **state) {
    struct world *world = *state;
    struct probe_stream *streams[2] = {pull(world), pull(world)};
    inject(world, 1);
    fake_pubsub_break_streams(world->fake, GRPC_STATUS_INTERNAL);
    for (int i = 0; i < 2; i++) {
        while (
            probe_stream_read(streams[i], PROBE_WAIT_MS)) /* gRPC tells the status behind the last message */
            continue;
        assert_int_equal(probe_stream_status(streams[i], PROBE_WAIT_MS), GRPC_STATUS_INTERNAL);
        probe_stream_free(streams[i]);
    }
    assert_int_equal(fake_pubsub_open_streams(world->fake), 0);
    struct probe_stream *stream = pull(world);
    expect_quiet(stream); /* still leased to a stream that has gone */
    fake_pubsub_expire_leases(world->fake);
    expect(stream, 1, NULL, 0);
    probe_stream_free(stream);
}

static void breaks_streams_now_and_then(void **state) {
    struct world *world = *state;
    fake_pubsub_break_streams_every(world->fake, 3);
    struct probe_stream *stream = pull(world);
    inject(world, 7);
    expect(stream, 3, NULL, 0);
    assert_int_equal(probe_stream_status(stream, PROBE_WAIT_MS), GRPC_STATUS_UNAVAILABLE);
    probe_stream_free(stream);
    fake_pubsub_break_streams_every(world->fake, 0);
    stream = pull(world);
    expect(stream, 4, NULL, 0);
    probe_stream_free(stream);
}

static void answers_the_next_calls_with_a_status(void **state) {
    struct world *world = *state;
    static const grpc_status_code statuses[] = {GRPC_STATUS_UNAVAILABLE, GRPC_STATUS_RESOURCE_EXHAUSTED,
        GRPC_STATUS_INTERNAL, GRPC_STATUS_DEADLINE_EXCEEDED, GRPC_STATUS_PERMISSION_DENIED,
        GRPC_STATUS_NOT_FOUND};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        fake_pubsub_answer_next(world->fake, FAKE_PUBLISH, 2, statuses[i]);
        assert_int_equal(publish(world), statuses[i]);
        assert_int_equal(get_topic(world, PROBE_WAIT_MS), GRPC_STATUS_OK);
        assert_int_equal(publish(world), statuses[i]);
        assert_int_equal(fake_pubsub_published(world->fake, TOPIC), i);
        assert_int_equal(publish(world), GRPC_STATUS_OK);
    }
    assert_int_equal(fake_pubsub_calls(world->fake, FAKE_PUBLISH), 18);
    fake_pubsub_answer_next(world->fake, FAKE_STREAMING_PULL, 1, GRPC_STATUS_PERMISSION_DENIED);
    struct probe_stream *stream = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    assert_int_equal(probe_stream_status(stream, PROBE_WAIT_MS), GRPC_STATUS_PERMISSION_DENIED);
    probe_stream_free(stream);
    stream = pull(world);
    expect(stream, 6, NULL, 0);
    probe_stream_free(stream);
}

static void publishes_without_confirming(void **state) {
    struct world *world = *state;
    fake_pubsub_publish_unconfirmed(world->fake, 1, GRPC_STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(publish(world), GRPC_STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(fake_pubsub_published(world->fake, TOPIC), 1);
    assert_int_equal(publish(world), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_published(world->fake, TOPIC), 2);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void delays_answers(void **state) {
    struct world *world = *state;
    fake_pubsub_delay(world->fake, 60);
    int64_t before = now_ms();
    assert_int_equal(publish(world), GRPC_STATUS_OK);
    assert_in_range(now_ms() - before, 60, PROBE_WAIT_MS);
    fake_pubsub_delay(world->fake, 600000);
    assert_int_equal(
        get_topic(world, 20), GRPC_STATUS_DEADLINE_EXCEEDED); /* and nobody stumbles over it later */
    fake_pubsub_delay(world->fake, 0);
    assert_int_equal(get_topic(world, PROBE_WAIT_MS), GRPC_STATUS_OK);
}

static void delivers_duplicates(void **state) {
    struct world *world = *state;
    char ack[256];
    fake_pubsub_duplicate(world->fake, 3);
    struct probe_stream *stream = pull(world);
    inject(world, 1);
    const probe_response *response = probe_stream_read(stream, PROBE_WAIT_MS);
    assert_non_null(response);
    assert_int_equal(response->n_received_messages, 3);
    for (int i = 1; i < 3; i++) {
        assert_string_equal(response->received_messages[i]->message->message_id,
            response->received_messages[0]->message->message_id);
        assert_string_not_equal(
            response->received_messages[i]->ack_id, response->received_messages[i - 1]->ack_id);
    }
    snprintf(ack, sizeof ack, "%s", response->received_messages[2]->ack_id);
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, ack), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).acked, 1);
    fake_pubsub_duplicate(world->fake, 1);
    inject(world, 1);
    expect(stream, 1, NULL, 0);
    probe_stream_free(stream);
}

static void loses_and_forgets_acks(void **state) {
    struct world *world = *state;
    char ack[256];
    struct probe_stream *stream = pull(world);
    inject(world, 1);
    expect(stream, 1, ack, sizeof ack);
    fake_pubsub_lose_acks(world->fake, true);
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, ack), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).acked, 0);
    fake_pubsub_lose_acks(world->fake, false);
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, ack), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).acked, 1);

    inject(world, 1);
    expect(stream, 1, NULL, 0);
    fake_pubsub_forget_acks(world->fake, SUBSCRIPTION);
    expect(stream, 2, ack, sizeof ack);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).acked, 0);
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, ack), GRPC_STATUS_OK);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).leased, 1);
    probe_stream_free(stream);
}

static void swallows_everything(void **state) {
    struct world *world = *state;
    char ack[256];
    struct probe_stream *before = pull(world);
    inject(world, 1);
    expect(before, 1, ack, sizeof ack);

    fake_pubsub_black_hole(world->fake, true);
    assert_int_equal(get_topic(world, 50), GRPC_STATUS_DEADLINE_EXCEEDED);
    struct probe_stream *meanwhile = probe_stream_pull(world->probe, SUBSCRIPTION, 0);
    inject(world, 1);
    probe_stream_ack(before, ack);
    expect_quiet(before);
    assert_int_equal(probe_stream_status(meanwhile, QUIET_MS), -1);

    fake_pubsub_black_hole(world->fake, false);
    expect(before, 1, NULL, 0);
    assert_int_equal(probe_stream_status(meanwhile, PROBE_WAIT_MS), GRPC_STATUS_UNAVAILABLE);
    assert_int_equal(fake_pubsub_counts(world->fake, SUBSCRIPTION).acked, 0);
    assert_int_equal(fake_pubsub_published(world->fake, TOPIC), 2);
    assert_int_equal(get_topic(world, PROBE_WAIT_MS), GRPC_STATUS_OK);
    probe_stream_free(before);
    probe_stream_free(meanwhile);
}

static void keeps_everything_over_a_restart(void **state) {
    struct world *world = *state;
    char ack[256];
    struct probe_stream *stream = pull(world);
    inject(world, 1);
    expect(stream, 1, ack, sizeof ack);
    inject(world, 1);
    expect(stream, 1, NULL, 0);
    assert_int_equal(probe_ack(world->probe, SUBSCRIPTION, ack), GRPC_STATUS_OK);
    int port = fake_pubsub_port(world->fake);
    fake_pubsub_stop(world->fake);
    fake_pubsub_stop(world->fake);
    assert_int_not_equal(probe_stream_status(stream, PROBE_WAIT_MS), GRPC_STATUS_OK);
    probe_stream_free(stream);
    inject(world, 1);

    check_ok(fake_pubsub_restart(world->fake));
    assert_int_equal(fake_pubsub_port(world->fake), port);
    struct fake_counts counts = fake_pubsub_counts(world->fake, SUBSCRIPTION);
    assert_int_equal(counts.acked, 1);
    assert_int_equal(counts.leased, 1);
    assert_int_equal(counts.waiting, 1);
    stream = pull(world);
    expect(stream, 1, NULL, 0);
    fake_pubsub_expire_leases(world->fake);
    expect(stream, 2, NULL, 0);
    probe_stream_free(stream);
}

static void says_when_the_port_is_taken(void **state) {
    struct world *world = *state;
    struct fake_pubsub_options options = {.port = fake_pubsub_port(world->fake)};
    struct fake_pubsub *second = NULL;
    struct result r = fake_pubsub_start(&options, &second);
    assert_int_equal(r.code, CODE_UNAVAILABLE);
    assert_null(second);
    assert_int_equal(get_topic(world, PROBE_WAIT_MS), GRPC_STATUS_OK);
    struct fake_pubsub *none = NULL;
    fake_pubsub_free(&none);
}

static void knows_how_long_a_client_waits(void **state) {
    struct world *world = *state;
    assert_int_equal(get_topic(world, 20000), GRPC_STATUS_OK);
    assert_in_range(
        fake_pubsub_deadline_ms(world->fake, FAKE_GET_TOPIC), 10000, 21000); /* the wire rounds up */
    struct probe_stream *stream = pull(world);
    assert_true(fake_pubsub_deadline_ms(world->fake, FAKE_STREAMING_PULL) == INT64_MAX);
    probe_stream_free(stream);
}

static void keeps_the_headers_of_the_last_call(void **state) {
    struct world *world = *state;
    char value[200];
    assert_false(fake_pubsub_header(world->fake, FAKE_GET_TOPIC, "user-agent", value, sizeof value));
    assert_string_equal(value, "");
    assert_int_equal(get_topic(world, PROBE_WAIT_MS), GRPC_STATUS_OK);
    assert_true(fake_pubsub_header(world->fake, FAKE_GET_TOPIC, "user-agent", value, sizeof value));
    assert_non_null(strstr(value, "grpc-c/"));
    assert_false(fake_pubsub_header(world->fake, FAKE_GET_TOPIC, "authorization", value, sizeof value));
    assert_false(fake_pubsub_header(world->fake, FAKE_PUBLISH, "user-agent", value, sizeof value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(breaks_all_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(breaks_streams_now_and_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_the_next_calls_with_a_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(publishes_without_confirming, set_up, tear_down),
        cmocka_unit_test_setup_teardown(delays_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(delivers_duplicates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loses_and_forgets_acks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(swallows_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_everything_over_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_when_the_port_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_how_long_a_client_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_headers_of_the_last_call, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
