#include "state/batch.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* On its way. */
struct batch {
    const struct batch_kind *kind;
    struct turn_list list; /* over items */
    alignas(max_align_t) char items[];
};

void batch_add(struct store *store, const struct batch_kind *kind, struct turn_list *list, const void *item) {
    if (!turn_list_add(list, item))
        kind->tell(store, item, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
}

static void on_answered(
    struct store *store, struct result result, const redisReply *reply, union told told, void *context) {
    struct batch *batch = context;
    const struct batch_kind *kind = batch->kind;
    (void)told;
    if (is_ok(result))
        result = reply_check(reply, 1 + batch->list.count, kind->function);
    if (is_ok(result) && reply->element[0]->integer > 0)
        store_note_step(store, reply->element[0]->integer);
    for (size_t i = 0; i < batch->list.count; i++) {
        const redisReply *part = is_ok(result) ? reply->element[1 + i] : NULL;
        struct result one = part ? call_result(store, part) : result;
        kind->tell(store, turn_list_at(&batch->list, i), one, is_ok(one) ? part : NULL);
    }
    free(batch);
}

static void send_call(struct store *store, const struct batch_kind *kind, const struct turn_list *list,
    size_t first, size_t count) {
    size_t bytes = count * kind->item_size;
    struct batch *batch = malloc(sizeof *batch + bytes);
    if (!batch) {
        for (size_t i = first; i < first + count; i++)
            kind->tell(store, turn_list_at(list, i), fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    batch->kind = kind;
    batch->list = (struct turn_list){.items = batch->items, .item_size = kind->item_size, .count = count};
    memcpy(batch->items, turn_list_at(list, first), bytes);
    struct call call;
    kind->write(store, &call, kind->function, &batch->list);
    call_send(store, &call, on_answered, (union told){0}, batch);
}

void batch_send(struct store *store, const struct batch_kind *kind, struct turn_list *list) {
    struct turn_list leaving = *list;
    *list = turn_list_of(kind->item_size);
    turn_list_sort(&leaving);
    for (size_t i = 0, count; i < leaving.count; i += count) {
        count = turn_list_call(&leaving, i);
        send_call(store, kind, &leaving, i, count);
    }
    turn_list_clear(&leaving);
}
