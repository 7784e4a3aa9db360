/*
 * Lets a uv loop drive a hiredis context. hiredis brings such an adapter, which is not used: it ignores a
 * poll that ends in an error, as a refused connection does, so that nobody hears of it.
 */
#ifndef PHASEGATE_REDIS_POLL_H
#define PHASEGATE_REDIS_POLL_H

#include "base/result.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <uv.h>

struct redis_poll_events {
    void (*gone)(void *owner);   /* hiredis is freeing the context; its replies have all been called */
    void (*closed)(void *owner); /* the handle has left the loop: nothing calls back any more */
    void *owner;
};

/* From here on the loop reads and writes for the context, until hiredis frees it. */
struct result redis_poll_attach(
    uv_loop_t *loop, redisAsyncContext *context, struct redis_poll_events events) MUST_CHECK;

#endif
