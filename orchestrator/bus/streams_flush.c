#include "bus/streams_flush.h"

#include <stdlib.h>

struct flush_round {
    struct flush_round *next;
    size_t outstanding;
    bool failed;
    bus_done_fn *done;
    void *context;
};

bool flush_open(struct flush_queue *queue) {
    queue->oldest = queue->current = calloc(1, sizeof *queue->current);
    return queue->current;
}

struct flush_round *flush_join(struct flush_queue *queue) {
    queue->current->outstanding++;
    return queue->current;
}

void flush_leave(struct flush_round *round, bool left) {
    if (!round)
        return;
    round->outstanding--;
    round->failed |= round->done && !left;
}

struct flush_round *flush_postpone(struct flush_queue *queue, struct flush_round *round) {
    if (round == queue->current)
        return round;
    flush_leave(round, false);
    return flush_join(queue);
}

bool flush_ask(struct flush_queue *queue, bus_done_fn *done, void *context) {
    struct flush_round *next = calloc(1, sizeof *next);
    if (!next)
        return false;
    queue->current->done = done;
    queue->current->context = context;
    queue->current->next = next;
    queue->current = next;
    return true;
}

static void end_oldest(struct flush_queue *queue) {
    struct flush_round round = *queue->oldest;
    free(queue->oldest);
    queue->oldest = round.next;
    struct result result = ok();
    if (round.failed || round.outstanding > 0)
        result = fail(CODE_UNAVAILABLE, "not everything could be handed to the bus; see the log for why");
    round.done(round.context, result);
}

void flush_settle(struct flush_queue *queue) {
    while (queue->oldest != queue->current && queue->oldest->outstanding == 0)
        end_oldest(queue);
}

void flush_close(struct flush_queue *queue) {
    while (queue->oldest != queue->current)
        end_oldest(queue);
    free(queue->current);
    *queue = (struct flush_queue){0};
}
