#include "bus/rpc_internal.h"

#include <grpc/byte_buffer_reader.h>
#include <stdlib.h>

/* Each tag is one batch under way; the stream ends when its status has come and no batch is left. */
struct rpc_stream {
    struct rpc_running running;
    struct rpc_stream_events events;
    struct rpc_tag sent, headed, ended, read, finished;
    grpc_byte_buffer *outgoing; /* NULL: nothing on its way */
    grpc_byte_buffer *incoming;
    int batches;
    bool finishing; /* nothing may be sent any more */
    bool over;      /* the status has come */
};

static void finish(struct rpc_stream *stream) {
    char text[RPC_TEXT_MAX];
    struct rpc_reply reply = rpc_running_reply(&stream->running, text);
    stream->events.on_end(stream->events.context, &reply);
    if (stream->outgoing)
        grpc_byte_buffer_destroy(stream->outgoing);
    rpc_running_end(&stream->running);
    free(stream);
}

static void batch_done(struct rpc_stream *stream) {
    stream->batches--;
    if (stream->over && stream->batches == 0)
        finish(stream);
}

static void on_sent(struct rpc_tag *tag, bool success) {
    (void)success; /* where sending failed, the status says why */
    struct rpc_stream *stream = list_entry(tag, struct rpc_stream, sent);
    grpc_byte_buffer_destroy(stream->outgoing);
    stream->outgoing = NULL;
    batch_done(stream);
}

static void on_headed(struct rpc_tag *tag, bool success) {
    (void)success;
    batch_done(list_entry(tag, struct rpc_stream, headed));
}

static void on_finished(struct rpc_tag *tag, bool success) {
    (void)success;
    batch_done(list_entry(tag, struct rpc_stream, finished));
}

static void on_ended(struct rpc_tag *tag, bool success) {
    (void)success;
    struct rpc_stream *stream = list_entry(tag, struct rpc_stream, ended);
    stream->over = true;
    batch_done(stream);
}

static void hand_over(struct rpc_stream *stream, grpc_byte_buffer *buffer) {
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
        rpc_stream_cancel(stream);
        return;
    }
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    stream->events.on_message(stream->events.context, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
    grpc_slice_unref(slice);
}

static void on_read(struct rpc_tag *tag, bool success) {
    struct rpc_stream *stream = list_entry(tag, struct rpc_stream, read);
    grpc_byte_buffer *buffer = stream->incoming;
    stream->incoming = NULL;
    if (success && buffer)
        hand_over(stream, buffer);
    if (buffer)
        grpc_byte_buffer_destroy(buffer);
    batch_done(stream);
}

/* Starting cannot fail but by a fault of ours; then the call is of no use. */
static void start(struct rpc_stream *stream, const grpc_op *ops, size_t count, struct rpc_tag *tag) {
    rpc_tag_goes(tag);
    if (grpc_call_start_batch(stream->running.call, ops, count, tag, NULL) == GRPC_CALL_OK)
        stream->batches++;
    else
        grpc_call_cancel_with_status(
            stream->running.call, GRPC_STATUS_INTERNAL, "gRPC refuses a batch", NULL);
}

static void start_receiving(struct rpc_stream *stream) {
    struct rpc_running *running = &stream->running;
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
        .data.recv_status_on_client = {.trailing_metadata = &running->trailers,
            .status = &running->status,
            .status_details = &running->details}};
    start(stream, &status, 1, &stream->ended);
    grpc_op headers = {.op = GRPC_OP_RECV_INITIAL_METADATA,
        .data.recv_initial_metadata.recv_initial_metadata = &running->headers};
    start(stream, &headers, 1, &stream->headed);
}

struct result rpc_stream_open(struct rpc_channel *channel, const struct rpc_request *request,
    struct rpc_stream_events events, struct rpc_stream **stream) {
    struct rpc_stream *new = calloc(1, sizeof *new);
    if (!new)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = rpc_running_start(&new->running, channel, request);
    if (!is_ok(r)) {
        free(new);
        return r;
    }
    new->events = events;
    new->sent.done = on_sent;
    new->headed.done = on_headed;
    new->ended.done = on_ended;
    new->finished.done = on_finished;
    new->read.done = on_read;
    new->outgoing = rpc_pack(request->message);
    grpc_op ops[2] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
            .data.send_initial_metadata = {.count = new->running.routing_count,
                .metadata = &new->running.routing}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = new->outgoing},
    };
    start(new, ops, 2, &new->sent);
    start_receiving(new);
    *stream = new;
    return ok();
}

void rpc_stream_read(struct rpc_stream *stream) {
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &stream->incoming};
    start(stream, &op, 1, &stream->read);
}

bool rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message) {
    if (stream->outgoing || stream->finishing || stream->over)
        return false;
    stream->outgoing = rpc_pack(message);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = stream->outgoing};
    start(stream, &op, 1, &stream->sent);
    return true;
}

void rpc_stream_finish(struct rpc_stream *stream) {
    if (stream->finishing || stream->over)
        return;
    stream->finishing = true;
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    start(stream, &op, 1, &stream->finished);
}

void rpc_stream_cancel(struct rpc_stream *stream) {
    grpc_call_cancel(stream->running.call, NULL);
}
