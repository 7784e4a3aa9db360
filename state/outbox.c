/* Reading the whole outbox of a pipeline: at start, and after a connection was lost with answers under way.
 */
#include "state/call.h"

#include <stdlib.h>
#include <string.h>

/* One sweep: a question for the months, then one for each month's outbox. */
struct sweep {
    struct store *store;
    const struct pipeline *pipeline;
    store_outbox_fn *entry;
    void *context;
    size_t open; /* questions not answered yet */
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

static void finish_if_last(struct sweep *sweep) {
    if (--sweep->open > 0)
        return;
    sweep->entry(sweep->context, sweep->result, NULL, NULL);
    free(sweep);
}

static void note(struct sweep *sweep, struct result result) {
    if (is_ok(sweep->result))
        sweep->result = result;
}

static void hand_over(struct sweep *sweep, const redisReply *reply) {
    size_t count = reply->elements / 2;
    struct pair *pairs = count > 0 ? malloc(count * sizeof *pairs) : NULL;
    if (count > 0 && !pairs) {
        note(sweep, fail(CODE_UNAVAILABLE, "out of memory"));
        return;
    }
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct pair){reply->element[2 * i]->str, reply->element[2 * i + 1]->str};
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, by_date_and_group);
    for (size_t i = 0; i < count; i++)
        sweep->entry(sweep->context, ok(), pairs[i].field, pairs[i].facts);
    free(pairs);
}

static void on_month(void *context, const redisReply *reply) {
    struct sweep *sweep = context;
    struct result result = redis_reply_result(reply);
    if (is_ok(result) && reply->type == REDIS_REPLY_ARRAY)
        hand_over(sweep, reply);
    note(sweep, result);
    finish_if_last(sweep);
}

static struct result ask_month(struct sweep *sweep, const char *month) {
    game_date first;
    struct result result = month_parse(month, &first);
    if (!is_ok(result))
        return fail_within(result, "the list of months of pipeline %s", sweep->pipeline->name);
    char key[KEY_MAX];
    return redis_link_sendv(
        store_link(sweep->store), on_month, sweep, "HGETALL", key_outbox(sweep->pipeline, first, key), NULL);
}

static void on_months(void *context, const redisReply *reply) {
    struct sweep *sweep = context;
    note(sweep, redis_reply_result(reply));
    size_t count = is_ok(sweep->result) && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < count; i++) {
        struct result result = ask_month(sweep, reply->element[i]->str);
        note(sweep, result);
        if (is_ok(result))
            sweep->open++;
    }
    finish_if_last(sweep);
}

void store_outbox(
    struct store *store, const struct pipeline *pipeline, store_outbox_fn *entry, void *context) {
    char key[KEY_MAX];
    struct sweep *sweep = malloc(sizeof *sweep);
    struct result result = fail(CODE_UNAVAILABLE, "out of memory");
    if (sweep) {
        *sweep = (struct sweep){
            .store = store, .pipeline = pipeline, .entry = entry, .context = context, .open = 1};
        result = redis_link_sendv(
            store_link(store), on_months, sweep, "ZRANGE", key_months(pipeline, key), "0", "-1", NULL);
    }
    if (!is_ok(result)) {
        free(sweep);
        entry(context, result, NULL, NULL);
    }
}
