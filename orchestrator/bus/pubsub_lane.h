/*
 * A lane sends one kind of word about received messages (ack, nack, keep) to Pub/Sub: many ids in one
 * request, several requests under way at once, tried again with back-off when the failure is a passing one.
 */
#ifndef PHASEGATE_BUS_PUBSUB_LANE_H
#define PHASEGATE_BUS_PUBSUB_LANE_H

#include "base/backoff.h"
#include "base/log.h"
#include "bus/pubsub_timers.h"
#include "bus/rpc.h"

enum {
    PUBSUB_LANE_IDS_MAX = 1000,     /* in one request, as in Google's clients */
    PUBSUB_LANE_BYTES_MAX = 500000, /* a request may have 512 KiB */
};

/* What the lane needs to know of a message. It is in at most one lane. */
struct pubsub_lane;
struct pubsub_word {
    struct list_link link;
    const char *ack_id;
    struct pubsub_lane *lane; /* NULL: in none */
    bool sent;                /* in a request under way */
};

struct pubsub_lane_settings {
    struct pubsub_timers *timers;
    struct rpc_channel *channel;
    const struct log *log;
    const char *subscription; /* full name */
    const char *routing;
    int deadline_seconds; /* of ModifyAckDeadline, 0 is a nack; PUBSUB_LANE_ACK: Acknowledge instead */
    int patience_ms;      /* a request that is not answered in this time has failed for now */

    /* The word is out of the lane: it was sent at sent_ms, and confirmed or given up. */
    void (*finished)(void *context, struct pubsub_word *word, bool confirmed, uint64_t sent_ms);
    /* Sending it failed for now. True: the lane tries again; false: it is out of the lane, finished is not
     * called. */
    bool (*again)(void *context, struct pubsub_word *word);
    void *context;
};

#define PUBSUB_LANE_ACK (-1)

struct pubsub_lane {
    struct pubsub_lane_settings settings;
    struct list_link queue;
    size_t queued;
    size_t words;   /* queued, and in requests */
    int requests;   /* under way */
    bool held_back; /* waits before it tries again */
    bool closing;
    struct backoff backoff;
    struct pubsub_timer timer;
};

/* Settings are copied; what they point to outlives the lane. */
void pubsub_lane_init(struct pubsub_lane *lane, const struct pubsub_lane_settings *settings);

/* Sent within 10 ms, or when there are enough for a request. */
void pubsub_lane_put(struct pubsub_lane *lane, struct pubsub_word *word);

/* Takes a word that is in a lane and not sent out of it. */
void pubsub_lane_take_back(struct pubsub_word *word);

/* Sends what is queued now, unless it is held back. */
void pubsub_lane_flush(struct pubsub_lane *lane);

/* From now on everything is sent at once, inside pubsub_lane_put even, and tried only once. */
void pubsub_lane_close(struct pubsub_lane *lane);

#endif
