#include "engine/dispatch.h"

#include "base/crash_point.h"
#include "engine/lane.h"

#include <stdlib.h>
#include <string.h>

enum { READ_BYTES_MAX = 64 * 1024 };

struct dispatcher {
    struct dispatcher_parts parts;
    struct gate *gate;
    struct lanes lanes;
    struct lane *waiting;
    size_t live; /* triggers in lanes */
    size_t busy; /* lanes */
    bool overflowed;
    bool stopped;
    struct arena *reading;
    uv_timer_t *timer; /* runs until the next waiting lane is due */
};

/* --- Lanes ---------------------------------------------------------------------------------------------- */

static struct lane *lane_for(struct dispatcher *dispatcher, const struct pipeline *pipeline, game_date date) {
    struct lane *lane = lanes_get(&dispatcher->lanes, pipeline, date);
    if (lane && !lane->first) {
        lane->dispatcher = dispatcher;
        lane->backoff = (struct backoff){.first_ms = 100, .max_ms = 30000};
    }
    return lane;
}

/* A log with the pipeline and the lane's first trigger; its parts live in the struct. */
struct lane_log {
    struct log pipeline;
    struct log log;
    char id[TRIGGER_ID_MAX];
};

static const struct log *log_for(const struct lane *lane, struct lane_log *log) {
    log->pipeline = log_with(lane->dispatcher->parts.log, "pipeline", lane->pipeline->name);
    log->log = log_with(&log->pipeline, "trigger_id", outbound_id(lane->first, log->id));
    return &log->log;
}

static void set_busy(struct lane *lane) {
    lane->dispatcher->busy += lane->busy ? 0 : 1;
    lane->busy = true;
}

/* The last thing that is done with a lane: on_idle may do anything. */
static void note_rest(struct dispatcher *dispatcher, bool was_busy) {
    if (was_busy && --dispatcher->busy == 0)
        dispatcher->parts.on_idle(dispatcher->parts.context);
}

/* --- Waiting and trying again --------------------------------------------------------------------------- */

static void lane_step(struct lane *lane);

static void on_timer(uv_timer_t *timer);

static void set_timer(struct dispatcher *dispatcher) {
    uint64_t now = uv_now(dispatcher->parts.loop), first = UINT64_MAX;
    for (const struct lane *lane = dispatcher->waiting; lane; lane = lane->next_waiting)
        first = lane->due_ms < first ? lane->due_ms : first;
    if (dispatcher->waiting && !dispatcher->stopped)
        uv_timer_start(dispatcher->timer, on_timer, first > now ? first - now : 0, 0);
}

/* Steps every waiting lane that is due by then; the others go on waiting. */
static void step_due(struct dispatcher *dispatcher, uint64_t by_ms) {
    struct lane *lane = dispatcher->waiting;
    dispatcher->waiting = NULL;
    while (lane) {
        struct lane *next = lane->next_waiting;
        if (lane->due_ms <= by_ms) {
            lane_step(lane);
        } else {
            lane->next_waiting = dispatcher->waiting;
            dispatcher->waiting = lane;
        }
        lane = next;
    }
    set_timer(dispatcher);
}

static void on_timer(uv_timer_t *timer) {
    struct dispatcher *dispatcher = timer->data;
    step_due(dispatcher, uv_now(dispatcher->parts.loop));
}

static void lane_wait(struct lane *lane) {
    struct dispatcher *dispatcher = lane->dispatcher;
    set_busy(lane);
    lane->due_ms = uv_now(dispatcher->parts.loop) + backoff_next_ms(&lane->backoff);
    lane->next_waiting = dispatcher->waiting;
    dispatcher->waiting = lane;
    if (!uv_is_active((uv_handle_t *)dispatcher->timer) || !lane->next_waiting)
        set_timer(dispatcher);
    else if (uv_timer_get_due_in(dispatcher->timer) > lane->due_ms - uv_now(dispatcher->parts.loop))
        set_timer(dispatcher);
}

/* --- Publish, then confirm ------------------------------------------------------------------------------ */

/* The lane's first trigger leaves the dispatcher; the next one follows, or the lane ends. */
static void lane_next(struct lane *lane) {
    struct dispatcher *dispatcher = lane->dispatcher;
    struct outbound *done = lane->first;
    lane->first = done->next;
    lane->backoff.failures = 0;
    dispatcher->live -= done->trigger.backfill ? 0 : 1;
    outbound_free(done);
    if (lane->first) {
        lane_step(lane);
        return;
    }
    bool was_busy = lane->busy;
    lanes_remove(&dispatcher->lanes, lane);
    note_rest(dispatcher, was_busy);
}

static void on_confirmed(void *context, struct result result) {
    struct lane *lane = context;
    struct lane_log log;
    if (is_ok(result)) {
        crash_point(after_confirm);
        lane->dispatcher->parts.work->confirmed++;
        lane_next(lane);
        return;
    }
    if (!result.retryable)
        log_error(log_for(lane, &log), "published, but the store refused the confirmation; trying again: %s",
            result.text);
    lane_wait(lane);
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct lane *lane = context;
    struct lane_log log;
    lane->publishing = false;
    lane->first->granted = false;
    if (is_ok(result)) {
        crash_point(after_publish);
        lane->dispatcher->parts.work->published++;
        log_info(log_for(lane, &log), "published the trigger as message %s", message_id);
        outbound_published(lane->first, message_id);
        lane->backoff.failures = 0;
        lane_step(lane);
        return;
    }
    lane->first->ticket.lease = (struct lease){0};
    if (result.retryable && lane->backoff.failures == 0)
        log_warning(log_for(lane, &log), "could not publish the trigger, trying again: %s", result.text);
    else if (!result.retryable)
        log_error(log_for(lane, &log),
            "the bus refuses the trigger; it stays in the outbox and is tried again: %s", result.text);
    lane_wait(lane);
}

static void publish(struct lane *lane) {
    struct dispatcher_parts *parts = &lane->dispatcher->parts;
    struct lane_log log;
    set_busy(lane);
    struct result result = outbound_prepare(lane->first);
    if (is_ok(result)) {
        lane->publishing = true;
        crash_point(before_publish);
        bus_publish(parts->bus, lane->pipeline->triggers.topic, lane->first->message, on_published, lane);
        crash_point(while_publishing);
        return;
    }
    if (!result.retryable)
        log_error(log_for(lane, &log), "the trigger stays in the outbox and is tried again: %s", result.text);
    lane_wait(lane);
}

static void confirm(struct lane *lane) {
    struct dispatcher_parts *parts = &lane->dispatcher->parts;
    set_busy(lane);
    store_confirm(parts->store, lane->pipeline, &lane->first->trigger, lane->first->bus_message_id,
        clock_now_ms(&parts->clock), on_confirmed, lane);
}

/* The lane rests until the gate has decided; what the gate has no room for stays in the outbox. */
static void wait_at_gate(struct lane *lane) {
    struct dispatcher *dispatcher = lane->dispatcher;
    struct ticket *ticket = &lane->first->ticket, *displaced;
    bool was_busy = lane->busy;
    lane->busy = false;
    ticket->owner = lane;
    if (!gate_enter(dispatcher->gate, ticket, &displaced))
        lane_next(lane);
    else if (displaced)
        lane_next(displaced->owner);
    note_rest(dispatcher, was_busy);
}

/* --- Leases --------------------------------------------------------------------------------------------- */

static bool is_leased(const struct lane *lane) {
    return clock_now_ms(&lane->dispatcher->parts.uptime) < lane->first->ticket.lease.until_ms;
}

static void note_lease(struct lane *lane, struct lease lease) {
    lane->first->ticket.lease = lease;
    lane->dispatcher->parts.work->taken_over += lease.taken_over ? 1 : 0;
}

static void on_leased(void *context, struct result result, enum leasing leasing, struct lease lease) {
    struct lane *lane = context;
    struct lane_log log;
    if (!is_ok(result)) {
        if (!result.retryable && lane->backoff.failures == 0)
            log_error(log_for(lane, &log), "the store gives no lease; trying again: %s", result.text);
        lane_wait(lane);
    } else if (leasing == LEASE_OURS) {
        crash_point(after_lease);
        note_lease(lane, lease);
        lane_step(lane);
    } else {
        log_debug(log_for(lane, &log),
            leasing == LEASE_THEIRS ? "left to another replica, whose lease runs"
                                    : "not published: it was cancelled, superseded, or published elsewhere");
        lane_next(lane);
    }
}

static void ask_for_lease(struct lane *lane) {
    set_busy(lane);
    store_lease(lane->dispatcher->parts.store, lane->pipeline, &lane->first->trigger, on_leased, lane);
    crash_point(while_leasing);
}

/* It is with the bus, whatever the answer. */
static void on_renewed(void *context, struct result result, enum leasing leasing, struct lease lease) {
    (void)context;
    (void)result;
    (void)leasing;
    (void)lease;
}

static void renew(struct lane *lane) {
    const struct dispatcher_parts *parts = &lane->dispatcher->parts;
    if (!lane->publishing
        || lane->first->ticket.lease.until_ms - clock_now_ms(&parts->uptime) > parts->lease_ms / 2)
        return;
    store_lease(parts->store, lane->pipeline, &lane->first->trigger, on_renewed, NULL);
}

void dispatcher_sweep(struct dispatcher *dispatcher) {
    lanes_each(&dispatcher->lanes, renew);
}

static bool is_held(const struct dispatcher *dispatcher, const struct pipeline *pipeline) {
    const struct dispatcher_parts *parts = &dispatcher->parts;
    return parts->is_held && parts->is_held(parts->context, pipeline);
}

/* The next thing to do for the lane's first trigger. What is held stays in the outbox, and is not in hand. */
static void lane_step(struct lane *lane) {
    const struct outbound *first = lane->first;
    if (lane->dispatcher->stopped)
        return;
    if (first->bus_message_id)
        confirm(lane);
    else if (is_held(lane->dispatcher, lane->pipeline))
        lane_next(lane);
    else if (first->trigger.backfill && !first->granted)
        wait_at_gate(lane);
    else if (!is_leased(lane))
        ask_for_lease(lane);
    else
        publish(lane);
}

/* --- What the gate says --------------------------------------------------------------------------------- */

/* Should this attempt fail, the next one still has the slot, or may have it. */
static void on_granted(struct ticket *ticket) {
    struct lane *lane = ticket->owner;
    crash_point(after_claim);
    ticket->may_have_slot = true;
    lane->first->granted = true;
    note_lease(lane, ticket->lease);
    lane_step(lane);
}

static void on_gone(struct ticket *ticket) {
    struct lane *lane = ticket->owner;
    struct lane_log log;
    log_debug(log_for(lane, &log),
        "not published here: it was cancelled, a new run came before it, or another replica has it");
    lane_next(lane);
}

static void on_refused(struct ticket *ticket, struct result reason) {
    struct lane *lane = ticket->owner;
    struct lane_log log;
    if (lane->backoff.failures == 0)
        log_error(log_for(lane, &log), "the store gives no slot; trying again: %s", reason.text);
    lane_wait(lane);
}

/* --- Taking over ---------------------------------------------------------------------------------------- */

static bool has_room(
    const struct dispatcher *dispatcher, const struct pipeline *pipeline, const struct trigger *trigger) {
    if (trigger->backfill)
        return gate_has_room(dispatcher->gate, pipeline, trigger->group, trigger->date);
    return dispatcher->live < DISPATCH_LIVE_MAX;
}

/*
 * A run opens only after the triggers of earlier runs have left the outbox. One that waits at the gate,
 * behind other dates, must not hold up the new run, which may be a live one.
 */
static void drop_superseded(
    struct dispatcher *dispatcher, const struct pipeline *pipeline, const struct trigger *trigger) {
    struct lane *lane = lanes_find(&dispatcher->lanes, pipeline, trigger->date);
    while (lane && !lane->busy && lane->first->ticket.run < trigger->run
        && gate_leave(dispatcher->gate, &lane->first->ticket))
        lane = lanes_find(&dispatcher->lanes, pipeline, trigger->date);
}

static bool take_in(struct dispatcher *dispatcher, struct outbound *outbound) {
    struct lane *lane =
        outbound ? lane_for(dispatcher, outbound->ticket.pipeline, outbound->ticket.date) : NULL;
    bool was_empty = lane && !lane->first;
    if (!lane || !lane_insert(lane, outbound)) {
        dispatcher->overflowed = true;
        if (outbound)
            outbound_free(outbound);
        return false;
    }
    dispatcher->live += outbound->trigger.backfill ? 0 : 1;
    if (was_empty)
        lane_step(lane);
    return true;
}

static bool read_entry(struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field,
    const char *facts, struct trigger *trigger) {
    arena_reset(dispatcher->reading);
    struct result result = trigger_from_outbox(pipeline, field, facts, dispatcher->reading, trigger);
    struct log log = log_with(dispatcher->parts.log, "pipeline", pipeline->name);
    if (!is_ok(result))
        log_error(&log, "the outbox entry %s stays where it is: %s", field, result.text);
    return is_ok(result);
}

static bool take(struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field,
    const char *facts, struct lease lease) {
    struct trigger trigger;
    if (dispatcher->stopped || is_held(dispatcher, pipeline)
        || lanes_have(&dispatcher->lanes, pipeline, field)
        || !read_entry(dispatcher, pipeline, field, facts, &trigger))
        return false;
    if (!has_room(dispatcher, pipeline, &trigger)) {
        dispatcher->overflowed = dispatcher->overflowed || !trigger.backfill;
        return false;
    }
    drop_superseded(dispatcher, pipeline, &trigger);
    struct outbound *outbound = outbound_new(pipeline, field, &trigger);
    if (outbound && !trigger.backfill)
        outbound->ticket.lease = lease;
    return take_in(dispatcher, outbound);
}

void dispatcher_add(struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field,
    const char *facts, struct lease lease) {
    take(dispatcher, pipeline, field, facts, lease);
}

bool dispatcher_wants_out(const struct dispatcher *dispatcher, const struct pipeline *pipeline,
    const char *field, const char *facts) {
    game_date date;
    if (!trigger_facts_backfill(facts))
        return true;
    if (!is_ok(date_parse(field, strnlen(field, DATE_TEXT_MAX - 1), &date)))
        return false;
    const struct lane *lane = lanes_find(&dispatcher->lanes, pipeline, date);
    return lane && lane->busy && strcmp(lane->first->field, field) == 0;
}

bool dispatcher_recover(
    struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field, const char *facts) {
    return take(dispatcher, pipeline, field, facts, (struct lease){0});
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static bool make_parts(struct dispatcher *dispatcher) {
    const struct dispatcher_parts *parts = &dispatcher->parts;
    dispatcher->reading = arena_new(READ_BYTES_MAX);
    dispatcher->gate = gate_new((struct gate_parts){.clock = parts->clock,
        .log = parts->log,
        .store = parts->store,
        .pipelines = parts->pipelines,
        .pipeline_count = parts->pipeline_count,
        .granted = on_granted,
        .gone = on_gone,
        .refused = on_refused});
    return dispatcher->reading && dispatcher->gate;
}

struct dispatcher *dispatcher_new(struct dispatcher_parts parts) {
    struct dispatcher *dispatcher = calloc(1, sizeof *dispatcher);
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (!dispatcher || !timer || uv_timer_init(parts.loop, timer) != 0) {
        free(dispatcher);
        free(timer);
        return NULL;
    }
    timer->data = dispatcher;
    dispatcher->parts = parts;
    dispatcher->timer = timer;
    if (!make_parts(dispatcher))
        dispatcher_free(&dispatcher);
    return dispatcher;
}

struct gate *dispatcher_gate(const struct dispatcher *dispatcher) {
    return dispatcher->gate;
}

void dispatcher_store_ready(struct dispatcher *dispatcher) {
    step_due(dispatcher, UINT64_MAX);
    gate_store_ready(dispatcher->gate);
}

size_t dispatcher_busy(const struct dispatcher *dispatcher) {
    return dispatcher->busy;
}

bool dispatcher_overflowed(struct dispatcher *dispatcher) {
    bool overflowed = dispatcher->overflowed;
    dispatcher->overflowed = false;
    return overflowed;
}

void dispatcher_drain(struct dispatcher *dispatcher) {
    gate_close(dispatcher->gate);
    step_due(dispatcher, UINT64_MAX);
}

void dispatcher_stop(struct dispatcher *dispatcher) {
    dispatcher->stopped = true;
    uv_timer_stop(dispatcher->timer);
}

void dispatcher_free(struct dispatcher **dispatcher) {
    if (!*dispatcher)
        return;
    lanes_clear(&(*dispatcher)->lanes);
    gate_free(&(*dispatcher)->gate);
    arena_free(&(*dispatcher)->reading);
    uv_close((uv_handle_t *)(*dispatcher)->timer, (uv_close_cb)free);
    free(*dispatcher);
    *dispatcher = NULL;
}
