#include "engine/gate.h"

#include "base/crash_point.h"
#include "engine/ticket_line.h"

#include <stdlib.h>

struct queue {
    struct gate *gate;
    const struct pipeline *pipeline;
    int group;
    struct ticket_line unsure;  /* may have a slot, so they ask although the cap is in flight */
    struct ticket_line waiting; /* as far as is known, have none */
    struct ticket *claiming;    /* the one whose claim is under way; in neither line */
    bool full;                  /* the cap is in flight, until a slot is given back or the next sweep */
    bool held_up;               /* paused, or the store is away: until the next sweep */
    struct months away;         /* whose node of a Cluster is away: the others go on, until the next sweep */
    bool advancing;             /* a claim may be answered before the call returns */
    bool news;                  /* a slot was given back since the claim was sent: "full" is no longer true */
    bool paused;                /* as last heard; for the log */
    bool looking;               /* who has a slot? */
    bool reclaiming;
    bool reclaim_again; /* something was superseded since the reclaim was sent */
};

struct gate {
    struct gate_parts parts;
    struct queue **queues; /* queues[i][g - 1]: group g of parts.pipelines[i] */
    bool closed;
};

/* --- Queues --------------------------------------------------------------------------------------------- */

static struct queue *queue_of(const struct gate *gate, const struct pipeline *pipeline, int group) {
    for (int i = 0; i < gate->parts.pipeline_count; i++)
        if (gate->parts.pipelines[i] == pipeline)
            return &gate->queues[i][group - 1];
    return NULL;
}

static size_t tickets_in(const struct queue *queue) {
    return queue->unsure.count + queue->waiting.count + (queue->claiming ? 1 : 0);
}

/* The memory for the lines is taken when the first ticket comes: most groups never have one. */
static bool has_lines(struct queue *queue) {
    return (queue->unsure.room > 0 || ticket_line_open(&queue->unsure, GATE_WAITING_MAX))
        && (queue->waiting.room > 0 || ticket_line_open(&queue->waiting, GATE_WAITING_MAX));
}

static void line_up(struct queue *queue, struct ticket *ticket) {
    ticket_line_add(ticket->may_have_slot ? &queue->unsure : &queue->waiting, ticket);
}

static struct ticket *older_of(struct ticket *a, struct ticket *b) {
    if (!a || !b)
        return a ? a : b;
    return ticket_is_older(a, b) ? a : b;
}

static struct ticket *younger_of(struct ticket *a, struct ticket *b) {
    if (!a || !b)
        return a ? a : b;
    return ticket_is_older(a, b) ? b : a;
}

static struct ticket *youngest(const struct queue *queue) {
    return younger_of(ticket_line_youngest(&queue->unsure), ticket_line_youngest(&queue->waiting));
}

static bool take_out(struct queue *queue, const struct ticket *ticket) {
    return ticket_line_remove(&queue->unsure, ticket) || ticket_line_remove(&queue->waiting, ticket);
}

static struct trigger trigger_of(const struct ticket *ticket) {
    return (struct trigger){
        .date = ticket->date, .group = ticket->group, .run = ticket->run, .backfill = true};
}

/* --- Claims --------------------------------------------------------------------------------------------- */

static void on_claimed(void *context, struct result result, enum claim claim, struct lease lease);

/* The next to ask for; NULL when a claim is under way, or there is none now. */
static struct ticket *next_ticket(const struct queue *queue) {
    if (queue->claiming || queue->held_up || queue->gate->closed)
        return NULL;
    struct ticket *next = ticket_line_oldest(&queue->unsure, &queue->away);
    return queue->full ? next : older_of(next, ticket_line_oldest(&queue->waiting, &queue->away));
}

static void claim(struct queue *queue, struct ticket *next) {
    struct gate *gate = queue->gate;
    take_out(queue, next);
    queue->claiming = next;
    queue->news = false;
    crash_point(before_claim);
    struct trigger trigger = trigger_of(next);
    store_claim(
        gate->parts.store, queue->pipeline, &trigger, clock_now_ms(&gate->parts.clock), on_claimed, queue);
}

static void advance(struct queue *queue) {
    struct ticket *next;
    if (queue->advancing)
        return;
    queue->advancing = true;
    while ((next = next_ticket(queue)))
        claim(queue, next);
    queue->advancing = false;
}

/* A slot of the queue was given back. */
static void make_room(struct queue *queue) {
    queue->full = false;
    queue->news = true;
    advance(queue);
}

static void note_pause(struct queue *queue, bool paused) {
    struct log log = log_with(queue->gate->parts.log, "pipeline", queue->pipeline->name);
    if (paused && !queue->paused)
        log_notice(
            &log, "backfill is paused: %zu triggers of group %d wait", tickets_in(queue) + 1, queue->group);
    else if (!paused && queue->paused)
        log_notice(
            &log, "backfill goes on: %zu triggers of group %d wait", tickets_in(queue) + 1, queue->group);
    queue->paused = paused;
}

/* The claim of a ticket that was taken out meanwhile. */
static void let_go(struct queue *queue, struct ticket *ticket, bool may_have_slot) {
    if (may_have_slot)
        gate_release(queue->gate, ticket->pipeline, ticket->date, ticket->group, ticket->run);
    queue->gate->parts.gone(ticket);
}

static void on_claim_failed(struct queue *queue, struct ticket *ticket, struct result result) {
    if (!result.retryable) {
        queue->gate->parts.refused(ticket, result);
        return;
    }
    ticket->may_have_slot = true;
    queue->held_up = true;
    line_up(queue, ticket);
}

/* A month whose node is away holds up no other. */
static void set_month_aside(struct queue *queue, struct ticket *ticket) {
    months_add(&queue->away, queue->pipeline, ticket->date);
    queue->held_up = !months_has(&queue->away, queue->pipeline, ticket->date); /* out of memory */
    line_up(queue, ticket);
}

static void on_unleased(void *context, struct result result) {
    (void)context;
    (void)result; /* else it runs out */
}

static void give_lease_back(struct queue *queue, const struct ticket *ticket) {
    struct trigger trigger = trigger_of(ticket);
    store_unlease(queue->gate->parts.store, queue->pipeline, &trigger, on_unleased, queue);
}

static void on_claim_answered(struct queue *queue, struct ticket *ticket, enum claim claim) {
    const struct gate_parts *parts = &queue->gate->parts;
    if (claim == CLAIM_AWAY) {
        set_month_aside(queue, ticket);
        return;
    }
    note_pause(queue, claim == CLAIM_PAUSED);
    if (claim == CLAIM_GONE || claim == CLAIM_THEIRS) {
        parts->gone(ticket);
        return;
    }
    if (claim == CLAIM_GRANTED && !queue->gate->closed) {
        parts->granted(ticket);
        return;
    }
    if (claim == CLAIM_GRANTED)
        give_lease_back(queue, ticket);
    if (claim == CLAIM_FULL) {
        queue->full = !queue->news;
        ticket->may_have_slot = false;
    }
    queue->held_up = claim == CLAIM_PAUSED;
    line_up(queue, ticket);
}

static void on_claimed(void *context, struct result result, enum claim claim, struct lease lease) {
    struct queue *queue = context;
    struct ticket *ticket = queue->claiming;
    queue->claiming = NULL;
    ticket->lease = lease;
    if (ticket->leaving)
        let_go(queue, ticket, !is_ok(result) || claim == CLAIM_GRANTED);
    else if (!is_ok(result))
        on_claim_failed(queue, ticket, result);
    else
        on_claim_answered(queue, ticket, claim);
    advance(queue);
}

/* --- Slots given back ----------------------------------------------------------------------------------- */

/* What could not be given back is found by the next reclaim. */
static void on_released(void *context, struct result result) {
    struct queue *queue = context;
    struct log log = log_with(queue->gate->parts.log, "pipeline", queue->pipeline->name);
    if (!is_ok(result) && !result.retryable)
        log_error(&log, "cannot give back a slot of group %d yet: %s", queue->group, result.text);
}

void gate_release(struct gate *gate, const struct pipeline *pipeline, game_date date, int group, int run) {
    struct queue *queue = queue_of(gate, pipeline, group);
    struct trigger trigger = {.date = date, .group = group, .run = run, .backfill = true};
    if (!queue)
        return;
    crash_point(before_release);
    store_release(gate->parts.store, pipeline, &trigger, on_released, queue);
    make_room(queue);
}

static void reclaim(struct queue *queue);

static void on_reclaimed(void *context, struct result result, int freed) {
    struct queue *queue = context;
    bool again = queue->reclaim_again && is_ok(result);
    struct log log = log_with(queue->gate->parts.log, "pipeline", queue->pipeline->name);
    queue->reclaiming = queue->reclaim_again = false;
    if (!is_ok(result) && !result.retryable)
        log_error(&log, "cannot look after the slots of group %d: %s", queue->group, result.text);
    if (is_ok(result) && freed > 0) {
        log_info(&log, "%d slots of group %d were not given back and are free again", freed, queue->group);
        make_room(queue);
    }
    if (again)
        reclaim(queue);
}

static void reclaim(struct queue *queue) {
    struct gate *gate = queue->gate;
    if (gate->closed || queue->reclaiming)
        return;
    queue->reclaiming = true;
    store_reclaim(gate->parts.store, queue->pipeline, queue->group, clock_now_ms(&gate->parts.clock),
        on_reclaimed, queue);
}

void gate_new_run(struct gate *gate, const struct pipeline *pipeline, int first_group) {
    for (int group = first_group; group <= pipeline->group_count; group++) {
        struct queue *queue = queue_of(gate, pipeline, group);
        if (!queue)
            continue;
        queue->reclaim_again = queue->reclaiming;
        reclaim(queue);
    }
}

/* Whose trigger has a slot that it did not get from here: somebody died before publishing it. */
static void on_slot(void *context, struct result result, const struct trigger *trigger) {
    struct queue *queue = context;
    struct ticket *ticket = trigger ? ticket_line_find(&queue->waiting, trigger->date, trigger->run) : NULL;
    struct log log = log_with(queue->gate->parts.log, "pipeline", queue->pipeline->name);
    if (ticket) {
        take_out(queue, ticket);
        ticket->may_have_slot = true;
        line_up(queue, ticket);
    }
    if (trigger)
        return;
    if (!is_ok(result) && !result.retryable)
        log_error(&log, "cannot see who has the slots of group %d: %s", queue->group, result.text);
    queue->looking = false;
    advance(queue);
}

static void look_for_slots(struct queue *queue) {
    if (queue->looking || queue->gate->closed || queue->waiting.count == 0)
        return;
    queue->looking = true;
    store_slots(queue->gate->parts.store, queue->pipeline, queue->group, on_slot, queue);
}

static void ask_again(struct queue *queue) {
    reclaim(queue);
    look_for_slots(queue);
    queue->full = queue->held_up = false;
    months_clear(&queue->away);
    advance(queue);
}

static void for_each_queue(struct gate *gate, void (*each)(struct queue *queue)) {
    for (int i = 0; i < gate->parts.pipeline_count; i++)
        for (int g = 0; g < gate->parts.pipelines[i]->group_count; g++)
            each(&gate->queues[i][g]);
}

void gate_store_ready(struct gate *gate) {
    for_each_queue(gate, ask_again);
}

static void ask_again_if_waiting(struct queue *queue) {
    if (tickets_in(queue) > 0)
        ask_again(queue);
}

void gate_sweep(struct gate *gate) {
    for_each_queue(gate, ask_again_if_waiting);
}

/* --- Tickets -------------------------------------------------------------------------------------------- */

bool gate_has_room(const struct gate *gate, const struct pipeline *pipeline, int group, game_date date) {
    const struct queue *queue = queue_of(gate, pipeline, group);
    if (!queue || tickets_in(queue) < GATE_WAITING_MAX)
        return queue;
    const struct ticket *last = youngest(queue);
    return last && date < last->date;
}

bool gate_enter(struct gate *gate, struct ticket *ticket, struct ticket **displaced) {
    struct queue *queue = queue_of(gate, ticket->pipeline, ticket->group);
    *displaced = NULL;
    if (!queue || !has_lines(queue) || !gate_has_room(gate, ticket->pipeline, ticket->group, ticket->date))
        return false;
    if (tickets_in(queue) == GATE_WAITING_MAX) {
        *displaced = youngest(queue);
        take_out(queue, *displaced);
    }
    ticket->leaving = false;
    line_up(queue, ticket);
    advance(queue);
    return true;
}

bool gate_leave(struct gate *gate, struct ticket *ticket) {
    struct queue *queue = queue_of(gate, ticket->pipeline, ticket->group);
    if (queue->claiming == ticket) {
        ticket->leaving = true;
        return false;
    }
    take_out(queue, ticket);
    gate->parts.gone(ticket);
    return true;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static bool make_queues(struct gate *gate, int index) {
    const struct pipeline *pipeline = gate->parts.pipelines[index];
    struct queue *queues = calloc((size_t)pipeline->group_count, sizeof *queues);
    if (!queues)
        return false;
    for (int g = 0; g < pipeline->group_count; g++)
        queues[g] = (struct queue){.gate = gate, .pipeline = pipeline, .group = g + 1};
    gate->queues[index] = queues;
    return true;
}

struct gate *gate_new(struct gate_parts parts) {
    struct gate *gate = calloc(1, sizeof *gate);
    if (!gate)
        return NULL;
    gate->parts = parts;
    gate->queues = calloc((size_t)parts.pipeline_count, sizeof(struct queue *));
    bool made = gate->queues;
    for (int i = 0; i < parts.pipeline_count && made; i++)
        made = make_queues(gate, i);
    if (!made)
        gate_free(&gate);
    return gate;
}

void gate_close(struct gate *gate) {
    gate->closed = true;
}

static void free_queues(struct queue *queues, int count) {
    for (int g = 0; queues && g < count; g++) {
        ticket_line_close(&queues[g].unsure);
        ticket_line_close(&queues[g].waiting);
        months_clear(&queues[g].away);
    }
    free(queues);
}

void gate_free(struct gate **gate) {
    if (!*gate)
        return;
    for (int i = 0; (*gate)->queues && i < (*gate)->parts.pipeline_count; i++)
        free_queues((*gate)->queues[i], (*gate)->parts.pipelines[i]->group_count);
    free((*gate)->queues);
    free(*gate);
    *gate = NULL;
}
