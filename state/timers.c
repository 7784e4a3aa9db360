/* The store's part of rules 5 and 9: what is due, doing it, and replays by hand. */
#include "state/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- What is due ---------------------------------------------------------------------------------------- */

/* One sweep: a question for the months, then one for what is due in each. */
struct sweep {
    struct store *store;
    const struct pipeline *pipeline;
    int64_t now_ms;
    store_due_fn *due;
    void *context;
    size_t open; /* questions not answered yet */
    struct result result;
};

/* A month that is asked about. */
struct month {
    struct sweep *sweep;
    game_date first;
};

static void note(struct sweep *sweep, struct result result) {
    if (is_ok(sweep->result))
        sweep->result = result;
}

static void finish_if_last(struct sweep *sweep) {
    if (--sweep->open > 0)
        return;
    sweep->due(sweep->context, sweep->result, NULL);
    free(sweep);
}

static void on_days(void *context, const redisReply *reply) {
    struct month *month = context;
    struct sweep *sweep = month->sweep;
    struct result result = redis_reply_result(reply);
    size_t count = is_ok(result) && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < count; i++) {
        game_date date = month->first + atoi(reply->element[i]->str) - 1;
        sweep->due(sweep->context, ok(), &date);
    }
    free(month);
    note(sweep, result);
    finish_if_last(sweep);
}

static struct result ask_month(struct sweep *sweep, const char *text) {
    char key[KEY_MAX], now[24], most[24];
    struct month *month = malloc(sizeof *month);
    if (!month)
        return fail(CODE_UNAVAILABLE, "out of memory");
    month->sweep = sweep;
    struct result result = month_parse(text, &month->first);
    result = fail_within(result, "the list of months of pipeline %s", sweep->pipeline->name);
    snprintf(now, sizeof now, "%" PRId64, sweep->now_ms);
    snprintf(most, sizeof most, "%d", STORE_DUE_MAX);
    if (is_ok(result))
        result = redis_link_sendv(store_link(sweep->store), on_days, month, "ZRANGEBYSCORE",
            key_due(sweep->pipeline, month->first, key), "-inf", now, "LIMIT", "0", most, NULL);
    if (!is_ok(result))
        free(month);
    return result;
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

void store_due(
    struct store *store, const struct pipeline *pipeline, int64_t now_ms, store_due_fn *due, void *context) {
    char key[KEY_MAX];
    struct sweep *sweep = malloc(sizeof *sweep);
    struct result result = fail(CODE_UNAVAILABLE, "out of memory");
    if (sweep) {
        *sweep = (struct sweep){.store = store,
            .pipeline = pipeline,
            .now_ms = now_ms,
            .due = due,
            .context = context,
            .open = 1};
        result = redis_link_sendv(
            store_link(store), on_months, sweep, "ZRANGE", key_months(pipeline, key), "0", "-1", NULL);
    }
    if (!is_ok(result)) {
        free(sweep);
        due(context, result, NULL);
    }
}

/* --- Doing it ------------------------------------------------------------------------------------------- */

static void on_ticked(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { RUN, FROM, STALLED, STALLED_RUN, STALLS, WAITS_FOR, FIELD, FACTS, PARTS };
    struct ticked ticked = {0};
    (void)store;
    if (is_ok(result))
        result = reply_check(reply, PARTS, "pg_tick");
    if (is_ok(result))
        ticked = (struct ticked){
            .opened_run = reply_int(reply, RUN),
            .opened_from = reply_int(reply, FROM),
            .stalled_group = reply_int(reply, STALLED),
            .stalled_run = reply_int(reply, STALLED_RUN),
            .stalls = reply_int(reply, STALLS),
            .waits_for = reply_text(reply, WAITS_FOR),
            .outbox_field = reply_text(reply, FIELD),
            .outbox_facts = reply_text(reply, FACTS),
        };
    tell.ticked(context, result, is_ok(result) ? &ticked : NULL);
}

void store_tick(struct store *store, const struct pipeline *pipeline, game_date date, int64_t now_ms,
    store_ticked_fn *ticked, void *context) {
    struct call call;
    call_begin(&call, "pg_tick", CALL_KEYS_OF_DATE);
    call_keys_of_date(&call, pipeline, date);
    call_text(&call, pipeline->definition);
    call_date(&call, date);
    call_number(&call, now_ms);
    call_send(store, &call, on_ticked, (union told){.ticked = ticked}, context);
}

/* --- Replay --------------------------------------------------------------------------------------------- */

static void on_replayed(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { WHAT, GROUP, RUN, FIELD, FACTS, PARTS };
    struct replayed replayed = {0};
    (void)store;
    if (is_ok(result))
        result = reply_check(reply, PARTS, "pg_replay");
    if (is_ok(result)) {
        replayed.what = reply_int(reply, WHAT);
        replayed.group = reply_int(reply, GROUP);
        replayed.run = reply_int(reply, RUN);
        replayed.outbox_field = reply_text(reply, FIELD);
        replayed.outbox_facts = reply_text(reply, FACTS);
    }
    tell.replayed(context, result, is_ok(result) ? &replayed : NULL);
}

void store_replay(struct store *store, const struct pipeline *pipeline, game_date date, enum replay replay,
    int from_group, int64_t now_ms, store_replayed_fn *replayed, void *context) {
    static const char *const modes[] = {
        [REPLAY_AGAIN] = "again", [REPLAY_MISSED] = "missed", [REPLAY_RERUN] = "rerun"};
    struct call call;
    call_begin(&call, "pg_replay", CALL_KEYS_OF_DATE);
    call_keys_of_date(&call, pipeline, date);
    call_text(&call, pipeline->definition);
    call_date(&call, date);
    call_number(&call, now_ms);
    call_text(&call, modes[replay]);
    call_number(&call, from_group);
    call_send(store, &call, on_replayed, (union told){.replayed = replayed}, context);
}
