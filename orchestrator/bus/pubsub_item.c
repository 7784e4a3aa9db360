#include "bus/pubsub_item.h"

#include <stdlib.h>
#include <string.h>

static size_t text_size(const char *text) {
    return strlen(text) + 1;
}

static size_t item_size(const Google__Pubsub__V1__ReceivedMessage *received) {
    const Google__Pubsub__V1__PubsubMessage *message = received->message;
    size_t size = sizeof(struct pubsub_item) + message->n_attributes * sizeof(struct attribute);
    size += text_size(received->ack_id) + text_size(message->message_id) + text_size(message->ordering_key);
    for (size_t i = 0; i < message->n_attributes; i++)
        size += text_size(message->attributes[i]->key) + text_size(message->attributes[i]->value);
    return size + message->data.len + 1;
}

static void *put(char **at, const void *bytes, size_t size) {
    void *copy = *at;
    if (size > 0)
        memcpy(copy, bytes, size);
    *at += size;
    return copy;
}

static char *put_text(char **at, const char *text) {
    return put(at, text, text_size(text));
}

/* 0 where there is none, or none that a Timestamp may be: of the years 1 to 9999. */
static int64_t published_ms(const Google__Pubsub__V1__PubsubMessage *message) {
    static const int64_t first = INT64_C(-62135596800), last = INT64_C(253402300799);
    const Google__Pubsub__V1__Timestamp *time = message->publish_time;
    if (!time || time->seconds < first || time->seconds > last)
        return 0;
    return time->seconds * 1000 + time->nanos / 1000000;
}

struct pubsub_item *pubsub_item_new(
    const Google__Pubsub__V1__ReceivedMessage *received, struct subscription *subscription) {
    static const Google__Pubsub__V1__PubsubMessage none = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    Google__Pubsub__V1__ReceivedMessage whole = *received;
    if (!whole.message)
        whole.message = (Google__Pubsub__V1__PubsubMessage *)&none;
    struct pubsub_item *item = malloc(item_size(&whole));
    if (!item)
        return NULL;
    *item = (struct pubsub_item){.delivery = {.subscription = subscription}};
    const Google__Pubsub__V1__PubsubMessage *message = whole.message;
    struct attribute *attributes = (struct attribute *)(item + 1);
    char *at = (char *)(attributes + message->n_attributes);
    for (size_t i = 0; i < message->n_attributes; i++) {
        attributes[i].key = put_text(&at, message->attributes[i]->key);
        attributes[i].value = put_text(&at, message->attributes[i]->value);
    }
    item->lease.word.ack_id = put_text(&at, received->ack_id);
    item->delivery.message = (struct message){
        .id = put_text(&at, message->message_id),
        .attributes = attributes,
        .attribute_count = message->n_attributes,
        .ordering_key = *message->ordering_key ? put_text(&at, message->ordering_key) : NULL,
        .size = message->data.len,
        .published_ms = published_ms(message),
    };
    item->delivery.message.data = put(&at, message->data.data, message->data.len);
    *at = '\0'; /* as with arena_copy: text can be printed */
    return item;
}
