#include "bus/rpc_internal.h"

#include <grpc/byte_buffer_reader.h>
#include <stdlib.h>

struct rpc_call {
    struct rpc_tag tag; /* first: the tag is the call */
    struct rpc_running running;
    grpc_byte_buffer *request;
    grpc_byte_buffer *response;
    rpc_reply_fn *reply;
    void *context;
};

static void reply_with(struct rpc_call *call, struct rpc_reply *reply) {
    grpc_byte_buffer_reader reader;
    if (reply->status != RPC_OK) {
        call->reply(call->context, reply);
    } else if (!call->response || !grpc_byte_buffer_reader_init(&reader, call->response)) {
        *reply =
            (struct rpc_reply){.status = RPC_INTERNAL, .text = "the server's answer was empty or unreadable"};
        call->reply(call->context, reply);
    } else {
        grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
        reply->data = GRPC_SLICE_START_PTR(slice);
        reply->size = GRPC_SLICE_LENGTH(slice);
        call->reply(call->context, reply);
        grpc_slice_unref(slice);
    }
}

static void on_done(struct rpc_tag *tag, bool success) {
    (void)success; /* a batch that receives the status always succeeds; the status says how it went */
    struct rpc_call *call = (struct rpc_call *)tag;
    char text[RPC_TEXT_MAX];
    struct rpc_reply reply = rpc_running_reply(&call->running, text);
    reply_with(call, &reply);
    grpc_byte_buffer_destroy(call->request);
    if (call->response)
        grpc_byte_buffer_destroy(call->response);
    rpc_running_end(&call->running);
    free(call);
}

static grpc_call_error start(struct rpc_call *call) {
    struct rpc_running *running = &call->running;
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
            .data.send_initial_metadata = {.count = running->routing_count, .metadata = &running->routing}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
            .data.recv_initial_metadata.recv_initial_metadata = &running->headers},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
            .data.recv_status_on_client = {.trailing_metadata = &running->trailers,
                .status = &running->status,
                .status_details = &running->details}},
    };
    rpc_tag_goes(&call->tag);
    return grpc_call_start_batch(running->call, ops, sizeof ops / sizeof *ops, &call->tag, NULL);
}

struct result rpc_call(struct rpc_channel *channel, const struct rpc_request *request, rpc_reply_fn *reply,
    void *context, struct rpc_call **call) {
    struct rpc_call *new = calloc(1, sizeof *new);
    if (!new)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = rpc_running_start(&new->running, channel, request);
    if (!is_ok(r)) {
        free(new);
        return r;
    }
    new->tag.done = on_done;
    new->reply = reply;
    new->context = context;
    new->request = rpc_pack(request->message);
    grpc_call_error error = start(new);
    if (error != GRPC_CALL_OK) {
        grpc_byte_buffer_destroy(new->request);
        rpc_running_end(&new->running);
        free(new);
        return fail(CODE_INTERNAL, "gRPC refuses to call %s (error %d)", request->method, (int)error);
    }
    if (call)
        *call = new;
    return ok();
}

void rpc_call_cancel(struct rpc_call *call) {
    grpc_call_cancel(call->running.call, NULL);
}
