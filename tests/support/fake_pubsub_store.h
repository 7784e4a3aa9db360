/*
 * What the fake Pub/Sub holds: topics with their messages, subscriptions with what became of each message.
 * Plain data without threads, sockets or a clock; the caller locks, and says what time it is.
 */
#ifndef PHASEGATE_TESTS_FAKE_PUBSUB_STORE_H
#define PHASEGATE_TESTS_FAKE_PUBSUB_STORE_H

#include "core/message.h"
#include "support/fake_pubsub.h"

#include <search.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_topic {
    char *name;
    struct message **messages; /* each one block of memory; never changed, never freed before the topic is */
    size_t count, capacity;
    struct hsearch_data keys; /* ordering key -> its number + 1 */
    uint32_t key_count;
};

enum slot_state { SLOT_WAITING, SLOT_LEASED, SLOT_ACKED };

#define SLOT_NONE UINT32_MAX

/* One reader of a subscription: what a StreamingPull stream may hold, and holds. */
struct fake_pull {
    int64_t max_messages, max_bytes; /* 0 or less: no limit */
    int64_t messages, bytes;
    int64_t lease_ms;
};

/* What became of one message in one subscription. Neighbours are named by their place in the array. */
struct slot {
    enum slot_state state;
    uint32_t generation; /* deliveries so far */
    uint32_t waiting_before, waiting_after;
    uint32_t key_before, key_after; /* the unacked messages of the same ordering key, oldest first */
    uint32_t key;                   /* SLOT_NONE: not ordered */
    int64_t lease_until_ms;
    struct fake_pull *pull; /* who holds it; NULL when nobody does, or its stream has ended */
};

struct fake_subscription {
    size_t number; /* its place in the store */
    char *name;
    struct fake_topic *topic;
    int32_t ack_deadline_seconds;
    bool ordered;
    bool keeps_acked; /* for a seek; set after it was added */
    int64_t kept_seconds;
    size_t first; /* slots[i] speaks of topic->messages[first + i] */
    struct slot *slots;
    uint32_t count, capacity;
    uint32_t waiting_first, waiting_last;
    uint32_t *key_last; /* by key number, the newest unacked message of the key */
    uint32_t keys;
    size_t by_state[SLOT_ACKED + 1];
    size_t deliveries;
    int64_t first_expiry_ms; /* no lease ends before it */
};

struct fake_store {
    struct fake_topic *topics[FAKE_TOPICS_MAX];
    struct fake_subscription *subscriptions[FAKE_SUBSCRIPTIONS_MAX];
    size_t topic_count, subscription_count;
    int64_t published; /* in all topics; the newest message's id comes from it */
};

void fake_store_clear(struct fake_store *store);

/* NULL when there is none of that name; a NULL name is none. */
struct fake_topic *fake_store_topic(struct fake_store *store, const char *name);
struct fake_subscription *fake_store_subscription(struct fake_store *store, const char *name);

/* NULL when the store is full or memory is out. */
struct fake_topic *fake_store_add_topic(struct fake_store *store, const char *name);
struct fake_subscription *fake_store_add_subscription(struct fake_store *store, const char *name,
    struct fake_topic *topic, int32_t ack_deadline_seconds, bool ordered);

/*
 * Adds a copy of the message to the topic and to all its subscriptions, with an id and a time of its own.
 * NULL, and nothing changed, when the topic is full or memory is out.
 */
const struct message *fake_store_publish(
    struct fake_store *store, struct fake_topic *topic, const struct message *message);

/* May the pull hold one more message? */
bool fake_pull_has_room(const struct fake_pull *pull);

/*
 * Leases waiting messages to the pull, oldest first, at most `most` of them and no more than about
 * bytes_most; slots gets their places. Of one ordering key nothing goes out while an earlier message waits or
 * is another pull's.
 */
size_t fake_subscription_take(struct fake_subscription *subscription, struct fake_pull *pull, int64_t now_ms,
    size_t bytes_most, uint32_t slots[], size_t most);

void fake_subscription_ack(struct fake_subscription *subscription, uint32_t slot);

/* The lease of a leased message ends at until_ms, sooner or later than it did. */
void fake_subscription_lease(struct fake_subscription *subscription, uint32_t slot, int64_t until_ms);

/* The message waits again, and with it all later ones of its ordering key. No effect unless it is leased. */
void fake_subscription_nack(struct fake_subscription *subscription, uint32_t slot);

/* Nacks everything whose lease ends at now_ms or earlier; true when there was any. */
bool fake_subscription_expire(struct fake_subscription *subscription, int64_t now_ms);

/* The pull is gone; what it held stays leased until its time. */
void fake_subscription_leave(struct fake_subscription *subscription, struct fake_pull *pull);

/* All messages wait again, acked or not. */
void fake_subscription_rewind(struct fake_subscription *subscription);

/*
 * Messages published before the moment are acked, later ones are not, as far as they were kept. What is
 * leased stays so.
 */
void fake_subscription_seek(struct fake_subscription *subscription, int64_t time_ms);

const struct message *fake_subscription_message(const struct fake_subscription *subscription, uint32_t slot);

#endif
