#include "bus/rpc_internal.h"

#include <grpc/support/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAGS_PER_TURN = 256 };

/* The queue's thread: collects finished tags and wakes the loop. Runs until rpc_close has shut the queue
 * down. */
static void collect(void *argument) {
    struct rpc *rpc = argument;
    grpc_event event;
    do {
        event = grpc_completion_queue_next(rpc->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        uv_mutex_lock(&rpc->mutex);
        if (event.type == GRPC_OP_COMPLETE) {
            struct rpc_tag *tag = event.tag;
            rpc_tag_comes(tag);
            tag->next = NULL;
            tag->success = event.success;
            *rpc->finished_end = tag;
            rpc->finished_end = &tag->next;
        } else if (event.type == GRPC_QUEUE_SHUTDOWN) {
            rpc->drained = true;
        }
        uv_mutex_unlock(&rpc->mutex);
        uv_async_send(&rpc->wake);
    } while (event.type != GRPC_QUEUE_SHUTDOWN);
}

/* Channels stay until here: the last replies come after rpc_close, and may ask for another call in vain. */
static void destroy(struct rpc *rpc) {
    while (!list_empty(&rpc->channels)) {
        struct rpc_channel *channel = list_entry(rpc->channels.next, struct rpc_channel, link);
        list_remove(&channel->link);
        grpc_channel_destroy(channel->channel);
        free(channel);
    }
    uv_mutex_destroy(&rpc->mutex);
    grpc_completion_queue_destroy(rpc->queue);
    grpc_channel_credentials_release(rpc->credentials);
    free(rpc->address);
    free(rpc);
    grpc_shutdown();
}

static void on_wake_closed(uv_handle_t *handle) {
    struct rpc *rpc = handle->data;
    void (*closed)(void *context) = rpc->closed;
    void *context = rpc->context;
    destroy(rpc);
    if (closed)
        closed(context);
}

/* The next finished tag, or NULL. A tag belongs to gRPC and its queue's thread until here, and is read under
 * the mutex. */
static struct rpc_tag *take(struct rpc *rpc, bool *success, bool *drained) {
    uv_mutex_lock(&rpc->mutex);
    struct rpc_tag *tag = rpc->finished;
    if (tag) {
        *success = tag->success;
        rpc->finished = tag->next;
        if (!tag->next)
            rpc->finished_end = &rpc->finished;
    }
    *drained = rpc->drained;
    uv_mutex_unlock(&rpc->mutex);
    return tag;
}

static void on_wake(uv_async_t *wake) {
    struct rpc *rpc = wake->data;
    struct rpc_tag *tag = NULL;
    bool success, drained = false;
    for (int i = 0; i < TAGS_PER_TURN; i++) {
        tag = take(rpc, &success, &drained);
        if (!tag)
            break;
        tag->done(tag, success);
    }
    if (tag) {
        uv_async_send(wake); /* more may wait; timers and others have their turn first */
    } else if (drained && !uv_is_closing((uv_handle_t *)wake)) {
        uv_thread_join(&rpc->thread);
        uv_close((uv_handle_t *)wake, on_wake_closed);
    }
}

/* The first steps, which can be undone at once. */
static struct result prepare(const struct rpc_settings *settings, struct rpc *rpc) {
    rpc->finished_end = &rpc->finished;
    rpc->plain = settings->plain;
    list_init(&rpc->channels);
    list_init(&rpc->running);
    rpc->address = strdup(settings->address);
    if (!rpc->address || uv_mutex_init(&rpc->mutex) != 0) {
        free(rpc->address);
        return fail(CODE_INTERNAL, "out of memory");
    }
    struct result r = rpc_credentials(settings, &rpc->credentials);
    if (!is_ok(r)) {
        uv_mutex_destroy(&rpc->mutex);
        free(rpc->address);
        return r;
    }
    rpc->queue = grpc_completion_queue_create_for_next(NULL);
    return ok();
}

/* Takes back prepare, before the thread runs. */
static void abandon(struct rpc *rpc) {
    grpc_completion_queue_shutdown(rpc->queue);
    grpc_completion_queue_next(rpc->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    destroy(rpc);
}

static void on_abandoned(uv_handle_t *handle) {
    abandon(handle->data);
}

/*
 * gRPC writes lines of its own form to stderr, in the middle of a log of ours; what they say comes as a
 * status as well. Only what it says before it aborts is kept.
 */
static void drop_line(gpr_log_func_args *line) {
    if (strstr(line->message, "assertion failed"))
        fprintf(stderr, "gRPC: %s:%d: %s\n", line->file, line->line, line->message);
}

struct result rpc_open(uv_loop_t *loop, const struct rpc_settings *settings, struct rpc **rpc) {
    struct rpc *new = calloc(1, sizeof *new);
    if (!new)
        return fail(CODE_INTERNAL, "out of memory");
    new->loop = loop;
    if (!getenv("GRPC_VERBOSITY")) /* set by somebody who wants to see them */
        gpr_set_log_function(drop_line);
    grpc_init();
    struct result r = prepare(settings, new);
    if (!is_ok(r)) {
        free(new);
        grpc_shutdown();
        return r;
    }
    new->wake.data = new;
    int error = uv_async_init(loop, &new->wake, on_wake);
    if (error) {
        abandon(new);
        return fail(CODE_INTERNAL, "cannot wake the loop from gRPC: %s", uv_strerror(error));
    }
    error = uv_thread_create(&new->thread, collect, new);
    if (error) {
        uv_close((uv_handle_t *)&new->wake, on_abandoned);
        return fail(CODE_INTERNAL, "cannot start gRPC's thread: %s", uv_strerror(error));
    }
    *rpc = new;
    return ok();
}

void rpc_close(struct rpc *rpc, void (*closed)(void *context), void *context) {
    rpc->closing = true;
    rpc->closed = closed;
    rpc->context = context;
    for (struct list_link *link = rpc->running.next; link != &rpc->running; link = link->next)
        grpc_call_cancel(list_entry(link, struct rpc_running, link)->call, NULL);
    if (list_empty(&rpc->running))
        grpc_completion_queue_shutdown(rpc->queue);
}

static grpc_slice text_slice(const char *text) {
    return grpc_slice_from_copied_string(text);
}

struct result rpc_running_start(
    struct rpc_running *running, struct rpc_channel *channel, const struct rpc_request *request) {
    struct rpc *rpc = channel->rpc;
    if (rpc->closing)
        return fail(CODE_UNAVAILABLE, "the connection to %s is being closed", rpc->address);
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (request->deadline_ms > 0)
        deadline = gpr_time_add(
            gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(request->deadline_ms, GPR_TIMESPAN));
    grpc_slice method = text_slice(request->method);
    running->call = grpc_channel_create_call(
        channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, rpc->queue, method, NULL, deadline, NULL);
    grpc_slice_unref(method);
    if (!running->call)
        return fail(CODE_INTERNAL, "gRPC cannot make a call of %s", request->method);
    if (request->routing) {
        running->routing.key = grpc_slice_from_static_string("x-goog-request-params");
        running->routing.value = text_slice(request->routing);
        running->routing_count = 1;
    }
    grpc_metadata_array_init(&running->headers);
    grpc_metadata_array_init(&running->trailers);
    running->details = grpc_empty_slice();
    running->status = GRPC_STATUS_UNKNOWN;
    running->rpc = rpc;
    list_append(&rpc->running, &running->link);
    return ok();
}

void rpc_running_end(struct rpc_running *running) {
    struct rpc *rpc = running->rpc;
    if (running->routing_count > 0)
        grpc_slice_unref(running->routing.value);
    grpc_metadata_array_destroy(&running->headers);
    grpc_metadata_array_destroy(&running->trailers);
    grpc_slice_unref(running->details);
    grpc_call_unref(running->call);
    list_remove(&running->link);
    if (rpc->closing && list_empty(&rpc->running))
        grpc_completion_queue_shutdown(rpc->queue);
}

struct rpc_reply rpc_running_reply(const struct rpc_running *running, char text[RPC_TEXT_MAX]) {
    size_t length = GRPC_SLICE_LENGTH(running->details);
    if (length >= RPC_TEXT_MAX)
        length = RPC_TEXT_MAX - 1;
    memcpy(text, GRPC_SLICE_START_PTR(running->details), length);
    text[length] = '\0';
    return (struct rpc_reply){.status = (enum rpc_status)running->status, .text = text};
}

grpc_byte_buffer *rpc_pack(const ProtobufCMessage *message) {
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}
