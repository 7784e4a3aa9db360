#include "bus/streams_entry.h"

#include <stdlib.h>
#include <string.h>

static const char attribute_prefix[] = "a:";
enum { PREFIX_LENGTH = sizeof attribute_prefix - 1 };

static bool parse_digits(const char **text, uint64_t *number) {
    const char *at = *text;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    bool any = at > *text;
    *text = at;
    *number = value;
    return any;
}

bool stream_id_parse(const char *text, struct stream_id *id) {
    struct stream_id parsed;
    if (!parse_digits(&text, &parsed.ms) || *text++ != '-' || !parse_digits(&text, &parsed.sequence)
        || *text != '\0')
        return false;
    *id = parsed;
    return true;
}

void entry_push(struct entry_queue *queue, struct entry *entry) {
    entry->next = NULL;
    if (queue->last)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
    queue->count++;
}

struct entry *entry_pop(struct entry_queue *queue) {
    struct entry *entry = queue->first;
    if (!entry)
        return NULL;
    queue->first = entry->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    return entry;
}

/* --- From Redis to a message ---------------------------------------------------------------------------- */

enum entry_shape entry_read(const redisReply *element, struct stream_id *id) {
    if (element->type != REDIS_REPLY_ARRAY || element->elements != 2)
        return ENTRY_STRANGE;
    const redisReply *name = element->element[0], *fields = element->element[1];
    if (name->type != REDIS_REPLY_STRING || !stream_id_parse(name->str, id))
        return ENTRY_STRANGE;
    if (fields->type == REDIS_REPLY_NIL)
        return ENTRY_DELETED;
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements % 2 != 0)
        return ENTRY_STRANGE;
    for (size_t i = 0; i < fields->elements; i++) {
        if (fields->element[i]->type != REDIS_REPLY_STRING)
            return ENTRY_STRANGE;
    }
    return ENTRY_FULL;
}

static bool is_field(const redisReply *name, const char *wanted) {
    return name->len == strlen(wanted) && memcmp(name->str, wanted, name->len) == 0;
}

static bool is_attribute(const redisReply *name) {
    return name->len >= PREFIX_LENGTH && memcmp(name->str, attribute_prefix, PREFIX_LENGTH) == 0;
}

/* Copies bytes behind what was copied before, with a NUL after them. */
static char *put(char **space, const char *bytes, size_t length) {
    char *copy = *space;
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    *space += length + 1;
    return copy;
}

static void fill_message(struct entry *entry, const redisReply *fields, char *space) {
    struct message *message = &entry->delivery.message;
    message->attributes = entry->attributes;
    message->data = "";
    for (size_t i = 0; i < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];
        if (is_field(name, "data")) {
            message->data = put(&space, value->str, value->len);
            message->size = value->len;
        } else if (is_field(name, "key")) {
            message->ordering_key = put(&space, value->str, value->len);
        } else if (is_attribute(name)) {
            struct attribute *attribute = &entry->attributes[message->attribute_count++];
            attribute->key = put(&space, name->str + PREFIX_LENGTH, name->len - PREFIX_LENGTH);
            attribute->value = put(&space, value->str, value->len);
        }
    }
}

struct entry *entry_new(const redisReply *element, struct stream_id id, struct subscription *subscription) {
    const redisReply *name = element->element[0], *fields = element->element[1];
    size_t attributes = 0, bytes = name->len + 1;
    for (size_t i = 0; i < fields->elements; i++)
        bytes += fields->element[i]->len + 1;
    for (size_t i = 0; i < fields->elements; i += 2)
        attributes += is_attribute(fields->element[i]) ? 1 : 0;
    struct entry *entry = calloc(1, sizeof *entry + attributes * sizeof *entry->attributes + bytes);
    if (!entry)
        return NULL;
    char *space = (char *)&entry->attributes[attributes];
    entry->id = id;
    entry->delivery.subscription = subscription;
    entry->delivery.message.id = put(&space, name->str, name->len);
    entry->delivery.message.published_ms = (int64_t)id.ms;
    fill_message(entry, fields, space);
    return entry;
}

/* --- From a message to Redis ---------------------------------------------------------------------------- */

struct result message_check(const struct message *message) {
    if (message->size > STREAMS_DATA_MAX)
        return fail(
            CODE_LIMIT, "the message has %zu bytes; at most %d are carried", message->size, STREAMS_DATA_MAX);
    if (message->attribute_count > STREAMS_ATTRIBUTES_MAX)
        return fail(CODE_LIMIT, "the message has %zu attributes; at most %d are carried",
            message->attribute_count, STREAMS_ATTRIBUTES_MAX);
    if (message->ordering_key && strlen(message->ordering_key) > STREAMS_ORDERING_KEY_MAX)
        return fail(CODE_LIMIT, "the ordering key is longer than %d bytes", STREAMS_ORDERING_KEY_MAX);
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct attribute *attribute = &message->attributes[i];
        if (attribute->key[0] == '\0')
            return fail(CODE_INVALID, "attribute %zu of the message has no name", i + 1);
        if (strlen(attribute->key) > STREAMS_ATTRIBUTE_KEY_MAX
            || strlen(attribute->value) > STREAMS_ATTRIBUTE_VALUE_MAX)
            return fail(CODE_LIMIT, "the attribute %.40s is longer than %d bytes, or its value than %d",
                attribute->key, STREAMS_ATTRIBUTE_KEY_MAX, STREAMS_ATTRIBUTE_VALUE_MAX);
    }
    return ok();
}

/* Room for argc arguments of so many bytes in all, each with its NUL; none is set yet. */
static struct command *command_alloc(int argc, size_t bytes, char **space) {
    size_t count = (size_t)argc;
    struct command *command =
        calloc(1, sizeof *command + count * (sizeof *command->argv + sizeof *command->lengths) + bytes);
    if (!command)
        return NULL;
    command->argv = (const char **)(command + 1);
    command->lengths = (size_t *)(command->argv + count);
    *space = (char *)(command->lengths + count);
    return command;
}

static void command_add(struct command *command, char **space, const char *bytes, size_t length) {
    command->argv[command->argc] = put(space, bytes, length);
    command->lengths[command->argc++] = length;
}

struct command *command_new(int argc, const char *const *argv) {
    size_t bytes = 0;
    for (int i = 0; i < argc; i++)
        bytes += strlen(argv[i]) + 1;
    char *space;
    struct command *command = command_alloc(argc, bytes, &space);
    for (int i = 0; command && i < argc; i++)
        command_add(command, &space, argv[i], strlen(argv[i]));
    return command;
}

bool message_has_key(const struct message *message) {
    return message->ordering_key && message->ordering_key[0] != '\0';
}

static size_t xadd_bytes(const char *stream, const struct message *message) {
    size_t bytes = sizeof "XADD" + sizeof "*" + strlen(stream) + 1 + sizeof "data" + message->size + 1;
    if (message_has_key(message))
        bytes += sizeof "key" + strlen(message->ordering_key) + 1;
    for (size_t i = 0; i < message->attribute_count; i++)
        bytes +=
            PREFIX_LENGTH + strlen(message->attributes[i].key) + 1 + strlen(message->attributes[i].value) + 1;
    return bytes;
}

static void add_text(struct command *command, char **space, const char *text) {
    command_add(command, space, text, strlen(text));
}

static void add_attribute(struct command *command, char **space, const struct attribute *attribute) {
    size_t length = PREFIX_LENGTH + strlen(attribute->key);
    memcpy(*space, attribute_prefix, PREFIX_LENGTH);
    memcpy(*space + PREFIX_LENGTH, attribute->key, length - PREFIX_LENGTH + 1);
    command->argv[command->argc] = *space;
    command->lengths[command->argc++] = length;
    *space += length + 1;
    add_text(command, space, attribute->value);
}

struct command *command_xadd(const char *stream, const struct message *message) {
    int argc = 5 + (message_has_key(message) ? 2 : 0) + 2 * (int)message->attribute_count;
    char *space;
    struct command *command = command_alloc(argc, xadd_bytes(stream, message), &space);
    if (!command)
        return NULL;
    add_text(command, &space, "XADD");
    add_text(command, &space, stream);
    add_text(command, &space, "*");
    add_text(command, &space, "data");
    command_add(command, &space, message->data, message->size);
    if (message_has_key(message)) {
        add_text(command, &space, "key");
        add_text(command, &space, message->ordering_key);
    }
    for (size_t i = 0; i < message->attribute_count; i++)
        add_attribute(command, &space, &message->attributes[i]);
    return command;
}
