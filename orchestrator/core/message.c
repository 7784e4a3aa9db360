#include "core/message.h"

#include <string.h>

const char *message_attribute(const struct message *message, const char *key) {
    for (size_t i = 0; i < message->attribute_count; i++)
        if (strcmp(message->attributes[i].key, key) == 0)
            return message->attributes[i].value;
    return NULL;
}
