#include "state/epoch.h"

#include "state/call.h"
#include "state/epoch_text.h"

#include <stdio.h>
#include <stdlib.h>

struct raising {
    store_epoch_fn *raised;
    void *context;
    int64_t now_ms;
};

static MUST_CHECK struct result read_epoch(const redisReply *reply, int64_t now_ms, struct epoch *epoch) {
    enum { VALUE, IDENTITY, OWN, MADE, FOUND, LOST, REBUILD, PARTS };
    struct result result = reply_check(reply, PARTS, "pg_epoch");
    if (!is_ok(result))
        return result;
    const char *identity = reply_text(reply, IDENTITY);
    *epoch = (struct epoch){.now = {.value = reply->element[VALUE]->integer,
                                .own = reply->element[OWN]->integer,
                                .seen_ms = now_ms},
        .made_ms = reply->element[MADE]->integer,
        .found = forgotten_parse(reply_text(reply, FOUND)),
        .lost = lost_epoch_parse(reply_text(reply, LOST)),
        .rebuilding = reply_text(reply, REBUILD) != NULL};
    snprintf(epoch->now.identity, sizeof epoch->now.identity, "%s", identity ? identity : "");
    return ok();
}

static void on_raised(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context) {
    struct raising *raising = context;
    struct raising told = *raising;
    struct epoch epoch;
    (void)store;
    (void)tell;
    free(raising);
    if (is_ok(result))
        result = read_epoch(reply, told.now_ms, &epoch);
    told.raised(told.context, result, is_ok(result) ? &epoch : NULL);
}

void store_raise_epoch(struct store *store, const struct pipeline *pipeline, const char *replica,
    const char *fresh, const struct epoch_memory *memory, int64_t now_ms, store_epoch_fn *raised,
    void *context) {
    char key[KEY_MAX];
    struct call call;
    struct raising *raising = malloc(sizeof *raising);
    if (!raising) {
        raised(context, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    *raising = (struct raising){.raised = raised, .context = context, .now_ms = now_ms};
    call_begin(&call, "pg_epoch", 1);
    call_key(&call, key_epoch(pipeline, key));
    call_number(&call, now_ms);
    call_text(&call, fresh);
    call_text(&call, replica);
    call_text(&call, memory->identity);
    call_number(&call, memory->value);
    call_number(&call, memory->own);
    call_number(&call, memory->seen_ms);
    call_send(store, &call, on_raised, (union told){0}, raising);
}

void store_settle_epoch(
    struct store *store, const struct pipeline *pipeline, store_done_fn *done, void *context) {
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_epoch_settle", 1);
    call_key(&call, key_epoch(pipeline, key));
    call_send(store, &call, call_answer_done, (union told){.done = done}, context);
}
