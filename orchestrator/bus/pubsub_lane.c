#include "bus/pubsub_lane.h"

#include "bus/pubsub_status.h"
#include "proto/pubsub.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum {
    LINGER_MS = 10,
    REQUESTS_MAX = 16,
    BACKOFF_LEAST_MS = 100,
    BACKOFF_MOST_MS = 10000,
    ID_OVERHEAD = 4, /* field tag and length, on the wire */
};

struct batch {
    struct pubsub_lane *lane;
    struct list_link words;
    uint64_t sent_ms;
};

static void send_queued(struct pubsub_lane *lane);

static void on_timer(void *context) {
    struct pubsub_lane *lane = context;
    lane->held_back = false;
    send_queued(lane);
}

void pubsub_lane_init(struct pubsub_lane *lane, const struct pubsub_lane_settings *settings) {
    *lane = (struct pubsub_lane){
        .settings = *settings,
        .backoff = {.first_ms = BACKOFF_LEAST_MS, .max_ms = BACKOFF_MOST_MS},
    };
    list_init(&lane->queue);
    pubsub_timer_init(settings->timers, &lane->timer, on_timer, lane);
}

/* Moves up to a request's worth from the queue into the batch; returns how many. */
static size_t batch_fill(struct batch *batch) {
    struct pubsub_lane *lane = batch->lane;
    size_t count = 0, bytes = strlen(lane->settings.subscription);
    while (!list_empty(&lane->queue) && count < PUBSUB_LANE_IDS_MAX) {
        struct pubsub_word *word = list_entry(lane->queue.next, struct pubsub_word, link);
        bytes += strlen(word->ack_id) + ID_OVERHEAD;
        if (count > 0 && bytes > PUBSUB_LANE_BYTES_MAX)
            break;
        list_remove(&word->link);
        list_append(&batch->words, &word->link);
        word->sent = true;
        lane->queued--;
        count++;
    }
    return count;
}

static struct pubsub_word *batch_take(struct batch *batch) {
    struct pubsub_word *word = list_entry(batch->words.next, struct pubsub_word, link);
    list_remove(&word->link);
    word->sent = false;
    word->lane = NULL;
    return word;
}

static void hold_back(struct pubsub_lane *lane) {
    lane->held_back = true;
    pubsub_timer_start(&lane->timer, backoff_next_ms(&lane->backoff));
}

static void batch_again(struct batch *batch) {
    struct pubsub_lane *lane = batch->lane;
    if (!lane->held_back)
        hold_back(lane);
    while (!list_empty(&batch->words)) {
        struct pubsub_word *word = batch_take(batch);
        if (lane->settings.again(lane->settings.context, word)) {
            list_prepend(&lane->queue, &word->link);
            word->lane = lane;
            lane->queued++;
        } else {
            lane->words--;
        }
    }
}

static void batch_finish(struct batch *batch, bool confirmed) {
    struct pubsub_lane *lane = batch->lane;
    while (!list_empty(&batch->words)) {
        struct pubsub_word *word = batch_take(batch);
        lane->words--;
        lane->settings.finished(lane->settings.context, word, confirmed, batch->sent_ms);
    }
}

static const char *lane_verb(const struct pubsub_lane *lane) {
    if (lane->settings.deadline_seconds == PUBSUB_LANE_ACK)
        return "ack";
    return lane->settings.deadline_seconds == 0 ? "nack" : "extend the leases of";
}

static void log_failure(const struct pubsub_lane *lane, const struct rpc_reply *reply) {
    bool expected = pubsub_class(reply->status) != PUBSUB_MENDABLE || reply->status == RPC_NOT_FOUND;
    log_write(lane->settings.log, expected ? LOG_DEBUG : LOG_WARNING,
        "could not %s messages of %s, which may come again: %s: %s", lane_verb(lane),
        lane->settings.subscription, pubsub_status_name(reply->status), reply->text);
}

static void on_reply(void *context, const struct rpc_reply *reply) {
    struct batch *batch = context;
    struct pubsub_lane *lane = batch->lane;
    lane->requests--;
    enum pubsub_class class = pubsub_class(reply->status);
    if (class == PUBSUB_FINE)
        lane->backoff.failures = 0;
    else
        log_failure(lane, reply);
    if (class == PUBSUB_PASSING && !lane->closing)
        batch_again(batch);
    else
        batch_finish(batch, class == PUBSUB_FINE);
    free(batch);
    if (!list_empty(&lane->queue) && !lane->held_back && !pubsub_timer_running(&lane->timer))
        send_queued(lane);
}

static size_t collect_ids(struct batch *batch, char **ids) {
    size_t count = 0;
    for (struct list_link *link = batch->words.next; link != &batch->words; link = link->next)
        ids[count++] = (char *)list_entry(link, struct pubsub_word, link)->ack_id;
    return count;
}

static struct result call(struct batch *batch, size_t count) {
    const struct pubsub_lane_settings *settings = &batch->lane->settings;
    char *ids[PUBSUB_LANE_IDS_MAX];
    collect_ids(batch, ids);
    struct rpc_request request = {.routing = settings->routing, .deadline_ms = settings->patience_ms};
    Google__Pubsub__V1__AcknowledgeRequest ack = GOOGLE__PUBSUB__V1__ACKNOWLEDGE_REQUEST__INIT;
    Google__Pubsub__V1__ModifyAckDeadlineRequest modify =
        GOOGLE__PUBSUB__V1__MODIFY_ACK_DEADLINE_REQUEST__INIT;
    if (settings->deadline_seconds == PUBSUB_LANE_ACK) {
        ack.subscription = (char *)settings->subscription;
        ack.ack_ids = ids;
        ack.n_ack_ids = count;
        request.method = "/google.pubsub.v1.Subscriber/Acknowledge";
        request.message = &ack.base;
    } else {
        modify.subscription = (char *)settings->subscription;
        modify.ack_ids = ids;
        modify.n_ack_ids = count;
        modify.ack_deadline_seconds = settings->deadline_seconds;
        request.method = "/google.pubsub.v1.Subscriber/ModifyAckDeadline";
        request.message = &modify.base;
    }
    return rpc_call(settings->channel, &request, on_reply, batch, NULL);
}

/* A request that was not started fails like one that was. */
static void batch_fail(struct batch *batch) {
    if (batch->lane->closing)
        batch_finish(batch, false);
    else
        batch_again(batch);
}

static void send_one(struct pubsub_lane *lane) {
    struct batch local = {.lane = lane, .sent_ms = pubsub_now_ms(lane->settings.timers)};
    list_init(&local.words);
    size_t count = batch_fill(&local);
    struct batch *batch = malloc(sizeof *batch);
    if (!batch) {
        batch_fail(&local);
        return;
    }
    *batch = local;
    list_init(&batch->words);
    list_append_all(&batch->words, &local.words);
    lane->requests++;
    if (is_ok(call(batch, count)))
        return;
    lane->requests--;
    batch_fail(batch);
    free(batch);
}

static void send_queued(struct pubsub_lane *lane) {
    if (!lane->held_back)
        pubsub_timer_stop(&lane->timer);
    while (!list_empty(&lane->queue) && lane->requests < REQUESTS_MAX && !lane->held_back)
        send_one(lane);
}

void pubsub_lane_put(struct pubsub_lane *lane, struct pubsub_word *word) {
    word->lane = lane;
    word->sent = false;
    list_append(&lane->queue, &word->link);
    lane->queued++;
    lane->words++;
    if (lane->held_back || lane->requests >= REQUESTS_MAX)
        return;
    if (lane->queued >= PUBSUB_LANE_IDS_MAX || lane->closing)
        send_queued(lane);
    else if (!pubsub_timer_running(&lane->timer))
        pubsub_timer_start(&lane->timer, LINGER_MS);
}

void pubsub_lane_take_back(struct pubsub_word *word) {
    struct pubsub_lane *lane = word->lane;
    list_remove(&word->link);
    word->lane = NULL;
    lane->queued--;
    lane->words--;
}

void pubsub_lane_flush(struct pubsub_lane *lane) {
    send_queued(lane);
}

void pubsub_lane_close(struct pubsub_lane *lane) {
    lane->closing = true;
    lane->held_back = false;
    send_queued(lane);
}
