#include "core/json.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool json_whole(const json_t *value, int64_t most, int64_t *number) {
    int64_t whole;
    if (json_is_integer(value)) {
        whole = json_integer_value(value);
    } else if (json_is_real(value)) {
        double real = json_real_value(value);
        if (!(real >= 0 && real < 0x1p63))
            return false;
        whole = (int64_t)real;
        if ((double)whole != real)
            return false;
    } else {
        return false;
    }
    if (whole < 0 || whole > most)
        return false;
    *number = whole;
    return true;
}

char *json_show(const json_t *value, char *out, size_t size) {
    char shown[TEXT_SHOWN_MAX];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        snprintf(out, size, "an object");
        break;
    case JSON_ARRAY:
        snprintf(out, size, "an array");
        break;
    case JSON_STRING:
        text_show(json_string_value(value), json_string_length(value), shown, sizeof shown);
        snprintf(out, size, "the text \"%s\"", shown);
        break;
    case JSON_INTEGER:
        snprintf(out, size, "the number %" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(out, size, "the number %.15g", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(out, size, "%s", json_is_true(value) ? "true" : "false");
        break;
    case JSON_NULL:
        snprintf(out, size, "null");
        break;
    }
    return out;
}

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
