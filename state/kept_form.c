#include "state/kept_form.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 80 };

static char *attributes_json(const struct message *message) {
    json_t *object = json_object();
    for (size_t i = 0; i < message->attribute_count; i++)
        json_object_set_new(object, message->attributes[i].key, json_string(message->attributes[i].value));
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    return text;
}

char *kept_form_make(const struct message *message, size_t *size) {
    char head[HEAD_MAX], *attributes = attributes_json(message);
    if (!attributes)
        return NULL;
    size_t id = strlen(message->id), length = strlen(attributes);
    snprintf(head, sizeof head, "%zu %zu %" PRId64 "\n", id, length, message->published_ms);
    size_t total = strlen(head) + id + length + message->size;
    char *form = malloc(total + 1);
    if (form) {
        int written = sprintf(form, "%s%s%s", head, message->id, attributes);
        if (message->size > 0)
            memcpy(form + written, message->data, message->size);
        *size = total;
    }
    free(attributes);
    return form;
}

static MUST_CHECK struct result out_of_memory(void) {
    return fail(CODE_LIMIT, "out of memory");
}

static struct result read_attributes(
    const char *text, size_t length, struct arena *arena, struct message *message) {
    json_t *object = json_loadb(text, length, 0, NULL), *value;
    const char *key;
    if (!json_is_object(object)) {
        json_decref(object);
        return fail(CODE_INVALID, "a kept message has attributes that cannot be read");
    }
    struct attribute *attributes = arena_alloc(arena, (json_object_size(object) + 1) * sizeof *attributes);
    bool whole = attributes;
    size_t count = 0;
    json_object_foreach(object, key, value) {
        if (!whole)
            break;
        attributes[count] =
            (struct attribute){arena_strdup(arena, key), arena_strdup(arena, json_string_value(value))};
        whole = attributes[count].key && attributes[count].value;
        count++;
    }
    json_decref(object);
    if (!whole)
        return out_of_memory();
    message->attributes = attributes;
    message->attribute_count = count;
    return ok();
}

/* The length of the head, with its line feed; 0 when it is none. */
static size_t read_head(
    const char *form, size_t size, size_t *id, size_t *attributes, int64_t *published_ms) {
    char head[HEAD_MAX];
    const char *end = memchr(form, '\n', size < HEAD_MAX - 1 ? size : HEAD_MAX - 1);
    if (!end)
        return 0;
    size_t length = (size_t)(end - form);
    memcpy(head, form, length);
    head[length] = '\0';
    if (sscanf(head, "%zu %zu %" SCNd64, id, attributes, published_ms) != 3)
        return 0;
    size_t left = size - length - 1;
    return *id <= left && *attributes <= left - *id ? length + 1 : 0;
}

struct result kept_form_read(const char *form, size_t size, struct arena *arena, struct kept_message *kept) {
    size_t id, attributes;
    struct kept_message read = {.form_size = size};
    size_t head = read_head(form, size, &id, &attributes, &read.message.published_ms);
    if (head == 0)
        return fail(CODE_INVALID, "a kept message cannot be read: it does not say how long its parts are");
    char *copy = arena_alloc(arena, size + 1), *name = arena_alloc(arena, id + 1);
    if (!copy || !name)
        return out_of_memory();
    memcpy(copy, form, size);
    memcpy(name, form + head, id);
    name[id] = '\0';
    read.form = copy;
    read.message.id = name;
    read.message.data = copy + head + id + attributes;
    read.message.size = size - head - id - attributes;
    struct result result = read_attributes(copy + head + id, attributes, arena, &read.message);
    if (is_ok(result))
        *kept = read;
    return result;
}
