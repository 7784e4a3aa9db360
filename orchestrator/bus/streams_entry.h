/*
 * Messages as entries of a Redis stream. The fields of an entry are `data`, `key` (the ordering key, when
 * there is one) and `a:<name>` for each attribute; its id is the message's id and says when it was published.
 * Unknown fields are left out. Pure functions.
 */
#ifndef PHASEGATE_BUS_STREAMS_ENTRY_H
#define PHASEGATE_BUS_STREAMS_ENTRY_H

#include "bus/bus.h"

#include <hiredis/hiredis.h>

enum {
    STREAM_ID_TEXT_MAX = 48,
    STREAMS_DATA_MAX = 10 * 1000 * 1000, /* bytes; Pub/Sub's limits, so that both ends carry the same */
    STREAMS_ATTRIBUTES_MAX = 100,
    STREAMS_ATTRIBUTE_KEY_MAX = 256,
    STREAMS_ATTRIBUTE_VALUE_MAX = 1024,
    STREAMS_ORDERING_KEY_MAX = 1024,
};

struct flush_round;

struct stream_id {
    uint64_t ms, sequence;
};

/* "1700000000000-0". False, and nothing set, when it is not an id. */
bool stream_id_parse(const char *text, struct stream_id *id);

static inline bool stream_id_equal(struct stream_id a, struct stream_id b) {
    return a.ms == b.ms && a.sequence == b.sequence;
}

/* Where an entry that we were given stands. */
enum entry_state {
    ENTRY_HELD,  /* received while paused: not yet handed out */
    ENTRY_OUT,   /* handed out */
    ENTRY_ACK,   /* given back; Redis is to hear that it is done */
    ENTRY_AGAIN, /* given back; Redis is to let it come again */
};

/* A delivery, and the list and the table that it is in. One block of memory. */
struct entry {
    struct delivery delivery; /* first, so that a delivery is its entry */
    struct stream_id id;
    enum entry_state state;
    bool came_again;           /* while it was being acked, from a group that was set back */
    struct entry *next;        /* of the queue that it waits in */
    struct entry *sibling;     /* of its bucket in the table */
    struct flush_round *round; /* that it belongs to once given back */
    struct attribute attributes[];
};

struct entry_queue {
    struct entry *first, *last;
    size_t count;
};

void entry_push(struct entry_queue *queue, struct entry *entry);

/* The oldest, or NULL. */
struct entry *entry_pop(struct entry_queue *queue);

/* How an element of XREADGROUP's or XAUTOCLAIM's answer reads. */
enum entry_shape {
    ENTRY_FULL,
    ENTRY_DELETED, /* somebody removed it from the stream; only its id is left */
    ENTRY_STRANGE, /* not an entry */
};

/* id is set unless the shape is strange. */
enum entry_shape entry_read(const redisReply *element, struct stream_id *id);

/* Of a full element. NULL when out of memory; freed with free. */
struct entry *entry_new(const redisReply *element, struct stream_id id, struct subscription *subscription);

/* A command with copies of its arguments, in one block of memory, freed with free. */
struct command {
    int argc;
    const char **argv;
    size_t *lengths;
};

/* Refuses what is larger than both ends carry: CODE_LIMIT, or CODE_INVALID for an attribute without a name.
 */
struct result message_check(const struct message *message) MUST_CHECK;

/* An empty ordering key is none, as with Pub/Sub. */
bool message_has_key(const struct message *message);

/* XADD of the message to a stream; NULL when out of memory. */
struct command *command_xadd(const char *stream, const struct message *message);

/* Of NUL-terminated arguments; NULL when out of memory. */
struct command *command_new(int argc, const char *const *argv);

#endif
