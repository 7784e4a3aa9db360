#include "bus/streams_past.h"

#include "bus/streams_entry.h"
#include "redis/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 5000, KEY_BYTES_MAX = 320 };

static const char page_size[] = "500";

static MUST_CHECK struct result read_page(
    redisContext *connection, const char *key, const char *from, redisReply **page) {
    const char *words[] = {"XRANGE", key, from, "+", "COUNT", page_size};
    size_t lengths[sizeof words / sizeof words[0]];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        lengths[i] = strlen(words[i]);
    redisReply *reply;
    struct result result =
        redis_ask(connection, &reply, (int)(sizeof words / sizeof words[0]), words, lengths);
    if (!is_ok(result))
        return result;
    if (reply->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(reply);
        return fail(CODE_INTERNAL, "Redis answered XRANGE with an unexpected type");
    }
    *page = reply;
    return ok();
}

static MUST_CHECK struct result hand_over(
    const redisReply *element, streams_past_fn *each, void *context, struct stream_id *last) {
    enum entry_shape shape = entry_read(element, last);
    if (shape == ENTRY_STRANGE)
        return fail(CODE_INTERNAL, "the stream has an entry that cannot be read");
    if (shape == ENTRY_DELETED)
        return ok();
    struct entry *entry = entry_new(element, *last, NULL);
    if (!entry)
        return fail(CODE_LIMIT, "out of memory");
    struct result result = each(context, &entry->delivery.message);
    free(entry);
    return result;
}

struct result streams_past(const struct redis_settings *redis, const char *topic, int64_t from_ms,
    streams_past_fn *each, void *context) {
    char key[KEY_BYTES_MAX], from[STREAM_ID_TEXT_MAX];
    redisContext *connection;
    snprintf(key, sizeof key, "pg:bus:{%s}", topic);
    snprintf(from, sizeof from, "%" PRId64 "-0", from_ms > 0 ? from_ms : 0);
    struct result result = redis_connect(redis, ANSWER_MS, &connection);
    if (!is_ok(result))
        return result;
    for (bool more = true; more && is_ok(result);) {
        redisReply *page = NULL;
        struct stream_id last = {0};
        result = read_page(connection, key, from, &page);
        more = is_ok(result) && page->elements > 0;
        for (size_t i = 0; more && i < page->elements && is_ok(result); i++)
            result = hand_over(page->element[i], each, context, &last);
        snprintf(from, sizeof from, "(%" PRIu64 "-%" PRIu64, last.ms, last.sequence);
        freeReplyObject(page);
    }
    redisFree(connection);
    return fail_within(result, "reading what was published to %s", topic);
}
