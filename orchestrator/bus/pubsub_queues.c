#include "bus/pubsub_queues.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_LEAST = 64 };

struct pubsub_queues {
    struct pubsub_queue **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct list_link line;
};

/* FNV-1a, over the bytes and the NUL behind them. */
static uint64_t hash_text(uint64_t hash, const char *text) {
    do
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    while (*text++);
    return hash;
}

static uint64_t hash_of(const char *topic, const char *key) {
    uint64_t hash = hash_text(14695981039346656037u, topic);
    return key ? hash_text(hash, key) : hash;
}

static struct pubsub_queue **bucket_of(struct pubsub_queues *queues, uint64_t hash) {
    return &queues->buckets[hash & (queues->bucket_count - 1)];
}

struct pubsub_queues *pubsub_queues_new(void) {
    struct pubsub_queues *queues = calloc(1, sizeof *queues);
    if (!queues)
        return NULL;
    queues->buckets = calloc(BUCKETS_LEAST, sizeof *queues->buckets);
    queues->bucket_count = BUCKETS_LEAST;
    list_init(&queues->line);
    if (!queues->buckets) {
        free(queues);
        return NULL;
    }
    return queues;
}

void pubsub_queues_free(struct pubsub_queues **queues) {
    if (!*queues)
        return;
    free((*queues)->buckets);
    free(*queues);
    *queues = NULL;
}

/* Doubles the buckets; without memory the chains just get longer. */
static void grow(struct pubsub_queues *queues) {
    struct pubsub_queue **old = queues->buckets;
    size_t old_count = queues->bucket_count;
    struct pubsub_queue **buckets = calloc(2 * old_count, sizeof *buckets);
    if (!buckets)
        return;
    queues->buckets = buckets;
    queues->bucket_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i]) {
            struct pubsub_queue *queue = old[i];
            old[i] = queue->chain;
            struct pubsub_queue **bucket = bucket_of(queues, queue->hash);
            queue->chain = *bucket;
            *bucket = queue;
        }
    }
    free(old);
}

static bool is_for(const struct pubsub_queue *queue, uint64_t hash, const char *topic, const char *key) {
    if (queue->hash != hash || !queue->key != !key || strcmp(queue->topic, topic) != 0)
        return false;
    return !key || strcmp(queue->key, key) == 0;
}

static struct pubsub_queue *queue_new(uint64_t hash, const char *topic, const char *key) {
    size_t topic_size = strlen(topic) + 1, key_size = key ? strlen(key) + 1 : 0;
    struct pubsub_queue *queue = calloc(1, sizeof *queue + topic_size + key_size);
    if (!queue)
        return NULL;
    queue->hash = hash;
    list_init(&queue->line);
    list_init(&queue->waiting);
    memcpy(queue->topic, topic, topic_size);
    if (key)
        queue->key = memcpy(queue->topic + topic_size, key, key_size);
    return queue;
}

struct pubsub_queue *pubsub_queues_get(struct pubsub_queues *queues, const char *topic, const char *key) {
    uint64_t hash = hash_of(topic, key);
    for (struct pubsub_queue *queue = *bucket_of(queues, hash); queue; queue = queue->chain)
        if (is_for(queue, hash, topic, key))
            return queue;
    struct pubsub_queue *queue = queue_new(hash, topic, key);
    if (!queue)
        return NULL;
    if (++queues->count > queues->bucket_count)
        grow(queues);
    struct pubsub_queue **bucket = bucket_of(queues, hash);
    queue->chain = *bucket;
    *bucket = queue;
    return queue;
}

/* The one place that decides whether a queue stands in the line. */
static void line_up(struct pubsub_queues *queues, struct pubsub_queue *queue) {
    bool may_send = !list_empty(&queue->waiting) && (!queue->key || queue->requests == 0);
    if (may_send && list_empty(&queue->line))
        list_append(&queues->line, &queue->line);
    else if (!may_send)
        list_remove(&queue->line);
}

void pubsub_queue_put(
    struct pubsub_queues *queues, struct pubsub_queue *queue, struct pubsub_outgoing *outgoing) {
    list_append(&queue->waiting, &outgoing->link);
    line_up(queues, queue);
}

static void fill(struct pubsub_queue *queue, struct list_link *batch) {
    size_t count = 0, bytes = 0;
    bool last = false;
    while (!list_empty(&queue->waiting) && !last) {
        struct pubsub_outgoing *outgoing = list_entry(queue->waiting.next, struct pubsub_outgoing, link);
        bool alone = outgoing->alone || outgoing->turned_away;
        bytes += outgoing->size;
        if (count > 0 && (alone || bytes > PUBSUB_BATCH_BYTES_MAX))
            break;
        list_remove(&outgoing->link);
        list_append(batch, &outgoing->link);
        last = alone || ++count == PUBSUB_BATCH_MESSAGES_MAX;
    }
}

struct pubsub_queue *pubsub_queues_next(struct pubsub_queues *queues, struct list_link *batch) {
    if (list_empty(&queues->line))
        return NULL;
    struct pubsub_queue *queue = list_entry(queues->line.next, struct pubsub_queue, line);
    list_remove(&queue->line);
    fill(queue, batch);
    queue->requests++;
    line_up(queues, queue);
    return queue;
}

static void forget(struct pubsub_queues *queues, struct pubsub_queue *queue) {
    struct pubsub_queue **at = bucket_of(queues, queue->hash);
    while (*at != queue)
        at = &(*at)->chain;
    *at = queue->chain;
    queues->count--;
    free(queue);
}

void pubsub_queue_over(struct pubsub_queues *queues, struct pubsub_queue *queue) {
    queue->requests--;
    line_up(queues, queue);
    if (queue->requests == 0 && list_empty(&queue->waiting))
        forget(queues, queue);
}

void pubsub_queue_put_back(struct pubsub_queue *queue, struct list_link *batch) {
    struct list_link rest;
    list_init(&rest);
    list_append_all(&rest, &queue->waiting);
    list_append_all(&queue->waiting, batch);
    list_append_all(&queue->waiting, &rest);
}

void pubsub_queue_drain(struct pubsub_queue *queue, struct list_link *list) {
    list_append_all(list, &queue->waiting);
}
