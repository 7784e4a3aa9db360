#include "bus/pubsub_timers.h"

void pubsub_timers_init(struct pubsub_timers *group, uv_loop_t *loop) {
    *group = (struct pubsub_timers){.loop = loop};
    list_init(&group->open);
}

static void on_closed(uv_handle_t *handle) {
    struct pubsub_timer *timer = handle->data;
    struct pubsub_timers *group = timer->group;
    if (--group->closing == 0)
        group->closed(group->context);
}

void pubsub_timers_close(struct pubsub_timers *group, void (*closed)(void *context), void *context) {
    group->closed = closed;
    group->context = context;
    while (!list_empty(&group->open)) {
        struct pubsub_timer *timer = list_entry(group->open.next, struct pubsub_timer, link);
        list_remove(&timer->link);
        group->closing++;
        uv_close((uv_handle_t *)&timer->handle, on_closed);
    }
}

uint64_t pubsub_now_ms(const struct pubsub_timers *group) {
    return uv_now(group->loop);
}

void pubsub_timer_init(
    struct pubsub_timers *group, struct pubsub_timer *timer, void (*fire)(void *context), void *context) {
    timer->group = group;
    timer->fire = fire;
    timer->context = context;
    uv_timer_init(group->loop, &timer->handle);
    timer->handle.data = timer;
    list_append(&group->open, &timer->link);
}

static void on_timer(uv_timer_t *handle) {
    struct pubsub_timer *timer = handle->data;
    timer->fire(timer->context);
}

void pubsub_timer_start(struct pubsub_timer *timer, uint64_t ms) {
    if (!uv_is_closing((uv_handle_t *)&timer->handle))
        uv_timer_start(&timer->handle, on_timer, ms, 0);
}

void pubsub_timer_stop(struct pubsub_timer *timer) {
    uv_timer_stop(&timer->handle);
}

bool pubsub_timer_running(const struct pubsub_timer *timer) {
    return uv_is_active((const uv_handle_t *)&timer->handle);
}
