#include "state/applies.h"

#include "state/months.h"

#include <stdlib.h>
#include <string.h>

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

/* Of one month, each date's together: those of the list from first to before end. */
static void call_apply(struct store *store, struct call *call, const char *function,
    const struct turn_list *list, size_t first, size_t end) {
    const struct turn_place *place = turn_list_at(list, first);
    int dates = 0;
    for (size_t i = first; i < end; i += turn_list_date(list, i, end))
        dates++;
    call_begin(call, function, CALL_KEYS_OF_MONTH + CALL_KEYS_OF_DAY * dates);
    call->proves_room = true;
    call->month = month_memory_of(store_months(store), place->pipeline, place->date);
    call_keys_of_month(call, place->pipeline, place->date);
    for (size_t i = first; i < end; i += turn_list_date(list, i, end))
        call_keys_of_day(call, place->pipeline, ((struct apply *)turn_list_at(list, i))->place.date);
    call_text(call, place->pipeline->definition);
    call_text(call, place->pipeline->name);
    call_lessee(call, store);
    call_lane(call, store);
    for (size_t i = first, next; i < end; i = next) {
        next = i + turn_list_date(list, i, end);
        call_date(call, ((struct apply *)turn_list_at(list, i))->place.date);
        call_number(call, (int64_t)(next - i));
        for (size_t j = i; j < next; j++)
            call_completion(call, turn_list_at(list, j));
    }
}

static void send_batch(
    struct store *store, const char *function, const struct turn_list *list, size_t first, size_t count) {
    struct batch *batch = malloc(sizeof *batch + count * sizeof *batch->applies);
    if (!batch) {
        for (size_t i = first; i < first + count; i++)
            tell(turn_list_at(list, i), fail(CODE_UNAVAILABLE, "out of memory"), NULL);
        return;
    }
    batch->count = count;
    memcpy(batch->applies, turn_list_at(list, first), count * sizeof *batch->applies);
    struct call call;
    call_apply(store, &call, function, list, first, first + count);
    call_send(store, &call, on_applied, (union told){0}, batch);
}

/* --- What waits for the end of the turn ----------------------------------------------------------------- */

static void add_or_tell(struct turn_list *list, const struct apply *apply) {
    if (!turn_list_add(list, apply, sizeof *apply))
        tell(apply, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
}

/* Those that are told at once may come again at once: they wait for the next turn. */
void applies_flush(struct store *store) {
    struct applies *applies = store_applies(store);
    struct turn_list list = applies->completions;
    applies->completions = (struct turn_list){0};
    turn_list_sort(&list);
    for (size_t i = 0, count; i < list.count; i += count) {
        count = turn_list_call(&list, i);
        send_batch(store, "pg_apply_all", &list, i, count);
    }
    turn_list_clear(&list);
}

static void send_rebuilt(struct store *store, const struct apply *apply) {
    struct turn_list alone = {0};
    add_or_tell(&alone, apply);
    if (alone.count == 1)
        send_batch(store, "pg_rebuild_one", &alone, 0, 1);
    turn_list_clear(&alone);
}

static void send_of_known_month(struct store *store, const struct apply *apply) {
    if (apply->rebuilt) {
        send_rebuilt(store, apply);
    } else {
        add_or_tell(&store_applies(store)->completions, apply);
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
            tell(turn_list_at(&opening->waiting, i), result, NULL);
    }
    turn_list_clear(&opening->waiting);
    free(opening);
}

static void open_month(struct store *store, const struct apply *apply) {
    struct applies *applies = store_applies(store);
    struct opening *opening = calloc(1, sizeof *opening);
    if (!opening || !turn_list_add(&opening->waiting, apply, sizeof *apply)) {
        free(opening);
        tell(apply, fail(CODE_UNAVAILABLE, "out of memory"), NULL);
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
        tell(apply, fail(CODE_UNAVAILABLE, "the store is away"), NULL);
    else if (opening)
        add_or_tell(&opening->waiting, apply);
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
