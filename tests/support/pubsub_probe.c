#include "support/pubsub_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

enum { RESPONSE_MAX = 64 * 1024 * 1024 };

struct probe {
    grpc_channel *channel;
    char text[256];
};

/* Whatever one call needs, unary or stream. */
struct exchange {
    grpc_call *call;
    grpc_completion_queue *queue;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *received;
    grpc_status_code status;
    grpc_slice details;
};

struct probe_stream {
    struct exchange exchange;
    bool reading, ended;
    ProtobufCMessage *response;
};

/* Tags: what an event was asked for. */
static char sent_tag, initial_tag, received_tag, status_tag;

static gpr_timespec in_ms(int ms) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

struct probe *probe_new(const char *address) {
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        abort();
    grpc_init();
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER,
            .key = (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
            .value.integer = RESPONSE_MAX},
        {.type = GRPC_ARG_INTEGER,
            .key = (char *)GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
            .value.integer = 100},
        {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, .value.integer = 100},
    };
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    probe->channel =
        grpc_channel_create(address, credentials, &(grpc_channel_args){sizeof args / sizeof *args, args});
    grpc_channel_credentials_release(credentials);
    return probe;
}

void probe_free(struct probe *probe) {
    grpc_channel_destroy(probe->channel);
    free(probe);
    grpc_shutdown();
}

const char *probe_text(const struct probe *probe) {
    return probe->text;
}

/* --- One exchange --------------------------------------------------------------------------------------- */

static void start(struct exchange *exchange, const grpc_op *ops, size_t count, void *tag) {
    if (grpc_call_start_batch(exchange->call, ops, count, tag, NULL) != GRPC_CALL_OK)
        abort();
}

static bool await(struct exchange *exchange, void *tag, int timeout_ms) {
    return grpc_completion_queue_pluck(exchange->queue, tag, in_ms(timeout_ms), NULL).type
        == GRPC_OP_COMPLETE;
}

static void exchange_open(
    struct exchange *exchange, struct probe *probe, const char *method, gpr_timespec deadline) {
    char path[100];
    snprintf(path, sizeof path, "/google.pubsub.v1.%s", method);
    *exchange = (struct exchange){.queue = grpc_completion_queue_create_for_pluck(NULL)};
    grpc_metadata_array_init(&exchange->initial);
    grpc_metadata_array_init(&exchange->trailing);
    grpc_slice name = grpc_slice_from_copied_string(path);
    exchange->call = grpc_channel_create_call(
        probe->channel, NULL, GRPC_PROPAGATE_DEFAULTS, exchange->queue, name, NULL, deadline, NULL);
    grpc_slice_unref(name);
}

static void exchange_close(struct exchange *exchange) {
    grpc_call_unref(exchange->call);
    grpc_byte_buffer_destroy(exchange->received);
    grpc_metadata_array_destroy(&exchange->initial);
    grpc_metadata_array_destroy(&exchange->trailing);
    grpc_slice_unref(exchange->details);
    grpc_completion_queue_shutdown(exchange->queue);
    grpc_completion_queue_destroy(exchange->queue);
}

static grpc_op receive_status(struct exchange *exchange) {
    return (grpc_op){
        .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
        .data.recv_status_on_client = {.trailing_metadata = &exchange->trailing,
            .status = &exchange->status,
            .status_details = &exchange->details},
    };
}

static grpc_op receive_initial(struct exchange *exchange) {
    return (grpc_op){
        .op = GRPC_OP_RECV_INITIAL_METADATA,
        .data.recv_initial_metadata.recv_initial_metadata = &exchange->initial,
    };
}

static grpc_op receive_message(struct exchange *exchange) {
    return (grpc_op){.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &exchange->received};
}

static grpc_byte_buffer *pack(const ProtobufCMessage *message) {
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static ProtobufCMessage *unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *descriptor) {
    grpc_byte_buffer_reader reader;
    grpc_byte_buffer_reader_init(&reader, buffer);
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, NULL, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
    return message;
}

/* --- Calls ---------------------------------------------------------------------------------------------- */

grpc_status_code probe_call(struct probe *probe, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *expected, ProtobufCMessage **response, int deadline_ms) {
    struct exchange exchange;
    exchange_open(&exchange, probe, method, in_ms(deadline_ms));
    grpc_byte_buffer *body = pack(request);
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA, .flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = body},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        receive_initial(&exchange),
        receive_message(&exchange),
        receive_status(&exchange),
    };
    start(&exchange, ops, sizeof ops / sizeof *ops, &status_tag);
    grpc_byte_buffer_destroy(body);
    await(&exchange, &status_tag, deadline_ms + PROBE_WAIT_MS);
    if (exchange.status == GRPC_STATUS_OK && response)
        *response = unpack(exchange.received, expected);
    snprintf(probe->text, sizeof probe->text, "%.*s", (int)GRPC_SLICE_LENGTH(exchange.details),
        (const char *)GRPC_SLICE_START_PTR(exchange.details));
    grpc_status_code status = exchange.status;
    exchange_close(&exchange);
    return status;
}

grpc_status_code probe_create_topic(struct probe *probe, const char *name) {
    Google__Pubsub__V1__Topic topic = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    topic.name = (char *)name;
    return probe_call(probe, "Publisher/CreateTopic", &topic.base, NULL, NULL, PROBE_WAIT_MS);
}

grpc_status_code probe_create_subscription(
    struct probe *probe, const char *name, const char *topic, int deadline_seconds, bool ordered) {
    Google__Pubsub__V1__Subscription subscription = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    subscription.name = (char *)name;
    subscription.topic = (char *)topic;
    subscription.ack_deadline_seconds = deadline_seconds;
    subscription.enable_message_ordering = ordered;
    return probe_call(probe, "Subscriber/CreateSubscription", &subscription.base, NULL, NULL, PROBE_WAIT_MS);
}

grpc_status_code probe_publish(
    struct probe *probe, const char *topic, probe_message *const messages[], size_t count) {
    Google__Pubsub__V1__PublishRequest request = GOOGLE__PUBSUB__V1__PUBLISH_REQUEST__INIT;
    request.topic = (char *)topic;
    request.messages = (probe_message **)messages;
    request.n_messages = count;
    return probe_call(probe, "Publisher/Publish", &request.base, NULL, NULL, PROBE_WAIT_MS);
}

grpc_status_code probe_publish_text(
    struct probe *probe, const char *topic, const char *text, const char *key) {
    probe_message message = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    message.data = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
    message.ordering_key = (char *)key;
    return probe_publish(probe, topic, &(probe_message *){&message}, 1);
}

grpc_status_code probe_ack(struct probe *probe, const char *subscription, const char *ack_id) {
    Google__Pubsub__V1__AcknowledgeRequest request = GOOGLE__PUBSUB__V1__ACKNOWLEDGE_REQUEST__INIT;
    request.subscription = (char *)subscription;
    request.ack_ids = (char **)&ack_id;
    request.n_ack_ids = 1;
    return probe_call(probe, "Subscriber/Acknowledge", &request.base, NULL, NULL, PROBE_WAIT_MS);
}

grpc_status_code probe_modify(
    struct probe *probe, const char *subscription, const char *ack_id, int seconds) {
    Google__Pubsub__V1__ModifyAckDeadlineRequest request =
        GOOGLE__PUBSUB__V1__MODIFY_ACK_DEADLINE_REQUEST__INIT;
    request.subscription = (char *)subscription;
    request.ack_ids = (char **)&ack_id;
    request.n_ack_ids = 1;
    request.ack_deadline_seconds = seconds;
    return probe_call(probe, "Subscriber/ModifyAckDeadline", &request.base, NULL, NULL, PROBE_WAIT_MS);
}

/* --- Streams -------------------------------------------------------------------------------------------- */

struct probe_stream *probe_stream_open(struct probe *probe, const probe_request *first) {
    struct probe_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        abort();
    exchange_open(&stream->exchange, probe, "Subscriber/StreamingPull", gpr_inf_future(GPR_CLOCK_MONOTONIC));
    grpc_op status = receive_status(&stream->exchange), initial = receive_initial(&stream->exchange);
    start(&stream->exchange, &status, 1, &status_tag);
    start(&stream->exchange, &initial, 1, &initial_tag);
    grpc_byte_buffer *body = pack(&first->base);
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA, .flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = body},
    };
    start(&stream->exchange, ops, sizeof ops / sizeof *ops, &sent_tag);
    grpc_byte_buffer_destroy(body);
    await(&stream->exchange, &sent_tag, PROBE_WAIT_MS);
    return stream;
}

struct probe_stream *probe_stream_pull(struct probe *probe, const char *subscription, int64_t outstanding) {
    probe_request first = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    first.subscription = (char *)subscription;
    first.stream_ack_deadline_seconds = 10;
    first.max_outstanding_messages = outstanding;
    return probe_stream_open(probe, &first);
}

void probe_stream_write(struct probe_stream *stream, const probe_request *request) {
    grpc_byte_buffer *body = pack(&request->base);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = body};
    start(&stream->exchange, &op, 1, &sent_tag);
    grpc_byte_buffer_destroy(body);
    await(&stream->exchange, &sent_tag, PROBE_WAIT_MS);
}

void probe_stream_ack(struct probe_stream *stream, const char *ack_id) {
    probe_request request = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    request.ack_ids = (char **)&ack_id;
    request.n_ack_ids = 1;
    probe_stream_write(stream, &request);
}

void probe_stream_modify(struct probe_stream *stream, const char *ack_id, int seconds) {
    probe_request request = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    request.modify_deadline_ack_ids = (char **)&ack_id;
    request.n_modify_deadline_ack_ids = 1;
    request.modify_deadline_seconds = &seconds;
    request.n_modify_deadline_seconds = 1;
    probe_stream_write(stream, &request);
}

const probe_response *probe_stream_read(struct probe_stream *stream, int timeout_ms) {
    struct exchange *exchange = &stream->exchange;
    if (!stream->reading) {
        grpc_op op = receive_message(exchange);
        start(exchange, &op, 1, &received_tag);
        stream->reading = true;
    }
    if (!await(exchange, &received_tag, timeout_ms))
        return NULL;
    stream->reading = false;
    if (stream->response)
        protobuf_c_message_free_unpacked(stream->response, NULL);
    stream->response = NULL;
    if (exchange->received)
        stream->response =
            unpack(exchange->received, &google__pubsub__v1__streaming_pull_response__descriptor);
    grpc_byte_buffer_destroy(exchange->received);
    exchange->received = NULL;
    return (const probe_response *)stream->response;
}

void probe_stream_half_close(struct probe_stream *stream) {
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    start(&stream->exchange, &op, 1, &sent_tag);
    await(&stream->exchange, &sent_tag, PROBE_WAIT_MS);
}

int probe_stream_status(struct probe_stream *stream, int timeout_ms) {
    stream->ended = stream->ended || await(&stream->exchange, &status_tag, timeout_ms);
    return stream->ended ? (int)stream->exchange.status : -1;
}

void probe_stream_free(struct probe_stream *stream) {
    if (!stream)
        return;
    if (!stream->ended)
        grpc_call_cancel(stream->exchange.call, NULL);
    if (stream->reading)
        await(&stream->exchange, &received_tag, PROBE_WAIT_MS);
    await(&stream->exchange, &initial_tag, PROBE_WAIT_MS);
    probe_stream_status(stream, PROBE_WAIT_MS);
    if (stream->response)
        protobuf_c_message_free_unpacked(stream->response, NULL);
    exchange_close(&stream->exchange);
    free(stream);
}
