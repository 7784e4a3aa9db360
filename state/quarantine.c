/* The quarantine's part of the store. */
#include "state/call.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* NULL when out of memory; the caller's. */
static char *attributes_json(const struct message *message) {
    json_t *object = json_object();
    for (size_t i = 0; i < message->attribute_count; i++)
        json_object_set_new(object, message->attributes[i].key, json_string(message->attributes[i].value));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

/* As the functions read them: entries, bytes, and the time of arrival before which an entry is too old. */
static void call_limits(struct call *call, struct quarantine_limits limits, int64_t now_ms) {
    call_number(call, QUARANTINE_ENTRIES_MAX);
    call_number(call, limits.bytes);
    call_number(call, now_ms - limits.age_ms);
}

/* The drops stand at the end of the answer. */
static void tell_drops(struct result result, const redisReply *reply, size_t first, const char *function,
    union told tell, void *context) {
    struct quarantine_drops drops = {0};
    if (is_ok(result))
        result = reply_check(reply, first + 3, function);
    if (is_ok(result))
        drops = (struct quarantine_drops){.by_age = reply_int(reply, first),
            .by_count = reply_int(reply, first + 1),
            .by_bytes = reply_int(reply, first + 2)};
    tell.quarantined(context, result, is_ok(result) ? &drops : NULL);
}

static void on_quarantined(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    (void)store;
    tell_drops(result, reply, 1, "pg_quarantine", tell, context);
}

static void on_tidied(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    (void)store;
    tell_drops(result, reply, 0, "pg_tidy_quarantine", tell, context);
}

void store_quarantine(struct store *store, const struct pipeline *pipeline, const struct message *message,
    const char *topic, const char *reason, struct quarantine_limits limits, int64_t now_ms,
    store_quarantined_fn *quarantined, void *context) {
    char key[KEY_MAX], *attributes = attributes_json(message);
    size_t kept = message->size < QUARANTINE_BYTES_MAX ? message->size : QUARANTINE_BYTES_MAX;
    if (!attributes) {
        quarantined(context, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    struct call call;
    call_begin(&call, "pg_quarantine", 3);
    call.proves_room = true;
    call_key(&call, key_quarantine(pipeline, key));
    call_key(&call, key_quarantined(pipeline, message->id, key));
    call_key(&call, key_counters(pipeline, key));
    call_text(&call, message->id);
    call_number(&call, now_ms);
    call_text(&call, reason);
    call_text(&call, topic);
    call_bytes(&call, message->data ? message->data : "", kept);
    call_number(&call, (int64_t)message->size);
    call_text(&call, strlen(attributes) <= QUARANTINE_ATTRIBUTES_MAX ? attributes : "{}");
    call_limits(&call, limits, now_ms);
    call_send(store, &call, on_quarantined, (union told){.quarantined = quarantined}, context);
    free(attributes);
}

void store_tidy_quarantine(struct store *store, const struct pipeline *pipeline,
    struct quarantine_limits limits, int64_t now_ms, store_quarantined_fn *quarantined, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_tidy_quarantine", 2);
    call_key(&call, key_quarantine(pipeline, key));
    call_key(&call, key_counters(pipeline, key));
    call_limits(&call, limits, now_ms);
    call_send(store, &call, on_tidied, (union told){.quarantined = quarantined}, context);
}

void store_quarantine_drop(struct store *store, const struct pipeline *pipeline, const char *message_id,
    store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_unquarantine", 2);
    call_key(&call, key_quarantine(pipeline, key));
    call_key(&call, key_counters(pipeline, key));
    call_text(&call, message_id);
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}
