/*
 * A message as a bus carries it: bytes, attributes, an ordering key. What comes in and what goes out have
 * this one form, whichever bus it is. A message owns nothing; whoever made it says how long its memory lives.
 */
#ifndef PHASEGATE_CORE_MESSAGE_H
#define PHASEGATE_CORE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct attribute {
    const char *key;
    const char *value;
};

struct message {
    const char *id; /* the bus's; NULL on the way out */
    const void *data;
    size_t size;
    const struct attribute *attributes;
    size_t attribute_count;
    const char *ordering_key; /* NULL: none */
    int64_t published_ms;     /* when the bus took it; 0 on the way out */
};

/* The attribute's value, or NULL. */
const char *message_attribute(const struct message *message, const char *key);

#endif
