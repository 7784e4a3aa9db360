#include "bus/pubsub_stream.h"

#include "bus/pubsub_status.h"
#include "proto/pubsub.pb-c.h"

/*
 * The server says nothing when it has taken a stream and has no messages, so a stream that is connected and
 * still open after a while is one that works. A stream on which nothing is sent for long is closed by the
 * server: hence the pings.
 */
enum {
    PROOF_MS = 3000,
    PASSING_LEAST_MS = 100,
    PASSING_MOST_MS = 10000,
    MENDABLE_LEAST_MS = 1000,
    MENDABLE_MOST_MS = 30000,
    CLOSE_PATIENCE_MS = 1000,
};

static void open_stream(struct pubsub_stream *stream);

static void prove_healthy(struct pubsub_stream *stream) {
    if (stream->healthy)
        return;
    stream->healthy = true;
    stream->healthy_since = pubsub_now_ms(stream->settings->timers);
    stream->passing.failures = 0;
    stream->mendable.failures = 0;
    stream->settings->on_healthy(stream->settings->context);
}

static void on_message(void *context, const uint8_t *data, size_t size) {
    struct pubsub_stream *stream = context;
    stream->reading = false;
    prove_healthy(stream);
    stream->settings->on_response(stream->settings->context, data, size);
    pubsub_stream_read(stream);
}

static void open_later(struct pubsub_stream *stream, enum rpc_status status) {
    bool slow = pubsub_class(status) == PUBSUB_MENDABLE || pubsub_class(status) == PUBSUB_HOPELESS;
    struct backoff *backoff = slow ? &stream->mendable : &stream->passing;
    pubsub_timer_start(&stream->timer, backoff_next_ms(backoff));
}

static void on_end(void *context, const struct rpc_reply *reply) {
    struct pubsub_stream *stream = context;
    stream->rpc = NULL;
    stream->reading = false;
    if (stream->closing) {
        pubsub_timer_stop(&stream->timer);
        stream->settings->on_closed(stream->settings->context);
        return;
    }
    if (!stream->healthy)
        stream->settings->on_failed(stream->settings->context, reply);
    open_later(stream, reply->status);
}

static void on_timer(void *context) {
    struct pubsub_stream *stream = context;
    if (!stream->rpc) {
        open_stream(stream);
        return;
    }
    if (stream->closing) {
        rpc_stream_cancel(stream->rpc);
        return;
    }
    if (!stream->healthy && !rpc_channel_ready(stream->settings->channel)) {
        pubsub_timer_start(&stream->timer, PROOF_MS);
        return;
    }
    Google__Pubsub__V1__StreamingPullRequest ping = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    if (stream->healthy)
        (void)rpc_stream_send(stream->rpc, &ping.base); /* one that is still on its way does as well */
    pubsub_timer_start(&stream->timer, stream->settings->ping_ms);
    prove_healthy(stream);
}

static void open_stream(struct pubsub_stream *stream) {
    const struct pubsub_stream_settings *settings = stream->settings;
    Google__Pubsub__V1__StreamingPullRequest first = GOOGLE__PUBSUB__V1__STREAMING_PULL_REQUEST__INIT;
    first.subscription = (char *)settings->subscription;
    first.stream_ack_deadline_seconds = settings->lease_seconds;
    first.client_id = (char *)settings->client_id;
    first.max_outstanding_messages = stream->messages_max;
    first.max_outstanding_bytes = settings->bytes_max;
    struct rpc_request request = {
        .method = "/google.pubsub.v1.Subscriber/StreamingPull",
        .routing = settings->routing,
        .message = &first.base,
    };
    struct rpc_stream_events events = {.on_message = on_message, .on_end = on_end, .context = stream};
    stream->healthy = false;
    struct result r = rpc_stream_open(settings->channel, &request, events, &stream->rpc);
    if (!is_ok(r)) {
        open_later(stream, RPC_UNAVAILABLE);
        return;
    }
    pubsub_timer_start(&stream->timer, PROOF_MS);
    pubsub_stream_read(stream);
}

void pubsub_stream_start(
    struct pubsub_stream *stream, const struct pubsub_stream_settings *settings, int64_t messages_max) {
    *stream = (struct pubsub_stream){
        .settings = settings,
        .messages_max = messages_max,
        .passing = {.first_ms = PASSING_LEAST_MS, .max_ms = PASSING_MOST_MS},
        .mendable = {.first_ms = MENDABLE_LEAST_MS, .max_ms = MENDABLE_MOST_MS},
    };
    pubsub_timer_init(settings->timers, &stream->timer, on_timer, stream);
    open_stream(stream);
}

int64_t pubsub_stream_healthy_ms(const struct pubsub_stream *stream) {
    if (!stream->rpc || !stream->healthy)
        return 0;
    return (int64_t)(pubsub_now_ms(stream->settings->timers) - stream->healthy_since);
}

void pubsub_stream_read(struct pubsub_stream *stream) {
    if (!stream->rpc || stream->reading)
        return;
    if (!stream->closing && !stream->settings->wanted(stream->settings->context))
        return;
    stream->reading = true;
    rpc_stream_read(stream->rpc);
}

void pubsub_stream_close(struct pubsub_stream *stream) {
    if (stream->closing)
        return;
    stream->closing = true;
    if (!stream->rpc) {
        pubsub_timer_stop(&stream->timer);
        stream->settings->on_closed(stream->settings->context);
        return;
    }
    rpc_stream_finish(stream->rpc);
    pubsub_stream_read(stream);
    pubsub_timer_start(&stream->timer, CLOSE_PATIENCE_MS);
}
