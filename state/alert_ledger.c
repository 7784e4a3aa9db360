#include "state/alert_ledger.h"

#include "state/call.h"

/* --- Calls ---------------------------------------------------------------------------------------------- */

/* The keys of lua/10-alerts.lua, in the order in which its functions take them. */
static void add_keys(struct call *call, const struct pipeline *pipeline) {
    char key[KEY_MAX];
    call_key(call, key_alerts(pipeline, key));
    call_key(call, key_alert_claims(pipeline, key));
}

static void on_answer(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    (void)store;
    if (is_ok(result) && reply->type != REDIS_REPLY_INTEGER)
        result = fail(CODE_INTERNAL, "an alert's function answered what this phasegate does not understand");
    tell.ledger_answer(context, result, is_ok(result) && reply->integer != 0);
}

static void ask(struct store *store, const struct call *call, ledger_answer_fn *answer, void *context) {
    call_send(store, call, on_answer, (union told){.ledger_answer = answer}, context);
}

void ledger_claim(struct store *store, const struct pipeline *pipeline, const char *cause,
    struct alert_moment moment, ledger_answer_fn *answer, void *context) {
    struct call call;
    call_begin(&call, "pg_alert_claim", 2);
    add_keys(&call, pipeline);
    call_text(&call, cause);
    call_number(&call, moment.now_ms);
    call_number(&call, moment.period_ms);
    call_number(&call, ALERT_CLAIM_MS);
    ask(store, &call, answer, context);
}

void ledger_keep(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t kept_ms,
    int64_t now_ms, ledger_answer_fn *answer, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_alert_keep", 1);
    call_key(&call, key_alert_claims(pipeline, key));
    call_text(&call, cause);
    call_number(&call, kept_ms + ALERT_CLAIM_MS);
    call_number(&call, now_ms + ALERT_CLAIM_MS);
    ask(store, &call, answer, context);
}

void ledger_told(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t claimed_ms,
    ledger_answer_fn *answer, void *context) {
    struct call call;
    call_begin(&call, "pg_alert_told", 2);
    add_keys(&call, pipeline);
    call_text(&call, cause);
    call_number(&call, claimed_ms);
    ask(store, &call, answer, context);
}

void ledger_end(struct store *store, const struct pipeline *pipeline, const char *cause,
    ledger_answer_fn *answer, void *context) {
    struct call call;
    call_begin(&call, "pg_alert_end", 2);
    add_keys(&call, pipeline);
    call_text(&call, cause);
    ask(store, &call, answer, context);
}

/* --- Backfill ------------------------------------------------------------------------------------------- */

void ledger_note(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t now_ms,
    ledger_answer_fn *answer, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_alert_note", 1);
    call_key(&call, key_alert_backfill(pipeline, key));
    call_text(&call, cause);
    call_number(&call, now_ms);
    ask(store, &call, answer, context);
}

void ledger_forget(struct store *store, const struct pipeline *pipeline, const char *cause,
    ledger_answer_fn *answer, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_alert_forget", 1);
    call_key(&call, key_alert_backfill(pipeline, key));
    call_text(&call, cause);
    ask(store, &call, answer, context);
}

static void on_sum(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { DUE, STALLS, FAILURES, SINCE, FIRST, PARTS };
    struct alert_sum sum = {0};
    (void)store;
    if (is_ok(result))
        result = reply_check(reply, PARTS, "pg_alert_sum");
    if (is_ok(result))
        sum = (struct alert_sum){.due = (enum alert_due)reply_int(reply, DUE),
            .stalls = reply_int(reply, STALLS),
            .failures = reply_int(reply, FAILURES),
            .since_ms = reply->element[SINCE]->integer,
            .first = reply_text(reply, FIRST)};
    tell.ledger_sum(context, result, is_ok(result) ? &sum : NULL);
}

void ledger_sum(struct store *store, const struct pipeline *pipeline, struct alert_moment moment,
    int64_t gather_ms, ledger_sum_fn *sum, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_alert_sum", 3);
    add_keys(&call, pipeline);
    call_key(&call, key_alert_backfill(pipeline, key));
    call_number(&call, moment.now_ms);
    call_number(&call, moment.period_ms);
    call_number(&call, ALERT_CLAIM_MS);
    call_number(&call, gather_ms);
    call_send(store, &call, on_sum, (union told){.ledger_sum = sum}, context);
}

/* --- Quarantine ----------------------------------------------------------------------------------------- */

static void on_quarantine(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { DUE, FRESH, TOTAL, REASON, PARTS };
    struct alert_quarantine quarantine = {0};
    (void)store;
    if (is_ok(result))
        result = reply_check(reply, PARTS, "pg_alert_quarantine");
    if (is_ok(result))
        quarantine = (struct alert_quarantine){.due = (enum alert_due)reply_int(reply, DUE),
            .fresh = reply_int(reply, FRESH),
            .total = reply_int(reply, TOTAL),
            .reason = reply_text(reply, REASON)};
    tell.ledger_quarantine(context, result, is_ok(result) ? &quarantine : NULL);
}

void ledger_quarantine(struct store *store, const struct pipeline *pipeline, struct alert_moment moment,
    int threshold, ledger_quarantine_fn *quarantine, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_alert_quarantine", 3);
    add_keys(&call, pipeline);
    call_key(&call, key_quarantine(pipeline, key));
    call_number(&call, moment.now_ms);
    call_number(&call, moment.period_ms);
    call_number(&call, ALERT_CLAIM_MS);
    call_number(&call, threshold);
    call_send(store, &call, on_quarantine, (union told){.ledger_quarantine = quarantine}, context);
}

/* --- Looking -------------------------------------------------------------------------------------------- */

static void on_open(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { TOLD, LEFT, OF_BACKFILL, PARTS };
    (void)store;
    if (is_ok(result))
        result = reply_check(reply, PARTS, "pg_alert_open");
    for (int list = TOLD; is_ok(result) && list < PARTS; list++)
        for (size_t i = 0; i < reply->element[list]->elements; i++)
            tell.ledger_open(context, ok(), (enum alert_state)list, reply_text(reply->element[list], i));
    tell.ledger_open(context, result, ALERT_TOLD, NULL);
}

void ledger_open(struct store *store, const struct pipeline *pipeline, int64_t now_ms, int from,
    ledger_open_fn *open, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_alert_open", 3);
    add_keys(&call, pipeline);
    call_key(&call, key_alert_backfill(pipeline, key));
    call_number(&call, now_ms);
    call_number(&call, from);
    call_number(&call, ALERT_BACKFILL_BATCH);
    call_send(store, &call, on_open, (union told){.ledger_open = open}, context);
}

static void on_look(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    enum { STANDS, PHASE, RUN, BACKFILL, SINCE, WAITS_FOR, FAILURE, PARTS };
    struct alert_look look = {0};
    (void)store;
    if (is_ok(result))
        result = reply_check(reply, PARTS, "pg_alert_look");
    if (is_ok(result))
        look = (struct alert_look){.stands = reply_int(reply, STANDS) != 0,
            .backfill = reply_int(reply, BACKFILL) != 0,
            .run = reply_int(reply, RUN),
            .phase = reply_text(reply, PHASE),
            .since_ms = reply->element[SINCE]->integer,
            .waits_for = reply_text(reply, WAITS_FOR),
            .failure = reply_text(reply, FAILURE)};
    tell.ledger_look(context, result, is_ok(result) ? &look : NULL);
}

void ledger_look(struct store *store, const struct pipeline *pipeline, game_date date, int group,
    const char *kind, ledger_look_fn *look, void *context) {
    struct call call;
    call_begin(&call, "pg_alert_look", CALL_KEYS_OF_DATE);
    call_keys_of_date(&call, pipeline, date);
    call_text(&call, pipeline->definition);
    call_date(&call, date);
    call_text(&call, kind);
    call_number(&call, group);
    call_send(store, &call, on_look, (union told){.ledger_look = look}, context);
}
