#include "bus/pubsub_flush.h"

#include <stdlib.h>

/*
 * A stage is what was begun between two flushes. Stages are in the order of time; the last is the current
 * one, and has no done yet. A flush is over when no ticket of its stage, or of an earlier one, is neither
 * returned nor stuck.
 */
struct pubsub_flush_stage {
    struct list_link link;
    size_t moving;
    size_t stuck;
    size_t given_up;
    bus_done_fn *done; /* NULL: called, or the current stage */
    void *context;
};

struct pubsub_flush {
    struct list_link stages;
    struct pubsub_timer timer;
};

static struct pubsub_flush_stage *stage_of(struct list_link *link) {
    return list_entry(link, struct pubsub_flush_stage, link);
}

static struct pubsub_flush_stage *current_stage(struct pubsub_flush *flush) {
    return stage_of(flush->stages.previous);
}

static struct pubsub_flush_stage *stage_add(struct pubsub_flush *flush) {
    struct pubsub_flush_stage *stage = calloc(1, sizeof *stage);
    if (stage)
        list_append(&flush->stages, &stage->link);
    return stage;
}

static void call_done(struct pubsub_flush_stage *stage, struct result result) {
    bus_done_fn *done = stage->done;
    stage->done = NULL;
    if (done)
        done(stage->context, result);
}

/* The first stage whose flush is over and not yet told; NULL when there is none. */
static struct pubsub_flush_stage *next_over(struct pubsub_flush *flush, size_t *lacking) {
    *lacking = 0;
    for (struct list_link *link = flush->stages.next; link != flush->stages.previous; link = link->next) {
        struct pubsub_flush_stage *stage = stage_of(link);
        *lacking += stage->stuck + stage->given_up;
        if (stage->moving > 0)
            return NULL;
        if (stage->done)
            return stage;
    }
    return NULL;
}

static void drop_empty(struct pubsub_flush *flush) {
    struct list_link *link = flush->stages.next;
    while (link != flush->stages.previous) {
        struct pubsub_flush_stage *stage = stage_of(link);
        link = link->next;
        if (stage->moving == 0 && stage->stuck == 0 && !stage->done) {
            list_remove(&stage->link);
            free(stage);
        }
    }
}

static void tell(void *context) {
    struct pubsub_flush *flush = context;
    struct pubsub_flush_stage *stage;
    size_t lacking;
    while ((stage = next_over(flush, &lacking)))
        call_done(stage,
            lacking == 0 ? ok() : fail(CODE_UNAVAILABLE, "Pub/Sub has not confirmed %zu yet", lacking));
    drop_empty(flush);
}

static void check(struct pubsub_flush *flush, const struct pubsub_flush_stage *stage) {
    if (stage->moving == 0 && stage != current_stage(flush))
        pubsub_timer_start(&flush->timer, 0);
}

struct pubsub_flush *pubsub_flush_new(struct pubsub_timers *timers) {
    struct pubsub_flush *flush = calloc(1, sizeof *flush);
    if (!flush)
        return NULL;
    list_init(&flush->stages);
    if (!stage_add(flush)) {
        free(flush);
        return NULL;
    }
    pubsub_timer_init(timers, &flush->timer, tell, flush);
    return flush;
}

void pubsub_ticket_take(struct pubsub_flush *flush, struct pubsub_ticket *ticket) {
    *ticket = (struct pubsub_ticket){.stage = current_stage(flush)};
    ticket->stage->moving++;
}

void pubsub_ticket_stick(struct pubsub_flush *flush, struct pubsub_ticket *ticket) {
    if (!ticket->stage || ticket->stuck)
        return;
    ticket->stuck = true;
    ticket->stage->moving--;
    ticket->stage->stuck++;
    check(flush, ticket->stage);
}

void pubsub_ticket_return(struct pubsub_flush *flush, struct pubsub_ticket *ticket, bool left) {
    struct pubsub_flush_stage *stage = ticket->stage;
    if (!stage)
        return;
    if (ticket->stuck)
        stage->stuck--;
    else
        stage->moving--;
    if (!left)
        stage->given_up++;
    ticket->stage = NULL;
    check(flush, stage);
}

void pubsub_flush_wait(struct pubsub_flush *flush, bus_done_fn *done, void *context) {
    struct pubsub_flush_stage *stage = current_stage(flush);
    if (!stage_add(flush)) {
        done(context, fail(CODE_INTERNAL, "out of memory"));
        return;
    }
    stage->done = done;
    stage->context = context;
    check(flush, stage);
}

void pubsub_flush_abort(struct pubsub_flush *flush, struct result result) {
    for (struct list_link *link = flush->stages.next; link != &flush->stages; link = link->next)
        call_done(stage_of(link), result);
}

void pubsub_flush_free(struct pubsub_flush **flush) {
    if (!*flush)
        return;
    while (!list_empty(&(*flush)->stages)) {
        struct pubsub_flush_stage *stage = stage_of((*flush)->stages.next);
        list_remove(&stage->link);
        free(stage);
    }
    free(*flush);
    *flush = NULL;
}
