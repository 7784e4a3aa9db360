#include "redis/holding.h"

#include <stdlib.h>
#include <string.h>

struct held {
    struct held *next;
    struct pending pending;
    redisReply *reply;
};

/* --- Copies --------------------------------------------------------------------------------------------- */

static redisReply *copy(const redisReply *reply);

static bool copy_elements(const redisReply *from, redisReply *to) {
    to->element = calloc(from->elements, sizeof *to->element);
    for (size_t i = 0; to->element && i < from->elements; i++) {
        to->element[i] = copy(from->element[i]);
        if (!to->element[i])
            return false;
        to->elements = i + 1;
    }
    return to->element;
}

static bool copy_text(const redisReply *from, redisReply *to) {
    to->str = malloc(from->len + 1);
    if (!to->str)
        return false;
    memcpy(to->str, from->str, from->len);
    to->str[from->len] = '\0';
    return true;
}

/* For freeReplyObject, which is content with the halves of a copy; NULL when out of memory. */
static redisReply *copy(const redisReply *from) {
    redisReply *to = calloc(1, sizeof *to);
    if (!to)
        return NULL;
    to->type = from->type;
    to->integer = from->integer;
    to->len = from->len;
    bool whole = true;
    if (from->type == REDIS_REPLY_ARRAY && from->elements > 0)
        whole = copy_elements(from, to);
    else if (from->str)
        whole = copy_text(from, to);
    if (!whole) {
        freeReplyObject(to);
        return NULL;
    }
    return to;
}

/* --- Holding -------------------------------------------------------------------------------------------- */

static void tell(const struct pending *pending, const redisReply *reply) {
    if (pending->reply)
        pending->reply(pending->context, reply);
}

void holding_keep(struct holding *holding, struct pending pending, const redisReply *reply) {
    struct held *held = malloc(sizeof *held);
    redisReply *kept = held ? copy(reply) : NULL;
    if (!kept) {
        free(held);
        tell(&pending, NULL);
        return;
    }
    *held = (struct held){.pending = pending, .reply = kept};
    if (holding->last)
        holding->last->next = held;
    else
        holding->first = held;
    holding->last = held;
}

/* Whoever is told may send more, and close the link. */
static void empty(struct holding *holding, bool refuse, const redisReply *instead) {
    struct held *held = holding->first;
    holding->first = holding->last = NULL;
    while (held) {
        struct held *next = held->next;
        tell(&held->pending, refuse ? instead : held->reply);
        freeReplyObject(held->reply);
        free(held);
        held = next;
    }
}

void holding_release(struct holding *holding) {
    empty(holding, false, NULL);
}

void holding_refuse(struct holding *holding, const redisReply *instead) {
    empty(holding, true, instead);
}
