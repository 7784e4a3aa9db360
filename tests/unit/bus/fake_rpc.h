/*
 * An rpc.h for unit tests: it remembers what was called, and the test answers. To be included by one file of
 * a test program, whose own functions then stand before those of the library.
 */
#ifndef PHASEGATE_TESTS_UNIT_BUS_FAKE_RPC_H
#define PHASEGATE_TESTS_UNIT_BUS_FAKE_RPC_H

#include "bus/rpc.h"
#include "proto/pubsub.pb-c.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_CALLS_MAX = 256 };

struct rpc_call {
    char method[32]; /* the last part: "Acknowledge" */
    char routing[256];
    ProtobufCMessage *request;
    size_t size; /* of the request, packed */
    int deadline_ms;
    rpc_reply_fn *reply;
    void *context;
    bool cancelled;
    bool answered;
};

struct rpc_stream {
    ProtobufCMessage *request;
    struct rpc_stream_events events;
    int reads; /* asked for and not answered */
    int sent;
    bool finished, cancelled;
};

static struct {
    struct rpc_call calls[FAKE_CALLS_MAX];
    size_t call_count;
    struct rpc_stream streams[FAKE_CALLS_MAX];
    size_t stream_count;
    int refuse; /* so many calls cannot be started */
    bool not_ready;
} fake_rpc;

static inline void fake_rpc_reset(void) {
    for (size_t i = 0; i < fake_rpc.call_count; i++)
        protobuf_c_message_free_unpacked(fake_rpc.calls[i].request, NULL);
    for (size_t i = 0; i < fake_rpc.stream_count; i++)
        protobuf_c_message_free_unpacked(fake_rpc.streams[i].request, NULL);
    memset(&fake_rpc, 0, sizeof fake_rpc);
}

static ProtobufCMessage *fake_rpc_copy(const ProtobufCMessage *message, size_t *size) {
    *size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(*size + 1);
    assert_non_null(packed);
    protobuf_c_message_pack(message, packed);
    ProtobufCMessage *copy = protobuf_c_message_unpack(message->descriptor, NULL, *size, packed);
    free(packed);
    assert_non_null(copy);
    return copy;
}

struct result rpc_call(struct rpc_channel *channel, const struct rpc_request *request, rpc_reply_fn *reply,
    void *context, struct rpc_call **call) {
    (void)channel;
    if (fake_rpc.refuse > 0) {
        fake_rpc.refuse--;
        return fail(CODE_UNAVAILABLE, "the test refuses");
    }
    assert_true(fake_rpc.call_count < FAKE_CALLS_MAX);
    struct rpc_call *new = &fake_rpc.calls[fake_rpc.call_count++];
    *new = (struct rpc_call){.reply = reply, .context = context, .deadline_ms = request->deadline_ms};
    snprintf(new->method, sizeof new->method, "%s", strrchr(request->method, '/') + 1);
    snprintf(new->routing, sizeof new->routing, "%s", request->routing ? request->routing : "");
    new->request = fake_rpc_copy(request->message, &new->size);
    assert_true(request->deadline_ms > 0);
    if (call)
        *call = new;
    return ok();
}

void rpc_call_cancel(struct rpc_call *call) {
    call->cancelled = true;
}

/* Answers a call, by its number from 0. */
static inline void fake_rpc_answer(size_t index, enum rpc_status status) {
    assert_true(index < fake_rpc.call_count);
    struct rpc_call *call = &fake_rpc.calls[index];
    assert_false(call->answered);
    call->answered = true;
    call->reply(call->context, &(struct rpc_reply){.status = status, .text = "as the test wants"});
}

/* The same, as a success with this response. */
static inline void fake_rpc_respond(size_t index, const ProtobufCMessage *response) {
    assert_true(index < fake_rpc.call_count);
    struct rpc_call *call = &fake_rpc.calls[index];
    uint8_t packed[4096];
    assert_true(protobuf_c_message_get_packed_size(response) <= sizeof packed);
    size_t size = protobuf_c_message_pack(response, packed);
    assert_false(call->answered);
    call->answered = true;
    call->reply(call->context, &(struct rpc_reply){.text = "", .data = packed, .size = size});
}

struct result rpc_stream_open(struct rpc_channel *channel, const struct rpc_request *request,
    struct rpc_stream_events events, struct rpc_stream **stream) {
    (void)channel;
    assert_true(fake_rpc.stream_count < FAKE_CALLS_MAX);
    assert_string_equal(request->method, "/google.pubsub.v1.Subscriber/StreamingPull");
    assert_int_equal(request->deadline_ms, 0);
    struct rpc_stream *new = &fake_rpc.streams[fake_rpc.stream_count++];
    size_t size;
    *new = (struct rpc_stream){.request = fake_rpc_copy(request->message, &size), .events = events};
    *stream = new;
    return ok();
}

void rpc_stream_read(struct rpc_stream *stream) {
    assert_int_equal(stream->reads++, 0);
}

bool rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message) {
    assert_int_equal(protobuf_c_message_get_packed_size(message), 0); /* only pings are sent */
    stream->sent++;
    return true;
}

void rpc_stream_finish(struct rpc_stream *stream) {
    stream->finished = true;
}

void rpc_stream_cancel(struct rpc_stream *stream) {
    stream->cancelled = true;
}

struct result rpc_channel_open(struct rpc *rpc, struct rpc_channel **channel) {
    (void)rpc;
    *channel = NULL;
    return ok();
}

bool rpc_channel_ready(struct rpc_channel *channel) {
    (void)channel;
    return !fake_rpc.not_ready;
}

#endif
