/* What the files of the reader share: its connection, and one question with its answer. */
#ifndef PHASEGATE_STATE_READER_ASK_H
#define PHASEGATE_STATE_READER_ASK_H

#include "redis/client.h"
#include "state/reader.h"

struct reader {
    struct redis_settings settings;
    struct arena *arena; /* of the settings */
    struct redis_client *client;
};

enum { READER_WORDS_MAX = 8 };

/* Asks and waits; the reply is of the expected type and the caller's to free. CODE_UNAVAILABLE when the store
 * went away. */
struct result reader_ask(
    struct reader *reader, redisReply **reply, int expected, const char *const *words, int count) MUST_CHECK;

/* Several questions in few round trips: each is put, then each answered in turn; the answers are the caller's
 * to free. */
struct result reader_put(struct reader *reader, const char *const *words, int count) MUST_CHECK;
struct result reader_next(struct reader *reader, redisReply **reply) MUST_CHECK;

#endif
