/*
 * The bus: where completions come from and triggers go to. One interface, two ends: Google Pub/Sub (pubsub.c)
 * and Redis Streams (streams.c). Both promise the same, and pass the same tests
 * (tests/support/bus_suite.h):
 *
 * - A message is delivered at least once, until it is acked; a nacked one comes again, and so does one whose
 *   receiver died.
 * - While a delivery is neither acked nor nacked its lease is extended, for as long as it takes.
 * - Messages published under one ordering key are published one after the other: a failed one is not
 * overtaken.
 * - When the other side goes away, it reconnects by itself, with back-off, for ever, and says so in the log.
 * Nothing in hand is lost by that.
 *
 * Everything is called on, and calls back on, the loop's thread. Nothing blocks. No callback runs inside the
 * call that caused it.
 */
#ifndef PHASEGATE_BUS_BUS_H
#define PHASEGATE_BUS_BUS_H

#include "base/log.h"
#include "base/result.h"
#include "core/message.h"
#include "core/pipeline.h"

#include <uv.h>

struct bus;
struct subscription;

/* One received message, owned by the bus; it is given back exactly once, by bus_ack or bus_nack. */
struct delivery {
    struct message message; /* valid until given back */
    struct subscription *subscription;
};

struct receiver {
    void (*on_delivery)(void *context, struct delivery *delivery);
    void *context;
    size_t in_hand_max; /* no more than this many deliveries are out at once; 0: 1,000 */
};

/* A publish ended. message_id, the bus's, is valid during the call; NULL unless result is ok. */
typedef void bus_published_fn(void *context, struct result result, const char *message_id);

/* Something longer ended: bus_create, bus_seek, bus_look, bus_flush, bus_close. */
typedef void bus_done_fn(void *context, struct result result);

/*
 * Makes the topic, and the subscription where the source names one, unless they are there. A subscription
 * that it makes keeps acked messages for bus_seek: Pub/Sub's for 7 days. Calls done once.
 * CODE_UNAVAILABLE when the bus cannot be reached, CODE_REFUSED when it forbids it.
 */
void bus_create(struct bus *bus, const struct source *source, bus_done_fn *done, void *context);

/*
 * Starts receiving; lasts until bus_unsubscribe or bus_close. The source's strings are copied. A missing
 * subscription is logged, with what to do, and tried again with back-off.
 */
struct result bus_subscribe(struct bus *bus, const struct source *source, struct receiver receiver,
    struct subscription **subscription) MUST_CHECK;

/* Stops asking for messages, and goes on. What is in hand stays in hand, its lease extended. Both are
 * idempotent. */
void bus_pause(struct subscription *subscription);
void bus_resume(struct subscription *subscription);

/*
 * For how long (ms) it has been receiving without a break, so that a message would have come by now; 0 when
 * it is not. The server may leave open whether it takes a stream that has no messages: then it is its silence
 * for three seconds that counts as receiving. A pause is no break.
 */
int64_t bus_receiving_ms(struct subscription *subscription);

/* Ends receiving for good; deliveries in hand may still be acked or nacked. */
void bus_unsubscribe(struct subscription *subscription);

/* What the delivery caused is stored: it must not come again. The delivery is gone after the call. */
void bus_ack(struct delivery *delivery);

/* It could not be handled: let it come again. The delivery is gone after the call. */
void bus_nack(struct delivery *delivery);

/*
 * Publishes a copy of the message. Messages with the same ordering key leave one after the other, in the
 * order of the calls; those without may leave in one batch. published is called once: ok when the bus has
 * confirmed; not retryable when it refuses the message itself; CODE_UNAVAILABLE when it could not be
 * confirmed now (the caller decides whether to publish it again; then, of the same key, what was queued
 * behind it has failed the same way).
 */
void bus_publish(struct bus *bus, const char *topic, const struct message *message,
    bus_published_fn *published, void *context);

/*
 * Moves the source's subscription back to a moment (ms since 1970): what was published then or later is
 * delivered again, acked or not, also to receivers that are at work, in this process or others. What one of
 * them has in hand, or is just acking, may count as having come again. Calls done once:
 *
 * CODE_INVALID      the moment is in the future: what comes until then would be taken for handled.
 * CODE_NOT_FOUND    there is no such topic or subscription.
 * CODE_REFUSED      the subscription does not keep acked messages (one of bus_create's does, for 7 days), and
 *                   how to mend that; or the bus forbids it.
 * CODE_UNAVAILABLE  the bus cannot be reached; if it was moved nevertheless, moving it again does no harm.
 *
 * What is not kept any more does not come again. The log warns of a moment before that: Pub/Sub's retention,
 * or the first entry of a stream that was cut.
 *
 * What was published before the moment and is not acked yet: Streams still delivers it, Pub/Sub takes it for
 * acked, so choose a moment before the oldest message that was not handled. Pub/Sub may take a minute,
 * during which messages from before the moment may still come.
 */
void bus_seek(
    struct bus *bus, const struct source *source, int64_t time_ms, bus_done_fn *done, void *context);

enum backlog {
    BACKLOG_UNKNOWN, /* this bus does not say */
    BACKLOG_NONE,    /* all of it has been received and acked */
    BACKLOG_SOME,
};

enum { BACKLOG_UNTIL_MAX = 48 };

/* What a subscription has still to receive or to ack of what there was when it was looked at first. */
struct bus_backlog {
    char until[BACKLOG_UNTIL_MAX]; /* the end of it; "" to begin with, then the bus's */
    enum backlog left;
};

/*
 * Fills in backlog, which lives until done is called, once. Streams says exactly what is left; Pub/Sub does
 * not, and only says whether it is there: CODE_UNAVAILABLE when the bus cannot be reached. CODE_NOT_FOUND and
 * CODE_REFUSED as for bus_seek.
 */
void bus_look(struct bus *bus, const struct source *source, struct bus_backlog *backlog, bus_done_fn *done,
    void *context);

/* Calls done when every ack, nack and publish called before it has left, or cannot for now
 * (CODE_UNAVAILABLE). */
void bus_flush(struct bus *bus, bus_done_fn *done, void *context);

/*
 * Ends everything: publishes under way fail as unavailable, deliveries in hand are given back to the bus.
 * Calls closed (may be NULL) when the last handle is gone from the loop, and the bus with it.
 */
void bus_close(struct bus *bus, bus_done_fn *closed, void *context);

/* --- The two ends. Settings' strings are copied; log outlives the bus. ---------------------------------- */

struct pubsub_settings {
    const char *project;
    const char *endpoint; /* NULL: pubsub.googleapis.com:443. Over TLS, with Google's default credentials */
    const char *emulator; /* host:port of an emulator, plain text; PUBSUB_EMULATOR_HOST. NULL: none */
    int streams;          /* StreamingPull streams of each subscription; 0: 4 */
    int lease_seconds;    /* ack deadline asked for, 10 to 600; 0: 60 */
};

struct result bus_open_pubsub(uv_loop_t *loop, const struct pubsub_settings *settings, const struct log *log,
    struct bus **bus) MUST_CHECK;

struct redis_settings;

struct streams_settings {
    const struct redis_settings *redis;
    const char *consumer;    /* this process's name in the consumer groups; NULL: host and process id */
    int claim_after_seconds; /* what a silent consumer holds for longer is taken over; 0: 60 */
    int64_t max_length;      /* a stream is cut to about this many acked entries; 0: 1,000,000 */
};

struct result bus_open_streams(uv_loop_t *loop, const struct streams_settings *settings,
    const struct log *log, struct bus **bus) MUST_CHECK;

#endif
