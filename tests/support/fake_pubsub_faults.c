/* The fake's controls and gauges: each takes the mutex, acts, and lets the streams have what follows from it.
 */
#include "support/fake_pubsub_server.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static void lock(struct fake_pubsub *fake) {
    pthread_mutex_lock(&fake->mutex);
}

static void unlock(struct fake_pubsub *fake) {
    pthread_mutex_unlock(&fake->mutex);
}

static void deliver_and_unlock(struct fake_pubsub *fake) {
    fake_streams_deliver(fake);
    unlock(fake);
}

/* --- In place of a client ------------------------------------------------------------------------------- */

struct result fake_pubsub_create(
    struct fake_pubsub *fake, const char *topic_name, const char *subscription, bool ordered) {
    struct result r = ok();
    lock(fake);
    struct fake_topic *topic = fake_store_topic(&fake->store, topic_name);
    if (!topic)
        topic = fake_store_add_topic(&fake->store, topic_name);
    if (!topic)
        r = fail(CODE_LIMIT, "fake Pub/Sub: no room for topic %s", topic_name);
    else if (subscription && !fake_store_subscription(&fake->store, subscription)
        && !fake_store_add_subscription(&fake->store, subscription, topic, 10, ordered))
        r = fail(CODE_LIMIT, "fake Pub/Sub: no room for subscription %s", subscription);
    unlock(fake);
    return r;
}

struct result fake_pubsub_publish(
    struct fake_pubsub *fake, const char *topic_name, const struct message *message) {
    struct result r = ok();
    lock(fake);
    struct fake_topic *topic = fake_store_topic(&fake->store, topic_name);
    if (!topic)
        r = fail(CODE_NOT_FOUND, "fake Pub/Sub: there is no topic %s", topic_name);
    else if (!fake_store_publish(&fake->store, topic, message))
        r = fail(CODE_LIMIT, "fake Pub/Sub: topic %s is full", topic_name);
    deliver_and_unlock(fake);
    return r;
}

/* --- Faults --------------------------------------------------------------------------------------------- */

void fake_pubsub_break_streams(struct fake_pubsub *fake, grpc_status_code status) {
    lock(fake);
    struct fake_call *call;
    TAILQ_FOREACH(call, &fake->calls, link)
    if (call->stream.subscription)
        fake_stream_end(call, status, "fake: told to break all streams");
    unlock(fake);
}

void fake_pubsub_break_streams_every(struct fake_pubsub *fake, int messages) {
    lock(fake);
    fake->faults.break_every = messages;
    unlock(fake);
}

void fake_pubsub_answer_next(
    struct fake_pubsub *fake, enum fake_method method, int calls, grpc_status_code status) {
    lock(fake);
    fake->faults.refuse[method] = (struct fake_fault){calls, status};
    unlock(fake);
}

void fake_pubsub_publish_unconfirmed(struct fake_pubsub *fake, int calls, grpc_status_code status) {
    lock(fake);
    fake->faults.unconfirmed = (struct fake_fault){calls, status};
    unlock(fake);
}

void fake_pubsub_delay(struct fake_pubsub *fake, int ms) {
    lock(fake);
    fake->faults.delay_ms = ms;
    unlock(fake);
}

void fake_pubsub_duplicate(struct fake_pubsub *fake, int times) {
    lock(fake);
    fake->faults.duplicate = times > 1 ? times : 1;
    unlock(fake);
}

void fake_pubsub_lose_acks(struct fake_pubsub *fake, bool lose) {
    lock(fake);
    fake->faults.lose_acks = lose;
    unlock(fake);
}

void fake_pubsub_black_hole(struct fake_pubsub *fake, bool on) {
    lock(fake);
    fake->faults.black_hole = on;
    struct fake_call *call;
    TAILQ_FOREACH(call, &fake->calls, link)
    if (!on && call->stream.lost)
        fake_stream_end(call, GRPC_STATUS_UNAVAILABLE, "fake: this stream was opened in a black hole");
    deliver_and_unlock(fake);
}

static void expire(struct fake_pubsub *fake, int64_t lease_now_ms) {
    for (size_t i = 0; i < fake->store.subscription_count; i++)
        fake_subscription_expire(fake->store.subscriptions[i], lease_now_ms);
}

void fake_pubsub_advance(struct fake_pubsub *fake, int64_t ms) {
    lock(fake);
    fake->ahead_ms += ms;
    expire(fake, fake_lease_now_ms(fake));
    deliver_and_unlock(fake);
}

void fake_pubsub_expire_leases(struct fake_pubsub *fake) {
    lock(fake);
    expire(fake, INT64_MAX);
    deliver_and_unlock(fake);
}

void fake_pubsub_forget_acks(struct fake_pubsub *fake, const char *name) {
    lock(fake);
    struct fake_subscription *subscription = fake_store_subscription(&fake->store, name);
    if (subscription)
        fake_subscription_rewind(subscription);
    deliver_and_unlock(fake);
}

/* --- Inspection ----------------------------------------------------------------------------------------- */

size_t fake_pubsub_published(struct fake_pubsub *fake, const char *name) {
    lock(fake);
    const struct fake_topic *topic = fake_store_topic(&fake->store, name);
    size_t count = topic ? topic->count : 0;
    unlock(fake);
    return count;
}

const struct message *fake_pubsub_message(struct fake_pubsub *fake, const char *name, size_t index) {
    lock(fake);
    const struct fake_topic *topic = fake_store_topic(&fake->store, name);
    const struct message *message = topic && index < topic->count ? topic->messages[index] : NULL;
    unlock(fake);
    return message;
}

struct fake_counts fake_pubsub_counts(struct fake_pubsub *fake, const char *name) {
    struct fake_counts counts = {.waiting = 0};
    lock(fake);
    const struct fake_subscription *subscription = fake_store_subscription(&fake->store, name);
    if (subscription)
        counts = (struct fake_counts){
            .waiting = subscription->by_state[SLOT_WAITING],
            .leased = subscription->by_state[SLOT_LEASED],
            .acked = subscription->by_state[SLOT_ACKED],
            .deliveries = subscription->deliveries,
        };
    unlock(fake);
    return counts;
}

size_t fake_pubsub_deliveries(struct fake_pubsub *fake, const char *name, size_t index) {
    lock(fake);
    const struct fake_subscription *subscription = fake_store_subscription(&fake->store, name);
    size_t count = subscription && index < subscription->count ? subscription->slots[index].generation : 0;
    unlock(fake);
    return count;
}

size_t fake_pubsub_open_streams(struct fake_pubsub *fake) {
    size_t count = 0;
    lock(fake);
    const struct fake_call *call;
    TAILQ_FOREACH(call, &fake->calls, link)
    count += call->stream.subscription != NULL;
    unlock(fake);
    return count;
}

size_t fake_pubsub_calls(struct fake_pubsub *fake, enum fake_method method) {
    lock(fake);
    size_t count = fake->calls_of[method];
    unlock(fake);
    return count;
}

size_t fake_pubsub_answered(struct fake_pubsub *fake, enum fake_method method) {
    lock(fake);
    size_t count = fake->answered_of[method];
    unlock(fake);
    return count;
}

int64_t fake_pubsub_deadline_ms(struct fake_pubsub *fake, enum fake_method method) {
    lock(fake);
    int64_t deadline_ms = fake->deadline_of[method];
    unlock(fake);
    return deadline_ms;
}

size_t fake_pubsub_extensions(struct fake_pubsub *fake) {
    lock(fake);
    size_t count = fake->extensions;
    unlock(fake);
    return count;
}

bool fake_pubsub_header(
    struct fake_pubsub *fake, enum fake_method method, const char *name, char *value, size_t size) {
    lock(fake);
    const char *found = json_string_value(json_object_get(fake->headers_of[method], name));
    snprintf(value, size, "%s", found ? found : "");
    unlock(fake);
    return found != NULL;
}
