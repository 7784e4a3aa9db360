#include "bus/bus.h"

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

void bus_flush(struct bus *bus, bus_done_fn *done, void *context) {
    bus->ops->flush(bus, done, context);
}

void bus_close(struct bus *bus, bus_done_fn *closed, void *context) {
    bus->ops->close(bus, closed, context);
}
