#include "bus/pubsub_item.h"

#include <stdlib.h>
#include <string.h>

static size_t text_size(const char *text) {
    return strlen(text) + 1;
}

static size_t content_size(const Google__Pubsub__V1__PubsubMessage *message) {
    size_t size = message->n_attributes * sizeof(struct attribute);
    size += text_size(message->message_id) + text_size(message->ordering_key);
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

/* A copy in memory of its own, which starts with the attributes. */
static void copy_message(
    struct message *copy, struct attribute *attributes, const Google__Pubsub__V1__PubsubMessage *message) {
    char *at = (char *)(attributes + message->n_attributes);
    for (size_t i = 0; i < message->n_attributes; i++) {
        attributes[i].key = put_text(&at, message->attributes[i]->key);
        attributes[i].value = put_text(&at, message->attributes[i]->value);
    }
    *copy = (struct message){
        .id = put_text(&at, message->message_id),
        .attributes = attributes,
        .attribute_count = message->n_attributes,
        .ordering_key = *message->ordering_key ? put_text(&at, message->ordering_key) : NULL,
        .size = message->data.len,
        .published_ms = published_ms(message),
    };
    copy->data = put(&at, message->data.data, message->data.len);
    *at = '\0'; /* as with arena_copy: text can be printed */
}

struct pubsub_item *pubsub_item_new(
    const Google__Pubsub__V1__ReceivedMessage *received, struct subscription *subscription) {
    static const Google__Pubsub__V1__PubsubMessage none = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    const Google__Pubsub__V1__PubsubMessage *message = received->message ? received->message : &none;
    size_t ack_id_size = text_size(received->ack_id);
    struct pubsub_item *item = malloc(sizeof *item + ack_id_size);
    void *content = malloc(content_size(message));
    if (!item || !content) {
        free(item);
        free(content);
        return NULL;
    }
    *item = (struct pubsub_item){.delivery = {.subscription = subscription}, .content = content};
    item->lease.word.ack_id = memcpy(item->ack_id, received->ack_id, ack_id_size);
    copy_message(&item->delivery.message, content, message);
    return item;
}

void pubsub_item_drop_message(struct pubsub_item *item) {
    free(item->content);
    item->content = NULL;
    item->delivery.message = (struct message){0};
}

void pubsub_item_free(struct pubsub_item *item) {
    free(item->content);
    free(item);
}
