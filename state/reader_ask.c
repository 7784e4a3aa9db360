#include "state/reader_ask.h"

struct result reader_ask(
    struct reader *reader, redisReply **reply, int expected, const char *const *words, int count) {
    redisReply *answer;
    struct result result = redis_client_ask(reader->client, &answer, count, words, NULL);
    if (!is_ok(result))
        return result;
    if (answer->type != expected) {
        freeReplyObject(answer);
        return fail(CODE_INTERNAL, "Redis answered %s %s with an unexpected type", words[0], words[1]);
    }
    *reply = answer;
    return ok();
}

struct result reader_put(struct reader *reader, const char *const *words, int count) {
    return redis_client_put(reader->client, count, words, NULL);
}

struct result reader_next(struct reader *reader, redisReply **reply) {
    return redis_client_next(reader->client, reply);
}
