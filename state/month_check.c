/* Whether a month has forgotten: what its slot has counted, beside what the pipeline's slot and this client
 * know. */
#include "state/epoch.h"
#include "state/month_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    struct store *store;
    const struct pipeline *pipeline;
    char identity[EPOCH_IDENTITY_MAX];
    enum month_scope scope;
    int64_t now_ms;
    size_t open; /* the walk, and what is being noted */
    int lost;
    struct result result;
    store_months_checked_fn *checked;
    void *context;
};

/* A month that is being noted. */
struct noting {
    struct check *check;
    struct month_memory *memory;
    bool lost;
};

static void note_failure(struct check *check, struct result result) {
    if (is_ok(check->result))
        check->result = result;
}

static void finish_if_last(struct check *check) {
    if (--check->open > 0)
        return;
    check->checked(check->context, check->result, check->lost);
    free(check);
}

/* --- Noting it in the pipeline's slot ------------------------------------------------------------------- */

static void on_noted(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    struct noting *noting = context;
    struct check *check = noting->check;
    (void)store;
    (void)tell;
    note_failure(check, result);
    if (!is_ok(result)) {
        noting->memory->changed = true; /* the next check tries again */
    } else if (reply->integer != noting->memory->losses) {
        check->lost += noting->lost ? 1 : 0;
        month_memory_begin_anew(noting->memory, reply->integer);
    }
    free(noting);
    finish_if_last(check);
}

static void note(
    struct check *check, game_date first, struct month_memory *memory, int64_t steps, bool lost) {
    char key[KEY_MAX], month[MONTH_TEXT_MAX];
    struct call call;
    struct noting *noting = malloc(sizeof *noting);
    if (!noting) {
        note_failure(check, fail(CODE_UNAVAILABLE, "out of memory"));
        return;
    }
    *noting = (struct noting){.check = check, .memory = memory, .lost = lost};
    call_begin(&call, "pg_note_month", 2);
    call_key(&call, key_epoch(check->pipeline, key));
    call_key(&call, key_steps(check->pipeline, key));
    call_number(&call, check->now_ms);
    call_text(&call, check->identity);
    call_text(&call, month_format(first, month));
    call_number(&call, steps);
    call_number(&call, memory->losses);
    call_text(&call, lost ? "1" : "0");
    call_number(&call, memory->seen_ms);
    check->open++;
    call_send(check->store, &call, on_noted, (union told){0}, noting);
}

/* --- Asking the months ---------------------------------------------------------------------------------- */

static bool wants(void *context, game_date first) {
    struct check *check = context;
    const struct month_memory *memory = month_memory_of(store_months(check->store), check->pipeline, first);
    return check->scope == MONTHS_ALL || (memory && memory->changed);
}

/* What is sent from here on is behind the question, and is for the next check. */
static struct result ask(void *context, game_date first, redis_reply_fn *reply, void *walk) {
    struct check *check = context;
    struct month_memory *memory = month_memory_of(store_months(check->store), check->pipeline, first);
    char key[KEY_MAX];
    if (memory) {
        memory->expected_own = memory->own;
        memory->changed = false;
    }
    return redis_link_sendv(store_link(check->store), reply, walk, "HGETALL",
        key_steps_of_month(check->pipeline, first, key), NULL);
}

static void compare(void *context, game_date first, const redisReply *reply) {
    struct check *check = context;
    struct month_memory *memory = month_memory_of(store_months(check->store), check->pipeline, first);
    int64_t steps = 0, own = 0;
    if (!memory)
        return;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        int64_t count = strtoll(redis_reply_text(reply, i + 1), NULL, 10);
        steps += count;
        if (atoi(redis_reply_text(reply, i)) == store_lane(check->store))
            own = count;
    }
    bool lost = memory->lost || steps < memory->expected || own < memory->expected_own;
    if (lost || steps > memory->expected)
        note(check, first, memory, steps, lost);
    if (!lost)
        memory->seen_ms = check->now_ms;
}

static void on_walked(void *context, struct result result) {
    struct check *check = context;
    note_failure(check, result);
    finish_if_last(check);
}

/* --- What they must have at least ----------------------------------------------------------------------- */

static void expect_nothing(struct month_memory *memory) {
    memory->expected = 0;
}

/* "5120 1764502927104 0". A loss that was noted since is known, whatever this client remembers. */
static void expect(struct check *check, const char *month, const char *text) {
    game_date first;
    int64_t steps, at_ms, losses;
    struct month_memory *memory = is_ok(month_parse(month, &first))
        ? month_memory_of(store_months(check->store), check->pipeline, first)
        : NULL;
    if (!memory || sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &steps, &at_ms, &losses) != 3)
        return;
    if (losses != memory->losses)
        month_memory_begin_anew(memory, losses);
    memory->expected = steps;
}

/*
 * This is read before the months are: they only grow, so whatever is less than this is less than it was. What
 * others note meanwhile says nothing of what is read here.
 */
static void on_expected(void *context, const redisReply *reply) {
    struct check *check = context;
    struct result result = call_result(check->store, reply);
    if (!is_ok(result) || reply->type != REDIS_REPLY_ARRAY) {
        on_walked(check, result);
        return;
    }
    month_memories_each(store_months(check->store), check->pipeline, expect_nothing);
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        expect(check, redis_reply_text(reply, i), redis_reply_text(reply, i + 1));
    month_walk((struct month_walk_parts){.store = check->store,
        .pipeline = check->pipeline,
        .wants = wants,
        .ask = ask,
        .answer = compare,
        .finish = on_walked,
        .context = check});
}

static void forget(struct month_memory *memory) {
    month_memory_begin_anew(memory, 0);
}

void store_forget_months(struct store *store, const struct pipeline *pipeline) {
    month_memories_each(store_months(store), pipeline, forget);
}

void store_check_months(struct store *store, const struct pipeline *pipeline, const char *identity,
    enum month_scope scope, int64_t now_ms, store_months_checked_fn *checked, void *context) {
    char key[KEY_MAX];
    if (scope != MONTHS_ALL && !month_memories_changed(store_months(store), pipeline)) {
        checked(context, ok(), 0);
        return;
    }
    struct check *check = malloc(sizeof *check);
    if (!check) {
        checked(context, fail(CODE_UNAVAILABLE, "out of memory"), 0);
        return;
    }
    *check = (struct check){.store = store,
        .pipeline = pipeline,
        .scope = scope,
        .now_ms = now_ms,
        .open = 1,
        .checked = checked,
        .context = context};
    snprintf(check->identity, sizeof check->identity, "%s", identity);
    struct result result =
        redis_link_sendv(store_link(store), on_expected, check, "HGETALL", key_steps(pipeline, key), NULL);
    if (!is_ok(result))
        on_walked(check, result);
}
