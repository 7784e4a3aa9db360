/* The quarantine's part of the store. */
#include "state/call.h"

#include <jansson.h>
#include <stdlib.h>

static char *attributes_json(const struct message *message) {
    json_t *object = json_object();
    for (size_t i = 0; i < message->attribute_count; i++)
        json_object_set_new(object, message->attributes[i].key, json_string(message->attributes[i].value));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

void store_quarantine(struct store *store, const struct pipeline *pipeline, const struct message *message,
    const char *topic, const char *reason, int64_t now_ms, store_done_fn *done, void *context) {
    char key[KEY_MAX], *attributes = attributes_json(message);
    size_t kept = message->size < QUARANTINE_BYTES_MAX ? message->size : QUARANTINE_BYTES_MAX;
    struct call call;
    call_begin(&call, "pg_quarantine", 3);
    call_key(&call, key_quarantine(pipeline, key));
    call_key(&call, key_quarantined(pipeline, message->id, key));
    call_key(&call, key_counters(pipeline, key));
    call_text(&call, message->id);
    call_number(&call, now_ms);
    call_number(&call, QUARANTINE_ENTRIES_MAX);
    call_text(&call, reason);
    call_text(&call, topic);
    call_bytes(&call, message->data ? message->data : "", kept);
    call_number(&call, (int64_t)message->size);
    call_text(&call, attributes ? attributes : "{}");
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
    free(attributes);
}

void store_quarantine_drop(struct store *store, const struct pipeline *pipeline, const char *message_id,
    store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_unquarantine", 2);
    call_key(&call, key_quarantine(pipeline, key));
    call_key(&call, key_quarantined(pipeline, message_id, key));
    call_text(&call, message_id);
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}
