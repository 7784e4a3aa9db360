/*
 * A small Google Pub/Sub for tests: the part of google.pubsub.v1 that phasegate speaks, in memory, as a gRPC
 * server with a thread of its own, so that the Pub/Sub path is tested on any machine. It refuses what
 * production refuses, and fails on demand in the ways production fails only now and then.
 *
 * Every function may be called from any thread at any time, and takes effect at once; none waits for a
 * client. Only stop, restart and free want a caller to themselves. Faults stay until they are used up or set
 * again. Names are full ones: "projects/p/topics/t". Leases run by a clock that a test may put forward
 * (fake_pubsub_advance), so that nothing needs to wait for real time to pass.
 *
 * It is kinder than production in four things: messages are spread over all open streams that have room; an
 * acked message never comes again unless a seek or fake_pubsub_forget_acks says so; an ack counts even when
 * its lease has run out; a seek takes effect at once, and what it can bring back never grows too old.
 */
#ifndef PHASEGATE_TESTS_FAKE_PUBSUB_H
#define PHASEGATE_TESTS_FAKE_PUBSUB_H

#include "base/result.h"
#include "core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grpc/status.h>

struct fake_pubsub;

enum fake_method {
    FAKE_CREATE_TOPIC,
    FAKE_GET_TOPIC,
    FAKE_PUBLISH,
    FAKE_CREATE_SUBSCRIPTION,
    FAKE_GET_SUBSCRIPTION,
    FAKE_STREAMING_PULL,
    FAKE_ACKNOWLEDGE,
    FAKE_MODIFY_ACK_DEADLINE,
    FAKE_SEEK,
    FAKE_METHODS
};

enum {
    FAKE_TOPICS_MAX = 64,
    FAKE_SUBSCRIPTIONS_MAX = 64,
    FAKE_MESSAGES_MAX = 1000000, /* of each topic; past it Publish answers RESOURCE_EXHAUSTED */
    FAKE_KEYS_MAX = 100000,      /* ordering keys of each topic, likewise */
};

struct fake_pubsub_options {
    int port;                /* of 127.0.0.1; 0: a free one */
    const char *certificate; /* PEM, with its key: serve TLS. NULL: plain text, as an emulator does */
    const char *key;
};

/* Starts serving. NULL options: a free port, plain text. CODE_UNAVAILABLE when the port is taken. */
struct result fake_pubsub_start(
    const struct fake_pubsub_options *options, struct fake_pubsub **fake) MUST_CHECK;

/* Stops serving: all calls break, the port closes. What it holds stays, faults too; black holes end. */
void fake_pubsub_stop(struct fake_pubsub *fake);

/* Serves again on the same port. CODE_UNAVAILABLE when somebody else has taken it meanwhile. */
struct result fake_pubsub_restart(struct fake_pubsub *fake) MUST_CHECK;

/* Stops, and frees everything that it holds. Sets the pointer to NULL; safe on NULL. */
void fake_pubsub_free(struct fake_pubsub **fake);

/* "127.0.0.1:PORT": what PUBSUB_EMULATOR_HOST says. */
const char *fake_pubsub_address(const struct fake_pubsub *fake);
int fake_pubsub_port(const struct fake_pubsub *fake);

/* --- What a test does in place of some other client ----------------------------------------------------- */

/* Makes the topic, and the subscription unless NULL, where missing; ack deadline 10 s, acked messages not
 * kept. */
struct result fake_pubsub_create(
    struct fake_pubsub *fake, const char *topic, const char *subscription, bool ordered) MUST_CHECK;

/* Publishes a copy of the message, with none of production's checks: how bad input gets in. */
struct result fake_pubsub_publish(
    struct fake_pubsub *fake, const char *topic, const struct message *message) MUST_CHECK;

/* --- Faults --------------------------------------------------------------------------------------------- */

/* Ends all open streams with this status. Their messages stay leased until their deadline. */
void fake_pubsub_break_streams(struct fake_pubsub *fake, grpc_status_code status);

/* From now on each stream ends as UNAVAILABLE once it has delivered this many messages; 0: not any more. */
void fake_pubsub_break_streams_every(struct fake_pubsub *fake, int messages);

/* The next `calls` calls of the method have no effect and are answered with this status. */
void fake_pubsub_answer_next(
    struct fake_pubsub *fake, enum fake_method method, int calls, grpc_status_code status);

/* The next `calls` publishes are taken, and then answered with this status: published, but not confirmed. */
void fake_pubsub_publish_unconfirmed(struct fake_pubsub *fake, int calls, grpc_status_code status);

/* Answers leave ms later than they could; streams are not delayed. 0: at once. */
void fake_pubsub_delay(struct fake_pubsub *fake, int ms);

/* Each delivery comes `times` times, each with an ack id of its own; 1: once. */
void fake_pubsub_duplicate(struct fake_pubsub *fake, int times);

/* Acks are accepted and forgotten. */
void fake_pubsub_lose_acks(struct fake_pubsub *fake, bool lose);

/*
 * Calls are taken and never answered, streams are open and silent, what a client writes to them is dropped.
 * Turned off, the streams from before go on, those opened meanwhile end as UNAVAILABLE, and the calls stay
 * unanswered.
 */
void fake_pubsub_black_hole(struct fake_pubsub *fake, bool on);

/* Puts the clock of the leases forward. */
void fake_pubsub_advance(struct fake_pubsub *fake, int64_t ms);

/* All leases run out now: everything that is not acked comes again. */
void fake_pubsub_expire_leases(struct fake_pubsub *fake);

/* Everything comes again, also what was acked and not kept, as after a failover of Google's. */
void fake_pubsub_forget_acks(struct fake_pubsub *fake, const char *subscription);

/* --- Inspection ----------------------------------------------------------------------------------------- */

/* How many messages the topic has been given; 0 when there is no such topic. */
size_t fake_pubsub_published(struct fake_pubsub *fake, const char *topic);

/* The topic's message by its place, in the order of publishing; valid until fake_pubsub_free. NULL past the
 * end. */
const struct message *fake_pubsub_message(struct fake_pubsub *fake, const char *topic, size_t index);

/* A subscription's messages by what became of them. */
struct fake_counts {
    size_t waiting; /* to be delivered */
    size_t leased;  /* delivered, deadline not passed */
    size_t acked;
    size_t deliveries; /* so far, counting each time a message was delivered */
};

struct fake_counts fake_pubsub_counts(struct fake_pubsub *fake, const char *subscription);

/* How often this message, by its place in the subscription (0: the first after its creation), was delivered.
 */
size_t fake_pubsub_deliveries(struct fake_pubsub *fake, const char *subscription, size_t index);

/* Streams that have named their subscription and are open. */
size_t fake_pubsub_open_streams(struct fake_pubsub *fake);

/* Calls of the method that have arrived, whatever was answered. */
size_t fake_pubsub_calls(struct fake_pubsub *fake, enum fake_method method);

/* Those whose answer, whatever it was, has left. */
size_t fake_pubsub_answered(struct fake_pubsub *fake, enum fake_method method);

/* The time that the client gave the method's last call, in ms; INT64_MAX when it would wait for ever. */
int64_t fake_pubsub_deadline_ms(struct fake_pubsub *fake, enum fake_method method);

/* Leases that clients have asked to be extended, by ModifyAckDeadline or on streams; nacks not counted. */
size_t fake_pubsub_extensions(struct fake_pubsub *fake);

/*
 * Copies a header (lower-case name: "authorization", "x-goog-request-params", "user-agent") of the method's
 * last call into value, cut at size; false, and "", when there was none.
 */
bool fake_pubsub_header(
    struct fake_pubsub *fake, enum fake_method method, const char *name, char *value, size_t size);

#endif
