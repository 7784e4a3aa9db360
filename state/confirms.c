#include "state/applies.h"

#include <stdlib.h>
#include <string.h>

/* A confirmation on its way. */
struct confirm {
    struct turn_place place; /* first */
    int group, run;
    const char *bus_message_id;
    int64_t now_ms;
    store_done_fn *done;
    void *context;
};

/* Those of one call, in the order in which its answer has them. */
struct batch {
    size_t count;
    struct confirm confirms[];
};

static void on_confirmed(
    struct store *store, struct result result, const redisReply *reply, union told told, void *context) {
    struct batch *batch = context;
    (void)told;
    if (is_ok(result))
        result = reply_check(reply, 1 + batch->count, "pg_confirm_all");
    if (is_ok(result) && reply->element[0]->integer > 0)
        store_note_step(store, reply->element[0]->integer);
    for (size_t i = 0; i < batch->count; i++) {
        const struct confirm *confirm = &batch->confirms[i];
        confirm->done(confirm->context, is_ok(result) ? call_result(store, reply->element[1 + i]) : result);
    }
    free(batch);
}

static void call_confirm(struct store *store, struct call *call, const struct batch *batch) {
    const struct turn_place *first = &batch->confirms[0].place;
    call_begin(call, "pg_confirm_all", CALL_KEYS_OF_MONTH + CALL_KEYS_OF_DAY * (int)batch->count);
    call->month = month_memory_of(store_months(store), first->pipeline, first->date);
    call_keys_of_month(call, first->pipeline, first->date);
    for (size_t i = 0; i < batch->count; i++)
        call_keys_of_day(call, first->pipeline, batch->confirms[i].place.date);
    call_text(call, first->pipeline->definition);
    call_lane(call, store);
    for (size_t i = 0; i < batch->count; i++) {
        const struct confirm *confirm = &batch->confirms[i];
        call_date(call, confirm->place.date);
        call_number(call, confirm->now_ms);
        call_number(call, confirm->group);
        call_number(call, confirm->run);
        call_text(call, confirm->bus_message_id);
    }
}

static void send_batch(struct store *store, const struct confirm *confirms, size_t count) {
    struct batch *batch = malloc(sizeof *batch + count * sizeof *confirms);
    if (!batch) {
        for (size_t i = 0; i < count; i++)
            confirms[i].done(confirms[i].context, fail(CODE_UNAVAILABLE, "out of memory"));
        return;
    }
    batch->count = count;
    memcpy(batch->confirms, confirms, count * sizeof *confirms);
    struct call call;
    call_confirm(store, &call, batch);
    call_send(store, &call, on_confirmed, (union told){0}, batch);
}

/* Those that are told at once may come again at once: they wait for the next turn. */
void confirms_flush(struct store *store) {
    struct applies *applies = store_applies(store);
    struct turn_list list = applies->confirmations;
    applies->confirmations = (struct turn_list){0};
    turn_list_sort(&list);
    for (size_t i = 0, count; i < list.count; i += count) {
        count = turn_list_call(&list, i);
        send_batch(store, turn_list_at(&list, i), count);
    }
    turn_list_clear(&list);
}

void store_confirm(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *bus_message_id, int64_t now_ms, store_done_fn *done, void *context) {
    const struct confirm confirm = {{.pipeline = pipeline, .date = trigger->date}, trigger->group,
        trigger->run, bus_message_id, now_ms, done, context};
    if (turn_list_add(&store_applies(store)->confirmations, &confirm, sizeof confirm))
        turn_await(store_turn(store));
    else
        done(context, fail(CODE_UNAVAILABLE, "out of memory"));
}
