/*
 * What an answer of Redis may take of our memory. hiredis 0.14 makes room for as many elements as a list
 * claims to have before the first one came, gigabytes for a line of ten bytes, and keeps all of a text that
 * claims to be longer than any. Within these bounds memory grows only with what was really received, and not
 * beyond them; what is more ends the connection.
 *
 * What a server that we have signed in to then sends, it is believed: it holds the state.
 */
#ifndef PHASEGATE_REDIS_BOUNDS_H
#define PHASEGATE_REDIS_BOUNDS_H

#include <hiredis/hiredis.h>

enum {
    REDIS_ELEMENTS_MAX = 1 << 20, /* of a list; the longest that we ask for has 100,000 */
    /*
     * Of a text that is not whole yet. A server takes none longer than 512 MB, unless it is told to: less
     * here, and one such entry of a stream would end every connection that reads it, instead of going into
     * quarantine.
     */
    REDIS_TEXT_BYTES_MAX = (512 << 20) + (64 << 10),
};

/* Bounds the lists of a fresh connection. */
void redis_bound(redisReader *reader);

/* Before each read: has a text come that is too long? Then the reader has an error, which ends the
 * connection. */
void redis_bound_texts(redisReader *reader);

/* redisGetReply of a blocking connection, within the bounds. The reply is the caller's. */
int redis_next_reply(redisContext *connection, redisReply **reply);

#endif
