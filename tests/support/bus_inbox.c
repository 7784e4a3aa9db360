#include "support/bus_inbox.h"

#include "support/check.h"
#include "support/loop.h"
#include "support/patience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 15000 };

static void *must(void *memory) {
    if (!memory)
        fail_msg("out of memory");
    return memory;
}

void inbox_open(struct inbox *inbox, enum inbox_policy policy) {
    *inbox = (struct inbox){.policy = policy};
    inbox->items = must(calloc(INBOX_MAX, sizeof *inbox->items));
    inbox->held = must(calloc(INBOX_MAX, sizeof(struct delivery *)));
}

void inbox_close(struct inbox *inbox) {
    for (size_t i = 0; i < inbox->count; i++) {
        free(inbox->items[i].id);
        free(inbox->items[i].data);
        free(inbox->items[i].key);
    }
    free(inbox->items);
    free(inbox->held);
    *inbox = (struct inbox){0};
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct attribute *)a)->key, ((const struct attribute *)b)->key);
}

static void note_attributes(struct inbox *inbox, const struct message *message) {
    struct attribute sorted[16];
    size_t count = message->attribute_count < 16 ? message->attribute_count : 16, used = 0;
    if (count > 0)
        memcpy(sorted, message->attributes, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_name);
    inbox->attributes[0] = '\0';
    for (size_t i = 0; i < count && used < sizeof inbox->attributes; i++)
        used += (size_t)snprintf(inbox->attributes + used, sizeof inbox->attributes - used, "%s=%s;",
            sorted[i].key, sorted[i].value);
}

/*
 * From the newest back: what is looked for mostly came lately. By id and content, since an emulator that was
 * started again numbers its messages anew.
 */
static struct received *find_same(const struct inbox *inbox, const struct message *message) {
    for (size_t i = inbox->count; i-- > 0;) {
        struct received *item = &inbox->items[i];
        if (strcmp(item->id, message->id) == 0 && item->size == message->size
            && memcmp(item->data, message->size > 0 ? message->data : "", message->size) == 0)
            return item;
    }
    return NULL;
}

static struct received *note(struct inbox *inbox, const struct message *message) {
    struct received *item = find_same(inbox, message);
    if (!item) {
        if (inbox->count == INBOX_MAX)
            fail_msg("more than %d messages came", INBOX_MAX);
        item = &inbox->items[inbox->count++];
        item->id = must(strdup(message->id));
        item->data = must(calloc(1, message->size + 1));
        if (message->size > 0)
            memcpy(item->data, message->data, message->size);
        item->size = message->size;
        item->key = must(strdup(message->ordering_key ? message->ordering_key : ""));
        item->published_ms = message->published_ms;
    }
    item->times++;
    return item;
}

static void on_delivery(void *context, struct delivery *delivery) {
    struct inbox *inbox = context;
    if (inbox->forbidden && *inbox->forbidden)
        fail_msg("a delivery came inside a call");
    struct received *item = note(inbox, &delivery->message);
    note_attributes(inbox, &delivery->message);
    inbox->deliveries++;
    if (inbox->policy == INBOX_HOLD)
        inbox->held[inbox->held_count++] = delivery;
    else if (inbox->policy == INBOX_NACK_ONCE && item->times == 1)
        bus_nack(delivery);
    else
        bus_ack(delivery);
}

struct receiver inbox_receiver(struct inbox *inbox, size_t in_hand_max) {
    return (struct receiver){.on_delivery = on_delivery, .context = inbox, .in_hand_max = in_hand_max};
}

const struct received *inbox_find(const struct inbox *inbox, const char *data) {
    for (size_t i = 0; i < inbox->count; i++) {
        if (strcmp(inbox->items[i].data, data) == 0)
            return &inbox->items[i];
    }
    return NULL;
}

void inbox_ack_one(struct inbox *inbox) {
    bus_ack(inbox->held[--inbox->held_count]);
}

void inbox_ack_all(struct inbox *inbox) {
    while (inbox->held_count > 0)
        inbox_ack_one(inbox);
}

bool inbox_is_full(void *context) {
    const struct inbox *inbox = context;
    return inbox->count >= inbox->awaited;
}

bool inbox_has_deliveries(void *context) {
    const struct inbox *inbox = context;
    return inbox->deliveries >= inbox->awaited;
}

void outcome_published(void *context, struct result result, const char *message_id) {
    static size_t turn;
    struct outcome *outcome = context;
    if (outcome->forbidden && *outcome->forbidden)
        fail_msg("a callback came inside a call");
    outcome->calls++;
    outcome->result = result;
    outcome->turn = ++turn;
    if (is_ok(result) != (message_id != NULL))
        fail_msg("a message id belongs to success, and only to success");
    snprintf(outcome->id, sizeof outcome->id, "%s", message_id ? message_id : "");
}

void outcome_done(void *context, struct result result) {
    outcome_published(context, result, is_ok(result) ? "" : NULL);
}

bool outcome_is_there(void *context) {
    return ((const struct outcome *)context)->calls > 0;
}

void publish_text(
    struct bus *bus, const char *topic, const char *key, const char *text, struct outcome *outcome) {
    struct message message = {.data = text, .size = strlen(text), .ordering_key = key};
    bus_publish(bus, topic, &message, outcome_published, outcome);
}

void publish_and_wait(
    uv_loop_t *loop, struct bus *bus, const char *topic, const char *key, const char *text) {
    struct outcome outcome = {0};
    publish_text(bus, topic, key, text, &outcome);
    loop_until(loop, outcome_is_there, &outcome, WAIT_MS, "the confirmation of a message");
    check_ok(outcome.result);
}

void publish_in_the_end(
    uv_loop_t *loop, struct bus *bus, const char *topic, const char *key, const char *text) {
    uint64_t end = uv_hrtime() + (uint64_t)patient_ms(WAIT_MS * 4) * 1000000;
    struct outcome outcome;
    do {
        outcome = (struct outcome){0};
        publish_text(bus, topic, key, text, &outcome);
        loop_until(loop, outcome_is_there, &outcome, WAIT_MS * 4, "the outcome of a message");
    } while (outcome.result.retryable && uv_hrtime() < end);
    check_ok(outcome.result);
}

void create_and_wait(uv_loop_t *loop, struct bus *bus, const struct source *source) {
    struct outcome outcome = {0};
    bus_create(bus, source, outcome_done, &outcome);
    loop_until(loop, outcome_is_there, &outcome, WAIT_MS, "the topic and the subscription");
    check_ok(outcome.result);
}

void create_in_the_end(uv_loop_t *loop, struct bus *bus, const struct source *source) {
    uint64_t end = uv_hrtime() + (uint64_t)patient_ms(WAIT_MS * 4) * 1000000;
    struct outcome outcome;
    do {
        outcome = (struct outcome){0};
        bus_create(bus, source, outcome_done, &outcome);
        loop_until(loop, outcome_is_there, &outcome, WAIT_MS, "the topic and the subscription");
    } while (outcome.result.retryable && uv_hrtime() < end);
    check_ok(outcome.result);
}

void flush_and_wait(uv_loop_t *loop, struct bus *bus) {
    struct outcome outcome = {0};
    bus_flush(bus, outcome_done, &outcome);
    loop_until(loop, outcome_is_there, &outcome, WAIT_MS, "the flush");
    check_ok(outcome.result);
}

void close_and_wait(uv_loop_t *loop, struct bus **bus) {
    struct outcome outcome = {0};
    if (!*bus)
        return;
    bus_close(*bus, outcome_done, &outcome);
    *bus = NULL;
    loop_until(loop, outcome_is_there, &outcome, WAIT_MS, "the end of the bus");
    check_ok(outcome.result);
}
