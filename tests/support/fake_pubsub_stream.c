#include "support/fake_pubsub_server.h"

#include "base/arena.h"
#include "proto/pubsub.pb-c.h"

#include <stdio.h>
#include <string.h>

enum {
    BATCH_MESSAGES = 100,     /* in one response, at most */
    BATCH_BYTES = 1000000,    /* of data; one message may be larger */
    RESPONSE_MAX = 256 << 20, /* of memory to build a response in */
    LEASE_LEAST_SECONDS = 10,
    LEASE_MOST_SECONDS = 600,
};

typedef Google__Pubsub__V1__StreamingPullRequest Request;
typedef Google__Pubsub__V1__StreamingPullResponse Response;
typedef Google__Pubsub__V1__ReceivedMessage Received;
typedef Google__Pubsub__V1__PubsubMessage Message;
typedef Google__Pubsub__V1__Attribute Attribute;
typedef Google__Pubsub__V1__Timestamp Timestamp;

static void detach(struct fake_stream *stream) {
    if (stream->subscription)
        fake_subscription_leave(stream->subscription, &stream->pull);
    stream->subscription = NULL;
}

void fake_stream_gone(struct fake_call *call) {
    call->stream.ending = true;
    detach(&call->stream);
}

void fake_stream_end(struct fake_call *call, grpc_status_code status, const char *text) {
    struct fake_stream *stream = &call->stream;
    if (stream->ending)
        return;
    stream->ending = true;
    detach(stream);
    fake_refuse(&call->answer, status, "%s", text);
    if (!stream->sending)
        fake_call_answer(call);
}

void fake_stream_sent(struct fake_call *call, bool success) {
    struct fake_stream *stream = &call->stream;
    stream->sending = false;
    if (!success)
        return;
    if (stream->ending)
        fake_call_answer(call);
    else
        fake_streams_deliver(call->fake);
}

/* --- What the client writes ----------------------------------------------------------------------------- */

/* The first request opens the stream: says why not in the answer, else NULL. */
static const char *stream_open(struct fake_call *call, const Request *request) {
    struct fake_stream *stream = &call->stream;
    struct fake_fault *refuse = &call->fake->faults.refuse[FAKE_STREAMING_PULL];
    call->answer.status = GRPC_STATUS_INVALID_ARGUMENT;
    if (fake_fault_strikes(refuse)) {
        call->answer.status = refuse->status;
        return "fake: told to refuse this call";
    }
    if (!*request->subscription)
        return "the first request on a stream has to name the subscription";
    if (request->stream_ack_deadline_seconds < LEASE_LEAST_SECONDS
        || request->stream_ack_deadline_seconds > LEASE_MOST_SECONDS)
        return "stream_ack_deadline_seconds has to be 10 to 600";
    call->answer.status = GRPC_STATUS_NOT_FOUND;
    stream->subscription = fake_store_subscription(&call->fake->store, request->subscription);
    if (!stream->subscription)
        return "there is no such subscription";
    stream->pull = (struct fake_pull){
        .max_messages = request->max_outstanding_messages,
        .max_bytes = request->max_outstanding_bytes,
        .lease_ms = request->stream_ack_deadline_seconds * (int64_t)1000,
    };
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    call->opened = true;
    fake_call_start(call, &op, 1, &call->done);
    return NULL;
}

static const char *stream_go_on(struct fake_call *call, const Request *request) {
    call->answer.status = GRPC_STATUS_INVALID_ARGUMENT;
    if (*request->subscription || request->max_outstanding_messages || request->max_outstanding_bytes)
        return "only the first request on a stream may set the subscription and its limits";
    if (request->stream_ack_deadline_seconds
        && (request->stream_ack_deadline_seconds < LEASE_LEAST_SECONDS
            || request->stream_ack_deadline_seconds > LEASE_MOST_SECONDS))
        return "stream_ack_deadline_seconds has to be 10 to 600";
    if (request->stream_ack_deadline_seconds)
        call->stream.pull.lease_ms = request->stream_ack_deadline_seconds * (int64_t)1000;
    return NULL;
}

static const char *stream_acks(struct fake_call *call, const Request *request) {
    call->answer.status = GRPC_STATUS_INVALID_ARGUMENT;
    if (request->n_modify_deadline_seconds != request->n_modify_deadline_ack_ids)
        return "modify_deadline_seconds and modify_deadline_ack_ids differ in length";
    for (size_t i = 0; i < request->n_modify_deadline_seconds; i++)
        if (request->modify_deadline_seconds[i] < 0
            || request->modify_deadline_seconds[i] > LEASE_MOST_SECONDS)
            return "modify_deadline_seconds have to be 0 to 600";
    for (size_t i = 0; i < request->n_ack_ids; i++)
        fake_ack(call->fake, call->stream.subscription, request->ack_ids[i]);
    for (size_t i = 0; i < request->n_modify_deadline_ack_ids; i++)
        fake_modify_deadline(call->fake, call->stream.subscription, request->modify_deadline_ack_ids[i],
            request->modify_deadline_seconds[i]);
    return NULL;
}

static void stream_request(struct fake_call *call) {
    Request *request =
        (Request *)fake_call_unpack(call, &google__pubsub__v1__streaming_pull_request__descriptor);
    const char *wrong = request ? NULL : "the request is not a StreamingPullRequest";
    if (request)
        wrong = call->stream.subscription ? stream_go_on(call, request) : stream_open(call, request);
    if (request && !wrong)
        wrong = stream_acks(call, request);
    if (request)
        protobuf_c_message_free_unpacked(&request->base, NULL);
    if (wrong)
        fake_stream_end(call, call->answer.status, wrong);
}

void fake_stream_received(struct fake_call *call, bool success) {
    struct fake_stream *stream = &call->stream;
    if (!success || stream->ending)
        return;
    if (call->fake->faults.black_hole) {
        stream->lost = stream->lost || !stream->subscription;
        if (call->request)
            fake_call_receive(call);
        return;
    }
    if (!call->request) { /* the client has said all it wanted */
        fake_stream_end(call, GRPC_STATUS_OK, "");
        return;
    }
    stream_request(call);
    if (!stream->ending)
        fake_call_receive(call);
    fake_streams_deliver(call->fake);
}

/* --- What the client is sent ---------------------------------------------------------------------------- */

static Attribute **encode_attributes(struct arena *arena, const struct message *message) {
    Attribute **list = arena_alloc(arena, (message->attribute_count + 1) * sizeof(Attribute *));
    for (size_t i = 0; list && i < message->attribute_count; i++) {
        list[i] = arena_alloc(arena, sizeof(Attribute));
        if (!list[i])
            return NULL;
        google__pubsub__v1__attribute__init(list[i]);
        list[i]->key = (char *)message->attributes[i].key;
        list[i]->value = (char *)message->attributes[i].value;
    }
    return list;
}

static Received *encode_received(
    struct arena *arena, const struct fake_subscription *subscription, uint32_t slot, int copy) {
    const struct message *message = fake_subscription_message(subscription, slot);
    Received *received = arena_alloc(arena, sizeof *received);
    Message *wire = arena_alloc(arena, sizeof *wire);
    Timestamp *published = arena_alloc(arena, sizeof *published);
    Attribute **attributes = encode_attributes(arena, message);
    char *ack_id = arena_alloc(arena, ACK_ID_MAX);
    if (!received || !wire || !published || !attributes || !ack_id)
        return NULL;
    google__pubsub__v1__timestamp__init(published);
    published->seconds = message->published_ms / 1000;
    published->nanos = (int32_t)(message->published_ms % 1000) * 1000000;
    google__pubsub__v1__pubsub_message__init(wire);
    wire->data = (ProtobufCBinaryData){.len = message->size, .data = (uint8_t *)message->data};
    wire->n_attributes = message->attribute_count;
    wire->attributes = attributes;
    wire->message_id = (char *)message->id;
    wire->publish_time = published;
    if (message->ordering_key)
        wire->ordering_key = (char *)message->ordering_key;
    google__pubsub__v1__received_message__init(received);
    received->ack_id = fake_ack_id(subscription, slot, copy, ack_id);
    received->message = wire;
    return received;
}

/* A response with these messages, each `times` times; NULL when memory is out. */
static grpc_byte_buffer *encode_response(
    const struct fake_subscription *subscription, const uint32_t slots[], size_t count, int times) {
    grpc_byte_buffer *body = NULL;
    struct arena *arena = arena_new(RESPONSE_MAX);
    Received **list = arena ? arena_alloc(arena, count * (size_t)times * sizeof *list) : NULL;
    if (!list)
        goto out;
    Response response = GOOGLE__PUBSUB__V1__STREAMING_PULL_RESPONSE__INIT;
    response.received_messages = list;
    for (size_t i = 0; i < count; i++)
        for (int copy = 0; copy < times; copy++) {
            Received *received = encode_received(arena, subscription, slots[i], copy);
            if (!received)
                goto out;
            list[response.n_received_messages++] = received;
        }
    body = fake_pack(&response.base);
out:
    arena_free(&arena);
    return body;
}

static bool is_ready(const struct fake_call *call, const struct fake_subscription *subscription) {
    const struct fake_stream *stream = &call->stream;
    return stream->subscription == subscription && !stream->sending && !stream->ending
        && fake_pull_has_room(&stream->pull);
}

static void send_response(struct fake_call *call, const uint32_t slots[], size_t count) {
    struct fake_pubsub *fake = call->fake;
    struct fake_stream *stream = &call->stream;
    grpc_byte_buffer *body = encode_response(stream->subscription, slots, count, fake->faults.duplicate);
    if (!body) {
        fake_stream_end(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "fake: out of memory");
        return;
    }
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = body};
    stream->sending = true;
    stream->delivered += (int)count;
    fake_call_start(call, &op, 1, &call->sent);
    grpc_byte_buffer_destroy(body);
    if (fake->faults.break_every > 0 && stream->delivered >= fake->faults.break_every)
        fake_stream_end(call, GRPC_STATUS_UNAVAILABLE, "fake: told to break streams now and then");
}

/* Sends the stream at most `most` of what waits; false when it gets nothing. */
static bool deliver(struct fake_call *call, size_t most) {
    struct fake_stream *stream = &call->stream;
    int break_every = call->fake->faults.break_every;
    if (most > BATCH_MESSAGES)
        most = BATCH_MESSAGES;
    if (break_every > stream->delivered && most > (size_t)(break_every - stream->delivered))
        most = (size_t)(break_every - stream->delivered);
    uint32_t slots[BATCH_MESSAGES];
    size_t count = fake_subscription_take(
        stream->subscription, &stream->pull, fake_lease_now_ms(call->fake), BATCH_BYTES, slots, most);
    if (count)
        send_response(call, slots, count);
    return count > 0;
}

static void deliver_subscription(struct fake_pubsub *fake, struct fake_subscription *subscription) {
    size_t ready = 0;
    struct fake_call *call, *next;
    TAILQ_FOREACH(call, &fake->calls, link)
    ready += is_ready(call, subscription);
    for (call = TAILQ_FIRST(&fake->calls); call && ready; call = next) {
        next = TAILQ_NEXT(call, link);
        if (!is_ready(call, subscription))
            continue;
        size_t waiting = subscription->by_state[SLOT_WAITING];
        bool any = deliver(call, (waiting + ready - 1) / ready);
        ready--;
        if (any) { /* the others first, next time */
            TAILQ_REMOVE(&fake->calls, call, link);
            TAILQ_INSERT_TAIL(&fake->calls, call, link);
        }
    }
}

void fake_streams_deliver(struct fake_pubsub *fake) {
    if (fake->faults.black_hole || !fake->serving)
        return;
    for (size_t i = 0; i < fake->store.subscription_count; i++)
        if (fake->store.subscriptions[i]->by_state[SLOT_WAITING])
            deliver_subscription(fake, fake->store.subscriptions[i]);
}
