#include "cli/raw_message.h"

#include "base/text.h"
#include "cli/json_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct result read_bytes(FILE *file, struct arena *arena, struct message *message) {
    char *bytes = arena_alloc(arena, RAW_BYTES_MAX + 1);
    if (!bytes)
        return fail(CODE_INTERNAL, "out of memory");
    size_t size = fread(bytes, 1, RAW_BYTES_MAX + 1, file);
    if (ferror(file))
        return fail(CODE_INVALID, "cannot be read: %s", strerror(errno));
    if (size > RAW_BYTES_MAX)
        return fail(CODE_LIMIT, "is larger than %d bytes, the most that a message may have", RAW_BYTES_MAX);
    message->data = bytes;
    message->size = size;
    return ok();
}

static struct result read_attributes(
    const struct option_list *list, struct arena *arena, struct message *message) {
    struct attribute *attributes = arena_alloc(arena, (list->count + 1) * sizeof *attributes);
    for (size_t i = 0; attributes && i < list->count; i++) {
        const char *equals = strchr(list->items[i], '=');
        if (!equals || equals == list->items[i])
            return fail(CODE_INVALID, "--attribute: \"%.60s\" is not KEY=VALUE", list->items[i]);
        attributes[i].key = arena_strndup(arena, list->items[i], (size_t)(equals - list->items[i]));
        attributes[i].value = equals + 1;
        if (!attributes[i].key)
            attributes = NULL;
    }
    if (!attributes)
        return fail(CODE_INTERNAL, "out of memory");
    message->attributes = attributes;
    message->attribute_count = list->count;
    return ok();
}

struct result raw_message_read(const char *file_name, const struct option_list *attributes,
    struct arena *arena, const struct message **message) {
    struct message *made = arena_alloc(arena, sizeof *made);
    if (!made)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = read_attributes(attributes, arena, made);
    if (!is_ok(r))
        return r;
    bool standard_input = strcmp(file_name, "-") == 0;
    FILE *file = standard_input ? stdin : fopen(file_name, "re");
    if (!file)
        return fail(CODE_INVALID, "--raw: %s cannot be opened: %s", file_name, strerror(errno));
    r = read_bytes(file, arena, made);
    if (!standard_input)
        fclose(file);
    if (is_ok(r))
        *message = made;
    return fail_within(r, "--raw: %s", standard_input ? "standard input" : file_name);
}

static void print_shown(const char *text, size_t length, FILE *out) {
    char *shown = malloc(4 * length + 4); /* every byte as \xNN at worst */
    fputs(shown ? text_show(text, length, shown, 4 * length + 4) : "(out of memory)", out);
    free(shown);
}

/* Line by line, so that a payload that is text keeps its shape. */
static void print_payload(const char *data, size_t size, FILE *out) {
    while (size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t length = end ? (size_t)(end - data) : size;
        fputs("  ", out);
        print_shown(data, length, out);
        fputc('\n', out);
        length += end ? 1 : 0;
        data += length;
        size -= length;
    }
}

void raw_message_print(const struct message *message, FILE *out) {
    for (size_t i = 0; i < message->attribute_count; i++) {
        fputs("attribute  ", out);
        print_shown(message->attributes[i].key, strlen(message->attributes[i].key), out);
        fputc('=', out);
        print_shown(message->attributes[i].value, strlen(message->attributes[i].value), out);
        fputc('\n', out);
    }
    fprintf(out, "payload    %zu bytes\n", message->size);
    print_payload(message->data, message->size, out);
}

static json_t *base64_json(const unsigned char *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((size + 2) / 3 * 4 + 1), *to = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned three = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0)
            | (left > 2 ? data[i + 2] : 0);
        *to++ = digits[three >> 18];
        *to++ = digits[three >> 12 & 63];
        *to++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[three & 63] : '=';
    }
    json_t *value = json_stringn(text, (size_t)(to - text));
    free(text);
    return value;
}

json_t *raw_message_json(const struct message *message) {
    json_t *attributes = json_object(), *object = json_object();
    for (size_t i = 0; i < message->attribute_count; i++)
        json_put(&attributes, message->attributes[i].key, json_text(message->attributes[i].value));
    bool text = text_is_utf8(message->data, message->size);
    json_put(&object, "attributes", attributes);
    json_put(&object, "data", text ? json_stringn(message->data, message->size) : json_null());
    json_put(&object, "data_base64", base64_json(message->data, message->size));
    return object;
}
