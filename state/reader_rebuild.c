/* Reading how far a rebuild is, and what it has kept. */
#include "state/kept_form.h"
#include "state/keys.h"
#include "state/reader_ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_field(const char *name, const char *value, struct rebuild_state *state) {
    if (strcmp(name, "rebuild") == 0)
        state->since_ms = strtoll(value, NULL, 10);
    else if (strcmp(name, "kept") == 0)
        state->last_kept_ms = strtoll(value, NULL, 10);
    else if (strncmp(name, "by:", 3) == 0 && state->replica_count < REBUILD_REPLICAS_MAX) {
        struct replica_raises *replica = &state->replicas[state->replica_count];
        snprintf(replica->name, sizeof replica->name, "%s", name + 3);
        if (sscanf(value, "%" SCNd64 " %" SCNd64, &replica->count, &replica->at_ms) == 2)
            state->replica_count++;
    }
}

struct result reader_rebuild(
    struct reader *reader, const struct pipeline *pipeline, struct rebuild_state *state) {
    char key[KEY_MAX];
    redisReply *reply;
    const char *fields[] = {"HGETALL", key_epoch(pipeline, key)};
    struct result result = reader_ask(reader, &reply, REDIS_REPLY_ARRAY, fields, 2);
    if (!is_ok(result))
        return result;
    *state = (struct rebuild_state){0};
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        read_field(reply->element[i]->str, reply->element[i + 1]->str, state);
    freeReplyObject(reply);
    const char *waiting[] = {"ZCARD", key_rebuild(pipeline, key)};
    result = reader_ask(reader, &reply, REDIS_REPLY_INTEGER, waiting, 2);
    if (!is_ok(result))
        return result;
    state->waiting = reply->integer;
    freeReplyObject(reply);
    return ok();
}

struct result reader_rebuild_messages(struct reader *reader, const struct pipeline *pipeline, size_t most,
    struct arena *arena, struct kept_message **messages, size_t *count) {
    char key[KEY_MAX], last[24];
    redisReply *reply;
    snprintf(last, sizeof last, "%zu", most > 0 ? most - 1 : 0);
    const char *words[] = {"ZRANGE", key_rebuild(pipeline, key), "0", last};
    struct result result = reader_ask(reader, &reply, REDIS_REPLY_ARRAY, words, 4);
    if (!is_ok(result))
        return result;
    struct kept_message *read = arena_alloc(arena, (reply->elements + 1) * sizeof *read);
    if (!read)
        result = fail(CODE_LIMIT, "out of memory");
    for (size_t i = 0; i < reply->elements && is_ok(result); i++)
        result = kept_form_read(reply->element[i]->str, reply->element[i]->len, arena, &read[i]);
    if (is_ok(result)) {
        *messages = read;
        *count = reply->elements;
    }
    freeReplyObject(reply);
    return result;
}
