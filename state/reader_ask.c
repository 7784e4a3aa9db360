#include "state/reader_ask.h"

#include "redis/link.h"
#include "redis/sync.h"

#include <string.h>

struct result reader_ask(
    struct reader *reader, redisReply **reply, int expected, const char *const *words, int count) {
    const char *argv[READER_WORDS_MAX];
    size_t lengths[READER_WORDS_MAX];
    for (int i = 0; i < count; i++) {
        argv[i] = words[i];
        lengths[i] = strlen(words[i]);
    }
    redisReply *answer;
    struct result result = redis_ask(reader->connection, &answer, count, argv, lengths);
    if (!is_ok(result))
        return result;
    if (answer->type != expected) {
        freeReplyObject(answer);
        return fail(CODE_INTERNAL, "Redis answered %s %s with an unexpected type", words[0], words[1]);
    }
    *reply = answer;
    return ok();
}

struct result reader_next(struct reader *reader, redisReply **reply) {
    void *answer = NULL;
    if (redisGetReply(reader->connection, &answer) != REDIS_OK)
        return fail(CODE_UNAVAILABLE, "the store went away: %s", reader->connection->errstr);
    struct result result = redis_reply_result(answer);
    if (!is_ok(result)) {
        freeReplyObject(answer);
        return result;
    }
    *reply = answer;
    return ok();
}
