#include "bus/pubsub_late.h"

#include <stdlib.h>

struct failure {
    struct list_link link;
    bus_done_fn *done; /* one of the two is NULL */
    bus_published_fn *published;
    void *context;
    struct result result;
};

static void call(const struct failure *failure) {
    if (failure->done)
        failure->done(failure->context, failure->result);
    else
        failure->published(failure->context, failure->result, NULL);
}

static void tell(void *context) {
    struct pubsub_late *late = context;
    struct list_link now; /* what the callbacks add waits for the next turn */
    list_init(&now);
    list_append_all(&now, &late->waiting);
    while (!list_empty(&now)) {
        struct failure *failure = list_entry(now.next, struct failure, link);
        list_remove(&failure->link);
        call(failure);
        free(failure);
    }
}

static void add(struct pubsub_late *late, const struct failure *failure) {
    struct failure *copy = malloc(sizeof *copy);
    if (!copy) {
        call(failure);
        return;
    }
    *copy = *failure;
    list_append(&late->waiting, &copy->link);
    pubsub_timer_start(&late->timer, 0);
}

void pubsub_late_init(struct pubsub_late *late, struct pubsub_timers *timers) {
    list_init(&late->waiting);
    pubsub_timer_init(timers, &late->timer, tell, late);
}

void pubsub_late_done(struct pubsub_late *late, bus_done_fn *done, void *context, struct result result) {
    add(late, &(struct failure){.done = done, .context = context, .result = result});
}

void pubsub_late_published(
    struct pubsub_late *late, bus_published_fn *published, void *context, struct result result) {
    add(late, &(struct failure){.published = published, .context = context, .result = result});
}

bool pubsub_late_idle(const struct pubsub_late *late) {
    return list_empty(&late->waiting);
}
