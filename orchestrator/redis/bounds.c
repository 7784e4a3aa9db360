#include "redis/bounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- What hiredis makes of an answer, as it does it itself, but for the bound -----------------------------
 */

/* Puts it into the list that it is an element of. */
static redisReply *place(const redisReadTask *task, redisReply *reply) {
    if (reply && task->parent)
        ((redisReply *)task->parent->obj)->element[task->idx] = reply;
    return reply;
}

static redisReply *new_reply(int type) {
    redisReply *reply = calloc(1, sizeof *reply);
    if (reply)
        reply->type = type;
    return reply;
}

static void *new_text(const redisReadTask *task, char *bytes, size_t length) {
    redisReply *reply = new_reply(task->type); /* of an error and a status, too */
    char *copy = reply ? malloc(length + 1) : NULL;
    if (!copy) {
        free(reply);
        return NULL;
    }
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    reply->str = copy;
    reply->len = length;
    return place(task, reply);
}

static void *new_list(const redisReadTask *task, int elements) {
    if (elements > REDIS_ELEMENTS_MAX)
        return NULL;
    redisReply *reply = new_reply(REDIS_REPLY_ARRAY);
    if (reply && elements > 0) {
        reply->element = calloc((size_t)elements, sizeof *reply->element);
        reply->elements = (size_t)elements;
    }
    if (reply && elements > 0 && !reply->element) {
        free(reply);
        return NULL;
    }
    return place(task, reply);
}

static void *new_number(const redisReadTask *task, long long number) {
    redisReply *reply = new_reply(REDIS_REPLY_INTEGER);
    if (reply)
        reply->integer = number;
    return place(task, reply);
}

static void *new_nil(const redisReadTask *task) {
    return place(task, new_reply(REDIS_REPLY_NIL)); /* of a text or a list */
}

void redis_bound(redisReader *reader) {
    static const redisReplyObjectFunctions bounded = {
        new_text, new_list, new_number, new_nil, freeReplyObject};
    reader->fn = (redisReplyObjectFunctions *)&bounded; /* which hiredis only reads */
}

/* --- Texts -----------------------------------------------------------------------------------------------
 */

/* What the reader keeps is what it could make no whole answer or element of yet: at most one text. */
void redis_bound_texts(redisReader *reader) {
    if (reader->err || reader->len <= REDIS_TEXT_BYTES_MAX)
        return;
    reader->err = REDIS_ERR_PROTOCOL;
    snprintf(reader->errstr, sizeof reader->errstr, "a text of its answer has more than %d bytes",
        REDIS_TEXT_BYTES_MAX);
}

static int write_all(redisContext *connection) {
    int done = 0;
    while (!done) {
        if (redisBufferWrite(connection, &done) != REDIS_OK)
            return REDIS_ERR;
    }
    return REDIS_OK;
}

int redis_next_reply(redisContext *connection, redisReply **reply) {
    void *found = NULL;
    if (redisGetReplyFromReader(connection, &found) != REDIS_OK)
        return REDIS_ERR;
    if (!found && write_all(connection) != REDIS_OK)
        return REDIS_ERR;
    while (!found) {
        redis_bound_texts(connection->reader);
        if (redisBufferRead(connection) != REDIS_OK
            || redisGetReplyFromReader(connection, &found) != REDIS_OK)
            return REDIS_ERR;
    }
    *reply = found;
    return REDIS_OK;
}
