#include "state/rebuild.h"

#include "state/call.h"
#include "state/kept_form.h"

#include <stdlib.h>

/* --- Beginning and ending ------------------------------------------------------------------------------- */

static MUST_CHECK struct result expect_number(
    struct result result, const redisReply *reply, const char *function, int64_t *number) {
    if (!is_ok(result))
        return result;
    if (reply->type != REDIS_REPLY_INTEGER)
        return fail(CODE_INTERNAL, "%s answered what this phasegate does not understand", function);
    *number = reply->integer;
    return ok();
}

static void on_begun(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    int64_t since_ms = 0;
    (void)store;
    result = expect_number(result, reply, "pg_rebuild_begin", &since_ms);
    tell.begun(context, result, since_ms);
}

void store_rebuild_begin(struct store *store, const struct pipeline *pipeline, int64_t now_ms,
    int64_t seek_ms, store_rebuild_begun_fn *begun, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_rebuild_begin", 2);
    call_key(&call, key_epoch(pipeline, key));
    call_key(&call, key_backfill(pipeline, key));
    call_number(&call, now_ms);
    call_number(&call, seek_ms);
    call_send(store, &call, on_begun, (union told){.begun = begun}, context);
}

static void on_ended(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    int64_t ended = 0;
    (void)store;
    result = expect_number(result, reply, "pg_rebuild_end", &ended);
    tell.ended(context, result, ended == 1);
}

void store_rebuild_end(
    struct store *store, const struct pipeline *pipeline, store_rebuild_ended_fn *ended, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_rebuild_end", 3);
    call_key(&call, key_epoch(pipeline, key));
    call_key(&call, key_backfill(pipeline, key));
    call_key(&call, key_rebuild(pipeline, key));
    call_send(store, &call, on_ended, (union told){.ended = ended}, context);
}

/* --- Messages ------------------------------------------------------------------------------------------- */

static void on_kept(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    int64_t kept = KEPT_OVER;
    (void)store;
    result = expect_number(result, reply, "pg_rebuild_keep", &kept);
    tell.kept(context, result, (enum kept)kept);
}

void store_rebuild_keep(struct store *store, const struct pipeline *pipeline, const struct message *message,
    int64_t now_ms, store_kept_fn *kept, void *context) {
    char key[KEY_MAX];
    size_t size;
    char *form = kept_form_make(message, &size);
    if (!form) {
        kept(context, fail(CODE_UNAVAILABLE, "out of memory"), KEPT_OVER);
        return;
    }
    struct call call;
    call_begin(&call, "pg_rebuild_keep", 2);
    call_key(&call, key_epoch(pipeline, key));
    call_key(&call, key_rebuild(pipeline, key));
    call_number(&call, now_ms);
    call_number(&call, message->published_ms);
    call_bytes(&call, form, size);
    call_number(&call, REBUILD_MESSAGES_MAX);
    call_send(store, &call, on_kept, (union told){.kept = kept}, context);
    free(form);
}

void store_rebuild_taken(struct store *store, const struct pipeline *pipeline,
    const struct kept_message *kept, store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_rebuild_taken", 1);
    call_key(&call, key_rebuild(pipeline, key));
    call_bytes(&call, kept->form, kept->form_size);
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}

/* --- Triggers ------------------------------------------------------------------------------------------- */

static void on_sent(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    int64_t has_place = 0;
    (void)store;
    result = expect_number(result, reply, "pg_rebuild_sent", &has_place);
    tell.sent(context, result, has_place == 1);
}

void store_rebuild_sent(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t published_ms, const char *bus_message_id, store_sent_fn *sent, void *context) {
    struct call call;
    call_begin(&call, "pg_rebuild_sent", CALL_KEYS_OF_DATE);
    call_keys_of_date(&call, pipeline, trigger->date);
    call_text(&call, pipeline->definition);
    call_date(&call, trigger->date);
    call_number(&call, published_ms);
    call_number(&call, trigger->group);
    call_number(&call, trigger->run);
    call_text(&call, bus_message_id);
    call_lane(&call, store);
    call_send(store, &call, on_sent, (union told){.sent = sent}, context);
}

void store_rebuild_slot(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t until_ms, store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_rebuild_slot", 1);
    call_key(&call, key_slots(pipeline, trigger->group, key));
    call_outbox_field(&call, trigger);
    call_number(&call, until_ms);
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}
