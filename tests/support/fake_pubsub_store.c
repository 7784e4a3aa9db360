#include "support/fake_pubsub_store.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 32, KEPT_DEFAULT_SECONDS = 7 * 24 * 3600 };
static const int64_t FIRST_ID = 7000000000000001; /* ids have as many digits as production's */

/* --- Topics and their messages -------------------------------------------------------------------------- */

static void topic_free(struct fake_topic *topic) {
    if (!topic)
        return;
    for (size_t i = 0; i < topic->count; i++)
        free(topic->messages[i]);
    free(topic->messages);
    hdestroy_r(&topic->keys);
    free(topic->name);
    free(topic);
}

static void subscription_free(struct fake_subscription *subscription) {
    if (!subscription)
        return;
    free(subscription->slots);
    free(subscription->key_last);
    free(subscription->name);
    free(subscription);
}

void fake_store_clear(struct fake_store *store) {
    for (size_t i = 0; i < store->subscription_count; i++)
        subscription_free(store->subscriptions[i]);
    for (size_t i = 0; i < store->topic_count; i++)
        topic_free(store->topics[i]);
    *store = (struct fake_store){.topic_count = 0};
}

struct fake_topic *fake_store_topic(struct fake_store *store, const char *name) {
    for (size_t i = 0; name && i < store->topic_count; i++)
        if (strcmp(store->topics[i]->name, name) == 0)
            return store->topics[i];
    return NULL;
}

struct fake_subscription *fake_store_subscription(struct fake_store *store, const char *name) {
    for (size_t i = 0; name && i < store->subscription_count; i++)
        if (strcmp(store->subscriptions[i]->name, name) == 0)
            return store->subscriptions[i];
    return NULL;
}

struct fake_topic *fake_store_add_topic(struct fake_store *store, const char *name) {
    if (store->topic_count == FAKE_TOPICS_MAX)
        return NULL;
    struct fake_topic *topic = calloc(1, sizeof *topic);
    if (!topic)
        return NULL;
    topic->name = strdup(name);
    if (!topic->name || !hcreate_r(FAKE_KEYS_MAX, &topic->keys)) {
        topic_free(topic);
        return NULL;
    }
    store->topics[store->topic_count++] = topic;
    return topic;
}

/* Room for one more element in an array that grows by doubling; the array, or NULL. */
static void *grown(void *array, size_t count, size_t *capacity, size_t element) {
    if (count < *capacity)
        return array;
    size_t larger = *capacity ? *capacity * 2 : 64;
    void *moved = realloc(array, larger * element);
    if (moved)
        *capacity = larger;
    return moved;
}

/* Copies a NUL-terminated string to *end and moves it on; NULL stays NULL. */
static const char *put_text(char **end, const char *text) {
    if (!text)
        return NULL;
    char *start = *end;
    *end = stpcpy(start, text) + 1;
    return start;
}

static size_t text_size(const char *text) {
    return text ? strlen(text) + 1 : 0;
}

/* A message, its attributes, strings and data as one block. */
static struct message *message_copy(const struct message *message, const char *id, int64_t published_ms) {
    size_t attributes = message->attribute_count * sizeof(struct attribute);
    size_t size =
        sizeof *message + attributes + text_size(id) + text_size(message->ordering_key) + message->size;
    for (size_t i = 0; i < message->attribute_count; i++)
        size += text_size(message->attributes[i].key) + text_size(message->attributes[i].value);
    struct message *copy = malloc(size);
    if (!copy)
        return NULL;
    *copy = *message;
    struct attribute *list = (struct attribute *)(copy + 1);
    char *end = (char *)(list + message->attribute_count);
    for (size_t i = 0; i < message->attribute_count; i++) {
        list[i].key = put_text(&end, message->attributes[i].key);
        list[i].value = put_text(&end, message->attributes[i].value);
    }
    copy->attributes = list;
    copy->id = put_text(&end, id);
    copy->ordering_key = put_text(&end, message->ordering_key);
    copy->published_ms = published_ms;
    copy->data = end;
    if (message->size)
        memcpy(end, message->data, message->size);
    return copy;
}

/* The number that the ordering key has, or would have; SLOT_NONE without one. */
static uint32_t key_number(struct fake_topic *topic, const char *key) {
    if (!key || !*key)
        return SLOT_NONE;
    ENTRY *found;
    if (!hsearch_r((ENTRY){.key = (char *)key}, FIND, &found, &topic->keys))
        return topic->key_count;
    return (uint32_t)(uintptr_t)found->data;
}

/* Remembers a new key; its text has to stay. False when there are too many. */
static bool key_remember(struct fake_topic *topic, const char *key, uint32_t number) {
    if (number == SLOT_NONE || number < topic->key_count)
        return true;
    ENTRY entry = {.key = (char *)key, .data = (void *)(uintptr_t)number}, *found;
    if (topic->key_count == FAKE_KEYS_MAX || !hsearch_r(entry, ENTER, &found, &topic->keys))
        return false;
    topic->key_count++;
    return true;
}

/* --- Slots: the one place where a message's state in a subscription changes ----------------------------- */

static struct slot *slot_at(struct fake_subscription *subscription, uint32_t index) {
    return &subscription->slots[index];
}

const struct message *fake_subscription_message(const struct fake_subscription *subscription, uint32_t slot) {
    return subscription->topic->messages[subscription->first + slot];
}

static void waiting_insert(struct fake_subscription *subscription, uint32_t index) {
    uint32_t before = subscription->waiting_last;
    if (before != SLOT_NONE && before > index) { /* a redelivery: its place is near the front */
        before = SLOT_NONE;
        for (uint32_t i = subscription->waiting_first; i < index; i = slot_at(subscription, i)->waiting_after)
            before = i;
    }
    uint32_t after =
        before == SLOT_NONE ? subscription->waiting_first : slot_at(subscription, before)->waiting_after;
    slot_at(subscription, index)->waiting_before = before;
    slot_at(subscription, index)->waiting_after = after;
    *(before == SLOT_NONE ? &subscription->waiting_first : &slot_at(subscription, before)->waiting_after) =
        index;
    *(after == SLOT_NONE ? &subscription->waiting_last : &slot_at(subscription, after)->waiting_before) =
        index;
}

static void waiting_remove(struct fake_subscription *subscription, const struct slot *slot) {
    uint32_t before = slot->waiting_before, after = slot->waiting_after;
    *(before == SLOT_NONE ? &subscription->waiting_first : &slot_at(subscription, before)->waiting_after) =
        after;
    *(after == SLOT_NONE ? &subscription->waiting_last : &slot_at(subscription, after)->waiting_before) =
        before;
}

static void key_append(struct fake_subscription *subscription, uint32_t index) {
    struct slot *slot = slot_at(subscription, index);
    slot->key_before = slot->key_after = SLOT_NONE;
    if (slot->key == SLOT_NONE)
        return;
    slot->key_before = subscription->key_last[slot->key];
    if (slot->key_before != SLOT_NONE)
        slot_at(subscription, slot->key_before)->key_after = index;
    subscription->key_last[slot->key] = index;
}

static void key_remove(struct fake_subscription *subscription, const struct slot *slot) {
    if (slot->key == SLOT_NONE)
        return;
    if (slot->key_before != SLOT_NONE)
        slot_at(subscription, slot->key_before)->key_after = slot->key_after;
    if (slot->key_after != SLOT_NONE)
        slot_at(subscription, slot->key_after)->key_before = slot->key_before;
    else
        subscription->key_last[slot->key] = slot->key_before;
}

static void slot_hold(struct fake_subscription *subscription, uint32_t index, struct fake_pull *pull) {
    struct slot *slot = slot_at(subscription, index);
    int64_t size = (int64_t)fake_subscription_message(subscription, index)->size;
    if (slot->pull) {
        slot->pull->messages--;
        slot->pull->bytes -= size;
    }
    if (pull) {
        pull->messages++;
        pull->bytes += size;
    }
    slot->pull = pull;
}

static void slot_change(
    struct fake_subscription *subscription, uint32_t index, enum slot_state state, struct fake_pull *pull) {
    struct slot *slot = slot_at(subscription, index);
    if (slot->state == SLOT_WAITING)
        waiting_remove(subscription, slot);
    subscription->by_state[slot->state]--;
    slot_hold(subscription, index, pull);
    slot->state = state;
    subscription->by_state[state]++;
    if (state == SLOT_WAITING)
        waiting_insert(subscription, index);
    if (state == SLOT_ACKED)
        key_remove(subscription, slot);
}

/* --- Subscriptions -------------------------------------------------------------------------------------- */

struct fake_subscription *fake_store_add_subscription(struct fake_store *store, const char *name,
    struct fake_topic *topic, int32_t ack_deadline_seconds, bool ordered) {
    if (store->subscription_count == FAKE_SUBSCRIPTIONS_MAX)
        return NULL;
    struct fake_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return NULL;
    *subscription = (struct fake_subscription){
        .number = store->subscription_count,
        .name = strdup(name),
        .topic = topic,
        .ack_deadline_seconds = ack_deadline_seconds,
        .ordered = ordered,
        .kept_seconds = KEPT_DEFAULT_SECONDS,
        .first = topic->count,
        .waiting_first = SLOT_NONE,
        .waiting_last = SLOT_NONE,
    };
    if (!subscription->name) {
        subscription_free(subscription);
        return NULL;
    }
    store->subscriptions[store->subscription_count++] = subscription;
    return subscription;
}

/* Makes room for one more message of this key, so that subscription_append cannot fail. */
static bool subscription_reserve(struct fake_subscription *subscription, uint32_t key) {
    size_t capacity = subscription->capacity;
    struct slot *slots = grown(subscription->slots, subscription->count, &capacity, sizeof *slots);
    if (!slots)
        return false;
    subscription->slots = slots;
    subscription->capacity = (uint32_t)capacity;
    if (key == SLOT_NONE || key < subscription->keys)
        return true;
    uint32_t keys = key * 2 + 64;
    uint32_t *key_last = realloc(subscription->key_last, keys * sizeof *key_last);
    if (!key_last)
        return false;
    for (uint32_t i = subscription->keys; i < keys; i++)
        key_last[i] = SLOT_NONE;
    subscription->key_last = key_last;
    subscription->keys = keys;
    return true;
}

static void subscription_append(struct fake_subscription *subscription, uint32_t key) {
    uint32_t index = subscription->count++;
    *slot_at(subscription, index) = (struct slot){
        .state = SLOT_WAITING,
        .key = subscription->ordered ? key : SLOT_NONE,
    };
    subscription->by_state[SLOT_WAITING]++;
    waiting_insert(subscription, index);
    key_append(subscription, index);
}

/* Room for one more message of this key in the topic and all its subscriptions. */
static bool topic_reserve(struct fake_store *store, struct fake_topic *topic, uint32_t key) {
    if (topic->count == FAKE_MESSAGES_MAX)
        return false;
    struct message **messages = grown(topic->messages, topic->count, &topic->capacity, sizeof *messages);
    if (!messages)
        return false;
    topic->messages = messages;
    for (size_t i = 0; i < store->subscription_count; i++)
        if (store->subscriptions[i]->topic == topic && !subscription_reserve(store->subscriptions[i], key))
            return false;
    return true;
}

const struct message *fake_store_publish(
    struct fake_store *store, struct fake_topic *topic, const struct message *message) {
    uint32_t key = key_number(topic, message->ordering_key);
    if (!topic_reserve(store, topic, key))
        return NULL;
    char id[ID_MAX];
    snprintf(id, sizeof id, "%" PRId64, FIRST_ID + store->published);
    struct clock clock = clock_system();
    struct message *copy = message_copy(message, id, clock_now_ms(&clock));
    if (!copy || !key_remember(topic, copy->ordering_key, key)) {
        free(copy);
        return NULL;
    }
    store->published++;
    topic->messages[topic->count++] = copy;
    for (size_t i = 0; i < store->subscription_count; i++)
        if (store->subscriptions[i]->topic == topic)
            subscription_append(store->subscriptions[i], key);
    return copy;
}

bool fake_pull_has_room(const struct fake_pull *pull) {
    return (pull->max_messages <= 0 || pull->messages < pull->max_messages)
        && (pull->max_bytes <= 0 || pull->bytes < pull->max_bytes);
}

static bool may_go(
    struct fake_subscription *subscription, const struct slot *slot, const struct fake_pull *pull) {
    if (slot->key_before == SLOT_NONE)
        return true;
    const struct slot *earlier = slot_at(subscription, slot->key_before);
    return earlier->state == SLOT_LEASED && earlier->pull == pull;
}

size_t fake_subscription_take(struct fake_subscription *subscription, struct fake_pull *pull, int64_t now_ms,
    size_t bytes_most, uint32_t slots[], size_t most) {
    size_t taken = 0, bytes = 0;
    uint32_t after;
    for (uint32_t i = subscription->waiting_first; i != SLOT_NONE; i = after) {
        if (taken == most || bytes >= bytes_most || !fake_pull_has_room(pull))
            break;
        struct slot *slot = slot_at(subscription, i);
        after = slot->waiting_after;
        if (!may_go(subscription, slot, pull))
            continue;
        slot_change(subscription, i, SLOT_LEASED, pull);
        fake_subscription_lease(subscription, i, now_ms + pull->lease_ms);
        slot->generation++;
        subscription->deliveries++;
        bytes += fake_subscription_message(subscription, i)->size;
        slots[taken++] = i;
    }
    return taken;
}

void fake_subscription_lease(struct fake_subscription *subscription, uint32_t slot, int64_t until_ms) {
    if (slot >= subscription->count || slot_at(subscription, slot)->state != SLOT_LEASED)
        return;
    slot_at(subscription, slot)->lease_until_ms = until_ms;
    if (until_ms < subscription->first_expiry_ms)
        subscription->first_expiry_ms = until_ms;
}

void fake_subscription_ack(struct fake_subscription *subscription, uint32_t slot) {
    if (slot < subscription->count && slot_at(subscription, slot)->state != SLOT_ACKED)
        slot_change(subscription, slot, SLOT_ACKED, NULL);
}

void fake_subscription_nack(struct fake_subscription *subscription, uint32_t slot) {
    if (slot >= subscription->count || slot_at(subscription, slot)->state != SLOT_LEASED)
        return;
    for (uint32_t i = slot; i != SLOT_NONE; i = slot_at(subscription, i)->key_after)
        if (slot_at(subscription, i)->state == SLOT_LEASED)
            slot_change(subscription, i, SLOT_WAITING, NULL);
}

bool fake_subscription_expire(struct fake_subscription *subscription, int64_t now_ms) {
    if (now_ms < subscription->first_expiry_ms)
        return false;
    bool any = false;
    int64_t first = INT64_MAX;
    for (uint32_t i = 0; subscription->by_state[SLOT_LEASED] && i < subscription->count; i++) {
        const struct slot *slot = slot_at(subscription, i);
        if (slot->state != SLOT_LEASED)
            continue;
        if (slot->lease_until_ms <= now_ms) {
            fake_subscription_nack(subscription, i);
            any = true;
        } else if (slot->lease_until_ms < first) {
            first = slot->lease_until_ms;
        }
    }
    subscription->first_expiry_ms = first;
    return any;
}

void fake_subscription_leave(struct fake_subscription *subscription, struct fake_pull *pull) {
    for (uint32_t i = 0; pull->messages && i < subscription->count; i++)
        if (slot_at(subscription, i)->pull == pull)
            slot_hold(subscription, i, NULL);
}

/* Makes the lists and counts anew from the slots' states. */
static void relink(struct fake_subscription *subscription) {
    for (uint32_t i = 0; i < subscription->keys; i++)
        subscription->key_last[i] = SLOT_NONE;
    subscription->waiting_first = subscription->waiting_last = SLOT_NONE;
    memset(subscription->by_state, 0, sizeof subscription->by_state);
    for (uint32_t i = 0; i < subscription->count; i++) {
        const struct slot *slot = slot_at(subscription, i);
        subscription->by_state[slot->state]++;
        if (slot->state == SLOT_WAITING)
            waiting_insert(subscription, i);
        if (slot->state != SLOT_ACKED)
            key_append(subscription, i);
    }
}

void fake_subscription_rewind(struct fake_subscription *subscription) {
    for (uint32_t i = 0; i < subscription->count; i++) {
        slot_hold(subscription, i, NULL);
        slot_at(subscription, i)->state = SLOT_WAITING;
    }
    relink(subscription);
}

static enum slot_state state_after_seek(
    const struct fake_subscription *subscription, uint32_t index, int64_t time_ms) {
    enum slot_state state = subscription->slots[index].state;
    if (fake_subscription_message(subscription, index)->published_ms < time_ms)
        return SLOT_ACKED;
    return state == SLOT_ACKED && subscription->keeps_acked ? SLOT_WAITING : state;
}

void fake_subscription_seek(struct fake_subscription *subscription, int64_t time_ms) {
    for (uint32_t i = 0; i < subscription->count; i++) {
        struct slot *slot = slot_at(subscription, i);
        slot->state = state_after_seek(subscription, i, time_ms);
        if (slot->state != SLOT_LEASED)
            slot_hold(subscription, i, NULL);
    }
    relink(subscription);
}
