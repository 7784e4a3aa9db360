#include "state/applies.h"

#include "state/months.h"

#include <stdlib.h>
#include <string.h>

/*
 * Most completions of one call: so many that a call's own cost is shared, and so few that nobody else waits
 * for long (Redis does nothing else meanwhile) and that it fits into what Redis reads at once, 16 KB.
 */
enum { BATCH_MAX = 32, FIRST_ROOM = 64 };

/* --- The answer ----------------------------------------------------------------------------------------- */

/* A verdict alone is that of a completion which led to nothing. */
static struct result read_applied(struct store *store, const redisReply *reply, struct applied *applied) {
    enum { VERDICT, CLOSED, GROUP, GROUP_RUN, PHASE, STALE_FROM, FIELD, FACTS, PARTS };
    bool alone = reply->type == REDIS_REPLY_INTEGER;
    struct result result = call_result(store, reply);
    if (is_ok(result) && !alone)
        result = reply_check(reply, PARTS, "pg_apply_all");
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

static void tell(const struct apply *apply, struct result result, const struct applied *applied) {
    apply->applied(apply->context, result, applied);
}

/* Those of one call, in the order in which its answer has them. */
struct batch {
    size_t count;
    struct apply applies[];
};

static void on_applied(
    struct store *store, struct result result, const redisReply *reply, union told told, void *context) {
    struct batch *batch = context;
    (void)told;
    if (is_ok(result))
        result = reply_check(reply, 1 + batch->count, "pg_apply_all");
    if (is_ok(result) && reply->element[0]->integer > 0)
        store_note_step(store, reply->element[0]->integer);
    for (size_t i = 0; i < batch->count; i++) {
        struct applied applied = {0};
        struct result one = is_ok(result) ? read_applied(store, reply->element[1 + i], &applied) : result;
        tell(&batch->applies[i], one, is_ok(one) ? &applied : NULL);
    }
    free(batch);
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

/* How many of those from the first on are of its date. */
static size_t same_date(const struct apply *applies, size_t count) {
    size_t same = 1;
    while (same < count && applies[same].completion->date == applies[0].completion->date)
        same++;
    return same;
}

/* Of one month, each date's together. */
static void call_apply(
    struct store *store, struct call *call, const char *function, const struct apply *applies, size_t count) {
    const struct pipeline *pipeline = applies[0].pipeline;
    game_date first = applies[0].completion->date;
    size_t dates = 0;
    for (size_t i = 0; i < count; i += same_date(&applies[i], count - i))
        dates++;
    call_begin(call, function, CALL_KEYS_OF_MONTH + CALL_KEYS_OF_DAY * (int)dates);
    call->proves_room = true;
    call->month = month_memory_of(store_months(store), pipeline, first);
    call_keys_of_month(call, pipeline, first);
    for (size_t i = 0; i < count; i += same_date(&applies[i], count - i))
        call_keys_of_day(call, pipeline, applies[i].completion->date);
    call_text(call, pipeline->definition);
    call_text(call, pipeline->name);
    call_lessee(call, store);
    call_lane(call, store);
    for (size_t i = 0, same; i < count; i += same) {
        same = same_date(&applies[i], count - i);
        call_date(call, applies[i].completion->date);
        call_number(call, (int64_t)same);
        for (size_t j = i; j < i + same; j++)
            call_completion(call, &applies[j]);
    }
}

static void send_batch(struct store *store, const char *function, const struct apply *applies, size_t count) {
    struct batch *batch = malloc(sizeof *batch + count * sizeof *applies);
    if (!batch) {
        for (size_t i = 0; i < count; i++)
            tell(&applies[i], fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    batch->count = count;
    for (size_t i = 0; i < count; i++)
        batch->applies[i] = applies[i];
    struct call call;
    call_apply(store, &call, function, applies, count);
    call_send(store, &call, on_applied, (union told){0}, batch);
}

/* --- Lists ---------------------------------------------------------------------------------------------- */

static bool list_add(struct apply_list *list, struct apply apply) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : FIRST_ROOM;
        struct apply *items = realloc(list->items, room * sizeof *items);
        if (!items)
            return false;
        list->items = items;
        list->room = room;
    }
    apply.place = list->count;
    list->items[list->count++] = apply;
    return true;
}

static void list_add_or_tell(struct apply_list *list, const struct apply *apply) {
    if (!list_add(list, *apply))
        tell(apply, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
}

/* --- What waits for the end of the turn ----------------------------------------------------------------- */

static int by_date(const void *left, const void *right) {
    const struct apply *a = left, *b = right;
    if (a->pipeline != b->pipeline)
        return a->pipeline < b->pipeline ? -1 : 1;
    if (a->completion->date != b->completion->date)
        return a->completion->date < b->completion->date ? -1 : 1;
    return a->place < b->place ? -1 : 1;
}

static bool is_of_month(const struct apply *apply, const struct pipeline *pipeline, const char *month) {
    char text[MONTH_TEXT_MAX];
    return apply->pipeline == pipeline && strcmp(month_format(apply->completion->date, text), month) == 0;
}

/* How many of those from the first on go into its call. */
static size_t same_call(const struct apply *applies, size_t count) {
    char month[MONTH_TEXT_MAX];
    size_t same = 1;
    month_format(applies[0].completion->date, month);
    while (same < count && same < BATCH_MAX && is_of_month(&applies[same], applies[0].pipeline, month))
        same++;
    return same;
}

/* Those that are told at once may come again at once: they wait for the next turn. */
void applies_flush(struct applies *applies) {
    struct apply_list list = applies->waiting;
    uv_idle_stop(&applies->turn);
    applies->waiting = (struct apply_list){0};
    if (list.count > 1)
        qsort(list.items, list.count, sizeof *list.items, by_date);
    for (size_t i = 0, same; i < list.count; i += same) {
        same = same_call(&list.items[i], list.count - i);
        send_batch(applies->store, "pg_apply_all", &list.items[i], same);
    }
    free(list.items);
}

static void on_turn(uv_idle_t *turn) {
    applies_flush(turn->data);
}

static void send_of_known_month(struct store *store, const struct apply *apply) {
    struct applies *applies = store_applies(store);
    if (apply->rebuilt) {
        send_batch(store, "pg_rebuild_one", apply, 1);
    } else {
        list_add_or_tell(&applies->waiting, apply);
        uv_idle_start(&applies->turn, on_turn);
    }
}

/* --- A month that is not known yet ---------------------------------------------------------------------- */

/* Its completions wait until it is: a date that no reader and no sweep finds is as good as lost. */
struct opening {
    struct opening *next;
    const struct pipeline *pipeline;
    char month[MONTH_TEXT_MAX];
    game_date date; /* one of it */
    struct apply_list waiting;
};

static struct opening *find_opening(const struct applies *applies, const struct apply *apply) {
    struct opening *opening = applies->openings;
    while (opening && !is_of_month(apply, opening->pipeline, opening->month))
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
            send_of_known_month(store, &opening->waiting.items[i]);
        else
            tell(&opening->waiting.items[i], result, NULL);
    }
    free(opening->waiting.items);
    free(opening);
}

static void open_month(struct store *store, const struct apply *apply) {
    struct applies *applies = store_applies(store);
    struct opening *opening = calloc(1, sizeof *opening);
    if (!opening || !list_add(&opening->waiting, *apply)) {
        free(opening);
        tell(apply, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    opening->pipeline = apply->pipeline;
    opening->date = apply->completion->date;
    month_format(opening->date, opening->month);
    opening->next = applies->openings;
    applies->openings = opening;
    char key[KEY_MAX];
    struct call call;
    call_begin(&call, "pg_open_month", 1);
    call_key(&call, key_months(apply->pipeline, key));
    call_text(&call, opening->month);
    call_send(store, &call, on_month_opened, (union told){0}, opening);
}

static void submit(struct store *store, const struct apply *apply) {
    struct opening *opening = find_opening(store_applies(store), apply);
    if (!store_is_ready(store))
        tell(apply, fail(CODE_UNAVAILABLE, "the store is away"), NULL);
    else if (opening)
        list_add_or_tell(&opening->waiting, apply);
    else if (months_has(store_known_months(store), apply->pipeline, apply->completion->date))
        send_of_known_month(store, apply);
    else
        open_month(store, apply);
}

/* --- The calls of the store ----------------------------------------------------------------------------- */

void store_apply(struct store *store, const struct pipeline *pipeline, const struct completion *completion,
    int64_t now_ms, store_applied_fn *applied, void *context) {
    const struct apply apply = {pipeline, completion, now_ms, .applied = applied, .context = context};
    submit(store, &apply);
}

void store_rebuild_apply(struct store *store, const struct pipeline *pipeline,
    const struct completion *completion, int64_t published_ms, store_applied_fn *applied, void *context) {
    const struct apply apply = {
        pipeline, completion, published_ms, .rebuilt = true, .applied = applied, .context = context};
    submit(store, &apply);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

void applies_init(struct applies *applies, struct store *store, uv_loop_t *loop) {
    *applies = (struct applies){.store = store};
    uv_idle_init(loop, &applies->turn);
    applies->turn.data = applies;
}

static void on_turn_closed(uv_handle_t *turn) {
    struct applies *applies = turn->data;
    applies->closed(applies->store);
}

void applies_close(struct applies *applies, void (*closed)(struct store *store)) {
    applies->closed = closed;
    uv_close((uv_handle_t *)&applies->turn, on_turn_closed);
}
