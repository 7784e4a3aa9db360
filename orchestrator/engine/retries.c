#include "engine/retries.h"

#include <stdlib.h>

/* Times are multiples of this, so that many things that wait cost a few looks at all of them a second. */
enum { GRID_MS = 50 };

struct retries {
    uv_loop_t *loop;
    uv_timer_t *timer; /* runs until the first is due */
    void (*again)(struct retry *retry);
    struct retry *first;
    struct retry **end;
};

static void on_timer(uv_timer_t *timer);

static void set_timer(struct retries *retries) {
    uint64_t first = UINT64_MAX, now = uv_now(retries->loop);
    for (const struct retry *retry = retries->first; retry; retry = retry->next)
        first = retry->due_ms < first ? retry->due_ms : first;
    if (retries->first)
        uv_timer_start(retries->timer, on_timer, first > now ? first - now : 0, 0);
    else
        uv_timer_stop(retries->timer);
}

static void append(struct retries *retries, struct retry *retry) {
    retry->next = NULL;
    *retries->end = retry;
    retries->end = &retry->next;
}

/* Each of those that wait now either is tried once or goes on waiting. */
static void try_due(struct retries *retries, uint64_t by_ms) {
    struct retry *retry = retries->first;
    retries->first = NULL;
    retries->end = &retries->first;
    while (retry) {
        struct retry *next = retry->next;
        if (retry->due_ms <= by_ms)
            retries->again(retry);
        else
            append(retries, retry);
        retry = next;
    }
    set_timer(retries);
}

static void on_timer(uv_timer_t *timer) {
    struct retries *retries = timer->data;
    try_due(retries, uv_now(retries->loop));
}

void retries_add(struct retries *retries, struct retry *retry) {
    uint64_t now = uv_now(retries->loop), due = now + backoff_next_ms(&retry->backoff);
    retry->due_ms = (due + GRID_MS - 1) / GRID_MS * GRID_MS;
    append(retries, retry);
    if (!uv_is_active((uv_handle_t *)retries->timer)
        || uv_timer_get_due_in(retries->timer) > retry->due_ms - now)
        uv_timer_start(retries->timer, on_timer, retry->due_ms - now, 0);
}

void retries_now(struct retries *retries) {
    try_due(retries, UINT64_MAX);
}

struct retry *retries_take(struct retries *retries) {
    struct retry *first = retries->first;
    if (!first)
        return NULL;
    retries->first = first->next;
    if (!retries->first)
        retries->end = &retries->first;
    return first;
}

struct retries *retries_new(uv_loop_t *loop, void (*again)(struct retry *retry)) {
    struct retries *retries = calloc(1, sizeof *retries);
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (!retries || !timer || uv_timer_init(loop, timer) != 0) {
        free(retries);
        free(timer);
        return NULL;
    }
    timer->data = retries;
    *retries = (struct retries){.loop = loop, .timer = timer, .again = again};
    retries->end = &retries->first;
    return retries;
}

void retries_free(struct retries **retries) {
    if (!*retries)
        return;
    uv_close((uv_handle_t *)(*retries)->timer, (uv_close_cb)free);
    free(*retries);
    *retries = NULL;
}
