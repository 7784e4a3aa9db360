/* Heartbeats of replicas, into the store. */
#include "state/replicas.h"

#include "state/call.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *receiving_json(const struct replica_report *report) {
    json_t *object = json_object();
    for (size_t i = 0; i < report->receiving_count; i++)
        json_object_set_new(object, report->receiving[i].pipeline, json_integer(report->receiving[i].for_ms));
    return object;
}

/* NULL when out of memory. */
static char *report_json(const struct replica_report *report) {
    json_t *object = json_object();
    json_object_set_new(object, "host", json_string(report->host));
    json_object_set_new(object, "version", json_string(report->version));
    json_object_set_new(object, "pid", json_integer(report->pid));
    json_object_set_new(object, "started", json_integer(report->started_ms));
    json_object_set_new(object, "every", json_integer(report->every_ms));
    json_object_set_new(object, "stopped", json_boolean(report->stopped));
#define PUT_WORK(member, title, meaning)                                                                     \
    json_object_set_new(object, #member, json_integer(report->work.member));
    REPLICA_WORK(PUT_WORK)
    json_object_set_new(object, "receiving", receiving_json(report));
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

void store_heartbeat(
    struct store *store, const struct replica_report *report, store_done_fn *done, void *context) {
    char *text = report_json(report);
    if (!text) {
        done(context, fail(CODE_UNAVAILABLE, "out of memory"));
        return;
    }
    struct call call;
    call_begin(&call, "pg_heartbeat", 1);
    call.proves_room = true;
    call_key(&call, KEY_REPLICAS);
    call_text(&call, report->id);
    call_number(&call, report->seen_ms);
    call_text(&call, text);
    call_number(&call, REPLICA_REMEMBERED_MS);
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
    free(text);
}
