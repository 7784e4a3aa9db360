#include "core/completion.h"
#include "core/completion_fields.h"
#include "proto/phasegate.pb-c.h"

#include <string.h>

/* protobuf-c allocates from the event's arena, which also bounds what a hostile message can make it allocate.
 */
struct arena_source {
    struct arena *arena;
    bool full;
};

static void *take(void *context, size_t size) {
    struct arena_source *source = context;
    void *memory = arena_alloc(source->arena, size);
    if (!memory)
        source->full = true;
    return memory;
}

static void give_back(void *context, void *memory) {
    (void)context;
    (void)memory;
}

static struct result unpack(
    const struct message *message, struct arena *arena, const Phasegate__V1__Completion **completion) {
    struct arena_source source = {.arena = arena};
    ProtobufCAllocator allocator = {.alloc = take, .free = give_back, .allocator_data = &source};
    const Phasegate__V1__Completion *unpacked =
        phasegate__v1__completion__unpack(&allocator, message->size, message->data);
    if (!unpacked && source.full)
        return fail(CODE_LIMIT, "the protobuf does not fit into the memory for one message");
    if (!unpacked)
        return fail(CODE_INVALID,
            "not the protobuf phasegate.v1.Completion that its schemaencoding = BINARY says it is");
    *completion = unpacked;
    return ok();
}

/* The texts of completion_texts by name: the descriptor knows where protobuf-c put each. */
static struct result read_text(const Phasegate__V1__Completion *completion, const struct text_field *field,
    struct arena *arena, struct completion_fields *fields) {
    const ProtobufCFieldDescriptor *described =
        protobuf_c_message_descriptor_get_field_by_name(&phasegate__v1__completion__descriptor, field->name);
    const char *text;
    memcpy(&text, (const char *)completion + described->offset, sizeof text);
    return text ? completion_set_text(fields, field, text, strlen(text), arena) : ok();
}

static struct result read_rows(const char *name, bool has, int64_t value, int64_t *rows) {
    if (!has)
        return ok();
    if (value < 0 || value > ROWS_MAX)
        return fail(CODE_INVALID, "%s is the number %lld; expected a whole number from 0 to %lld", name,
            (long long)value, (long long)ROWS_MAX);
    *rows = value;
    return ok();
}

static bool is_tagged(const Phasegate__V1__Completion *completion) {
    const Phasegate__V1__Metadata *metadata = completion->metadata;
    if (metadata
        && (metadata->backfill || metadata->backfill_mode || metadata->is_backfill
            || metadata->skip_downstream_trigger || completion_source_is_backfill(metadata->trigger_source)))
        return true;
    return completion->backfill || completion->backfill_mode || completion->is_backfill
        || completion->skip_downstream_trigger || completion_source_is_backfill(completion->trigger_source);
}

struct result completion_read_proto(
    const struct message *message, struct arena *arena, struct completion_fields *fields) {
    const Phasegate__V1__Completion *completion = NULL;
    struct result r = unpack(message, arena, &completion);
    for (size_t i = 0; is_ok(r) && i < COMPLETION_TEXT_COUNT; i++)
        r = read_text(completion, &completion_texts[i], arena, fields);
    if (is_ok(r))
        r = read_rows(
            "record_count", completion->has_record_count, completion->record_count, &fields->record_count);
    if (is_ok(r))
        r = read_rows("records_failed", completion->has_records_failed, completion->records_failed,
            &fields->records_failed);
    if (is_ok(r) && is_tagged(completion))
        fields->backfill = true;
    return r;
}
