#include "bus/pubsub_publish.h"

#include "base/backoff.h"
#include "bus/pubsub_names.h"
#include "bus/pubsub_queues.h"
#include "bus/pubsub_status.h"

#include <stdlib.h>

enum {
    LINGER_MS = 5, /* how long a message waits for company */
    REQUESTS_MAX = 64,
    DEADLINE_MS = 60000,
    WAITING_MAX = 100000, /* messages, under way or not */
    WAITING_BYTES_MAX = 256 << 20,
    MESSAGE_BYTES_MAX = 10000000, /* Pub/Sub's limit of a message */
    QUOTA_LEAST_MS = 1000,
    QUOTA_MOST_MS = 60000, /* quotas are of so much a minute */
};

struct pubsub_publisher {
    struct pubsub_timers *timers;
    struct pubsub_flush *flush;
    struct rpc_channel *channel;
    struct pubsub_timer timer;
    struct backoff quota;  /* has failures while the quota is used up */
    uint64_t quota_off_ms; /* when to ask again */
    struct pubsub_queues *queues;
    struct list_link requests;
    int request_count;
    size_t waiting;
    size_t waiting_bytes;
    bool closing;
};

struct request {
    struct list_link link;
    struct pubsub_publisher *publisher;
    struct pubsub_queue *queue;
    struct list_link batch;
    size_t count;
    struct rpc_call *call;
};

static void dispatch(void *context);

struct pubsub_publisher *pubsub_publisher_new(
    struct pubsub_timers *timers, struct pubsub_flush *flush, struct rpc_channel *channel) {
    struct pubsub_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return NULL;
    publisher->queues = pubsub_queues_new();
    if (!publisher->queues) {
        free(publisher);
        return NULL;
    }
    publisher->timers = timers;
    publisher->quota = (struct backoff){.first_ms = QUOTA_LEAST_MS, .max_ms = QUOTA_MOST_MS};
    publisher->flush = flush;
    publisher->channel = channel;
    list_init(&publisher->requests);
    pubsub_timer_init(timers, &publisher->timer, dispatch, publisher);
    return publisher;
}

/*
 * Each caller waits longer and longer by itself, but there may be thousands of them: when Pub/Sub says that
 * the quota is used up, nobody asks for a while, and then one request goes ahead of the others. Those that
 * were under way together count as one.
 */
static void note_quota(struct pubsub_publisher *publisher, enum rpc_status status) {
    uint64_t now = pubsub_now_ms(publisher->timers);
    if (status != RPC_RESOURCE_EXHAUSTED)
        publisher->quota.failures = 0;
    else if (publisher->quota.failures == 0 || now >= publisher->quota_off_ms)
        publisher->quota_off_ms = now + backoff_next_ms(&publisher->quota);
}

static bool quota_is_used_up(const struct pubsub_publisher *publisher) {
    return publisher->quota.failures > 0
        && (publisher->request_count > 0 || pubsub_now_ms(publisher->timers) < publisher->quota_off_ms);
}

static struct pubsub_outgoing *first_of(struct list_link *list) {
    return list_entry(list->next, struct pubsub_outgoing, link);
}

/* Tells the caller and frees the message. */
static void report(struct pubsub_publisher *publisher, struct pubsub_outgoing *outgoing, struct result result,
    const char *message_id) {
    list_remove(&outgoing->link);
    publisher->waiting--;
    publisher->waiting_bytes -= outgoing->size;
    outgoing->published(outgoing->context, result, message_id);
    pubsub_ticket_return(publisher->flush, &outgoing->ticket, !result.retryable);
    free(outgoing);
}

/*
 * A batch was not published. What waits behind it under the same key fails with it if it may be published
 * again, since it would overtake. The queue is done with before the callers hear, for they may publish again
 * at once.
 */
static void fail_batch(struct pubsub_publisher *publisher, struct pubsub_queue *queue,
    struct list_link *batch, struct result why) {
    if (why.retryable && queue->key)
        pubsub_queue_drain(queue, batch);
    pubsub_queue_over(publisher->queues, queue);
    while (!list_empty(batch))
        report(publisher, first_of(batch), why, NULL);
}

static void succeed(struct request *request, const Google__Pubsub__V1__PublishResponse *response) {
    struct pubsub_publisher *publisher = request->publisher;
    pubsub_queue_over(publisher->queues, request->queue);
    for (size_t i = 0; !list_empty(&request->batch); i++)
        report(publisher, first_of(&request->batch), ok(), response->message_ids[i]);
}

/* One message was refused, and which is not said: each goes again, by itself. */
static void separate(struct request *request) {
    for (struct list_link *link = request->batch.next; link != &request->batch; link = link->next)
        list_entry(link, struct pubsub_outgoing, link)->alone = true;
    pubsub_queue_put_back(request->queue, &request->batch);
    pubsub_queue_over(request->publisher->queues, request->queue);
}

static void on_published(struct request *request, const struct rpc_reply *reply) {
    struct pubsub_queue *queue = request->queue;
    Google__Pubsub__V1__PublishResponse *response =
        google__pubsub__v1__publish_response__unpack(NULL, reply->size, reply->data);
    if (response && response->n_message_ids == request->count)
        succeed(request, response);
    else
        fail_batch(request->publisher, queue, &request->batch,
            fail(CODE_UNAVAILABLE, "%s: Pub/Sub's answer to a publish cannot be read", queue->topic));
    if (response)
        google__pubsub__v1__publish_response__free_unpacked(response, NULL);
}

static void on_reply(void *context, const struct rpc_reply *reply) {
    struct request *request = context;
    struct pubsub_publisher *publisher = request->publisher;
    list_remove(&request->link);
    publisher->request_count--;
    note_quota(publisher, reply->status);
    if (reply->status == RPC_OK)
        on_published(request, reply);
    else if (publisher->closing)
        fail_batch(publisher, request->queue, &request->batch,
            fail(CODE_UNAVAILABLE, "the bus was closed before %s confirmed", request->queue->topic));
    else if (reply->status == RPC_INVALID_ARGUMENT && request->count > 1)
        separate(request);
    else
        fail_batch(publisher, request->queue, &request->batch, pubsub_result(reply, request->queue->topic));
    free(request);
    dispatch(publisher);
}

static struct result call(struct request *request, Google__Pubsub__V1__PubsubMessage **messages) {
    char routing[PUBSUB_ROUTING_MAX];
    Google__Pubsub__V1__PublishRequest publish = GOOGLE__PUBSUB__V1__PUBLISH_REQUEST__INIT;
    publish.topic = request->queue->topic;
    publish.messages = messages;
    for (struct list_link *link = request->batch.next; link != &request->batch; link = link->next)
        messages[publish.n_messages++] = &list_entry(link, struct pubsub_outgoing, link)->wire;
    request->count = publish.n_messages;
    struct rpc_request rpc = {
        .method = "/google.pubsub.v1.Publisher/Publish",
        .routing = pubsub_routing("topic", request->queue->topic, routing),
        .message = &publish.base,
        .deadline_ms = DEADLINE_MS,
    };
    return rpc_call(request->publisher->channel, &rpc, on_reply, request, &request->call);
}

/* Sends the batch; it is empty after the call, unless it failed. */
static struct result send_batch(
    struct pubsub_publisher *publisher, struct pubsub_queue *queue, struct list_link *batch) {
    Google__Pubsub__V1__PubsubMessage *messages[PUBSUB_BATCH_MESSAGES_MAX];
    struct request *request = malloc(sizeof *request);
    if (!request)
        return fail(CODE_UNAVAILABLE, "out of memory");
    *request = (struct request){.publisher = publisher, .queue = queue};
    list_init(&request->batch);
    list_append_all(&request->batch, batch);
    struct result r = call(request, messages);
    if (is_ok(r)) {
        list_append(&publisher->requests, &request->link);
        publisher->request_count++;
    } else {
        list_append_all(batch, &request->batch);
        free(request);
        r.code = CODE_UNAVAILABLE;
        r.retryable = true;
    }
    return r;
}

/* Why this batch cannot be sent at all; ok when it can. */
static struct result refusal(
    const struct pubsub_publisher *publisher, const struct pubsub_queue *queue, struct list_link *batch) {
    const struct pubsub_outgoing *first = first_of(batch);
    if (publisher->closing)
        return fail(CODE_UNAVAILABLE, "the bus is being closed");
    if (first->turned_away)
        return fail(
            CODE_UNAVAILABLE, "%s: %d messages wait to be published already", queue->topic, WAITING_MAX);
    if (quota_is_used_up(publisher))
        return fail(CODE_UNAVAILABLE,
            "%s: RESOURCE_EXHAUSTED: Pub/Sub's quota is used up, and it is asked only now and then",
            queue->topic);
    if (first->size > MESSAGE_BYTES_MAX)
        return fail(CODE_LIMIT, "%s: a message of %zu bytes; Pub/Sub takes at most %d", queue->topic,
            first->size, MESSAGE_BYTES_MAX);
    return ok();
}

static void dispatch(void *context) {
    struct pubsub_publisher *publisher = context;
    while (publisher->request_count < REQUESTS_MAX) {
        struct list_link batch;
        list_init(&batch);
        struct pubsub_queue *queue = pubsub_queues_next(publisher->queues, &batch);
        if (!queue)
            return;
        struct result r = refusal(publisher, queue, &batch);
        if (is_ok(r))
            r = send_batch(publisher, queue, &batch);
        if (!is_ok(r))
            fail_batch(publisher, queue, &batch, r);
    }
}

/* What is turned away keeps its place under its key, but not its content. */
static struct pubsub_outgoing *take_in(struct pubsub_publisher *publisher, const struct message *message,
    bus_published_fn *published, void *context) {
    bool full =
        publisher->waiting >= WAITING_MAX || publisher->waiting_bytes + message->size > WAITING_BYTES_MAX;
    struct message nothing = {0};
    struct pubsub_outgoing *outgoing = pubsub_outgoing_new(full ? &nothing : message, published, context);
    if (outgoing)
        outgoing->turned_away = full;
    return outgoing;
}

void pubsub_publish(struct pubsub_publisher *publisher, const char *topic, const struct message *message,
    bus_published_fn *published, void *context) {
    struct pubsub_outgoing *outgoing = take_in(publisher, message, published, context);
    struct pubsub_queue *queue =
        outgoing ? pubsub_queues_get(publisher->queues, topic, message->ordering_key) : NULL;
    if (!queue) {
        free(outgoing);
        published(context, fail(CODE_UNAVAILABLE, "%s: out of memory", topic), NULL);
        return;
    }
    publisher->waiting++;
    publisher->waiting_bytes += outgoing->size;
    pubsub_ticket_take(publisher->flush, &outgoing->ticket);
    pubsub_queue_put(publisher->queues, queue, outgoing);
    if (!pubsub_timer_running(&publisher->timer))
        pubsub_timer_start(&publisher->timer, LINGER_MS);
}

void pubsub_publisher_flush(struct pubsub_publisher *publisher) {
    if (pubsub_timer_running(&publisher->timer))
        pubsub_timer_start(&publisher->timer, 0);
}

void pubsub_publisher_close(struct pubsub_publisher *publisher) {
    publisher->closing = true;
    for (struct list_link *link = publisher->requests.next; link != &publisher->requests; link = link->next)
        rpc_call_cancel(list_entry(link, struct request, link)->call);
    pubsub_timer_start(&publisher->timer, 0);
}

bool pubsub_publisher_idle(const struct pubsub_publisher *publisher) {
    return publisher->waiting == 0;
}

void pubsub_publisher_free(struct pubsub_publisher **publisher) {
    if (!*publisher)
        return;
    pubsub_queues_free(&(*publisher)->queues);
    free(*publisher);
    *publisher = NULL;
}
