#include "bus/rpc_internal.h"

#include <stdlib.h>

/*
 * Limits: StreamingPull sends at most 10 MB of messages at once, and the wire adds to it. Metadata is large
 * where the server names every ack id it refused. Keepalive as in
 * Google's clients; but a connection is tried again sooner, since until it is there every call fails at once.
 *
 * A stream's window is what the server may send it ahead of our reading; one message larger than that still
 * comes whole. It is fixed: left to itself, gRPC measures how much the line could hold and makes it larger
 * and larger, and what it then keeps for us is neither bounded nor has its lease extended. Eight streams of
 * 64 KB hold the thousand completions that may be in hand.
 */
enum {
    RECEIVE_BYTES_MAX = 24 << 20,
    WINDOW_BYTES = 64 << 10,
    METADATA_BYTES_MAX = 4 << 20,
    KEEPALIVE_MS = 30000,
    KEEPALIVE_TIMEOUT_MS = 10000,
    RECONNECT_LEAST_MS = 200,
    RECONNECT_MOST_MS = 2000,
};

struct result rpc_credentials(const struct rpc_settings *settings, grpc_channel_credentials **credentials) {
    grpc_channel_credentials *found =
        settings->plain ? grpc_insecure_credentials_create() : grpc_google_default_credentials_create(NULL);
    if (!found)
        return fail(CODE_REFUSED,
            "no Google credentials for %s: set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service "
            "account, "
            "run `gcloud auth application-default login`, or set PUBSUB_EMULATOR_HOST to use an emulator",
            settings->address);
    *credentials = found;
    return ok();
}

static grpc_arg integer_arg(const char *key, int value) {
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static grpc_arg text_arg(const char *key, const char *value) {
    return (grpc_arg){.type = GRPC_ARG_STRING, .key = (char *)key, .value.string = (char *)value};
}

static grpc_channel *connect_to(const struct rpc *rpc) {
    grpc_arg arguments[14] = {
        text_arg(GRPC_ARG_PRIMARY_USER_AGENT_STRING, "phasegate/" PHASEGATE_VERSION),
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RECEIVE_BYTES_MAX),
        integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        integer_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, WINDOW_BYTES),
        integer_arg(GRPC_ARG_MAX_METADATA_SIZE, METADATA_BYTES_MAX),
        integer_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        integer_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_LEAST_MS),
        integer_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MOST_MS),
        integer_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
    };
    size_t count = 9;
    if (rpc->plain) {
        arguments[count++] = integer_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    } else {
        arguments[count++] = integer_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS);
        arguments[count++] = integer_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS);
        arguments[count++] = integer_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    }
    grpc_channel_args args = {.num_args = count, .args = arguments};
    return grpc_channel_create(rpc->address, rpc->credentials, &args);
}

struct result rpc_channel_open(struct rpc *rpc, struct rpc_channel **channel) {
    struct rpc_channel *new = calloc(1, sizeof *new);
    if (!new)
        return fail(CODE_INTERNAL, "out of memory");
    new->rpc = rpc;
    new->channel = connect_to(rpc);
    if (!new->channel) {
        free(new);
        return fail(CODE_INTERNAL, "gRPC cannot make a channel to %s", rpc->address);
    }
    list_append(&rpc->channels, &new->link);
    *channel = new;
    return ok();
}

bool rpc_channel_ready(struct rpc_channel *channel) {
    return grpc_channel_check_connectivity_state(channel->channel, 0) == GRPC_CHANNEL_READY;
}
