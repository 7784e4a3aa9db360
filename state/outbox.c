/* Reading the outbox of a pipeline, as far as it is ours to publish: at start, and in each sweep. */
#include "state/month_walk.h"

#include <stdlib.h>
#include <string.h>

struct sweep {
    struct store *store;
    const struct pipeline *pipeline;
    store_outbox_fn *entry;
    void *context;
    struct result result;
};

struct pair {
    const char *field;
    const char *facts;
};

/* Date, group and run in this order; fields begin with the date, and group numbers may have two digits. */
static int by_date_and_group(const void *left, const void *right) {
    const char *a = ((const struct pair *)left)->field, *b = ((const struct pair *)right)->field;
    int dates = strncmp(a, b, DATE_TEXT_MAX - 1);
    if (dates != 0)
        return dates;
    size_t shorter = strlen(a), longer = strlen(b);
    return shorter != longer ? (shorter < longer ? -1 : 1) : strcmp(a, b);
}

static void hand_over(void *context, game_date first, const redisReply *reply) {
    struct sweep *sweep = context;
    size_t count = reply->elements / 2;
    struct pair *pairs = count > 0 ? malloc(count * sizeof *pairs) : NULL;
    (void)first;
    if (count > 0 && !pairs) {
        sweep->result = fail(CODE_UNAVAILABLE, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct pair){redis_reply_text(reply, 2 * i), redis_reply_text(reply, 2 * i + 1)};
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, by_date_and_group);
    for (size_t i = 0; i < count; i++)
        sweep->entry(sweep->context, ok(), pairs[i].field, pairs[i].facts);
    free(pairs);
}

static struct result ask(void *context, game_date first, redis_reply_fn *reply, void *walk) {
    const struct sweep *sweep = context;
    char outbox[KEY_MAX], leases[KEY_MAX];
    return redis_link_sendv(store_link(sweep->store), reply, walk, "FCALL", "pg_open_entries", "2",
        key_outbox(sweep->pipeline, first, outbox), key_leases(sweep->pipeline, first, leases),
        store_replica(sweep->store)->id, NULL);
}

static void finish(void *context, struct result result) {
    struct sweep *sweep = context;
    sweep->entry(sweep->context, is_ok(result) ? sweep->result : result, NULL, NULL);
    free(sweep);
}

void store_outbox(
    struct store *store, const struct pipeline *pipeline, store_outbox_fn *entry, void *context) {
    struct sweep *sweep = malloc(sizeof *sweep);
    if (!sweep) {
        entry(context, fail(CODE_UNAVAILABLE, "out of memory"), NULL, NULL);
        return;
    }
    *sweep = (struct sweep){.store = store, .pipeline = pipeline, .entry = entry, .context = context};
    month_walk((struct month_walk_parts){.store = store,
        .pipeline = pipeline,
        .key = key_outbox,
        .ask = ask,
        .answer = hand_over,
        .finish = finish,
        .context = sweep});
}
