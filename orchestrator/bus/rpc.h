/*
 * gRPC on the loop: unary calls and bidirectional streams over HTTP/2, with every callback on the loop's
 * thread. Only rpc*.c include gRPC's headers; what speaks Pub/Sub knows this interface, and its tests put
 * their own behind it.
 *
 * gRPC C core hands over what it finished through a completion queue. One thread waits on that queue,
 * collects, and wakes the loop; it touches nothing else. All functions are for the loop's thread, none blocks
 * (but rpc_open may, see there), and no callback runs inside the call that caused it.
 */
#ifndef PHASEGATE_BUS_RPC_H
#define PHASEGATE_BUS_RPC_H

#include "base/result.h"

#include <protobuf-c/protobuf-c.h>
#include <uv.h>

struct rpc;
struct rpc_channel; /* one connection to the server, made when needed and made again when it breaks */
struct rpc_call;
struct rpc_stream;

/* gRPC's status codes. Source: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
enum rpc_status {
    RPC_OK = 0,
    RPC_CANCELLED = 1,
    RPC_UNKNOWN = 2,
    RPC_INVALID_ARGUMENT = 3,
    RPC_DEADLINE_EXCEEDED = 4,
    RPC_NOT_FOUND = 5,
    RPC_ALREADY_EXISTS = 6,
    RPC_PERMISSION_DENIED = 7,
    RPC_RESOURCE_EXHAUSTED = 8,
    RPC_FAILED_PRECONDITION = 9,
    RPC_ABORTED = 10,
    RPC_OUT_OF_RANGE = 11,
    RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13,
    RPC_UNAVAILABLE = 14,
    RPC_DATA_LOSS = 15,
    RPC_UNAUTHENTICATED = 16,
};

struct rpc_settings {
    const char *address; /* host:port */
    bool plain; /* without TLS and credentials: an emulator. Else TLS, with Google's default credentials */
};

struct rpc_request {
    const char *method;              /* "/package.Service/Method" */
    const char *routing;             /* the x-goog-request-params header; NULL: none */
    const ProtobufCMessage *message; /* packed during the call */
    int deadline_ms;                 /* 0: none */
};

/* How a call ended; valid during the callback. */
struct rpc_reply {
    enum rpc_status status;
    const char *text;    /* the server's words; "" when it gave none */
    const uint8_t *data; /* the packed response of a unary call; empty unless the status is RPC_OK */
    size_t size;
};

typedef void rpc_reply_fn(void *context, const struct rpc_reply *reply);

/*
 * Finds the credentials and starts the queue's thread. CODE_REFUSED when there are no credentials, with what
 * to do. Where none are configured, gRPC asks whether this is a Google machine, which may take seconds.
 */
struct result rpc_open(uv_loop_t *loop, const struct rpc_settings *settings, struct rpc **rpc) MUST_CHECK;

/* Ends everything: calls under way end as RPC_CANCELLED, then closed (may be NULL) is called, with no handle
 * left. */
void rpc_close(struct rpc *rpc, void (*closed)(void *context), void *context);

/* The channel belongs to rpc, and goes with it. Channels share nothing, so each has its own limit of streams.
 */
struct result rpc_channel_open(struct rpc *rpc, struct rpc_channel **channel) MUST_CHECK;

/* Is it connected just now? */
bool rpc_channel_ready(struct rpc_channel *channel);

/*
 * One request, one response. reply is called once, unless the result is a failure (CODE_UNAVAILABLE when rpc
 * is being closed, CODE_INTERNAL). call may be NULL; it is valid until reply is called.
 */
struct result rpc_call(struct rpc_channel *channel, const struct rpc_request *request, rpc_reply_fn *reply,
    void *context, struct rpc_call **call) MUST_CHECK;
void rpc_call_cancel(struct rpc_call *call);

struct rpc_stream_events {
    void (*on_message)(void *context, const uint8_t *data, size_t size); /* valid during the call */
    void (*on_end)(
        void *context, const struct rpc_reply *reply); /* the last call; the stream is gone after it */
    void *context;
};

/* Opens a stream and sends the request as its first message; failures as with rpc_call, and then on_end never
 * comes. */
struct result rpc_stream_open(struct rpc_channel *channel, const struct rpc_request *request,
    struct rpc_stream_events events, struct rpc_stream **stream) MUST_CHECK;

/* Asks for one message. One at a time: not again before on_message. */
void rpc_stream_read(struct rpc_stream *stream);

/* False when the message before it has not left yet, or the stream is ending. */
bool rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message);

/* Says that nothing more will be sent. The server then ends the stream, after the messages that are on their
 * way. */
void rpc_stream_finish(struct rpc_stream *stream);

/* Makes it end at once; on_end still comes. */
void rpc_stream_cancel(struct rpc_stream *stream);

#endif
