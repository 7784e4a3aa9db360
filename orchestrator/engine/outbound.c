#include "engine/outbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIGGER_BYTES_MAX = 256 * 1024 };

struct outbound *outbound_new(
    const struct pipeline *pipeline, const char *field, const struct trigger *trigger) {
    const char *correlation = trigger->correlation_id;
    size_t rows = (size_t)pipeline->processor_count, field_size = strlen(field) + 1,
           correlation_size = correlation ? strlen(correlation) + 1 : 0;
    struct outbound *outbound =
        calloc(1, sizeof *outbound + rows * sizeof *outbound->rows + field_size + correlation_size);
    if (!outbound)
        return NULL;
    char *texts = (char *)(outbound->rows + rows);
    outbound->ticket = (struct ticket){
        .pipeline = pipeline, .date = trigger->date, .group = trigger->group, .run = trigger->run};
    outbound->trigger = *trigger;
    outbound->trigger.upstream = memcpy(outbound->rows, trigger->upstream, rows * sizeof *outbound->rows);
    outbound->field = memcpy(texts, field, field_size);
    if (correlation)
        outbound->trigger.correlation_id = memcpy(texts + field_size, correlation, correlation_size);
    return outbound;
}

struct result outbound_prepare(struct outbound *outbound) {
    if (outbound->message)
        return ok();
    outbound->arena = arena_new(TRIGGER_BYTES_MAX);
    if (!outbound->arena)
        return fail(CODE_UNAVAILABLE, "out of memory");
    outbound->message = trigger_encode(outbound->ticket.pipeline, &outbound->trigger, outbound->arena);
    if (outbound->message)
        return ok();
    arena_free(&outbound->arena);
    return fail(CODE_LIMIT, "a trigger of more than %d bytes", TRIGGER_BYTES_MAX);
}

void outbound_published(struct outbound *outbound, const char *bus_message_id) {
    outbound->bus_message_id = arena_strdup(outbound->arena, bus_message_id);
}

char *outbound_id(const struct outbound *outbound, char text[TRIGGER_ID_MAX]) {
    snprintf(text, TRIGGER_ID_MAX, "%s/%s", outbound->ticket.pipeline->name, outbound->field);
    return text;
}

void outbound_free(struct outbound *outbound) {
    arena_free(&outbound->arena);
    free(outbound);
}
