#include "cli/backfill_send.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "cli/completion_topic.h"
#include "cli/token_bucket.h"

#include <string.h>

enum {
    MESSAGE_BYTES_MAX = 64 * 1024,
    TICK_MS = 50, /* how often progress, patience and interrupts are looked at, when nothing else happens */
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 5000,
};

struct sending;

/* One publish under way. */
struct flight {
    struct sending *sending;
    size_t item;
    struct flight *next_free;
};

struct sending {
    uv_loop_t *loop;
    struct bus *bus;
    struct backfill_plan *plan;
    const struct send_settings *settings;
    struct arena *scratch; /* one message at a time */
    struct clock clock;
    uv_timer_t timer;
    bool timer_closed;

    struct flight flights[SEND_WINDOW];
    struct flight *free;
    size_t under_way;
    size_t next;               /* the first item that was never published */
    size_t again[SEND_WINDOW]; /* items that were, and could not be confirmed */
    size_t again_count;
    size_t sent;
    size_t total;

    struct token_bucket bucket;
    struct backoff backoff;
    int64_t not_before_ms; /* after a failure */
    int64_t started_ms;
    int64_t confirmed_ms;  /* when last; times are the loop's */
    struct result trouble; /* the last failure that is worth another try */
    struct result refused;
    bool stopping; /* nothing new is published */
    bool over;     /* answers are not heard any more */
};

static int64_t now_ms(const struct sending *sending) {
    return (int64_t)uv_now(sending->loop);
}

/* --- Answers -------------------------------------------------------------------------------------------- */

static void note_failure(struct sending *sending, size_t item, struct result result) {
    if (!result.retryable) {
        sending->refused = result;
        sending->stopping = true;
        return;
    }
    sending->again[sending->again_count++] = item;
    sending->trouble = result;
    if (sending->not_before_ms <= now_ms(sending)) /* of those that fail together, one step */
        sending->not_before_ms = now_ms(sending) + (int64_t)backoff_next_ms(&sending->backoff);
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct flight *flight = context;
    struct sending *sending = flight->sending;
    (void)message_id;
    if (sending->over)
        return;
    flight->next_free = sending->free;
    sending->free = flight;
    sending->under_way--;
    if (!is_ok(result)) {
        note_failure(sending, flight->item, result);
        return;
    }
    sending->plan->items[flight->item].sent = true;
    sending->sent++;
    sending->confirmed_ms = now_ms(sending);
    sending->backoff.failures = 0;
}

/* --- Publishing ----------------------------------------------------------------------------------------- */

static bool next_item(struct sending *sending, size_t *item) {
    const struct backfill_plan *plan = sending->plan;
    if (sending->again_count > 0) {
        *item = sending->again[--sending->again_count];
        return true;
    }
    while (sending->next < plan->item_count && plan->items[sending->next].there)
        sending->next++;
    if (sending->next == plan->item_count)
        return false;
    *item = sending->next++;
    return true;
}

static void publish(struct sending *sending, size_t index) {
    const struct backfill_plan *plan = sending->plan;
    const struct plan_item *item = &plan->items[index];
    char execution_id[COMPLETION_ID_MAX + 1];
    arena_reset(sending->scratch);
    const struct completion completion = backfill_completion(
        plan, item, backfill_execution_id(plan, item, execution_id), clock_now_ms(&sending->clock));
    struct message *message = completion_encode(plan->pipeline, &completion, sending->scratch);
    if (!message) {
        note_failure(sending, index, fail(CODE_INTERNAL, "%s cannot be encoded", execution_id));
        return;
    }
    struct flight *flight = sending->free;
    sending->free = flight->next_free;
    flight->item = index;
    sending->under_way++;
    bus_publish(sending->bus, completion_topic(plan->pipeline, item->processor->group), message, on_published,
        flight);
}

/* As many as window, rate and back-off let go. */
static void publish_some(struct sending *sending) {
    int64_t now = now_ms(sending);
    size_t item;
    while (!sending->stopping && sending->free && now >= sending->not_before_ms
        && sending->sent + sending->under_way < sending->total && token_bucket_take(&sending->bucket, now)
        && next_item(sending, &item))
        publish(sending, item);
}

/* --- The whole ------------------------------------------------------------------------------------------ */

static void show(struct sending *sending, struct progress *progress) {
    char text[PROGRESS_TEXT_MAX];
    int64_t now = now_ms(sending);
    if (progress_due(progress, now))
        progress_show(progress, now,
            progress_text(&sending->settings->term, "sent", sending->sent, sending->total,
                now - sending->started_ms, text));
}

static void on_tick(uv_timer_t *timer) {
    (void)timer; /* wakes the loop: what there is to do is looked at after each of its turns */
}

/* Sleeps until an answer comes, a signal, or the next moment at which something may be published. */
static void take_turn(struct sending *sending) {
    int64_t wait_ms = TICK_MS, now = now_ms(sending);
    if (!sending->stopping && sending->free) {
        int64_t token_ms = token_bucket_wait_ms(&sending->bucket);
        int64_t retry_ms = sending->not_before_ms > now ? sending->not_before_ms - now : 0;
        int64_t next_ms = token_ms > retry_ms ? token_ms : retry_ms;
        if (next_ms > 0 && next_ms < wait_ms)
            wait_ms = next_ms;
    }
    uv_timer_start(&sending->timer, on_tick, (uint64_t)wait_ms, 0);
    uv_run(sending->loop, UV_RUN_ONCE);
}

static bool out_of_patience(struct sending *sending) {
    const struct send_settings *settings = sending->settings;
    /* A slow rate is no silence: it counts from when something was under way, or failed. */
    if (sending->under_way == 0 && sending->again_count == 0)
        sending->confirmed_ms = now_ms(sending);
    return now_ms(sending) - sending->confirmed_ms >= settings->patience_ms;
}

static bool is_finished(struct sending *sending) {
    if (sending->sent == sending->total)
        return true;
    if (sending->settings->interrupt->count > 0)
        sending->stopping = true;
    if (sending->settings->interrupt->count > 1)
        return true;
    return (sending->stopping && sending->under_way == 0) || out_of_patience(sending);
}

static void run(struct sending *sending) {
    struct progress progress =
        progress_start(&sending->settings->term, sending->settings->out, sending->started_ms);
    while (!is_finished(sending)) {
        publish_some(sending);
        show(sending, &progress);
        take_turn(sending);
    }
    progress_clear(&progress);
}

static void on_timer_closed(uv_handle_t *handle) {
    struct sending *sending = handle->data;
    sending->timer_closed = true;
}

static void close_timer(struct sending *sending) {
    uv_close((uv_handle_t *)&sending->timer, on_timer_closed);
    while (!sending->timer_closed)
        uv_run(sending->loop, UV_RUN_ONCE);
}

static struct sending *sending_new(uv_loop_t *loop, struct bus *bus, struct backfill_plan *plan,
    const struct send_settings *settings, struct arena *arena) {
    struct sending *sending = arena_alloc(arena, sizeof *sending);
    struct arena *scratch = sending ? arena_new(MESSAGE_BYTES_MAX) : NULL;
    if (!scratch)
        return NULL;
    uv_update_time(loop);
    int64_t now = (int64_t)uv_now(loop);
    *sending = (struct sending){
        .loop = loop,
        .bus = bus,
        .plan = plan,
        .settings = settings,
        .scratch = scratch,
        .clock = clock_system(),
        .total = backfill_plan_to_send(plan),
        .bucket = token_bucket_new(settings->rate, now),
        .backoff = {.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS},
        .started_ms = now,
        .confirmed_ms = now,
    };
    for (size_t i = SEND_WINDOW; i-- > 0;) {
        sending->flights[i] = (struct flight){.sending = sending, .next_free = sending->free};
        sending->free = &sending->flights[i];
    }
    uv_timer_init(loop, &sending->timer);
    sending->timer.data = sending;
    return sending;
}

static struct result why_it_ended(const struct sending *sending, bool interrupted) {
    if (!is_ok(sending->refused))
        return fail(sending->refused.code, "the bus refuses a completion: %s", sending->refused.text);
    if (sending->sent == sending->total || interrupted)
        return ok();
    return fail(CODE_UNAVAILABLE, "the bus has confirmed nothing for %d s%s%s",
        (int)(sending->settings->patience_ms / 1000), is_ok(sending->trouble) ? "" : ": ",
        sending->trouble.text);
}

void backfill_send(uv_loop_t *loop, struct bus *bus, struct backfill_plan *plan,
    const struct send_settings *settings, struct arena *arena, struct send_report *report) {
    struct sending *sending = sending_new(loop, bus, plan, settings, arena);
    if (!sending) {
        *report = (struct send_report){.result = fail(CODE_INTERNAL, "out of memory")};
        return;
    }
    run(sending);
    close_timer(sending);
    sending->over = true;
    arena_free(&sending->scratch);
    bool interrupted = settings->interrupt->count > 0 && sending->sent < sending->total;
    *report = (struct send_report){
        .sent = sending->sent,
        .under_way = sending->under_way,
        .interrupted = interrupted,
        .elapsed_ms = now_ms(sending) - sending->started_ms,
        .result = why_it_ended(sending, interrupted),
    };
}
