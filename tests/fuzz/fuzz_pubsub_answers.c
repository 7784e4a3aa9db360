/*
 * What a server of Pub/Sub answers, as the client reads it: a StreamingPull's response, whose messages go on
 * to the completions' decoder, a publish's and a subscription. The first byte says which.
 */
#include "bus/pubsub_item.h"
#include "fuzz/completion_round.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* What is handed on stands in a block of its own, and says what was received. */
static void check_item(const Google__Pubsub__V1__ReceivedMessage *received) {
    struct pubsub_item *item = pubsub_item_new(received, NULL);
    fuzz_check(item);
    const struct message *message = &item->delivery.message;
    const Google__Pubsub__V1__PubsubMessage *from = received->message;
    fuzz_check(fuzz_same(item->lease.word.ack_id, received->ack_id));
    fuzz_check(message->size == (from ? from->data.len : 0));
    fuzz_check(message->attribute_count == (from ? from->n_attributes : 0));
    fuzz_check(((const char *)message->data)[message->size] == '\0');
    for (size_t i = 0; i < message->attribute_count; i++)
        fuzz_check(fuzz_same(message->attributes[i].key, from->attributes[i]->key)
            && fuzz_same(message->attributes[i].value, from->attributes[i]->value));
    struct message at_a_time = *message;
    at_a_time.published_ms = FUZZ_NOW_MS - 1000;
    completion_round(&at_a_time);
    pubsub_item_free(item);
}

static void play_pull(const uint8_t *data, size_t size) {
    Google__Pubsub__V1__StreamingPullResponse *response =
        google__pubsub__v1__streaming_pull_response__unpack(NULL, size, data);
    for (size_t i = 0; response && i < response->n_received_messages; i++)
        check_item(response->received_messages[i]);
    if (response)
        google__pubsub__v1__streaming_pull_response__free_unpacked(response, NULL);
}

static void play_publish(const uint8_t *data, size_t size) {
    Google__Pubsub__V1__PublishResponse *response =
        google__pubsub__v1__publish_response__unpack(NULL, size, data);
    for (size_t i = 0; response && i < response->n_message_ids; i++)
        fuzz_check(response->message_ids[i]);
    if (response)
        google__pubsub__v1__publish_response__free_unpacked(response, NULL);
}

static void play_subscription(const uint8_t *data, size_t size) {
    Google__Pubsub__V1__Subscription *found = google__pubsub__v1__subscription__unpack(NULL, size, data);
    if (found) {
        fuzz_check(found->name && found->topic);
        google__pubsub__v1__subscription__free_unpacked(found, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    if (data[0] == 'p')
        play_publish(data + 1, size - 1);
    else if (data[0] == 's')
        play_subscription(data + 1, size - 1);
    else
        play_pull(data + 1, size - 1);
    return 0;
}
