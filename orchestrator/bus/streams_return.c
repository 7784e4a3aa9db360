#include "bus/streams_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 500, BATCH_ARGUMENTS = BATCH_MAX + 10, NACK_DELAY_MS = 200 };

/* Entries that one XACK or XCLAIM under way speaks of. */
struct batch {
    struct streams_subscription *sub;
    enum entry_state state;
    size_t count;
    struct entry *entries[BATCH_MAX];
};

static struct entry_queue *queue_of(struct streams_subscription *sub, enum entry_state state) {
    return state == ENTRY_ACK ? &sub->acks : &sub->agains;
}

static void return_entry(struct streams_subscription *sub, struct entry *entry, enum entry_state state) {
    if (entry->state == ENTRY_OUT)
        sub->out--;
    entry->state = state;
    entry->round = flush_join(&sub->bus->flushes);
    entry_push(queue_of(sub, state), entry);
    streams_wake(sub->bus);
}

void streams_ack(struct delivery *delivery) {
    return_entry((struct streams_subscription *)delivery->subscription, (struct entry *)delivery, ENTRY_ACK);
}

void streams_nack(struct delivery *delivery) {
    return_entry(
        (struct streams_subscription *)delivery->subscription, (struct entry *)delivery, ENTRY_AGAIN);
}

void streams_give_back(struct streams_subscription *sub, struct entry *entry) {
    return_entry(sub, entry, ENTRY_AGAIN);
}

static void give_back_if_out(void *context, struct entry *entry) {
    if (entry->state == ENTRY_OUT)
        return_entry(context, entry, ENTRY_AGAIN);
}

void streams_give_back_all(struct streams_subscription *sub) {
    while (sub->held.first)
        streams_give_back(sub, entry_pop(&sub->held));
    if (sub->bus->state != BUS_OPEN)
        table_each(&sub->table, give_back_if_out, sub);
}

/* --- Telling Redis -------------------------------------------------------------------------------------- */

static void settle(struct streams_subscription *sub, struct entry *entry) {
    flush_leave(entry->round, true);
    table_remove(&sub->table, entry);
    free(entry);
}

/* For Redis it is still in our hands: the next connection, or the next tick, tries again. */
static void keep(struct streams_subscription *sub, struct entry *entry, bool refused) {
    if (refused)
        entry->round = flush_postpone(&sub->bus->flushes, entry->round);
    entry_push(queue_of(sub, entry->state), entry);
}

static void on_returned(void *context, const redisReply *reply) {
    struct batch *batch = context;
    struct streams_subscription *sub = batch->sub;
    bool group_gone = reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOGROUP", 7) == 0;
    struct result result =
        group_gone ? ok() : redis_reply_result(reply); /* and with it all that it waited for */
    sub->in_flight--;
    if (is_ok(result) && batch->state == ENTRY_ACK)
        streams_active(sub->stream, batch->count);
    bool again = false;
    for (size_t i = 0; i < batch->count; i++) {
        again |= batch->entries[i]->came_again;
        if (is_ok(result))
            settle(sub, batch->entries[i]);
        else
            keep(sub, batch->entries[i], reply);
    }
    free(batch);
    if (again && is_ok(result))
        streams_recover(sub); /* what the ack did not take is among our own pending entries */
    if (reply && !is_ok(result) && !sub->told_return)
        log_error(&sub->log, "cannot ack in stream %s, trying again: %s", sub->stream->key, result.text);
    sub->told_return = reply && !is_ok(result);
    if (is_ok(result))
        streams_wake(sub->bus); /* there may be room, or a flush that is over */
}

/*
 * XACK, or for those that shall come again an XCLAIM that makes them look as if they had been in our hands
 * for nearly as long as it takes until somebody claims them: the next claim of any consumer takes them, even
 * if we die now.
 */
static struct result send_batch(struct streams_subscription *sub, struct batch *batch) {
    const char *argv[BATCH_ARGUMENTS], *key = sub->stream->key;
    int argc = 0;
    char idle[24];
    int64_t delay = sub->ended || sub->bus->claim_after_ms < NACK_DELAY_MS ? 0 : NACK_DELAY_MS;
    snprintf(idle, sizeof idle, "%lld", (long long)(sub->bus->claim_after_ms - delay));
    argv[argc++] = batch->state == ENTRY_ACK ? "XACK" : "XCLAIM";
    argv[argc++] = key;
    argv[argc++] = sub->group;
    if (batch->state == ENTRY_AGAIN) {
        argv[argc++] = sub->bus->consumer;
        argv[argc++] = "0";
    }
    for (size_t i = 0; i < batch->count; i++)
        argv[argc++] = batch->entries[i]->delivery.message.id;
    if (batch->state == ENTRY_AGAIN) {
        argv[argc++] = "IDLE";
        argv[argc++] = idle;
        argv[argc++] = "JUSTID";
    }
    return redis_link_send(sub->bus->link, on_returned, batch, argc, argv, NULL);
}

/* False when nothing was sent. */
static bool send_some(struct streams_subscription *sub, enum entry_state state) {
    struct entry_queue *queue = queue_of(sub, state);
    struct batch *batch = queue->first && redis_link_connected(sub->bus->link) ? malloc(sizeof *batch) : NULL;
    if (!batch)
        return false;
    *batch = (struct batch){.sub = sub, .state = state};
    while (queue->first && batch->count < BATCH_MAX)
        batch->entries[batch->count++] = entry_pop(queue);
    struct result sent = send_batch(sub, batch);
    if (is_ok(sent)) {
        sub->in_flight++;
        return true;
    }
    for (size_t i = 0; i < batch->count; i++)
        entry_push(queue, batch->entries[i]);
    free(batch);
    return false;
}

void streams_send_returns(struct streams_subscription *sub) {
    while (send_some(sub, ENTRY_ACK))
        continue;
    while (send_some(sub, ENTRY_AGAIN))
        continue;
}

static void postpone(struct streams_bus *bus, struct entry_queue *queue) {
    for (struct entry *entry = queue->first; entry; entry = entry->next)
        entry->round = flush_postpone(&bus->flushes, entry->round);
}

void streams_postpone_returns(struct streams_subscription *sub) {
    postpone(sub->bus, &sub->acks);
    postpone(sub->bus, &sub->agains);
}

/* --- Leases: what is in hand must not look abandoned ---------------------------------------------------- */

struct extension {
    struct streams_subscription *sub;
    const char *argv[BATCH_ARGUMENTS];
    int argc;
};

enum { EXTENSION_HEAD = 5 };

static void send_extension(struct extension *extension) {
    if (extension->argc == EXTENSION_HEAD)
        return;
    extension->argv[extension->argc++] = "JUSTID";
    struct result sent =
        redis_link_send(extension->sub->bus->link, NULL, NULL, extension->argc, extension->argv, NULL);
    (void)sent; /* not connected: connecting extends */
    extension->argc = EXTENSION_HEAD;
}

static void extend_one(void *context, struct entry *entry) {
    struct extension *extension = context;
    if (entry->state != ENTRY_OUT && entry->state != ENTRY_HELD)
        return;
    extension->argv[extension->argc++] = entry->delivery.message.id;
    if (extension->argc == EXTENSION_HEAD + BATCH_MAX)
        send_extension(extension);
}

void streams_extend(struct streams_subscription *sub) {
    sub->next_extend = uv_now(sub->bus->loop) + (uint64_t)sub->bus->claim_after_ms / 3;
    if (sub->out + sub->held.count == 0)
        return;
    struct extension extension = {.sub = sub,
        .argv = {"XCLAIM", sub->stream->key, sub->group, sub->bus->consumer, "0"},
        .argc = EXTENSION_HEAD};
    table_each(&sub->table, extend_one, &extension);
    send_extension(&extension);
}
