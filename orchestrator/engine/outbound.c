#include "engine/outbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIGGER_BYTES_MAX = 256 * 1024 };

struct outbound *outbound_new(
    const struct pipeline *pipeline, const char *field, const char *facts, const struct trigger *trigger) {
    size_t field_size = strlen(field) + 1, facts_size = strlen(facts) + 1;
    struct outbound *outbound = calloc(1, sizeof *outbound + field_size + facts_size);
    if (!outbound)
        return NULL;
    outbound->ticket = (struct ticket){
        .pipeline = pipeline, .date = trigger->date, .group = trigger->group, .run = trigger->run};
    outbound->backfill = trigger->backfill;
    memcpy(outbound->field, field, field_size);
    memcpy(outbound->field + field_size, facts, facts_size);
    outbound->facts = outbound->field + field_size;
    return outbound;
}

static MUST_CHECK struct result encode(struct outbound *outbound) {
    const struct pipeline *pipeline = outbound->ticket.pipeline;
    struct trigger trigger;
    struct result result =
        trigger_from_outbox(pipeline, outbound->field, outbound->facts, outbound->arena, &trigger);
    if (is_ok(result)) {
        outbound->message = trigger_encode(pipeline, &trigger, outbound->arena);
        if (!outbound->message)
            result = fail(CODE_LIMIT, "a trigger of more than %d bytes", TRIGGER_BYTES_MAX);
    }
    return result;
}

struct result outbound_prepare(struct outbound *outbound) {
    if (outbound->message)
        return ok();
    outbound->arena = arena_new(TRIGGER_BYTES_MAX);
    if (!outbound->arena)
        return fail(CODE_UNAVAILABLE, "out of memory");
    struct result result = encode(outbound);
    if (!is_ok(result))
        arena_free(&outbound->arena);
    return result;
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
