#include "state/call.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Keys and arguments --------------------------------------------------------------------------------- */

void call_bytes(struct call *call, const void *data, size_t length) {
    call->values[call->count] = data;
    call->lengths[call->count++] = length;
}

void call_text(struct call *call, const char *text) {
    call_bytes(call, text ? text : "", text ? strlen(text) : 0);
}

/* The texts have room for the most that any function takes. */
static char *room(struct call *call) {
    return call->texts + call->used;
}

static void add_written(struct call *call) {
    const char *text = room(call);
    call_text(call, text);
    call->used += strlen(text) + 1;
}

void call_begin(struct call *call, const char *function, int key_count) {
    call->proves_room = false;
    call->month = NULL;
    call->pipeline = NULL;
    call->count = 0;
    call->used = 0;
    call_text(call, "FCALL");
    call_text(call, function);
    call_number(call, key_count);
}

void call_key(struct call *call, const char *key) {
    snprintf(room(call), KEY_MAX, "%s", key);
    add_written(call);
}

void call_keys_of_day(struct call *call, const struct pipeline *pipeline, game_date date) {
    key_date(pipeline, date, room(call));
    add_written(call);
    key_history(pipeline, date, room(call));
    add_written(call);
}

void call_keys_of_month(struct call *call, const struct pipeline *pipeline, game_date date) {
    call->pipeline = pipeline;
    call->date = date;
    key_outbox(pipeline, date, room(call));
    add_written(call);
    key_due(pipeline, date, room(call));
    add_written(call);
    key_leases(pipeline, date, room(call));
    add_written(call);
    key_steps_of_month(pipeline, date, room(call));
    add_written(call);
}

void call_keys_of_date(struct call *call, const struct pipeline *pipeline, game_date date) {
    call_keys_of_day(call, pipeline, date);
    call_keys_of_month(call, pipeline, date);
}

void call_number(struct call *call, int64_t value) {
    text_number(value, room(call));
    add_written(call);
}

void call_date(struct call *call, game_date date) {
    date_format(date, room(call));
    add_written(call);
}

void call_outbox_field(struct call *call, const struct trigger *trigger) {
    char date[DATE_TEXT_MAX];
    snprintf(room(call), DATE_TEXT_MAX + 24, "%s/g%d/r%d", date_format(trigger->date, date), trigger->group,
        trigger->run);
    add_written(call);
}

void call_lessee(struct call *call, struct store *store) {
    const struct store_replica *replica = store_replica(store);
    if (replica->id[0])
        snprintf(room(call), REPLICA_ID_MAX + 16, "%s %d", replica->id, replica->lease_ms);
    else
        room(call)[0] = '\0';
    add_written(call);
}

void call_lane(struct call *call, struct store *store) {
    call_number(call, store_lane(store));
}

/* --- Sending and answering ------------------------------------------------------------------------------ */

struct sent {
    struct store *store;
    bool proves_room;
    int64_t at_ms; /* by the uptime clock */
    struct month_step step;
    call_answered_fn *answered;
    union told tell;
    void *context;
};

struct result call_result(struct store *store, const redisReply *reply) {
    struct result result = redis_reply_result(reply);
    if (result.code == CODE_INTERNAL && strstr(result.text, "Function not found")) {
        redis_link_drop(store_link(store));
        return fail(CODE_UNAVAILABLE, "the function library is gone from Redis; loading it again");
    }
    return result;
}

static void on_reply(void *context, const redisReply *reply) {
    struct sent *sent = context;
    store_note_reply(sent->store, sent->proves_room, reply);
    struct result result = call_result(sent->store, reply);
    store_note_answer(sent->store, sent->at_ms, sent->step);
    sent->answered(sent->store, result, is_ok(result) ? reply : NULL, sent->tell, sent->context);
    free(sent);
}

static void note_change(struct store *store, const struct call *call) {
    struct month_memory *month =
        call->pipeline ? month_memory_of(store_months(store), call->pipeline, call->date) : NULL;
    if (month)
        month->changed = true;
}

void call_send(struct store *store, const struct call *call, call_answered_fn *answered, union told tell,
    void *context) {
    struct sent *sent = malloc(sizeof *sent);
    struct result result = fail(CODE_UNAVAILABLE, sent ? "the store is away" : "out of memory");
    if (sent && store_is_ready(store)) {
        *sent = (struct sent){.store = store,
            .proves_room = call->proves_room,
            .at_ms = store_uptime_ms(store),
            .step = month_step_of(call->month),
            .answered = answered,
            .tell = tell,
            .context = context};
        result = redis_link_send(store_link(store), on_reply, sent, call->count, call->values, call->lengths);
        note_change(store, call);
    }
    if (!is_ok(result)) {
        free(sent);
        answered(store, result, NULL, tell, context);
    }
}

void call_answer_done(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    (void)store;
    (void)reply;
    tell.done(context, result);
}

/* --- Replies -------------------------------------------------------------------------------------------- */

const char *reply_text(const redisReply *reply, size_t index) {
    const redisReply *element = reply->element[index];
    return element->str && element->len > 0 ? element->str : NULL;
}

int reply_int(const redisReply *reply, size_t index) {
    return (int)reply->element[index]->integer;
}

struct result reply_check(const redisReply *reply, size_t elements, const char *function) {
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == elements)
        return ok();
    return fail(CODE_INTERNAL, "%s answered what this phasegate does not understand", function);
}
