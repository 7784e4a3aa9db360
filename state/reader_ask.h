/* What the files of the reader share: its connection, and one question with its answer. */
#ifndef PHASEGATE_STATE_READER_ASK_H
#define PHASEGATE_STATE_READER_ASK_H

#include "state/reader.h"

#include <hiredis/hiredis.h>

struct reader {
    redisContext *connection;
};

enum { READER_WORDS_MAX = 8 };

/* Asks and waits; the reply is of the expected type and the caller's to free. CODE_UNAVAILABLE when the store
 * went away. */
struct result reader_ask(
    struct reader *reader, redisReply **reply, int expected, const char *const *words, int count) MUST_CHECK;

/* The next answer to what redisAppendCommand has queued; the caller's to free. */
struct result reader_next(struct reader *reader, redisReply **reply) MUST_CHECK;

#endif
