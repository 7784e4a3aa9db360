/*
 * The queues of a publisher: one for each topic and ordering key that has something waiting or under way,
 * found by hash, and gone when it has nothing. A queue with a key has one request under way at a time, so
 * that nothing overtakes; one without may have many. Queues that may send stand in a line, first come first
 * served. No I/O here.
 */
#ifndef PHASEGATE_BUS_PUBSUB_QUEUES_H
#define PHASEGATE_BUS_PUBSUB_QUEUES_H

#include "bus/pubsub_outgoing.h"

/* What one request may carry. Pub/Sub's limits are 1,000 messages and 10 MB. */
enum { PUBSUB_BATCH_MESSAGES_MAX = 1000, PUBSUB_BATCH_BYTES_MAX = 9000000 };

struct pubsub_queues;

struct pubsub_queue {
    struct list_link line;      /* in the line of those that may send */
    struct pubsub_queue *chain; /* in the same bucket */
    uint64_t hash;
    struct list_link waiting; /* struct pubsub_outgoing */
    int requests;             /* under way */
    const char *key;          /* NULL: none */
    char topic[];             /* full name; the key stands behind it */
};

struct pubsub_queues *pubsub_queues_new(void);

/* They are empty. Safe on NULL. */
void pubsub_queues_free(struct pubsub_queues **queues);

/* The queue of a topic and key, made if need be; NULL when out of memory. */
struct pubsub_queue *pubsub_queues_get(struct pubsub_queues *queues, const char *topic, const char *key);

/* Appends to a queue. */
void pubsub_queue_put(
    struct pubsub_queues *queues, struct pubsub_queue *queue, struct pubsub_outgoing *outgoing);

/*
 * Takes the first of the line, moves to batch what its next request may carry, counts that request, and lets
 * it stand in the line again if it may send more. NULL when the line is empty. A message that was turned away
 * is taken alone.
 */
struct pubsub_queue *pubsub_queues_next(struct pubsub_queues *queues, struct list_link *batch);

/* The request of a batch is over; then the queue may stand in the line again, or, with nothing left, is gone.
 */
void pubsub_queue_over(struct pubsub_queues *queues, struct pubsub_queue *queue);

/* Puts a batch back to the front. */
void pubsub_queue_put_back(struct pubsub_queue *queue, struct list_link *batch);

/* Moves everything that waits to the end of list. */
void pubsub_queue_drain(struct pubsub_queue *queue, struct list_link *list);

#endif
