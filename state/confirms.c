#include "state/applies.h"

/* A confirmation on its way. */
struct confirm {
    struct turn_place place; /* first */
    int group, run;
    const char *bus_message_id;
    int64_t now_ms;
    store_done_fn *done;
    void *context;
};

static void tell(struct store *store, const void *item, struct result result, const redisReply *part) {
    const struct confirm *confirm = item;
    (void)store;
    (void)part;
    confirm->done(confirm->context, result);
}

static void write_call(
    struct store *store, struct call *call, const char *function, const struct turn_list *list) {
    const struct turn_place *first = turn_list_place(list, 0);
    call_begin(call, function, CALL_KEYS_OF_MONTH + CALL_KEYS_OF_DAY * (int)list->count);
    call->month = month_memory_of(store_months(store), first->pipeline, first->date);
    call_keys_of_month(call, first->pipeline, first->date);
    for (size_t i = 0; i < list->count; i++)
        call_keys_of_day(call, first->pipeline, turn_list_place(list, i)->date);
    call_text(call, first->pipeline->definition);
    call_lane(call, store);
    for (size_t i = 0; i < list->count; i++) {
        const struct confirm *confirm = turn_list_at(list, i);
        call_date(call, confirm->place.date);
        call_number(call, confirm->now_ms);
        call_number(call, confirm->group);
        call_number(call, confirm->run);
        call_text(call, confirm->bus_message_id);
    }
}

const struct batch_kind confirm_batch = {"pg_confirm_all", sizeof(struct confirm), write_call, tell};

void store_confirm(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *bus_message_id, int64_t now_ms, store_done_fn *done, void *context) {
    const struct confirm confirm = {{.pipeline = pipeline, .date = trigger->date}, trigger->group,
        trigger->run, bus_message_id, now_ms, done, context};
    batch_add(store, &confirm_batch, &store_applies(store)->confirmations, &confirm);
    turn_await(store_turn(store));
}
