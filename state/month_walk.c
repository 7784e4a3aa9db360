#include "state/month_walk.h"

#include <stdlib.h>

struct walk {
    struct month_walk_parts parts;
    game_date *months; /* their first days */
    size_t count;
    size_t next; /* the first one that no portion has had yet */
    size_t open; /* questions of the portion that are not answered yet */
    struct result result;
};

/* A question about some months of the walk that follow each other. */
struct question {
    struct walk *walk;
    const game_date *months;
    size_t count;
};

static void note(struct walk *walk, struct result result) {
    if (is_ok(walk->result))
        walk->result = result;
}

/* --- Questions ------------------------------------------------------------------------------------------ */

static void go_on(struct walk *walk);

static void end(struct question *question, struct result result) {
    struct walk *walk = question->walk;
    free(question);
    note(walk, result);
    if (--walk->open == 0)
        go_on(walk);
}

/* A question that is not sent is not open. */
static void put(struct walk *walk, const game_date *months, size_t count,
    struct result (*send)(struct question *question)) {
    struct question *question = malloc(sizeof *question);
    struct result result = fail(CODE_UNAVAILABLE, "out of memory");
    if (question) {
        *question = (struct question){.walk = walk, .months = months, .count = count};
        result = send(question);
    }
    if (is_ok(result))
        walk->open++;
    else
        free(question);
    note(walk, result);
}

static void on_answer(void *context, const redisReply *reply) {
    struct question *question = context;
    const struct month_walk_parts *parts = &question->walk->parts;
    struct result result = call_result(parts->store, reply);
    if (is_ok(result) && reply->type == REDIS_REPLY_ARRAY)
        parts->answer(parts->context, question->months[0], reply);
    end(question, result);
}

static struct result send_question(struct question *question) {
    const struct month_walk_parts *parts = &question->walk->parts;
    return parts->ask(parts->context, question->months[0], on_answer, question);
}

/* --- Looking which months have the key ------------------------------------------------------------------ */

static struct result send_look(struct question *question);

static void on_looked(void *context, const redisReply *reply) {
    struct question *question = context;
    struct result result = redis_reply_result(reply);
    if (is_ok(result) && reply->integer > 0 && question->count == 1)
        put(question->walk, question->months, 1, send_question);
    else if (is_ok(result) && reply->integer > 0)
        for (size_t i = 0; i < question->count; i++)
            put(question->walk, &question->months[i], 1, send_look);
    end(question, result);
}

static struct result send_look(struct question *question) {
    const struct month_walk_parts *parts = &question->walk->parts;
    char keys[MONTH_WALK_PORTION][KEY_MAX];
    const char *words[1 + MONTH_WALK_PORTION] = {"EXISTS"};
    for (size_t i = 0; i < question->count; i++)
        words[1 + i] = parts->key(parts->pipeline, question->months[i], keys[i]);
    return redis_link_send(
        store_link(parts->store), on_looked, question, 1 + (int)question->count, words, NULL);
}

/* --- Portion after portion ------------------------------------------------------------------------------ */

static void put_portion(struct walk *walk, const game_date *months, size_t count) {
    const struct month_walk_parts *parts = &walk->parts;
    if (parts->key && !redis_link_is_cluster(store_link(parts->store))) {
        put(walk, months, count, send_look);
        return;
    }
    for (size_t i = 0; i < count; i++)
        put(walk, &months[i], 1, parts->key ? send_look : send_question);
}

static void go_on(struct walk *walk) {
    while (walk->open == 0 && walk->next < walk->count) {
        size_t left = walk->count - walk->next;
        size_t count = left < MONTH_WALK_PORTION ? left : MONTH_WALK_PORTION;
        const game_date *months = &walk->months[walk->next];
        walk->next += count;
        put_portion(walk, months, count);
    }
    if (walk->open > 0)
        return;
    walk->parts.finish(walk->parts.context, walk->result);
    free(walk->months);
    free(walk);
}

static void read_month(struct walk *walk, const char *text) {
    const struct month_walk_parts *parts = &walk->parts;
    game_date first;
    struct result result = month_parse(text, &first);
    if (!is_ok(result))
        note(walk, fail_within(result, "the list of months of pipeline %s", parts->pipeline->name));
    else if (!parts->wants || parts->wants(parts->context, first))
        walk->months[walk->count++] = first;
}

static void read_months(struct walk *walk, const redisReply *list) {
    walk->months = list->elements > 0 ? malloc(list->elements * sizeof *walk->months) : NULL;
    if (!walk->months && list->elements > 0)
        note(walk, fail(CODE_UNAVAILABLE, "out of memory"));
    for (size_t i = 0; walk->months && i < list->elements; i++)
        read_month(walk, redis_reply_text(list, i));
}

static void on_months(void *context, const redisReply *reply) {
    struct walk *walk = context;
    note(walk, redis_reply_result(reply));
    if (is_ok(walk->result) && reply->type == REDIS_REPLY_ARRAY)
        read_months(walk, reply);
    go_on(walk);
}

void month_walk(struct month_walk_parts parts) {
    char key[KEY_MAX];
    struct walk *walk = malloc(sizeof *walk);
    struct result result = fail(CODE_UNAVAILABLE, "out of memory");
    if (walk) {
        *walk = (struct walk){.parts = parts};
        result = redis_link_sendv(store_link(parts.store), on_months, walk, "ZRANGE",
            key_months(parts.pipeline, key), "0", "-1", NULL);
    }
    if (!is_ok(result)) {
        free(walk);
        parts.finish(parts.context, result);
    }
}
