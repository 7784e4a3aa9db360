#include "bus/bus.h"

#include "base/clock.h"
#include "bus/bus_ops.h"

void bus_create(struct bus *bus, const struct source *source, bus_done_fn *done, void *context) {
    bus->ops->create(bus, source, done, context);
}

struct result bus_subscribe(struct bus *bus, const struct source *source, struct receiver receiver,
    struct subscription **subscription) {
    return bus->ops->subscribe(bus, source, receiver, subscription);
}

void bus_pause(struct subscription *subscription) {
    subscription->bus->ops->pause(subscription);
}

void bus_resume(struct subscription *subscription) {
    subscription->bus->ops->resume(subscription);
}

int64_t bus_receiving_ms(struct subscription *subscription) {
    return subscription->bus->ops->receiving_ms(subscription);
}

void bus_unsubscribe(struct subscription *subscription) {
    subscription->bus->ops->unsubscribe(subscription);
}

void bus_ack(struct delivery *delivery) {
    delivery->subscription->bus->ops->ack(delivery);
}

void bus_nack(struct delivery *delivery) {
    delivery->subscription->bus->ops->nack(delivery);
}

void bus_publish(struct bus *bus, const char *topic, const struct message *message,
    bus_published_fn *published, void *context) {
    bus->ops->publish(bus, topic, message, published, context);
}

void bus_seek(
    struct bus *bus, const struct source *source, int64_t time_ms, bus_done_fn *done, void *context) {
    bus->ops->seek(bus, source, time_ms, done, context);
}

void bus_look(struct bus *bus, const struct source *source, struct bus_backlog *backlog, bus_done_fn *done,
    void *context) {
    bus->ops->look(bus, source, backlog, done, context);
}

struct result bus_check_moment(int64_t time_ms) {
    char moment[TIMESTAMP_TEXT_MAX], now[TIMESTAMP_TEXT_MAX];
    struct clock clock = clock_system();
    int64_t now_ms = clock_now_ms(&clock);
    if (time_ms >= 0 && time_ms <= now_ms)
        return ok();
    return fail(CODE_INVALID, "a subscription cannot be moved to %s; expected a moment up to now, %s",
        timestamp_format(time_ms, moment), timestamp_format(now_ms, now));
}

void bus_flush(struct bus *bus, bus_done_fn *done, void *context) {
    bus->ops->flush(bus, done, context);
}

void bus_close(struct bus *bus, bus_done_fn *closed, void *context) {
    bus->ops->close(bus, closed, context);
}
