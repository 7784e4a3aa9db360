/* The reader's part of the quarantine. */
#include "redis/link.h"
#include "state/keys.h"
#include "state/reader_ask.h"
#include "state/reader_parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct result reader_quarantined(struct reader *reader, const struct pipeline *pipeline, const char *id,
    struct arena *arena, struct quarantined *entry) {
    char key[KEY_MAX];
    const char *words[] = {"HGETALL", key_quarantined(pipeline, id, key)};
    redisReply *reply;
    struct result result = reader_ask(reader, &reply, REDIS_REPLY_ARRAY, words, 2);
    if (!is_ok(result))
        return result;
    if (reply->elements == 0)
        result = fail(
            CODE_NOT_FOUND, "there is no message %s in the quarantine of pipeline %s", id, pipeline->name);
    else
        result = parse_quarantined(id, reply, arena, entry);
    freeReplyObject(reply);
    return result;
}

static MUST_CHECK struct result quarantine_size(struct reader *reader, const char *key, int64_t *total) {
    const char *words[] = {"ZCARD", key};
    redisReply *reply;
    struct result result = reader_ask(reader, &reply, REDIS_REPLY_INTEGER, words, 2);
    if (!is_ok(result))
        return result;
    *total = reply->integer;
    freeReplyObject(reply);
    return ok();
}

static MUST_CHECK struct result read_listed(struct reader *reader, const struct pipeline *pipeline,
    const redisReply *ids, struct arena *arena, struct quarantined *entries, size_t *count) {
    for (size_t i = 0; i < ids->elements; i++) {
        struct result result =
            reader_quarantined(reader, pipeline, redis_reply_text(ids, i), arena, &entries[*count]);
        if (is_ok(result))
            ++*count;
        else if (result.code != CODE_NOT_FOUND) /* dropped since it was listed */
            return result;
    }
    return ok();
}

struct result reader_quarantine(struct reader *reader, const struct pipeline *pipeline, size_t most,
    struct arena *arena, struct quarantined **entries, size_t *count, int64_t *total) {
    char key[KEY_MAX], last[24];
    int64_t all;
    struct result result = quarantine_size(reader, key_quarantine(pipeline, key), &all);
    if (!is_ok(result))
        return result;
    snprintf(last, sizeof last, "%zu", most > 0 ? most - 1 : 0);
    const char *words[] = {"ZREVRANGE", key, "0", last};
    redisReply *ids;
    result = reader_ask(reader, &ids, REDIS_REPLY_ARRAY, words, 4);
    if (!is_ok(result))
        return result;
    size_t found = 0;
    struct quarantined *list = arena_alloc(arena, (ids->elements + 1) * sizeof *list);
    result =
        list ? read_listed(reader, pipeline, ids, arena, list, &found) : fail(CODE_INTERNAL, "out of memory");
    freeReplyObject(ids);
    if (!is_ok(result))
        return result;
    *entries = list;
    *count = found;
    *total = all;
    return ok();
}

/* --- Totals --------------------------------------------------------------------------------------------- */

/* A counter that was never set is 0. */
static int64_t counter_of(const redisReply *reply, size_t index) {
    const char *text = index < reply->elements ? reply->element[index]->str : NULL;
    return text ? strtoll(text, NULL, 10) : 0;
}

struct result reader_quarantine_totals(
    struct reader *reader, const struct pipeline *pipeline, struct quarantine_totals *totals) {
    char key[KEY_MAX], counters[KEY_MAX];
    int64_t entries;
    struct result result = quarantine_size(reader, key_quarantine(pipeline, key), &entries);
    if (!is_ok(result))
        return result;
    const char *words[] = {"HMGET", key_counters(pipeline, counters), "quarantine_bytes", "quarantined",
        "quarantine_dropped", "quarantine_dropped_age"};
    redisReply *reply;
    result = reader_ask(reader, &reply, REDIS_REPLY_ARRAY, words, sizeof words / sizeof *words);
    if (!is_ok(result))
        return result;
    *totals = (struct quarantine_totals){.entries = entries,
        .bytes = counter_of(reply, 0),
        .received = counter_of(reply, 1),
        .dropped = counter_of(reply, 2),
        .dropped_for_age = counter_of(reply, 3)};
    freeReplyObject(reply);
    return ok();
}
