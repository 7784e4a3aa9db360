#include "engine/intake.h"

#include "base/crash_point.h"
#include "core/completion.h"
#include "engine/intake_log.h"
#include "engine/retries.h"
#include "state/rebuild.h"

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
    bool receiving;
    size_t waiting; /* deliveries that could not be finished at once … */
    size_t stuck;   /* … and of these, those that not even the quarantine takes */
    bool told_undecided;
};

/* One delivery in hand, from receiving to ack. */
struct inbound {
    struct retry retry;   /* the first member; while it waits to be tried again */
    struct inbound *next; /* in the spare list */
    struct feed *feed;
    struct delivery *delivery;
    struct arena *arena;
    struct completion completion;
    bool decoded;
    bool waits; /* it had to be tried again, and counts as waiting until it is given back */
    bool stuck;
    char quarantine_reason[RESULT_TEXT_MAX]; /* "" when it is to be applied */
};

struct intake {
    struct intake_parts parts;
    struct feed *feeds;
    struct retries *retries;
    struct inbound *spare;
    size_t in_hand;
    bool store_ready;
    bool stopped;
};

enum {
    EVENT_BYTES_MAX = 8 * COMPLETION_BYTES_MAX,
    FIRST_WAIT_MS = 100,
    LONGEST_WAIT_MS = 5000,
    LONGEST_STUCK_MS = 60000,
    IN_HAND_DEFAULT = 1000, /* as bus.h has it */
};

/* --- Inbound deliveries --------------------------------------------------------------------------------- */

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

/* --- Trying again, and giving back --------------------------------------------------------------------- */

/*
 * What waits keeps its place among the deliveries out at once. So a feed goes on receiving while some of them
 * wait, and pauses when it is half of them: then it is not a few dates that fail, but the store.
 */
static size_t waiting_max(const struct intake *intake) {
    size_t most = intake->parts.in_hand_max > 0 ? intake->parts.in_hand_max : IN_HAND_DEFAULT;
    return most > 1 ? most / 2 : 1;
}

static void set_receiving(struct feed *feed) {
    const struct intake *intake = feed->intake;
    bool receiving = intake->store_ready && feed->waiting < waiting_max(intake);
    if (intake->stopped || receiving == feed->receiving)
        return;
    feed->receiving = receiving;
    if (receiving)
        bus_resume(feed->subscription);
    else
        bus_pause(feed->subscription);
}

static void set_all_receiving(struct intake *intake) {
    for (struct feed *feed = intake->feeds; feed; feed = feed->next)
        set_receiving(feed);
}

/* The delivery is given back to the bus: acked, or to come again. */
static void give_back(struct inbound *inbound, void (*give)(struct delivery *delivery)) {
    struct feed *feed = inbound->feed;
    struct intake *intake = feed->intake;
    feed->waiting -= inbound->waits ? 1 : 0;
    feed->stuck -= inbound->stuck ? 1 : 0;
    give(inbound->delivery);
    inbound_recycle(intake, inbound);
    set_receiving(feed);
    if (--intake->in_hand == 0)
        intake->parts.on_idle(intake->parts.context);
}

static void finish(struct inbound *inbound) {
    give_back(inbound, bus_ack);
    crash_point(after_ack);
}

static void wait_to_try_again(struct inbound *inbound, uint64_t longest_ms) {
    inbound->retry.backoff.max_ms = longest_ms;
    inbound->feed->waiting += inbound->waits ? 0 : 1;
    inbound->waits = true;
    retries_add(inbound->feed->intake->retries, &inbound->retry);
    set_receiving(inbound->feed);
}

static void handle(struct inbound *inbound);

static void on_again(struct retry *retry) {
    handle((struct inbound *)retry);
}

/* A refusal that is about us, not about the message: an operator has to mend it, and it may take a while. */
static bool waits_for_store(struct inbound *inbound, struct result result) {
    if (!result.retryable && result.code != CODE_REFUSED)
        return false;
    if (result.code == CODE_REFUSED)
        log_error(&inbound->feed->log,
            "the store refuses this phasegate; nothing is acked, and all is tried again until it does not: "
            "%s",
            result.text);
    wait_to_try_again(inbound, LONGEST_WAIT_MS);
    return true;
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

/*
 * Not even the quarantine takes it. It stays in hand and is tried again less and less often, so that it does
 * not come again and again; when there are many of them it goes back to the bus, so that they do not hold up
 * the others.
 */
static void get_stuck(struct inbound *inbound, struct result result) {
    struct feed *feed = inbound->feed;
    struct log log = log_with(&feed->log, "message_id", inbound->delivery->message.id);
    log_error(&log,
        "cannot be put into quarantine, and is not acked; it is tried again until somebody mends the store: "
        "%s",
        result.text);
    if (!inbound->stuck && feed->stuck >= waiting_max(feed->intake) / 2) {
        give_back(inbound, bus_nack);
        return;
    }
    feed->stuck += inbound->stuck ? 0 : 1;
    inbound->stuck = true;
    wait_to_try_again(inbound, LONGEST_STUCK_MS);
}

static void on_quarantined(void *context, struct result result, const struct quarantine_drops *drops) {
    struct inbound *inbound = context;
    if (is_ok(result)) {
        log_quarantine_drops(&inbound->feed->log, inbound->feed->intake->parts.quarantine, drops);
        crash_point(after_quarantine);
        inbound->feed->intake->parts.work->quarantined++;
        finish(inbound);
    } else if (!waits_for_store(inbound, result)) {
        get_stuck(inbound, result);
    }
}

static void count(const struct inbound *inbound, enum verdict verdict) {
    struct replica_work *work = inbound->feed->intake->parts.work;
    work->applied += verdict == VERDICT_APPLIED ? 1 : 0;
    work->duplicates += verdict == VERDICT_DUPLICATE ? 1 : 0;
}

/* It names a trigger of the date's run whose group has not started: nobody who knows the date has sent that.
 */
static void note_undecided(struct inbound *inbound, enum verdict verdict) {
    struct feed *feed = inbound->feed;
    if (verdict != VERDICT_PREMATURE || !inbound->completion.trigger_id || feed->told_undecided)
        return;
    feed->told_undecided = true;
    log_undecided(&feed->log, feed->pipeline, &inbound->completion);
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

/*
 * The store refuses this one and would refuse it again: a key of its date is not what it should be. Kept in
 * quarantine it holds up nothing, not even while thousands of its date come, and can be retried once the key
 * is mended.
 */
static void quarantine_refused(struct inbound *inbound, struct result result) {
    char date[DATE_TEXT_MAX];
    date_format(inbound->completion.date, date);
    quarantine(inbound,
        fail_within(result, "the store refused %s; mend its keys, then retry this message", date).text);
}

static void on_applied(void *context, struct result result, const struct applied *applied) {
    struct inbound *inbound = context;
    struct intake *intake = inbound->feed->intake;
    if (!is_ok(result)) {
        if (!waits_for_store(inbound, result))
            quarantine_refused(inbound, result);
        return;
    }
    crash_point(after_apply);
    log_applied(&inbound->feed->log, inbound->feed->pipeline, inbound->delivery->message.id,
        &inbound->completion, applied);
    count(inbound, applied->verdict);
    note_undecided(inbound, applied->verdict);
    hand_on(inbound, applied);
    intake->parts.on_stored(intake->parts.context, inbound->feed->pipeline);
    finish(inbound);
}

static void apply(struct inbound *inbound) {
    const struct feed *feed = inbound->feed;
    const struct intake_parts *parts = &feed->intake->parts;
    store_apply(
        parts->store, feed->pipeline, &inbound->completion, clock_now_ms(&parts->clock), on_applied, inbound);
}

/* One that there is no room for waits, unacked, like one that came while the store is away. */
static void on_kept(void *context, struct result result, enum kept kept) {
    struct inbound *inbound = context;
    const struct feed *feed = inbound->feed;
    const struct intake_parts *parts = &feed->intake->parts;
    if (!is_ok(result)) {
        if (!waits_for_store(inbound, result))
            get_stuck(inbound, result);
        return;
    }
    if (kept == KEPT_FULL) {
        log_error(&feed->log,
            "%d messages wait for the rebuild already, the others stay on the bus: is `phasegate replay "
            "--rebuild` still at work?",
            REBUILD_MESSAGES_MAX);
        wait_to_try_again(inbound, LONGEST_WAIT_MS);
        return;
    }
    parts->on_stored(parts->context, feed->pipeline);
    if (kept == KEPT_STORED)
        finish(inbound);
    else
        apply(inbound);
}

static bool is_held(const struct feed *feed) {
    const struct intake_parts *parts = &feed->intake->parts;
    return parts->is_held && parts->is_held(parts->context, feed->pipeline);
}

static void submit(struct inbound *inbound) {
    const struct feed *feed = inbound->feed;
    struct intake *intake = feed->intake;
    int64_t now_ms = clock_now_ms(&intake->parts.clock);
    if (!intake->store_ready)
        wait_to_try_again(inbound, LONGEST_WAIT_MS);
    else if (inbound->quarantine_reason[0])
        store_quarantine(intake->parts.store, feed->pipeline, &inbound->delivery->message,
            feed->source->topic, inbound->quarantine_reason, intake->parts.quarantine, now_ms, on_quarantined,
            inbound);
    else if (is_held(feed))
        store_rebuild_keep(
            intake->parts.store, feed->pipeline, &inbound->delivery->message, now_ms, on_kept, inbound);
    else
        apply(inbound);
}

/* --- Receiving ------------------------------------------------------------------------------------------ */

static struct result decode(struct inbound *inbound) {
    const struct feed *feed = inbound->feed;
    arena_reset(inbound->arena);
    struct result result = completion_decode(feed->pipeline, &inbound->delivery->message,
        clock_now_ms(&feed->intake->parts.clock), inbound->arena, &inbound->completion);
    inbound->decoded = is_ok(result);
    if (is_ok(result))
        inbound->completion.day = game_calendar_day(*feed->calendar, inbound->completion.date);
    return result;
}

/* From the start, or from where it stopped. */
static void handle(struct inbound *inbound) {
    if (inbound->decoded || inbound->quarantine_reason[0]) {
        submit(inbound);
        return;
    }
    struct result result = decode(inbound);
    if (is_ok(result)) {
        crash_point(before_apply);
        submit(inbound);
    } else if (result.retryable) {
        log_error(&inbound->feed->log, "a message cannot be read now, trying again: %s", result.text);
        wait_to_try_again(inbound, LONGEST_WAIT_MS);
    } else {
        quarantine(inbound, result.text);
    }
}

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
    inbound->retry = (struct retry){.backoff = {.first_ms = FIRST_WAIT_MS}};
    inbound->decoded = inbound->waits = inbound->stuck = false;
    inbound->quarantine_reason[0] = '\0';
    handle(inbound);
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
    feed->receiving = true;
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
    struct retries *retries = retries_new(parts.loop, on_again);
    if (!intake || !retries) {
        free(intake);
        retries_free(&retries);
        return NULL;
    }
    intake->parts = parts;
    intake->retries = retries;
    return intake;
}

void intake_store_ready(struct intake *intake) {
    intake->store_ready = true;
    set_all_receiving(intake);
    retries_now(intake->retries);
}

void intake_store_lost(struct intake *intake) {
    intake->store_ready = false;
    set_all_receiving(intake);
}

/* The place of a pipeline in the list, at its end when it has none yet. */
static size_t place_of(const struct replica_receiving *list, size_t count, const struct pipeline *pipeline) {
    for (size_t i = 0; i < count; i++)
        if (list[i].pipeline == pipeline->name)
            return i;
    return count;
}

size_t intake_receiving(const struct intake *intake, struct replica_receiving list[CONFIG_PIPELINES_MAX]) {
    size_t count = 0;
    for (const struct feed *feed = intake->feeds; feed; feed = feed->next) {
        int64_t for_ms = feed->receiving ? bus_receiving_ms(feed->subscription) : 0;
        size_t place = place_of(list, count, feed->pipeline);
        if (place == count)
            list[count++] = (struct replica_receiving){feed->pipeline->name, for_ms};
        else if (for_ms < list[place].for_ms)
            list[place].for_ms = for_ms;
    }
    return count;
}

static void on_tidied(void *context, struct result result, const struct quarantine_drops *drops) {
    const struct feed *feed = context;
    if (is_ok(result))
        log_quarantine_drops(&feed->log, feed->intake->parts.quarantine, drops);
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

void intake_free(struct intake **intake) {
    if (!*intake)
        return;
    struct inbound *inbound;
    while ((inbound = (struct inbound *)retries_take((*intake)->retries)))
        inbound_free(inbound);
    while ((inbound = (*intake)->spare)) {
        (*intake)->spare = inbound->next;
        inbound_free(inbound);
    }
    for (struct feed *feed = (*intake)->feeds, *next; feed; feed = next) {
        next = feed->next;
        free(feed);
    }
    retries_free(&(*intake)->retries);
    free(*intake);
    *intake = NULL;
}
