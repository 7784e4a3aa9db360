#include "cli/quarantine_work.h"

#include "core/completion.h"

#include <string.h>

struct message quarantine_message(const struct quarantined *entry) {
    return (struct message){
        .data = entry->data,
        .size = entry->size,
        .attributes = entry->attributes,
        .attribute_count = entry->attribute_count,
    };
}

/*
 * Pub/Sub adds attributes of its own that start with "goog", and refuses them from a publisher. The one that
 * says how the message is encoded goes on under our name.
 * Source: https://cloud.google.com/pubsub/docs/publisher#using-attributes
 */
static struct result without_reserved(const struct setup *setup, struct message *message) {
    struct attribute *kept = arena_alloc(setup->arena, (message->attribute_count + 1) * sizeof *kept);
    size_t count = 0;
    if (!kept)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < message->attribute_count; i++) {
        struct attribute attribute = message->attributes[i];
        if (strcmp(attribute.key, COMPLETION_ENCODING) == 0)
            attribute.key = COMPLETION_ENCODING_AGAIN;
        if (strncmp(attribute.key, "goog", 4) != 0)
            kept[count++] = attribute;
    }
    message->attributes = kept;
    message->attribute_count = count;
    return ok();
}

static struct result publish_again(
    struct quarantine_work *work, const struct quarantined *entry, char message_id[SESSION_ID_MAX]) {
    struct message message = quarantine_message(entry);
    struct redis_settings settings;
    bool on_redis;
    if (entry->size < entry->full_size)
        return fail(CODE_REFUSED, "only %zu of its %zu bytes were kept; its publisher must send it again",
            entry->size, entry->full_size);
    struct result r = setup_bus_redis(&work->lookup->setup, &settings, &on_redis);
    if (is_ok(r) && !on_redis)
        r = without_reserved(&work->lookup->setup, &message);
    return is_ok(r) ? session_publish(work->session, entry->topic, &message, message_id) : r;
}

static struct result retry_or_drop(
    struct quarantine_work *work, const char *id, char message_id[SESSION_ID_MAX]) {
    struct lookup *lookup = work->lookup;
    struct quarantined entry;
    struct result r = reader_quarantined(lookup->reader, lookup->pipeline, id, lookup->setup.arena, &entry);
    if (is_ok(r) && work->retry)
        r = publish_again(work, &entry, message_id);
    return is_ok(r) ? session_quarantine_drop(work->session, lookup->pipeline, id) : r;
}

struct result quarantine_work_on(
    struct quarantine_work *work, const char *id, struct quarantine_outcome *outcome) {
    char message_id[SESSION_ID_MAX] = "";
    struct result r = retry_or_drop(work, id, message_id);
    if (r.code == CODE_UNAVAILABLE)
        return r;
    *outcome = (struct quarantine_outcome){.id = id, .kind = work->retry ? OUTCOME_RETRIED : OUTCOME_DROPPED};
    if (!is_ok(r))
        outcome->kind = r.code == CODE_NOT_FOUND ? OUTCOME_MISSING : OUTCOME_KEPT;
    snprintf(outcome->text, sizeof outcome->text, "%s", is_ok(r) ? message_id : r.text);
    return ok();
}
