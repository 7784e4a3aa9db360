#include "state/store.h"

#include "redis/link.h"
#include "state/keys.h"
#include "state/library.h"
#include "state/months.h"
#include "state/store_internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store {
    struct redis_link *link;
    struct log log;
    struct store_events events;
    struct library library;
    struct months months; /* those that pg_open_month was called for on this connection */
    bool ready;
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
};

/* --- Connection ----------------------------------------------------------------------------------------- */

static void on_library(void *context, struct result result) {
    struct store *store = context;
    if (store->closing)
        return;
    if (is_ok(result)) {
        store->ready = true;
        store->events.on_ready(store->events.context);
        return;
    }
    if (!result.retryable)
        store->events.on_refused(store->events.context, result);
    if (!store->closing)
        redis_link_drop(store->link);
}

static void on_connect(void *context) {
    struct store *store = context;
    library_ensure(&store->library, store->link, &store->log, on_library, store);
}

static void on_lost(void *context) {
    struct store *store = context;
    months_clear(&store->months);
    if (!store->ready)
        return;
    store->ready = false;
    store->events.on_lost(store->events.context);
}

struct result store_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct store_events events, struct store **store) {
    struct store *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail(CODE_LIMIT, "out of memory");
    opened->log = log_with(log, "part", "store");
    opened->events = events;
    struct redis_link_events link_events = {.on_connect = on_connect, .on_lost = on_lost, .context = opened};
    struct result result = redis_link_open(loop, settings, &opened->log, link_events, &opened->link);
    if (!is_ok(result)) {
        free(opened);
        return result;
    }
    *store = opened;
    return ok();
}

bool store_is_ready(const struct store *store) {
    return store->ready;
}

static void on_link_closed(void *context) {
    struct store *store = context;
    if (store->closed)
        store->closed(store->closed_context);
    months_clear(&store->months);
    free(store);
}

void store_close(struct store *store, void (*closed)(void *context), void *context) {
    store->closed = closed;
    store->closed_context = context;
    store->closing = true;
    store->ready = false;
    redis_link_close(store->link, on_link_closed, store);
}

struct redis_link *store_link(struct store *store) {
    return store->link;
}

/* --- Function calls ------------------------------------------------------------------------------------- */

enum { CALL_KEYS_MAX = 3, CALL_ARGUMENTS_MAX = 24, OUTBOX_FIELD_MAX = DATE_TEXT_MAX + 24 };

/* One FCALL under way: its arguments while it is put together, and whom to tell when it is answered. */
struct call {
    struct store *store;
    union {
        store_applied_fn *applied;
        store_done_fn *done;
    } tell;
    void *context;
};

struct arguments {
    const char *values[CALL_ARGUMENTS_MAX];
    size_t lengths[CALL_ARGUMENTS_MAX];
    int count;
};

static void add_bytes(struct arguments *arguments, const void *data, size_t length) {
    arguments->values[arguments->count] = data;
    arguments->lengths[arguments->count++] = length;
}

/* NULL is passed as "". */
static void add(struct arguments *arguments, const char *text) {
    add_bytes(arguments, text ? text : "", text ? strlen(text) : 0);
}

enum { NUMBER_MAX = 24 };

static const char *number(int64_t value, char text[NUMBER_MAX]) {
    snprintf(text, NUMBER_MAX, "%" PRId64, value);
    return text;
}

static struct arguments call_of(const char *function, const char *key_count) {
    struct arguments arguments = {.count = 0};
    add(&arguments, "FCALL");
    add(&arguments, function);
    add(&arguments, key_count);
    return arguments;
}

/* A server whose functions were flushed behind our back gets them again on a new connection. */
static struct result call_result(struct store *store, const redisReply *reply) {
    struct result result = redis_reply_result(reply);
    if (result.code == CODE_INTERNAL && strstr(result.text, "Function not found")) {
        redis_link_drop(store->link);
        return fail(CODE_UNAVAILABLE, "the function library is gone from Redis; loading it again");
    }
    return result;
}

static struct call *call_new(struct store *store, void *context) {
    struct call *call = malloc(sizeof *call);
    if (call)
        *call = (struct call){.store = store, .context = context};
    return call;
}

static struct result send_call(
    struct store *store, const struct arguments *arguments, redis_reply_fn *reply, struct call *call) {
    if (!call)
        return fail(CODE_UNAVAILABLE, "out of memory");
    if (!store->ready)
        return fail(CODE_UNAVAILABLE, "the store is away");
    return redis_link_send(store->link, reply, call, arguments->count, arguments->values, arguments->lengths);
}

static void on_done(void *context, const redisReply *reply) {
    struct call *call = context;
    call->tell.done(call->context, call_result(call->store, reply));
    free(call);
}

static void send_done_call(
    struct store *store, const struct arguments *arguments, store_done_fn *done, void *context) {
    struct call *call = call_new(store, context);
    if (call)
        call->tell.done = done;
    struct result result = send_call(store, arguments, on_done, call);
    if (!is_ok(result)) {
        free(call);
        done(context, result);
    }
}

/* --- Apply ---------------------------------------------------------------------------------------------- */

static const char *const verdict_names[] = {
    [VERDICT_APPLIED] = "applied",
    [VERDICT_DUPLICATE] = "duplicate",
    [VERDICT_LATE] = "late",
    [VERDICT_PREMATURE] = "premature",
    [VERDICT_OTHER_RUN] = "other_run",
};

const char *verdict_name(enum verdict verdict) {
    return verdict_names[verdict];
}

static const char *text_or_null(const redisReply *reply) {
    return reply->str && reply->len > 0 ? reply->str : NULL;
}

static struct result read_applied(const redisReply *reply, struct applied *applied) {
    enum { VERDICT, CLOSED, GROUP, PHASE, FIELD, FACTS, PARTS };
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != PARTS
        || reply->element[VERDICT]->type != REDIS_REPLY_INTEGER || reply->element[VERDICT]->integer < 0
        || reply->element[VERDICT]->integer >= VERDICT_COUNT)
        return fail(CODE_INTERNAL, "pg_apply answered what this phasegate does not understand");
    *applied = (struct applied){
        .verdict = (enum verdict)reply->element[VERDICT]->integer,
        .closed_no_games = reply->element[CLOSED]->integer != 0,
        .group = (int)reply->element[GROUP]->integer,
        .group_state = text_or_null(reply->element[PHASE]),
        .outbox_field = text_or_null(reply->element[FIELD]),
        .outbox_facts = text_or_null(reply->element[FACTS]),
    };
    return ok();
}

static void on_applied(void *context, const redisReply *reply) {
    struct call *call = context;
    struct applied applied = {0};
    struct result result = call_result(call->store, reply);
    if (is_ok(result))
        result = read_applied(reply, &applied);
    call->tell.applied(call->context, result, is_ok(result) ? &applied : NULL);
    free(call);
}

/*
 * A month that could not be made known: the connection is dropped, so that what was sent behind it is not
 * taken for done, and is sent again behind a new try.
 */
static void on_month_opened(void *context, const redisReply *reply) {
    struct store *store = context;
    struct result result = redis_reply_result(reply);
    if (!reply || is_ok(result))
        return;
    log_error(&store->log, "a month cannot be made known, connecting anew: %s", result.text);
    redis_link_drop(store->link);
}

/* Makes the month known before its first date is; on one connection the order of sending is the order of
 * doing. */
static struct result open_month(struct store *store, const struct pipeline *pipeline, game_date date) {
    if (months_has(&store->months, pipeline, date))
        return ok();
    char key[KEY_MAX], month[MONTH_TEXT_MAX];
    struct result result = redis_link_sendv(store->link, on_month_opened, store, "FCALL", "pg_open_month",
        "1", key_months(pipeline, key), month_format(date, month), NULL);
    if (is_ok(result))
        months_add(&store->months, pipeline, date);
    return result;
}

void store_apply(struct store *store, const struct pipeline *pipeline, const struct completion *completion,
    int64_t now_ms, store_applied_fn *applied, void *context) {
    char keys[CALL_KEYS_MAX][KEY_MAX], numbers[4][NUMBER_MAX], date[DATE_TEXT_MAX];
    struct arguments arguments = call_of("pg_apply", "3");
    add(&arguments, key_date(pipeline, completion->date, keys[0]));
    add(&arguments, key_history(pipeline, completion->date, keys[1]));
    add(&arguments, key_outbox(pipeline, completion->date, keys[2]));
    add(&arguments, pipeline->definition);
    add(&arguments, pipeline->name);
    add(&arguments, date_format(completion->date, date));
    add(&arguments, number(now_ms, numbers[0]));
    add(&arguments, completion->processor->abbr);
    add(&arguments, completion_satisfies(completion) ? "1" : "0");
    add(&arguments, status_name(completion->status));
    add(&arguments,
        completion->record_count == ROWS_UNKNOWN ? "?" : number(completion->record_count, numbers[1]));
    add(&arguments, number(completion->records_failed, numbers[2]));
    add(&arguments, number(completion->timestamp_ms, numbers[3]));
    add(&arguments, completion->backfill ? "b" : "l");
    add(&arguments, completion->execution_id);
    add(&arguments, completion->correlation_id);
    add(&arguments, completion->trigger_id);
    add(&arguments, completion->trigger_message_id);
    add(&arguments, completion->error_message);

    struct call *call = call_new(store, context);
    struct result result = store->ready ? open_month(store, pipeline, completion->date) : ok();
    if (call)
        call->tell.applied = applied;
    if (is_ok(result))
        result = send_call(store, &arguments, on_applied, call);
    if (!is_ok(result)) {
        free(call);
        applied(context, result, NULL);
    }
}

static const char *outbox_field(const struct trigger *trigger, char text[OUTBOX_FIELD_MAX]) {
    char date[DATE_TEXT_MAX];
    snprintf(
        text, OUTBOX_FIELD_MAX, "%s/g%d/r%d", date_format(trigger->date, date), trigger->group, trigger->run);
    return text;
}

void store_confirm(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *bus_message_id, int64_t now_ms, store_done_fn *done, void *context) {
    char keys[2][KEY_MAX], numbers[3][NUMBER_MAX], field[OUTBOX_FIELD_MAX];
    struct arguments arguments = call_of("pg_confirm", "2");
    add(&arguments, key_date(pipeline, trigger->date, keys[0]));
    add(&arguments, key_outbox(pipeline, trigger->date, keys[1]));
    add(&arguments, outbox_field(trigger, field));
    add(&arguments, number(trigger->group, numbers[0]));
    add(&arguments, number(trigger->run, numbers[1]));
    add(&arguments, number(now_ms, numbers[2]));
    add(&arguments, bus_message_id);
    send_done_call(store, &arguments, done, context);
}

/* --- Quarantine ----------------------------------------------------------------------------------------- */

static char *attributes_json(const struct message *message) {
    json_t *object = json_object();
    for (size_t i = 0; i < message->attribute_count; i++)
        json_object_set_new(object, message->attributes[i].key, json_string(message->attributes[i].value));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

void store_quarantine(struct store *store, const struct pipeline *pipeline, const struct message *message,
    const char *topic, const char *reason, int64_t now_ms, store_done_fn *done, void *context) {
    char keys[3][KEY_MAX], numbers[3][NUMBER_MAX];
    char *attributes = attributes_json(message);
    size_t kept = message->size < QUARANTINE_BYTES_MAX ? message->size : QUARANTINE_BYTES_MAX;
    struct arguments arguments = call_of("pg_quarantine", "3");
    add(&arguments, key_quarantine(pipeline, keys[0]));
    add(&arguments, key_quarantined(pipeline, message->id, keys[1]));
    add(&arguments, key_counters(pipeline, keys[2]));
    add(&arguments, message->id);
    add(&arguments, number(now_ms, numbers[0]));
    add(&arguments, number(QUARANTINE_ENTRIES_MAX, numbers[1]));
    add(&arguments, reason);
    add(&arguments, topic);
    add_bytes(&arguments, message->data ? message->data : "", kept);
    add(&arguments, number((int64_t)message->size, numbers[2]));
    add(&arguments, attributes ? attributes : "{}");
    send_done_call(store, &arguments, done, context);
    free(attributes);
}

void store_quarantine_drop(struct store *store, const struct pipeline *pipeline, const char *message_id,
    store_done_fn *done, void *context) {
    char keys[2][KEY_MAX];
    struct arguments arguments = call_of("pg_unquarantine", "2");
    add(&arguments, key_quarantine(pipeline, keys[0]));
    add(&arguments, key_quarantined(pipeline, message_id, keys[1]));
    add(&arguments, message_id);
    send_done_call(store, &arguments, done, context);
}
