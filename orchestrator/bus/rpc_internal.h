/* What rpc.c, rpc_channel.c, rpc_call.c and rpc_stream.c share. */
#ifndef PHASEGATE_BUS_RPC_INTERNAL_H
#define PHASEGATE_BUS_RPC_INTERNAL_H

#include "bus/pubsub_list.h"
#include "bus/rpc.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

/* What gRPC gives back when a batch of operations has ended: done is then called on the loop's thread. */
struct rpc_tag {
    struct rpc_tag *next;
    bool success;
    void (*done)(struct rpc_tag *tag, bool success);
};

struct rpc {
    uv_loop_t *loop;
    grpc_completion_queue *queue;
    grpc_channel_credentials *credentials;
    char *address;
    bool plain;
    struct list_link channels;
    struct list_link running; /* struct rpc_running */
    bool closing;
    void (*closed)(void *context);
    void *context;

    uv_async_t wake;
    uv_thread_t thread;
    uv_mutex_t mutex; /* guards what is below: the queue's thread fills, the loop's takes */
    struct rpc_tag *finished;
    struct rpc_tag **finished_end;
    bool drained; /* the queue's thread has seen the last event */
};

struct rpc_channel {
    struct list_link link;
    struct rpc *rpc;
    grpc_channel *channel;
};

/*
 * A tag goes to gRPC with a batch, and comes back from its queue, on another thread: what was written before
 * the one is there after the other. ThreadSanitizer does not see that, since gRPC is not instrumented, and is
 * told.
 */
#ifdef PHASEGATE_TSAN
#include <sanitizer/tsan_interface.h>
#define rpc_tag_goes(tag) __tsan_release(tag)
#define rpc_tag_comes(tag) __tsan_acquire(tag)
#else
#define rpc_tag_goes(tag) ((void)(tag))
#define rpc_tag_comes(tag) ((void)(tag))
#endif

/* A gRPC call with what every kind of call needs. */
struct rpc_running {
    struct list_link link;
    struct rpc *rpc;
    grpc_call *call;
    grpc_metadata routing;
    size_t routing_count; /* 0 or 1 */
    grpc_metadata_array headers;
    grpc_metadata_array trailers;
    grpc_status_code status;
    grpc_slice details;
};

enum { RPC_TEXT_MAX = 256 };

/* The credentials of the settings. */
struct result rpc_credentials(
    const struct rpc_settings *settings, grpc_channel_credentials **credentials) MUST_CHECK;

/* Sets up a call; CODE_UNAVAILABLE when rpc is closing. The struct is zeroed. */
struct result rpc_running_start(
    struct rpc_running *running, struct rpc_channel *channel, const struct rpc_request *request) MUST_CHECK;

/* Releases everything; the owner frees its struct. May be the last one that rpc_close waits for. */
void rpc_running_end(struct rpc_running *running);

/* How it ended, after its status has arrived. text is where the words go. */
struct rpc_reply rpc_running_reply(const struct rpc_running *running, char text[RPC_TEXT_MAX]);

/* Packs the message into a new buffer of gRPC's. */
grpc_byte_buffer *rpc_pack(const ProtobufCMessage *message);

#endif
