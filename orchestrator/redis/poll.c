#include "redis/poll.h"

#include "redis/bounds.h"

#include <stdlib.h>

struct redis_poll {
    uv_poll_t handle;
    redisAsyncContext *context; /* NULL once it is freed */
    int wanted;                 /* UV_READABLE, UV_WRITABLE */
    struct redis_poll_events events;
};

static void on_poll(uv_poll_t *handle, int status, int happened) {
    struct redis_poll *poll = handle->data;
    if (status < 0) { /* uv has stopped polling; reading makes hiredis find the reason */
        poll->wanted = 0;
        happened = UV_READABLE;
    }
    if (poll->context && (happened & UV_READABLE)) {
        redis_bound_texts(poll->context->c.reader);
        redisAsyncHandleRead(poll->context);
    }
    if (poll->context && (happened & UV_WRITABLE))
        redisAsyncHandleWrite(poll->context);
}

/* hiredis asks again and again for what it already has; every uv_poll_start would be a system call. */
static void want(struct redis_poll *poll, int wanted) {
    if (poll->wanted == wanted)
        return;
    poll->wanted = wanted;
    if (wanted == 0)
        uv_poll_stop(&poll->handle);
    else
        uv_poll_start(&poll->handle, wanted, on_poll);
}

static void add_read(void *data) {
    struct redis_poll *poll = data;
    want(poll, poll->wanted | UV_READABLE);
}

static void delete_read(void *data) {
    struct redis_poll *poll = data;
    want(poll, poll->wanted & ~UV_READABLE);
}

static void add_write(void *data) {
    struct redis_poll *poll = data;
    want(poll, poll->wanted | UV_WRITABLE);
}

static void delete_write(void *data) {
    struct redis_poll *poll = data;
    want(poll, poll->wanted & ~UV_WRITABLE);
}

static void on_close(uv_handle_t *handle) {
    struct redis_poll *poll = handle->data;
    struct redis_poll_events events = poll->events;
    free(poll);
    events.closed(events.owner);
}

static void cleanup(void *data) {
    struct redis_poll *poll = data;
    poll->context = NULL;
    uv_close((uv_handle_t *)&poll->handle, on_close);
    poll->events.gone(poll->events.owner);
}

struct result redis_poll_attach(
    uv_loop_t *loop, redisAsyncContext *context, struct redis_poll_events events) {
    struct redis_poll *poll = calloc(1, sizeof *poll);
    if (!poll)
        return fail(CODE_INTERNAL, "out of memory for a connection to Redis");
    int status = uv_poll_init(loop, &poll->handle, context->c.fd);
    if (status < 0) {
        free(poll);
        return fail(CODE_INTERNAL, "cannot watch the connection to Redis: %s", uv_strerror(status));
    }
    redis_bound(context->c.reader);
    poll->handle.data = poll;
    poll->context = context;
    poll->events = events;
    context->ev.addRead = add_read;
    context->ev.delRead = delete_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = delete_write;
    context->ev.cleanup = cleanup;
    context->ev.data = poll;
    return ok();
}
