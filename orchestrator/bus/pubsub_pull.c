#include "bus/pubsub_pull.h"

#include "bus/pubsub_item.h"
#include "bus/pubsub_names.h"
#include "bus/pubsub_status.h"
#include "bus/pubsub_stream.h"

#include <stdlib.h>
#include <string.h>

enum {
    IN_HAND_DEFAULT = 1000,
    ENDING_MAX = 10000,          /* acks on their way; with more, no message is asked for */
    STREAM_BYTES_MAX = 64 << 20, /* that the server may send a stream ahead of its acks */
    PING_MS = 30000,             /* as Google's clients */
};

enum condition { WORKING, LOST, REFUSED };

struct pubsub_puller {
    struct subscription subscription; /* first: the subscription is the puller */
    struct receiver receiver;
    size_t in_hand_max;
    struct log log;
    char name[PUBSUB_NAME_MAX];
    char routing[PUBSUB_ROUTING_MAX];
    struct pubsub_leases *leases;
    struct list_link held;
    struct list_link out;
    size_t held_count;
    size_t out_count;
    struct pubsub_timer deliver_timer;
    bool delivering;
    bool paused;
    bool stopped;
    bool closing;
    enum condition condition;
    struct pubsub_stream_settings stream_settings;
    int stream_count;
    int streams_open; /* not closed for good */
    struct pubsub_stream streams[];
};

static struct pubsub_item *item_of(struct list_link *link) {
    return list_entry(link, struct pubsub_item, link);
}

/* Is there room for more messages? Then the streams may read. */
static bool wanted(void *context) {
    const struct pubsub_puller *puller = context;
    return !puller->paused && !puller->stopped && puller->held_count + puller->out_count < puller->in_hand_max
        && pubsub_leases_ending(puller->leases) < ENDING_MAX;
}

static void read_more(struct pubsub_puller *puller) {
    if (!wanted(puller))
        return;
    for (int i = 0; i < puller->stream_count; i++)
        pubsub_stream_read(&puller->streams[i]);
}

static bool deliverable(const struct pubsub_puller *puller) {
    return !puller->paused && !puller->stopped && puller->held_count > 0
        && puller->out_count < puller->in_hand_max;
}

/* The receiver may ack, nack, pause, unsubscribe or close from inside: all is looked at again after each
 * delivery. */
static void deliver(void *context) {
    struct pubsub_puller *puller = context;
    puller->delivering = true;
    while (deliverable(puller)) {
        struct pubsub_item *item = item_of(puller->held.next);
        list_remove(&item->link);
        list_append(&puller->out, &item->link);
        puller->held_count--;
        puller->out_count++;
        puller->receiver.on_delivery(puller->receiver.context, &item->delivery);
    }
    puller->delivering = false;
    read_more(puller);
}

static void deliver_later(struct pubsub_puller *puller) {
    if (!puller->delivering && deliverable(puller) && !pubsub_timer_running(&puller->deliver_timer))
        pubsub_timer_start(&puller->deliver_timer, 0);
}

static void hold(struct pubsub_puller *puller, const Google__Pubsub__V1__ReceivedMessage *received) {
    struct pubsub_item *item = pubsub_item_new(received, &puller->subscription);
    if (!item) {
        log_error(&puller->log, "out of memory for a message; it comes again when its lease is over");
        return;
    }
    pubsub_lease_begin(puller->leases, &item->lease);
    list_append(&puller->held, &item->link);
    puller->held_count++;
}

static void on_response(void *context, const uint8_t *data, size_t size) {
    struct pubsub_puller *puller = context;
    Google__Pubsub__V1__StreamingPullResponse *response =
        google__pubsub__v1__streaming_pull_response__unpack(NULL, size, data);
    if (!response) {
        log_error(&puller->log,
            "a response of %zu bytes from Pub/Sub cannot be read; its messages come again", size);
        return;
    }
    for (size_t i = 0; i < response->n_received_messages; i++)
        hold(puller, response->received_messages[i]);
    google__pubsub__v1__streaming_pull_response__free_unpacked(response, NULL);
    if (!puller->delivering)
        deliver(puller);
}

static void on_healthy(void *context) {
    struct pubsub_puller *puller = context;
    if (puller->condition != WORKING)
        log_notice(&puller->log, "receiving from %s again", puller->name);
    puller->condition = WORKING;
}

/* Says what is wrong once, not at each try; again when it is something else. */
static void on_failed(void *context, const struct rpc_reply *reply) {
    struct pubsub_puller *puller = context;
    enum condition now = pubsub_class(reply->status) <= PUBSUB_PASSING ? LOST : REFUSED;
    if (puller->condition == now)
        return;
    puller->condition = now;
    struct result why = pubsub_result(reply, puller->name);
    if (now == LOST)
        log_warning(&puller->log, "cannot receive for now, and tries again: %s",
            is_ok(why) ? "the server ends every stream" : why.text);
    else
        log_error(&puller->log, "cannot receive until this is mended: %s", why.text);
}

static void on_settled(void *context, struct pubsub_lease *lease) {
    struct pubsub_puller *puller = context;
    pubsub_item_free(list_entry(lease, struct pubsub_item, lease));
    if (pubsub_leases_ending(puller->leases) == ENDING_MAX - 1)
        read_more(puller);
}

static void end_lease(struct pubsub_puller *puller, struct pubsub_item *item, enum pubsub_wish wish) {
    list_remove(&item->link);
    pubsub_item_drop_message(item);
    pubsub_lease_end(puller->leases, &item->lease, wish);
}

static void nack_all(struct pubsub_puller *puller, struct list_link *items) {
    while (!list_empty(items))
        end_lease(puller, item_of(items->next), PUBSUB_NACK);
}

/*
 * Given back only when the streams have ended, or the server would send it to them again. From then on what a
 * closing bus has in hand is given back too, and everything is sent but once.
 */
static void give_back(struct pubsub_puller *puller) {
    nack_all(puller, &puller->held);
    puller->held_count = 0;
    if (!puller->closing)
        return;
    nack_all(puller, &puller->out);
    puller->out_count = 0;
    pubsub_leases_close(puller->leases);
}

static void on_stream_closed(void *context) {
    struct pubsub_puller *puller = context;
    if (--puller->streams_open == 0)
        give_back(puller);
}

static void fill_stream_settings(
    struct pubsub_puller *puller, const struct pubsub_puller_settings *settings) {
    puller->stream_settings = (struct pubsub_stream_settings){
        .timers = settings->timers,
        .subscription = puller->name,
        .routing = puller->routing,
        .client_id = settings->client_id,
        .lease_seconds = settings->lease_seconds,
        .bytes_max = STREAM_BYTES_MAX,
        .ping_ms = PING_MS,
        .wanted = wanted,
        .on_response = on_response,
        .on_healthy = on_healthy,
        .on_failed = on_failed,
        .on_closed = on_stream_closed,
        .context = puller,
    };
}

/* Together they are sent what may be in hand, and no more: what a receiver holds back another one could have.
 */
static int64_t share_of_stream(const struct pubsub_puller *puller, int stream) {
    size_t streams = (size_t)puller->stream_count, rest = puller->in_hand_max % streams;
    return (int64_t)(puller->in_hand_max / streams + ((size_t)stream < rest ? 1 : 0));
}

static struct pubsub_puller *puller_new(const struct pubsub_puller_settings *settings) {
    size_t in_hand_max = settings->receiver.in_hand_max ? settings->receiver.in_hand_max : IN_HAND_DEFAULT;
    size_t count = (size_t)settings->streams < in_hand_max ? (size_t)settings->streams : in_hand_max;
    struct pubsub_puller *puller = calloc(1, sizeof *puller + count * sizeof *puller->streams);
    if (!puller)
        return NULL;
    puller->subscription.bus = settings->bus;
    puller->receiver = settings->receiver;
    puller->in_hand_max = in_hand_max;
    puller->stream_count = puller->streams_open = (int)count;
    strncpy(puller->name, settings->subscription, sizeof puller->name - 1);
    pubsub_routing("subscription", puller->name, puller->routing);
    puller->log = log_with(settings->log, "subscription", puller->name);
    list_init(&puller->held);
    list_init(&puller->out);
    fill_stream_settings(puller, settings);
    return puller;
}

struct result pubsub_puller_start(
    const struct pubsub_puller_settings *settings, struct pubsub_puller **puller) {
    struct pubsub_puller *new = puller_new(settings);
    if (!new)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = rpc_channel_open(settings->rpc, &new->stream_settings.channel);
    struct pubsub_leases_settings leases = {
        .timers = settings->timers,
        .flush = settings->flush,
        .channel = settings->calls,
        .log = &new->log,
        .subscription = new->name,
        .routing = new->routing,
        .lease_seconds = settings->lease_seconds,
        .settled = on_settled,
        .context = new,
    };
    if (is_ok(r) && !(new->leases = pubsub_leases_new(&leases)))
        r = fail(CODE_INTERNAL, "out of memory");
    if (!is_ok(r)) {
        free(new);
        return r;
    }
    pubsub_timer_init(settings->timers, &new->deliver_timer, deliver, new);
    for (int i = 0; i < new->stream_count; i++)
        pubsub_stream_start(&new->streams[i], &new->stream_settings, share_of_stream(new, i));
    *puller = new;
    return ok();
}

struct subscription *pubsub_puller_subscription(struct pubsub_puller *puller) {
    return &puller->subscription;
}

struct pubsub_puller *pubsub_puller_of(struct subscription *subscription) {
    return (struct pubsub_puller *)subscription;
}

void pubsub_puller_pause(struct pubsub_puller *puller) {
    puller->paused = true;
}

void pubsub_puller_resume(struct pubsub_puller *puller) {
    puller->paused = false;
    deliver_later(puller);
    read_more(puller);
}

int64_t pubsub_puller_receiving_ms(const struct pubsub_puller *puller) {
    int64_t longest = 0;
    for (int i = 0; i < puller->stream_count; i++) {
        int64_t healthy_ms = pubsub_stream_healthy_ms(&puller->streams[i]);
        longest = healthy_ms > longest ? healthy_ms : longest;
    }
    return longest;
}

void pubsub_puller_stop(struct pubsub_puller *puller) {
    puller->stopped = true;
    for (int i = 0; i < puller->stream_count; i++)
        pubsub_stream_close(&puller->streams[i]);
}

void pubsub_puller_return(struct delivery *delivery, enum pubsub_wish wish) {
    struct pubsub_item *item = list_entry(delivery, struct pubsub_item, delivery);
    struct pubsub_puller *puller = pubsub_puller_of(delivery->subscription);
    puller->out_count--;
    end_lease(puller, item, wish);
    deliver_later(puller);
    if (!puller->delivering)
        read_more(puller);
}

void pubsub_puller_flush(struct pubsub_puller *puller) {
    pubsub_leases_flush(puller->leases);
}

void pubsub_puller_close(struct pubsub_puller *puller) {
    puller->closing = true;
    if (puller->streams_open == 0)
        give_back(puller);
    else
        pubsub_puller_stop(puller);
}

bool pubsub_puller_done(const struct pubsub_puller *puller) {
    return puller->streams_open == 0 && pubsub_leases_empty(puller->leases);
}

void pubsub_puller_free(struct pubsub_puller **puller) {
    if (!*puller)
        return;
    pubsub_leases_free(&(*puller)->leases);
    free(*puller);
    *puller = NULL;
}
