/*
 * One StreamingPull stream of a subscription. It opens, asks for messages while they are wanted, keeps itself
 * open, and when it ends opens again with back-off, for ever.
 */
#ifndef PHASEGATE_BUS_PUBSUB_STREAM_H
#define PHASEGATE_BUS_PUBSUB_STREAM_H

#include "base/backoff.h"
#include "bus/pubsub_timers.h"
#include "bus/rpc.h"

#include <stdint.h>

/* What all streams of a subscription share; outlives them. */
struct pubsub_stream_settings {
    struct pubsub_timers *timers;
    struct rpc_channel *channel;
    const char *subscription;
    const char *routing;
    const char *client_id; /* the same for all, so that the server knows a stream that comes again */
    int lease_seconds;
    int64_t bytes_max;
    uint64_t ping_ms; /* how often something is sent, lest the server takes the stream for dead */

    bool (*wanted)(void *context); /* are more messages? Not asked once the stream is being closed */
    void (*on_response)(void *context, const uint8_t *data, size_t size);
    void (*on_healthy)(void *context); /* the stream works; said once each time that it opens */
    void (*on_failed)(void *context, const struct rpc_reply *reply); /* it ended before it had worked */
    void (*on_closed)(void *context); /* it has ended after pubsub_stream_close */
    void *context;
};

struct pubsub_stream {
    const struct pubsub_stream_settings *settings;
    int64_t messages_max;
    struct rpc_stream *rpc; /* NULL: waits to open again, or has closed */
    bool reading;
    bool healthy;
    uint64_t healthy_since; /* the loop's time */
    bool closing;
    struct backoff passing;
    struct backoff mendable;
    struct pubsub_timer
        timer; /* open: looks whether it works, and pings; closing: loses patience; else: opens again */
};

/* Opens it; the callbacks come later. messages_max: that the server may send it ahead of their acks. */
void pubsub_stream_start(
    struct pubsub_stream *stream, const struct pubsub_stream_settings *settings, int64_t messages_max);

/* For how long (ms) it has worked; 0 when it does not. */
int64_t pubsub_stream_healthy_ms(const struct pubsub_stream *stream);

/* Messages are wanted again. */
void pubsub_stream_read(struct pubsub_stream *stream);

/*
 * Ends it for good, in a friendly way: what the server has sent already still comes, so that it can be given
 * back, and then on_closed, also inside this call. The struct stays until the timers have closed and rpc has
 * too.
 */
void pubsub_stream_close(struct pubsub_stream *stream);

#endif
