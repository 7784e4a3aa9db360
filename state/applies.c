#include "state/applies.h"

#include "state/months.h"

#include <stdlib.h>

/* A completion on its way. */
struct apply {
    struct turn_place place; /* first */
    const struct completion *completion;
    int64_t now_ms;
    bool rebuilt; /* for a rebuild, which takes one after the other */
    store_applied_fn *applied;
    void *context;
};

/* --- The answer ----------------------------------------------------------------------------------------- */

/* A verdict alone is that of a completion which led to nothing. */
static struct result read_applied(struct store *store, const redisReply *reply, struct applied *applied) {
    enum { VERDICT, CLOSED, GROUP, GROUP_RUN, PHASE, STALE_FROM, FIELD, FACTS, PARTS };
    bool alone = reply->type == REDIS_REPLY_INTEGER;
    struct result result = alone ? ok() : reply_check(reply, PARTS, "pg_apply_all");
    if (!is_ok(result))
        return result;
    int verdict = alone ? (int)reply->integer : reply_int(reply, VERDICT);
    if (verdict < 0 || verdict >= VERDICT_COUNT)
        return fail(CODE_INTERNAL, "pg_apply_all answered a verdict that this phasegate does not understand");
    *applied = (struct applied){.verdict = (enum verdict)verdict, .lease = store_new_lease(store, false)};
    if (alone)
        return ok();
    applied->closed_no_games = reply_int(reply, CLOSED) != 0;
    applied->group = reply_int(reply, GROUP);
    applied->group_run = reply_int(reply, GROUP_RUN);
    applied->group_state = reply_text(reply, PHASE);
    applied->stale_from = reply_int(reply, STALE_FROM);
    applied->outbox_field = reply_text(reply, FIELD);
    applied->outbox_facts = reply_text(reply, FACTS);
    return ok();
}

static void tell(struct store *store, const void *item, struct result result, const redisReply *part) {
    const struct apply *apply = item;
    struct applied applied = {0};
    if (is_ok(result))
        result = read_applied(store, part, &applied);
    apply->applied(apply->context, result, is_ok(result) ? &applied : NULL);
}

/* --- The call ------------------------------------------------------------------------------------------- */

static void call_completion(struct call *call, const struct apply *apply) {
    const struct completion *completion = apply->completion;
    call_number(call, apply->now_ms);
    call_text(call, completion->processor->abbr);
    call_text(call, completion_satisfies(completion) ? "1" : "0");
    call_text(call, status_name(completion->status));
    if (completion->record_count == ROWS_UNKNOWN)
        call_text(call, "?");
    else
        call_number(call, completion->record_count);
    call_number(call, completion->records_failed);
    call_number(call, completion->timestamp_ms);
    call_text(call, completion->backfill ? "b" : "l");
    call_text(call, completion->execution_id);
    call_text(call, completion->correlation_id);
    call_text(call, completion->trigger_id);
    call_text(call, completion->trigger_message_id);
    call_text(call, completion->error_message);
    call_text(call, completion->day.games == GAMES_NONE ? "1" : "0");
}

/* Each date's together. */
static void write_call(
    struct store *store, struct call *call, const char *function, const struct turn_list *list) {
    const struct turn_place *first = turn_list_place(list, 0);
    int dates = 0;
    for (size_t i = 0; i < list->count; i += turn_list_date(list, i))
        dates++;
    call_begin(call, function, CALL_KEYS_OF_MONTH + CALL_KEYS_OF_DAY * dates);
    call->proves_room = true;
    call->month = month_memory_of(store_months(store), first->pipeline, first->date);
    call_keys_of_month(call, first->pipeline, first->date);
    for (size_t i = 0; i < list->count; i += turn_list_date(list, i))
        call_keys_of_day(call, first->pipeline, turn_list_place(list, i)->date);
    call_text(call, first->pipeline->definition);
    call_text(call, first->pipeline->name);
    call_lessee(call, store);
    call_lane(call, store);
    for (size_t i = 0, next; i < list->count; i = next) {
        next = i + turn_list_date(list, i);
        call_date(call, turn_list_place(list, i)->date);
        call_number(call, (int64_t)(next - i));
        for (size_t j = i; j < next; j++)
            call_completion(call, turn_list_at(list, j));
    }
}

const struct batch_kind apply_batch = {"pg_apply_all", sizeof(struct apply), write_call, tell};
static const struct batch_kind rebuild_batch = {"pg_rebuild_one", sizeof(struct apply), write_call, tell};

/* --- Sending -------------------------------------------------------------------------------------------- */

static void send_rebuilt(struct store *store, const struct apply *apply) {
    struct turn_list alone = turn_list_of(sizeof *apply);
    batch_add(store, &rebuild_batch, &alone, apply);
    batch_send(store, &rebuild_batch, &alone);
}

static void send_of_known_month(struct store *store, const struct apply *apply) {
    if (apply->rebuilt) {
        send_rebuilt(store, apply);
    } else {
        batch_add(store, &apply_batch, &store_applies(store)->completions, apply);
        turn_await(store_turn(store));
    }
}

/* --- A month that is not known yet ---------------------------------------------------------------------- */

/* Its completions wait until it is: a date that no reader and no sweep finds is as good as lost. */
struct opening {
    struct opening *next;
    const struct pipeline *pipeline;
    char month[MONTH_TEXT_MAX];
    game_date date; /* one of it */
    struct turn_list waiting;
};

static struct opening *find_opening(const struct applies *applies, const struct apply *apply) {
    struct opening *opening = applies->openings;
    while (opening && !turn_place_is_in(&apply->place, opening->pipeline, opening->month))
        opening = opening->next;
    return opening;
}

static void on_month_opened(
    struct store *store, struct result result, const redisReply *reply, union told told, void *context) {
    struct opening *opening = context, **at = &store_applies(store)->openings;
    (void)reply;
    (void)told;
    while (*at != opening)
        at = &(*at)->next;
    *at = opening->next;
    if (is_ok(result))
        months_add(store_known_months(store), opening->pipeline, opening->date);
    for (size_t i = 0; i < opening->waiting.count; i++) {
        if (is_ok(result))
            send_of_known_month(store, turn_list_at(&opening->waiting, i));
        else
            tell(store, turn_list_at(&opening->waiting, i), result, NULL);
    }
    turn_list_clear(&opening->waiting);
    free(opening);
}

static void open_month(struct store *store, const struct apply *apply) {
    struct applies *applies = store_applies(store);
    struct opening *opening = calloc(1, sizeof *opening);
    if (opening)
        opening->waiting = turn_list_of(sizeof *apply);
    if (!opening || !turn_list_add(&opening->waiting, apply)) {
        free(opening);
        tell(store, apply, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    opening->pipeline = apply->place.pipeline;
    opening->date = apply->place.date;
    month_format(opening->date, opening->month);
    opening->next = applies->openings;
    applies->openings = opening;
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_open_month", 1);
    call_key(&call, key_months(opening->pipeline, key));
    call_text(&call, opening->month);
    call_send(store, &call, on_month_opened, (union told){0}, opening);
}

static void submit(struct store *store, const struct apply *apply) {
    struct opening *opening = find_opening(store_applies(store), apply);
    if (!store_is_ready(store))
        tell(store, apply, fail(CODE_UNAVAILABLE, "the store is away"), NULL);
    else if (opening)
        batch_add(store, &apply_batch, &opening->waiting, apply);
    else if (months_has(store_known_months(store), apply->place.pipeline, apply->place.date))
        send_of_known_month(store, apply);
    else
        open_month(store, apply);
}

/* --- The calls of the store ----------------------------------------------------------------------------- */

void store_apply(struct store *store, const struct pipeline *pipeline, const struct completion *completion,
    int64_t now_ms, store_applied_fn *applied, void *context) {
    const struct apply apply = {{.pipeline = pipeline, .date = completion->date}, completion, now_ms,
        .applied = applied, .context = context};
    submit(store, &apply);
}

void store_rebuild_apply(struct store *store, const struct pipeline *pipeline,
    const struct completion *completion, int64_t published_ms, store_applied_fn *applied, void *context) {
    const struct apply apply = {{.pipeline = pipeline, .date = completion->date}, completion, published_ms,
        .rebuilt = true, .applied = applied, .context = context};
    submit(store, &apply);
}
