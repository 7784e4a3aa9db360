#include "engine/dispatch.h"

#include "base/backoff.h"
#include "core/trigger.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING_MAX = 10000, TRIGGER_BYTES_MAX = 256 * 1024 };

/* One trigger on its way out. */
struct outbound {
    struct outbound *next;
    struct trigger trigger;
    struct arena *arena;
    struct message *message;
    char id[TRIGGER_ID_MAX];
    const char *bus_message_id; /* once the bus has confirmed; in the arena */
};

/* The triggers of one date, in order; the first is the one being published and confirmed. */
struct lane {
    struct dispatcher *dispatcher;
    const struct pipeline *pipeline;
    game_date date;
    struct outbound *first;
    struct backoff backoff;
    uint64_t due_ms;           /* loop time; while waiting */
    struct lane *next_waiting; /* while waiting */
};

struct dispatcher {
    struct dispatcher_parts parts;
    void *lanes; /* a tsearch(3) tree over pipeline and date */
    struct lane *waiting;
    size_t pending;
    bool overflowed;
    bool stopped;
    uv_timer_t *timer; /* runs until the next waiting lane is due */
};

/* --- Lanes ---------------------------------------------------------------------------------------------- */

static int compare_lanes(const void *left, const void *right) {
    const struct lane *a = left, *b = right;
    if (a->pipeline != b->pipeline)
        return strcmp(a->pipeline->name, b->pipeline->name);
    return a->date < b->date ? -1 : a->date > b->date;
}

static struct lane *lane_for(struct dispatcher *dispatcher, const struct pipeline *pipeline, game_date date) {
    struct lane wanted = {.pipeline = pipeline, .date = date};
    struct lane **found = tfind(&wanted, &dispatcher->lanes, compare_lanes);
    if (found)
        return *found;
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->dispatcher = dispatcher;
    lane->pipeline = pipeline;
    lane->date = date;
    lane->backoff = (struct backoff){.first_ms = 100, .max_ms = 30000};
    if (!tsearch(lane, &dispatcher->lanes, compare_lanes)) {
        free(lane);
        return NULL;
    }
    return lane;
}

static void outbound_free(struct outbound *outbound) {
    arena_free(&outbound->arena);
    free(outbound);
}

static void lane_free(struct lane *lane) {
    for (struct outbound *outbound = lane->first, *next; outbound; outbound = next) {
        next = outbound->next;
        outbound_free(outbound);
    }
    free(lane);
}

static struct log log_for(const struct lane *lane, struct log *with_pipeline) {
    *with_pipeline = log_with(lane->dispatcher->parts.log, "pipeline", lane->pipeline->name);
    return log_with(with_pipeline, "trigger_id", lane->first->id);
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
    lane->due_ms = uv_now(dispatcher->parts.loop) + backoff_next_ms(&lane->backoff);
    lane->next_waiting = dispatcher->waiting;
    dispatcher->waiting = lane;
    if (!uv_is_active((uv_handle_t *)dispatcher->timer) || !lane->next_waiting)
        set_timer(dispatcher);
    else if (uv_timer_get_due_in(dispatcher->timer) > lane->due_ms - uv_now(dispatcher->parts.loop))
        set_timer(dispatcher);
}

/* --- Publish, then confirm ------------------------------------------------------------------------------ */

static void lane_next(struct lane *lane) {
    struct dispatcher *dispatcher = lane->dispatcher;
    struct outbound *done = lane->first;
    lane->first = done->next;
    lane->backoff.failures = 0;
    outbound_free(done);
    dispatcher->pending--;
    if (lane->first) {
        lane_step(lane);
    } else {
        tdelete(lane, &dispatcher->lanes, compare_lanes);
        lane_free(lane);
    }
    if (dispatcher->pending == 0)
        dispatcher->parts.on_idle(dispatcher->parts.context);
}

static void on_confirmed(void *context, struct result result) {
    struct lane *lane = context;
    if (is_ok(result)) {
        lane_next(lane);
        return;
    }
    struct log with_pipeline, log = log_for(lane, &with_pipeline);
    if (!result.retryable)
        log_error(&log, "published, but the store refused the confirmation; trying again: %s", result.text);
    lane_wait(lane);
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct lane *lane = context;
    struct log with_pipeline, log = log_for(lane, &with_pipeline);
    if (is_ok(result)) {
        log_info(&log, "published the trigger as message %s", message_id);
        lane->first->bus_message_id = arena_strdup(lane->first->arena, message_id);
        lane->backoff.failures = 0;
        lane_step(lane);
        return;
    }
    if (result.retryable && lane->backoff.failures == 0)
        log_warning(&log, "could not publish the trigger, trying again: %s", result.text);
    else if (!result.retryable)
        log_error(
            &log, "the bus refuses the trigger; it stays in the outbox and is tried again: %s", result.text);
    lane_wait(lane);
}

/* The next thing to do for the lane's first trigger. */
static void lane_step(struct lane *lane) {
    struct dispatcher_parts *parts = &lane->dispatcher->parts;
    struct outbound *outbound = lane->first;
    if (lane->dispatcher->stopped)
        return;
    if (outbound->bus_message_id)
        store_confirm(parts->store, lane->pipeline, &outbound->trigger, outbound->bus_message_id,
            clock_now_ms(&parts->clock), on_confirmed, lane);
    else
        bus_publish(parts->bus, lane->pipeline->triggers.topic, outbound->message, on_published, lane);
}

/* --- Taking over ---------------------------------------------------------------------------------------- */

static MUST_CHECK struct result outbound_new(
    const struct pipeline *pipeline, const char *field, const char *facts, struct outbound **outbound) {
    struct outbound *made = calloc(1, sizeof *made);
    if (!made)
        return fail(CODE_UNAVAILABLE, "out of memory");
    made->arena = arena_new(TRIGGER_BYTES_MAX);
    struct result result = made->arena
        ? trigger_from_outbox(pipeline, field, facts, made->arena, &made->trigger)
        : fail(CODE_UNAVAILABLE, "out of memory");
    if (is_ok(result)) {
        made->message = trigger_encode(pipeline, &made->trigger, made->arena);
        if (!made->message)
            result = fail(CODE_LIMIT, "a trigger of more than %d bytes", TRIGGER_BYTES_MAX);
    }
    if (!is_ok(result)) {
        outbound_free(made);
        return result;
    }
    trigger_id(pipeline, &made->trigger, made->id);
    *outbound = made;
    return ok();
}

static bool comes_before(const struct trigger *a, const struct trigger *b) {
    return a->run != b->run ? a->run < b->run : a->group < b->group;
}

/* Its place among the date's triggers, never before one that is under way; false when it is there already. */
static bool insert(struct lane *lane, struct outbound *outbound) {
    struct outbound **place = &lane->first;
    for (; *place; place = &(*place)->next) {
        if (strcmp((*place)->id, outbound->id) == 0)
            return false;
        if (place != &lane->first && comes_before(&outbound->trigger, &(*place)->trigger))
            break;
    }
    outbound->next = *place;
    *place = outbound;
    return true;
}

bool dispatcher_add(struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field,
    const char *facts, int64_t decided_by_ms) {
    struct outbound *outbound = NULL;
    struct log log = log_with(dispatcher->parts.log, "pipeline", pipeline->name);
    if (dispatcher->pending >= PENDING_MAX) {
        dispatcher->overflowed = true;
        return false;
    }
    struct result result = outbound_new(pipeline, field, facts, &outbound);
    if (!is_ok(result)) {
        log_error(&log, "the outbox entry %s stays where it is: %s", field, result.text);
        return false;
    }
    struct lane *lane = NULL;
    if (outbound->trigger.decided_ms <= decided_by_ms) {
        lane = lane_for(dispatcher, pipeline, outbound->trigger.date);
        dispatcher->overflowed = dispatcher->overflowed || !lane;
    }
    bool was_empty = lane && !lane->first;
    if (!lane || !insert(lane, outbound)) {
        outbound_free(outbound);
        return false;
    }
    dispatcher->pending++;
    if (was_empty)
        lane_step(lane);
    return true;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

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
    return dispatcher;
}

void dispatcher_store_ready(struct dispatcher *dispatcher) {
    step_due(dispatcher, UINT64_MAX);
}

size_t dispatcher_pending(const struct dispatcher *dispatcher) {
    return dispatcher->pending;
}

bool dispatcher_overflowed(struct dispatcher *dispatcher) {
    bool overflowed = dispatcher->overflowed;
    dispatcher->overflowed = false;
    return overflowed;
}

void dispatcher_stop(struct dispatcher *dispatcher) {
    dispatcher->stopped = true;
    uv_timer_stop(dispatcher->timer);
}

static void free_lane_node(void *node) {
    lane_free(node);
}

void dispatcher_free(struct dispatcher **dispatcher) {
    if (!*dispatcher)
        return;
    tdestroy((*dispatcher)->lanes, free_lane_node);
    uv_close((uv_handle_t *)(*dispatcher)->timer, (uv_close_cb)free);
    free(*dispatcher);
    *dispatcher = NULL;
}
