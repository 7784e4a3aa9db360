#include "core/json.h"

#include <stdlib.h>
#include <string.h>

struct message *json_message(json_t *object, const struct attribute *attributes, size_t attribute_count,
    const char *ordering_key, struct arena *arena) {
    struct message *made = NULL;
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    if (!text)
        goto done;
    for (size_t i = 0; i < attribute_count; i++)
        if (!attributes[i].value)
            goto done;
    struct message *message = arena_alloc(arena, sizeof *message);
    char *data = arena_strdup(arena, text);
    struct attribute *copies = arena_copy(arena, attributes, attribute_count * sizeof *attributes);
    if (!message || !data || !copies)
        goto done;
    *message = (struct message){
        .data = data,
        .size = strlen(data),
        .attributes = copies,
        .attribute_count = attribute_count,
        .ordering_key = ordering_key,
    };
    made = message;
done:
    free(text);
    json_decref(object);
    return made;
}
