/*
 * A bare Pub/Sub client: one call or one stream at a time, blocking, with a deadline on every wait. It tests
 * the fake Pub/Sub without phasegate's own client, and it retries nothing, so that each answer is seen as it
 * came.
 */
#ifndef PHASEGATE_TESTS_PUBSUB_PROBE_H
#define PHASEGATE_TESTS_PUBSUB_PROBE_H

#include "proto/pubsub.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

#include <grpc/status.h>

typedef Google__Pubsub__V1__StreamingPullRequest probe_request;
typedef Google__Pubsub__V1__StreamingPullResponse probe_response;
typedef Google__Pubsub__V1__PubsubMessage probe_message;

enum { PROBE_WAIT_MS = 10000 }; /* the deadline of every wait that is expected to succeed */

struct probe;
struct probe_stream;

/* Connects when it first calls. Aborts when out of memory, as all functions here do. */
struct probe *probe_new(const char *address);
void probe_free(struct probe *probe);

/*
 * Calls "Publisher/GetTopic" and the like. When it is answered with GRPC_STATUS_OK and response is not NULL,
 * the caller frees the response with protobuf_c_message_free_unpacked; expected is its descriptor.
 */
grpc_status_code probe_call(struct probe *probe, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *expected, ProtobufCMessage **response, int deadline_ms);

/* What the server said to the last call that failed. */
const char *probe_text(const struct probe *probe);

/* --- The methods, in short ------------------------------------------------------------------------------ */

grpc_status_code probe_create_topic(struct probe *probe, const char *name);
grpc_status_code probe_create_subscription(
    struct probe *probe, const char *name, const char *topic, int deadline_seconds, bool ordered);
grpc_status_code probe_publish(
    struct probe *probe, const char *topic, probe_message *const messages[], size_t count);

/* One message with this text and ordering key ("": none). */
grpc_status_code probe_publish_text(
    struct probe *probe, const char *topic, const char *text, const char *key);
grpc_status_code probe_ack(struct probe *probe, const char *subscription, const char *ack_id);
grpc_status_code probe_modify(struct probe *probe, const char *subscription, const char *ack_id, int seconds);

/* --- StreamingPull -------------------------------------------------------------------------------------- */

struct probe_stream *probe_stream_open(struct probe *probe, const probe_request *first);

/* The same with leases of 10 s and at most this many messages outstanding (0: no limit). */
struct probe_stream *probe_stream_pull(struct probe *probe, const char *subscription, int64_t outstanding);

void probe_stream_write(struct probe_stream *stream, const probe_request *request);
void probe_stream_ack(struct probe_stream *stream, const char *ack_id);
void probe_stream_modify(struct probe_stream *stream, const char *ack_id, int seconds);

/* The next response, valid until the next call; NULL when none came in time, or the stream has ended. */
const probe_response *probe_stream_read(struct probe_stream *stream, int timeout_ms);

/* Says that no more requests will come. */
void probe_stream_half_close(struct probe_stream *stream);

/* What the stream ended with; -1 when it has not ended in time. */
int probe_stream_status(struct probe_stream *stream, int timeout_ms);

/* Cancels it unless it has ended, and frees it. Safe on NULL. */
void probe_stream_free(struct probe_stream *stream);

#endif
