#include "state/month_walk.h"

#include <stdlib.h>

struct walk {
    struct month_walk_parts parts;
    size_t open; /* questions not answered yet */
    struct result result;
};

/* A month that is asked about. */
struct month {
    struct walk *walk;
    game_date first;
};

static void note(struct walk *walk, struct result result) {
    if (is_ok(walk->result))
        walk->result = result;
}

static void finish_if_last(struct walk *walk) {
    if (--walk->open > 0)
        return;
    walk->parts.finish(walk->parts.context, walk->result);
    free(walk);
}

static void on_month(void *context, const redisReply *reply) {
    struct month *month = context;
    struct walk *walk = month->walk;
    struct result result = call_result(walk->parts.store, reply);
    if (is_ok(result) && reply->type == REDIS_REPLY_ARRAY)
        walk->parts.answer(walk->parts.context, month->first, reply);
    free(month);
    note(walk, result);
    finish_if_last(walk);
}

static struct result ask_month(struct walk *walk, const char *text) {
    struct month *month = malloc(sizeof *month);
    if (!month)
        return fail(CODE_UNAVAILABLE, "out of memory");
    month->walk = walk;
    struct result result = month_parse(text, &month->first);
    result = fail_within(result, "the list of months of pipeline %s", walk->parts.pipeline->name);
    if (is_ok(result))
        result = walk->parts.ask(walk->parts.context, month->first, on_month, month);
    if (!is_ok(result))
        free(month);
    return result;
}

static void on_months(void *context, const redisReply *reply) {
    struct walk *walk = context;
    note(walk, redis_reply_result(reply));
    size_t count = is_ok(walk->result) && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < count; i++) {
        struct result result = ask_month(walk, redis_reply_text(reply, i));
        note(walk, result);
        if (is_ok(result))
            walk->open++;
    }
    finish_if_last(walk);
}

void month_walk(struct month_walk_parts parts) {
    char key[KEY_MAX];
    struct walk *walk = malloc(sizeof *walk);
    struct result result = fail(CODE_UNAVAILABLE, "out of memory");
    if (walk) {
        *walk = (struct walk){.parts = parts, .open = 1};
        result = redis_link_sendv(store_link(parts.store), on_months, walk, "ZRANGE",
            key_months(parts.pipeline, key), "0", "-1", NULL);
    }
    if (!is_ok(result)) {
        free(walk);
        parts.finish(parts.context, result);
    }
}
