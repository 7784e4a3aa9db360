/* A JSON object made into a message. */
#ifndef PHASEGATE_CORE_JSON_H
#define PHASEGATE_CORE_JSON_H

#include "base/arena.h"
#include "core/message.h"

#include <jansson.h>

/*
 * A message with the object as its data, and the attributes; both are copied into the arena, the strings that
 * the attributes point to are not. Takes the object over. NULL when the arena is full, and when the object or
 * an attribute's value is NULL, so that callers need not check each.
 */
struct message *json_message(json_t *object, const struct attribute *attributes, size_t attribute_count,
    const char *ordering_key, struct arena *arena);

#endif
