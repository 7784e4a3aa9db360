#include "support/fake_pubsub_server.h"

#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>

static void call_free(struct fake_call *call) {
    TAILQ_REMOVE(&call->fake->calls, call, link);
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->answer.body);
    grpc_metadata_array_destroy(&call->headers);
    grpc_call_details_destroy(&call->details);
    if (call->call)
        grpc_call_unref(call->call);
    free(call);
}

void fake_call_event(struct fake_tag *tag, bool success) {
    struct fake_call *call = tag->call;
    tag->run(call, success);
    if (--call->owed == 0)
        call_free(call);
}

void fake_call_start(struct fake_call *call, const grpc_op *ops, size_t count, struct fake_tag *tag) {
    if (!call->fake->serving)
        return;
    if (grpc_call_start_batch(call->call, ops, count, tag, NULL) != GRPC_CALL_OK)
        abort(); /* our own misuse of gRPC: a test must not go on with it */
    call->owed++;
}

void fake_call_receive(struct fake_call *call) {
    grpc_byte_buffer_destroy(call->request);
    call->request = NULL;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->request};
    fake_call_start(call, &op, 1, &call->received);
}

void fake_call_answer(struct fake_call *call) {
    grpc_slice text = grpc_slice_from_copied_string(call->answer.text);
    grpc_op ops[3] = {{
        .op = GRPC_OP_SEND_STATUS_FROM_SERVER,
        .data.send_status_from_server = {.status = call->answer.status, .status_details = &text},
    }};
    size_t count = 1;
    if (!call->opened)
        ops[count++] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    if (call->answer.body)
        ops[count++] =
            (grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->answer.body};
    call->opened = true;
    call->answer_at_ms = INT64_MAX;
    fake_call_start(call, ops, count, &call->done);
    grpc_slice_unref(text);
}

int64_t fake_calls_answer_due(struct fake_pubsub *fake, int64_t now_ms) {
    int64_t next = INT64_MAX;
    struct fake_call *call;
    TAILQ_FOREACH(call, &fake->calls, link) {
        if (call->answer_at_ms <= now_ms)
            fake_call_answer(call);
        else if (call->answer_at_ms < next)
            next = call->answer_at_ms;
    }
    return next;
}

grpc_byte_buffer *fake_pack(const ProtobufCMessage *message) {
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

ProtobufCMessage *fake_call_unpack(struct fake_call *call, const ProtobufCMessageDescriptor *descriptor) {
    grpc_byte_buffer_reader reader;
    ProtobufCMessage *message = NULL;
    if (call->request && grpc_byte_buffer_reader_init(&reader, call->request)) {
        grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
        message = protobuf_c_message_unpack(
            descriptor, NULL, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
        grpc_slice_unref(slice);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    if (!message)
        fake_refuse(&call->answer, GRPC_STATUS_INVALID_ARGUMENT, "the request is not a %s", descriptor->name);
    return message;
}

static void on_received(struct fake_call *call, bool success) {
    struct fake_pubsub *fake = call->fake;
    if (!success || fake->faults.black_hole)
        return;
    struct fake_fault *refuse = &fake->faults.refuse[call->method];
    if (fake_fault_strikes(refuse))
        fake_refuse(&call->answer, refuse->status, "fake: told to refuse this call");
    else
        fake_method_run(call);
    if (fake->faults.delay_ms > 0)
        call->answer_at_ms = fake_now_ms() + fake->faults.delay_ms;
    else
        fake_call_answer(call);
    fake_streams_deliver(fake);
}

static void on_closed(struct fake_call *call, bool success) {
    (void)success;
    call->answer_at_ms = INT64_MAX;
    if (call->method == FAKE_STREAMING_PULL)
        fake_stream_gone(call);
}

static void on_done(struct fake_call *call, bool success) {
    if (success && call->method != FAKE_METHODS)
        call->fake->answered_of[call->method]++;
}

static int64_t time_left_ms(gpr_timespec deadline) {
    if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0)
        return INT64_MAX;
    return gpr_time_to_millis(gpr_time_sub(deadline, gpr_now(deadline.clock_type)));
}

/* Counts the call, and keeps what it came with as the method's newest. */
static void note_call(struct fake_call *call) {
    call->fake->calls_of[call->method]++;
    call->fake->deadline_of[call->method] = time_left_ms(call->details.deadline);
    json_t *headers = json_object();
    for (size_t i = 0; headers && i < call->headers.count; i++) {
        const grpc_metadata *header = &call->headers.metadata[i];
        char *name = grpc_slice_to_c_string(header->key);
        json_object_set_new_nocheck(headers, name,
            json_stringn_nocheck(
                (const char *)GRPC_SLICE_START_PTR(header->value), GRPC_SLICE_LENGTH(header->value)));
        gpr_free(name);
    }
    json_decref(call->fake->headers_of[call->method]);
    call->fake->headers_of[call->method] = headers;
}

/* A client has called: its end is asked for before anything else. */
static void on_accepted(struct fake_call *call, bool success) {
    if (!success || !call->fake->serving)
        return;
    fake_call_request(call->fake);
    grpc_op close = {
        .op = GRPC_OP_RECV_CLOSE_ON_SERVER,
        .data.recv_close_on_server.cancelled = &call->cancelled,
    };
    fake_call_start(call, &close, 1, &call->closed);
    call->method = fake_method_of(call->details.method);
    if (call->method == FAKE_METHODS) {
        fake_refuse(&call->answer, GRPC_STATUS_UNIMPLEMENTED, "the fake has no such method");
        fake_call_answer(call);
        return;
    }
    note_call(call);
    if (call->method == FAKE_STREAMING_PULL)
        call->received.run = fake_stream_received;
    fake_call_receive(call);
}

void fake_call_request(struct fake_pubsub *fake) {
    struct fake_call *call = calloc(1, sizeof *call);
    if (!call)
        abort();
    *call = (struct fake_call){
        .fake = fake,
        .method = FAKE_METHODS,
        .owed = 1,
        .accepted = {on_accepted, call},
        .closed = {on_closed, call},
        .received = {on_received, call},
        .sent = {fake_stream_sent, call},
        .done = {on_done, call},
        .answer_at_ms = INT64_MAX,
    };
    grpc_call_details_init(&call->details);
    grpc_metadata_array_init(&call->headers);
    TAILQ_INSERT_TAIL(&fake->calls, call, link);
    grpc_server_request_call(
        fake->server, &call->call, &call->details, &call->headers, fake->queue, fake->queue, &call->accepted);
}
