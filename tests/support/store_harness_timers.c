#include "support/store_harness_call.h"

#include "support/check.h"

/* --- Timers and operators ------------------------------------------------------------------------------- */

static void on_due(void *context, struct result result, const game_date *date) {
    struct store_harness *harness = context;
    struct store_answer *answer = &harness->answer;
    if (!is_ok(result) || !date) {
        harness_call_done(harness, result);
        return;
    }
    answer->dates = harness_call_grow(harness, answer->dates, answer->date_count, sizeof *answer->dates);
    if (answer->dates)
        answer->dates[answer->date_count++] = *date;
    else
        answer->result = harness_arena_is_full();
}

struct result harness_try_due(struct store_harness *harness, const struct pipeline *pipeline, int64_t now_ms,
    const game_date **dates, size_t *count) {
    harness_call_begin(harness, pipeline, 1);
    store_due(harness->store, pipeline, now_ms, on_due, harness);
    struct result result = harness_call_finish(harness, "the dates that are due");
    if (is_ok(result)) {
        *dates = harness->answer.dates;
        *count = harness->answer.date_count;
    }
    return result;
}

/* An outbox entry that an answer names; *field and *facts become copies. */
static struct result copy_entry(
    struct store_harness *harness, const char **field, const char **facts, struct trigger *trigger) {
    *field = arena_strdup(harness->arena, *field);
    *facts = arena_strdup(harness->arena, *facts);
    return *field ? trigger_from_outbox(harness->answer.pipeline, *field, *facts, harness->arena, trigger)
                  : ok();
}

static void on_ticked(void *context, struct result result, const struct ticked *ticked) {
    struct store_harness *harness = context;
    if (is_ok(result)) {
        struct ticked_copy *copy = &harness->answer.ticked;
        copy->ticked = *ticked;
        copy->ticked.waits_for = arena_strdup(harness->arena, ticked->waits_for);
        result = copy_entry(harness, &copy->ticked.outbox_field, &copy->ticked.outbox_facts, &copy->trigger);
    }
    harness_call_done(harness, result);
}

struct result harness_try_tick(struct store_harness *harness, const struct pipeline *pipeline, game_date date,
    int64_t now_ms, struct ticked_copy *ticked) {
    harness_call_begin(harness, pipeline, 1);
    store_tick(harness->store, pipeline, date, now_ms, on_ticked, harness);
    struct result result = harness_call_finish(harness, "an answer to tick");
    if (is_ok(result))
        *ticked = harness->answer.ticked;
    return result;
}

struct ticked_copy harness_tick(
    struct store_harness *harness, const struct pipeline *pipeline, game_date date, int64_t now_ms) {
    struct ticked_copy ticked = {0};
    check_ok(harness_try_tick(harness, pipeline, date, now_ms, &ticked));
    return ticked;
}

static void on_replayed(void *context, struct result result, const struct replayed *replayed) {
    struct store_harness *harness = context;
    if (is_ok(result)) {
        struct replayed_copy *copy = &harness->answer.replayed;
        copy->replayed = *replayed;
        result =
            copy_entry(harness, &copy->replayed.outbox_field, &copy->replayed.outbox_facts, &copy->trigger);
    }
    harness_call_done(harness, result);
}

struct result harness_try_replay(struct store_harness *harness, const struct pipeline *pipeline,
    game_date date, enum replay replay, int from_group, int64_t now_ms, struct replayed_copy *replayed) {
    harness_call_begin(harness, pipeline, 1);
    store_replay(harness->store, pipeline, date, replay, from_group, now_ms, on_replayed, harness);
    struct result result = harness_call_finish(harness, "an answer to replay");
    if (is_ok(result))
        *replayed = harness->answer.replayed;
    return result;
}

struct replayed_copy harness_replay(struct store_harness *harness, const struct pipeline *pipeline,
    game_date date, enum replay replay, int from_group, int64_t now_ms) {
    struct replayed_copy replayed = {0};
    check_ok(harness_try_replay(harness, pipeline, date, replay, from_group, now_ms, &replayed));
    return replayed;
}

static void on_cancelled(void *context, struct result result, bool cancelled) {
    struct store_harness *harness = context;
    harness->answer.cancelled = cancelled;
    harness_call_done(harness, result);
}

struct result harness_try_cancel(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms, bool *cancelled) {
    harness_call_begin(harness, pipeline, 1);
    store_cancel(harness->store, pipeline, trigger, now_ms, on_cancelled, harness);
    struct result result = harness_call_finish(harness, "an answer to cancel");
    if (is_ok(result))
        *cancelled = harness->answer.cancelled;
    return result;
}

bool harness_cancel(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms) {
    bool cancelled = false;
    check_ok(harness_try_cancel(harness, pipeline, trigger, now_ms, &cancelled));
    return cancelled;
}

/* --- Slots ---------------------------------------------------------------------------------------------- */

static void on_claimed(void *context, struct result result, enum claim claim, struct lease lease) {
    struct store_harness *harness = context;
    harness->answer.lease = lease;
    harness->answer.claim = claim;
    harness_call_done(harness, result);
}

struct result harness_try_claim(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms, enum claim *claim) {
    harness_call_begin(harness, pipeline, 1);
    store_claim(harness->store, pipeline, trigger, now_ms, on_claimed, harness);
    struct result result = harness_call_finish(harness, "an answer to claim");
    if (is_ok(result))
        *claim = harness->answer.claim;
    return result;
}

enum claim harness_claim(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms) {
    enum claim claim = CLAIM_FULL;
    check_ok(harness_try_claim(harness, pipeline, trigger, now_ms, &claim));
    return claim;
}

struct result harness_try_release(
    struct store_harness *harness, const struct pipeline *pipeline, const struct trigger *trigger) {
    harness_call_begin(harness, pipeline, 1);
    store_release(harness->store, pipeline, trigger, harness_call_done, harness);
    return harness_call_finish(harness, "an answer to release");
}

static void on_freed(void *context, struct result result, int freed) {
    struct store_harness *harness = context;
    harness->answer.freed = freed;
    harness_call_done(harness, result);
}

struct result harness_try_reclaim(
    struct store_harness *harness, const struct pipeline *pipeline, int group, int64_t now_ms, int *freed) {
    harness_call_begin(harness, pipeline, 1);
    store_reclaim(harness->store, pipeline, group, now_ms, on_freed, harness);
    struct result result = harness_call_finish(harness, "an answer to reclaim");
    if (is_ok(result))
        *freed = harness->answer.freed;
    return result;
}

struct result harness_try_pause(
    struct store_harness *harness, const struct pipeline *pipeline, bool paused, int64_t now_ms) {
    harness_call_begin(harness, pipeline, 1);
    store_pause_backfill(harness->store, pipeline, paused, now_ms, harness_call_done, harness);
    return harness_call_finish(harness, "an answer to pause");
}
