#include "bus/pubsub_outgoing.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_OVERHEAD = 8 }; /* field tag and length of the message in the request */

static size_t text_bytes(const struct message *message) {
    size_t size = message->ordering_key ? strlen(message->ordering_key) + 1 : 0;
    for (size_t i = 0; i < message->attribute_count; i++)
        size += strlen(message->attributes[i].key) + strlen(message->attributes[i].value) + 2;
    return size;
}

static char *put_text(char **at, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

struct pubsub_outgoing *pubsub_outgoing_new(
    const struct message *message, bus_published_fn *published, void *context) {
    size_t count = message->attribute_count;
    size_t each = sizeof(Google__Pubsub__V1__Attribute) + sizeof(Google__Pubsub__V1__Attribute *);
    struct pubsub_outgoing *new = malloc(sizeof *new + count *each + text_bytes(message) + message->size);
    if (!new)
        return NULL;
    *new = (struct pubsub_outgoing){.published = published, .context = context};
    Google__Pubsub__V1__Attribute *attributes = (Google__Pubsub__V1__Attribute *)(new + 1);
    Google__Pubsub__V1__Attribute **pointers = (Google__Pubsub__V1__Attribute **)(attributes + count);
    char *at = (char *)(pointers + count);
    google__pubsub__v1__pubsub_message__init(&new->wire);
    for (size_t i = 0; i < count; i++) {
        pointers[i] = &attributes[i];
        google__pubsub__v1__attribute__init(&attributes[i]);
        attributes[i].key = put_text(&at, message->attributes[i].key);
        attributes[i].value = put_text(&at, message->attributes[i].value);
    }
    new->wire.n_attributes = count;
    new->wire.attributes = pointers;
    if (message->ordering_key)
        new->wire.ordering_key = put_text(&at, message->ordering_key);
    new->wire.data = (ProtobufCBinaryData){.len = message->size, .data = (uint8_t *)at};
    if (message->size > 0)
        memcpy(at, message->data, message->size);
    new->size = google__pubsub__v1__pubsub_message__get_packed_size(&new->wire) + WIRE_OVERHEAD;
    return new;
}
