#include "engine/intake.h"

#include "base/backoff.h"
#include "base/crash_point.h"
#include "core/completion.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One subscription and the pipeline it belongs to. */
struct feed {
    struct feed *next;
    struct intake *intake;
    const struct pipeline *pipeline;
    const struct source *source;
    const struct game_calendar *const *calendar;
    struct log log;
    struct subscription *subscription;
};

/* One delivery in hand, from receiving to ack. */
struct inbound {
    struct inbound *next; /* in the waiting or the spare list */
    struct feed *feed;
    struct delivery *delivery;
    struct arena *arena;
    struct completion completion;
    char quarantine_reason[RESULT_TEXT_MAX]; /* "" when it is to be applied */
};

struct inbound_list {
    struct inbound *first;
    struct inbound **end;
};

struct intake {
    struct intake_parts parts;
    struct feed *feeds;
    struct inbound_list waiting; /* for the store, in order of arrival */
    struct inbound *spare;
    size_t in_hand;
    bool store_ready;
    bool stopped;
    struct backoff backoff;
    uv_timer_t *retry; /* for a store that is there and answers "not now" */
};

enum { EVENT_BYTES_MAX = 8 * COMPLETION_BYTES_MAX, DAY_MS = 24 * 60 * 60 * 1000 };

/* --- Inbound deliveries --------------------------------------------------------------------------------- */

static void append(struct inbound_list *list, struct inbound *inbound) {
    inbound->next = NULL;
    *list->end = inbound;
    list->end = &inbound->next;
}

static struct inbound *take_first(struct inbound_list *list) {
    struct inbound *first = list->first;
    if (!first)
        return NULL;
    list->first = first->next;
    if (!list->first)
        list->end = &list->first;
    return first;
}

static struct inbound *inbound_new(struct intake *intake) {
    struct inbound *inbound = intake->spare;
    if (inbound) {
        intake->spare = inbound->next;
        return inbound;
    }
    inbound = calloc(1, sizeof *inbound);
    if (!inbound)
        return NULL;
    inbound->arena = arena_new(EVENT_BYTES_MAX);
    if (!inbound->arena) {
        free(inbound);
        return NULL;
    }
    return inbound;
}

static void inbound_free(struct inbound *inbound) {
    arena_free(&inbound->arena);
    free(inbound);
}

static void inbound_recycle(struct intake *intake, struct inbound *inbound) {
    arena_reset(inbound->arena);
    inbound->next = intake->spare;
    intake->spare = inbound;
}

/* The delivery is given back to the bus: acked, or to come again. */
static void give_back(struct inbound *inbound, void (*give)(struct delivery *delivery)) {
    struct intake *intake = inbound->feed->intake;
    give(inbound->delivery);
    inbound_recycle(intake, inbound);
    if (--intake->in_hand == 0)
        intake->parts.on_idle(intake->parts.context);
}

static void finish(struct inbound *inbound) {
    inbound->feed->intake->backoff.failures = 0;
    give_back(inbound, bus_ack);
    crash_point(after_ack);
}

/* --- Waiting for the store ------------------------------------------------------------------------------ */

static void set_receiving(struct intake *intake, bool receiving) {
    for (struct feed *feed = intake->feeds; feed; feed = feed->next) {
        if (receiving)
            bus_resume(feed->subscription);
        else
            bus_pause(feed->subscription);
    }
}

static void submit_waiting(struct intake *intake);

static void on_retry(uv_timer_t *timer) {
    submit_waiting(timer->data);
}

static void wait_for_store(struct inbound *inbound) {
    struct intake *intake = inbound->feed->intake;
    append(&intake->waiting, inbound);
    if (!intake->stopped)
        set_receiving(intake, false);
    if (intake->store_ready && !uv_is_active((uv_handle_t *)intake->retry))
        uv_timer_start(intake->retry, on_retry, backoff_next_ms(&intake->backoff), 0);
}

/* --- Store calls ---------------------------------------------------------------------------------------- */

static void submit(struct inbound *inbound);

static void quarantine(struct inbound *inbound, const char *reason) {
    const struct message *message = &inbound->delivery->message;
    struct log log = log_with(&inbound->feed->log, "message_id", message->id);
    log_warning(&log, "quarantined: %s", reason);
    strncpy(inbound->quarantine_reason, reason, sizeof inbound->quarantine_reason - 1);
    crash_point(before_quarantine);
    submit(inbound);
}

static void log_drops(const struct feed *feed, const struct quarantine_drops *drops) {
    if (drops->by_age + drops->by_count + drops->by_bytes == 0)
        return;
    log_warning(&feed->log,
        "the quarantine lets its oldest messages go: %" PRId64 " older than %" PRId64 " days, %" PRId64
        " beyond %d messages, %" PRId64 " beyond %" PRId64 " bytes; see: phasegate quarantine list",
        drops->by_age, feed->intake->parts.quarantine.age_ms / DAY_MS, drops->by_count,
        QUARANTINE_ENTRIES_MAX, drops->by_bytes, feed->intake->parts.quarantine.bytes);
}

static void on_quarantined(void *context, struct result result, const struct quarantine_drops *drops) {
    struct inbound *inbound = context;
    if (is_ok(result)) {
        log_drops(inbound->feed, drops);
        crash_point(after_quarantine);
        inbound->feed->intake->parts.work->quarantined++;
        finish(inbound);
    } else if (result.retryable) {
        wait_for_store(inbound);
    } else { /* it may come again as often as it likes; it must not hold up the others */
        log_error(&inbound->feed->log, "cannot quarantine message %s, so it goes back to the bus: %s",
            inbound->delivery->message.id, result.text);
        give_back(inbound, bus_nack);
    }
}

/* A re-run: what becomes of the groups that rest on it. */
static void log_stale(const struct log *log, const struct pipeline *pipeline,
    const struct completion *completion, int stale_from) {
    char date[DATE_TEXT_MAX];
    const char *name = completion->processor->name;
    if (pipeline->rerun == RERUN_HOLD)
        log_warning(log,
            "%s ran again: group %d and those after it are out of date. Re-runs are on hold; a new run is "
            "opened "
            "by: phasegate replay --rerun --dates %s",
            name, stale_from, date_format(completion->date, date));
    else
        log_info(log,
            "%s ran again: group %d and those after it are out of date; a new run opens after %d s without a "
            "further re-run",
            name, stale_from, pipeline->rerun_settle);
}

static void log_applied(const struct inbound *inbound, const struct applied *applied) {
    const struct completion *completion = &inbound->completion;
    char date[DATE_TEXT_MAX];
    struct log with_date = log_with(&inbound->feed->log, "game_date", date_format(completion->date, date));
    struct log log = log_with(&with_date, "message_id", inbound->delivery->message.id);
    log_debug(&log, "%s: %s %s (%s)", verdict_name(applied->verdict), completion->processor->name,
        status_name(completion->status), completion->execution_id);
    if (applied->closed_no_games)
        log_info(&with_date, "closed as no_games: %s",
            completion->day.games == GAMES_NONE ? "the calendar has no games"
                                                : "all of upstream says no_data");
    if (applied->stale_from > 0)
        log_stale(&with_date, inbound->feed->pipeline, completion, applied->stale_from);
    if (applied->group_state && strcmp(applied->group_state, "failed") == 0)
        log_error(&with_date, "group %d failed: %s: %s", applied->group, completion->processor->name,
            completion->error_message ? completion->error_message : "no error message");
    else if (applied->group_state)
        log_info(&with_date, "group %d is %s", applied->group, applied->group_state);
}

static void count(const struct inbound *inbound, enum verdict verdict) {
    struct replica_work *work = inbound->feed->intake->parts.work;
    work->applied += verdict == VERDICT_APPLIED ? 1 : 0;
    work->duplicates += verdict == VERDICT_DUPLICATE ? 1 : 0;
}

static void hand_on(const struct inbound *inbound, const struct applied *applied) {
    const struct intake_parts *parts = &inbound->feed->intake->parts;
    const struct pipeline *pipeline = inbound->feed->pipeline;
    const char *phase = applied->group_state;
    if (phase && (strcmp(phase, "done") == 0 || strcmp(phase, "failed") == 0))
        parts->on_over(
            parts->context, pipeline, inbound->completion.date, applied->group, applied->group_run);
    if (phase && strcmp(phase, "failed") == 0)
        alerts_group(parts->alerts, ALERT_FAILED, pipeline, inbound->completion.date, applied->group);
    if (applied->outbox_field)
        parts->on_due(parts->context, pipeline, applied->outbox_field, applied->outbox_facts, applied->lease);
    if (applied->outbox_field)
        crash_point(after_decide);
}

static void on_applied(void *context, struct result result, const struct applied *applied) {
    struct inbound *inbound = context;
    struct intake *intake = inbound->feed->intake;
    if (!is_ok(result) && result.retryable) {
        wait_for_store(inbound);
        return;
    }
    if (!is_ok(result)) {
        char reason[RESULT_TEXT_MAX];
        strcpy(reason, fail_within(result, "the store refused it").text);
        quarantine(inbound, reason);
        return;
    }
    crash_point(after_apply);
    log_applied(inbound, applied);
    count(inbound, applied->verdict);
    hand_on(inbound, applied);
    intake->parts.on_stored(intake->parts.context, inbound->feed->pipeline);
    finish(inbound);
}

static void submit(struct inbound *inbound) {
    const struct feed *feed = inbound->feed;
    struct intake *intake = feed->intake;
    int64_t now_ms = clock_now_ms(&intake->parts.clock);
    if (!intake->store_ready)
        wait_for_store(inbound);
    else if (inbound->quarantine_reason[0])
        store_quarantine(intake->parts.store, feed->pipeline, &inbound->delivery->message,
            feed->source->topic, inbound->quarantine_reason, intake->parts.quarantine, now_ms, on_quarantined,
            inbound);
    else
        store_apply(intake->parts.store, feed->pipeline, &inbound->completion, now_ms, on_applied, inbound);
}

/* Each of those that wait now is tried once; one that has to wait again goes to the end. */
static void submit_waiting(struct intake *intake) {
    struct inbound_list again = intake->waiting;
    if (!again.first)
        again.end = &again.first;
    intake->waiting.first = NULL;
    intake->waiting.end = &intake->waiting.first;
    for (struct inbound *inbound = take_first(&again); inbound; inbound = take_first(&again))
        submit(inbound);
    if (!intake->waiting.first && !intake->stopped)
        set_receiving(intake, true);
}

/* --- Receiving ------------------------------------------------------------------------------------------ */

static void on_delivery(void *context, struct delivery *delivery) {
    struct feed *feed = context;
    struct intake *intake = feed->intake;
    struct inbound *inbound = inbound_new(intake);
    if (!inbound) {
        log_error(&feed->log, "out of memory; message %s goes back to the bus", delivery->message.id);
        bus_nack(delivery);
        return;
    }
    intake->in_hand++;
    intake->parts.work->received++;
    inbound->feed = feed;
    inbound->delivery = delivery;
    inbound->quarantine_reason[0] = '\0';
    struct result result = completion_decode(feed->pipeline, &delivery->message,
        clock_now_ms(&intake->parts.clock), inbound->arena, &inbound->completion);
    if (!is_ok(result)) {
        quarantine(inbound, result.text);
        return;
    }
    inbound->completion.day = game_calendar_day(*feed->calendar, inbound->completion.date);
    crash_point(before_apply);
    submit(inbound);
    crash_point(while_applying);
}

struct result intake_open(struct intake *intake, const struct pipeline *pipeline, const struct source *source,
    const struct game_calendar *const *calendar) {
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return fail(CODE_LIMIT, "out of memory");
    feed->intake = intake;
    feed->pipeline = pipeline;
    feed->source = source;
    feed->calendar = calendar;
    feed->log = log_with(intake->parts.log, "pipeline", pipeline->name);
    struct receiver receiver = {
        .on_delivery = on_delivery, .context = feed, .in_hand_max = intake->parts.in_hand_max};
    struct result result = bus_subscribe(intake->parts.bus, source, receiver, &feed->subscription);
    if (!is_ok(result)) {
        free(feed);
        return result;
    }
    feed->next = intake->feeds;
    intake->feeds = feed;
    return ok();
}

/* --- Life ----------------------------------------------------------------------------------------------- */

struct intake *intake_new(struct intake_parts parts) {
    struct intake *intake = calloc(1, sizeof *intake);
    uv_timer_t *retry = calloc(1, sizeof *retry);
    if (!intake || !retry || uv_timer_init(parts.loop, retry) != 0) {
        free(intake);
        free(retry);
        return NULL;
    }
    retry->data = intake;
    intake->parts = parts;
    intake->retry = retry;
    intake->waiting.end = &intake->waiting.first;
    intake->backoff = (struct backoff){.first_ms = 100, .max_ms = 5000};
    return intake;
}

void intake_store_ready(struct intake *intake) {
    intake->store_ready = true;
    submit_waiting(intake);
}

void intake_store_lost(struct intake *intake) {
    intake->store_ready = false;
    if (!intake->stopped)
        set_receiving(intake, false);
}

static void on_tidied(void *context, struct result result, const struct quarantine_drops *drops) {
    if (is_ok(result))
        log_drops(context, drops);
}

void intake_sweep(struct intake *intake) {
    int64_t now_ms = clock_now_ms(&intake->parts.clock);
    for (struct feed *feed = intake->feeds; feed; feed = feed->next)
        store_tidy_quarantine(
            intake->parts.store, feed->pipeline, intake->parts.quarantine, now_ms, on_tidied, feed);
}

void intake_stop(struct intake *intake) {
    if (intake->stopped)
        return;
    intake->stopped = true;
    for (struct feed *feed = intake->feeds; feed; feed = feed->next)
        bus_unsubscribe(feed->subscription);
}

size_t intake_in_hand(const struct intake *intake) {
    return intake->in_hand;
}

static void free_list(struct inbound *first) {
    while (first) {
        struct inbound *next = first->next;
        inbound_free(first);
        first = next;
    }
}

void intake_free(struct intake **intake) {
    if (!*intake)
        return;
    free_list((*intake)->waiting.first);
    free_list((*intake)->spare);
    for (struct feed *feed = (*intake)->feeds, *next; feed; feed = next) {
        next = feed->next;
        free(feed);
    }
    uv_close((uv_handle_t *)(*intake)->retry, (uv_close_cb)free);
    free(*intake);
    *intake = NULL;
}
