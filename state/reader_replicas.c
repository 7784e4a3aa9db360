/* The reader's part of replicas: those that were heard of in the last hour. */
#include "state/keys.h"
#include "state/reader_ask.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static MUST_CHECK struct result text_of(
    const json_t *object, const char *key, struct arena *arena, const char **text) {
    const char *value = json_string_value(json_object_get(object, key));
    *text = arena_strdup(arena, value ? value : "");
    return *text ? ok() : fail(CODE_LIMIT, "out of memory");
}

static MUST_CHECK struct result read_receiving(
    json_t *object, struct arena *arena, struct replica_report *report) {
    struct replica_receiving *list = arena_alloc(arena, (json_object_size(object) + 1) * sizeof *list);
    const char *pipeline;
    json_t *for_ms;
    if (!list)
        return fail(CODE_LIMIT, "out of memory");
    report->receiving = list;
    json_object_foreach(object, pipeline, for_ms) {
        struct replica_receiving *next = &list[report->receiving_count++];
        *next = (struct replica_receiving){arena_strdup(arena, pipeline), json_integer_value(for_ms)};
        if (!next->pipeline)
            return fail(CODE_LIMIT, "out of memory");
    }
    return ok();
}

static MUST_CHECK struct result read_object(
    const json_t *object, struct arena *arena, struct replica_report *report) {
    report->pid = number_of(object, "pid");
    report->started_ms = number_of(object, "started");
    report->every_ms = number_of(object, "every");
    report->stopped = json_is_true(json_object_get(object, "stopped"));
#define READ_WORK(member, title, meaning) report->work.member = number_of(object, #member);
    REPLICA_WORK(READ_WORK)
    struct result result = text_of(object, "host", arena, &report->host);
    if (is_ok(result))
        result = text_of(object, "version", arena, &report->version);
    if (is_ok(result))
        result = read_receiving(json_object_get(object, "receiving"), arena, report);
    return result;
}

/* "1764502957104 {...}" */
static MUST_CHECK struct result parse_replica(
    const char *id, const char *text, struct arena *arena, struct replica_report *report) {
    *report = (struct replica_report){.id = arena_strdup(arena, id)};
    if (!report->id)
        return fail(CODE_LIMIT, "out of memory");
    char *rest;
    report->seen_ms = strtoll(text, &rest, 10);
    json_t *object = json_loads(rest, 0, NULL);
    struct result result = json_is_object(object)
        ? read_object(object, arena, report)
        : fail(CODE_INTERNAL, "what replica %s said of itself is not what this phasegate understands", id);
    json_decref(object);
    return result;
}

/* The longest at work first; of the same moment by id. */
static int by_start(const void *left, const void *right) {
    const struct replica_report *a = left, *b = right;
    if (a->started_ms != b->started_ms)
        return a->started_ms < b->started_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

struct result reader_replicas(
    struct reader *reader, struct arena *arena, struct replica_report **replicas, size_t *count) {
    const char *words[] = {"HGETALL", KEY_REPLICAS};
    redisReply *reply;
    struct result result = reader_ask(reader, &reply, REDIS_REPLY_ARRAY, words, 2);
    if (!is_ok(result))
        return result;
    size_t found = reply->elements / 2;
    struct replica_report *list = arena_alloc(arena, (found + 1) * sizeof *list);
    if (!list)
        result = fail(CODE_LIMIT, "out of memory");
    for (size_t i = 0; i < found && is_ok(result); i++)
        result = parse_replica(reply->element[2 * i]->str, reply->element[2 * i + 1]->str, arena, &list[i]);
    freeReplyObject(reply);
    if (!is_ok(result))
        return result;
    qsort(list, found, sizeof *list, by_start);
    *replicas = list;
    *count = found;
    return ok();
}
