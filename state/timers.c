/* The store's part of rules 5 and 9: what is due, doing it, and replays by hand. */
#include "state/month_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- What is due ---------------------------------------------------------------------------------------- */

struct sweep {
    struct store *store;
    const struct pipeline *pipeline;
    int64_t now_ms;
    store_due_fn *due;
    void *context;
};

static struct result ask(void *context, game_date first, redis_reply_fn *reply, void *walk) {
    struct sweep *sweep = context;
    char key[KEY_MAX], now[24], most[24];
    snprintf(now, sizeof now, "%" PRId64, sweep->now_ms);
    snprintf(most, sizeof most, "%d", STORE_DUE_MAX);
    return redis_link_sendv(store_link(sweep->store), reply, walk, "ZRANGEBYSCORE",
        key_due(sweep->pipeline, first, key), "-inf", now, "LIMIT", "0", most, NULL);
}

/* Members are days of the month; another one is nobody's. */
static void hand_over(void *context, game_date first, const redisReply *reply) {
    struct sweep *sweep = context;
    for (size_t i = 0; i < reply->elements; i++) {
        long day = strtol(redis_reply_text(reply, i), NULL, 10);
        game_date date = first + (game_date)day - 1;
        if (day >= 1 && day <= 31 && date < date_next_month(first))
            sweep->due(sweep->context, ok(), &date);
    }
}

static void finish(void *context, struct result result) {
    struct sweep *sweep = context;
    sweep->due(sweep->context, result, NULL);
    free(sweep);
}

void store_due(
    struct store *store, const struct pipeline *pipeline, int64_t now_ms, store_due_fn *due, void *context) {
    struct sweep *sweep = malloc(sizeof *sweep);
    if (!sweep) {
        due(context, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    *sweep = (struct sweep){
        .store = store, .pipeline = pipeline, .now_ms = now_ms, .due = due, .context = context};
    month_walk((struct month_walk_parts){.store = store,
        .pipeline = pipeline,
        .key = key_due,
        .ask = ask,
        .answer = hand_over,
        .finish = finish,
        .context = sweep});
}

/* --- Doing it ------------------------------------------------------------------------------------------- */

static void on_ticked(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { RUN, FROM, STALLED, STALLED_RUN, STALLS, WAITS_FOR, FIELD, FACTS, PARTS };
    struct ticked ticked = {0};
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
            .lease = store_new_lease(store, false),
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
    call_lessee(&call, store);
    call_lane(&call, store);
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
    if (is_ok(result) && (reply_int(reply, WHAT) < 0 || reply_int(reply, WHAT) > REPLAYED_RUN))
        result = fail(CODE_INTERNAL, "pg_replay answered what this phasegate does not understand");
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
    call_lane(&call, store);
    call_send(store, &call, on_replayed, (union told){.replayed = replayed}, context);
}
