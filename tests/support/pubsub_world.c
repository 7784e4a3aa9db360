#include "support/pubsub_world.h"

#include "support/check.h"
#include "support/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct numbered {
    struct world *world;
    size_t number;
};

struct ended {
    struct world *world;
    struct result result;
    bool done;
};

static void *grown(void *array, size_t count, size_t size) {
    if (count & (count - 1))
        return array;
    void *larger = realloc(array, (count ? 2 * count : 1) * size);
    assert_non_null(larger);
    return larger;
}

static void check_outside(const struct world *world) {
    if (world->inside)
        fail_msg("a callback ran inside the call that caused it");
}

static void on_ended(void *context, struct result result) {
    struct ended *ended = context;
    check_outside(ended->world);
    ended->result = result;
    ended->done = true;
}

void world_open(struct world *world, const char *emulator, int streams) {
    *world = (struct world){0};
    assert_int_equal(uv_loop_init(&world->loop), 0);
    log_capture_open(&world->log);
    struct pubsub_settings settings = {
        .project = "p", .emulator = emulator, .streams = streams, .lease_seconds = 10};
    check_ok(bus_open_pubsub(&world->loop, &settings, &world->log.log, &world->bus));
}

void world_close_bus(struct world *world) {
    struct ended closed = {.world = world};
    world->inside = true;
    bus_close(world->bus, on_ended, &closed);
    world->inside = false;
    loop_until_true(&world->loop, &closed.done, WORLD_WAIT_MS, "the bus to close");
    check_ok(closed.result);
    if (uv_loop_alive(&world->loop))
        fail_msg("handles are left on the loop after closed was called");
    loop_close(&world->loop);
}

void world_free(struct world *world) {
    log_capture_close(&world->log);
    free(world->received);
    free(world->outcomes);
}

void world_close(struct world *world) {
    world_close_bus(world);
    world_free(world);
}

static void on_delivery(void *context, struct delivery *delivery) {
    struct world *world = context;
    check_outside(world);
    world->received = grown(world->received, world->received_count, sizeof *world->received);
    struct world_received *received = &world->received[world->received_count++];
    const struct message *message = &delivery->message;
    *received = (struct world_received){.delivery = delivery};
    snprintf(received->text, sizeof received->text, "%.*s", (int)message->size, (const char *)message->data);
    snprintf(received->key, sizeof received->key, "%s", message->ordering_key ? message->ordering_key : "");
    snprintf(received->id, sizeof received->id, "%s", message->id);
    world->out++;
    if (world->out > world->out_most)
        world->out_most = world->out;
    if (world->acks)
        world_ack(world, world->received_count - 1);
}

void world_subscribe(struct world *world, const char *subscription, size_t in_hand_max) {
    struct source source = {.topic = "unused", .subscription = subscription};
    struct receiver receiver = {.on_delivery = on_delivery, .context = world, .in_hand_max = in_hand_max};
    world->inside = true;
    check_ok(bus_subscribe(world->bus, &source, receiver, &world->subscription));
    world->inside = false;
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct numbered *numbered = context;
    struct world *world = numbered->world;
    check_outside(world);
    world->outcomes = grown(world->outcomes, world->outcome_count, sizeof *world->outcomes);
    struct world_outcome *outcome = &world->outcomes[world->outcome_count++];
    *outcome = (struct world_outcome){.number = numbered->number, .result = result};
    assert_int_equal(message_id != NULL, is_ok(result));
    if (message_id)
        snprintf(outcome->id, sizeof outcome->id, "%s", message_id);
    free(numbered);
}

void world_publish_message(struct world *world, const char *topic, const struct message *message) {
    struct numbered *numbered = malloc(sizeof *numbered);
    assert_non_null(numbered);
    *numbered = (struct numbered){.world = world, .number = world->publish_count++};
    world->inside = true;
    bus_publish(world->bus, topic, message, on_published, numbered);
    world->inside = false;
}

void world_publish(struct world *world, const char *topic, const char *text, const char *key) {
    struct message message = {.data = text, .size = strlen(text), .ordering_key = key};
    world_publish_message(world, topic, &message);
}

struct result world_create(struct world *world, const char *topic, const char *subscription) {
    struct ended created = {.world = world};
    struct source source = {.topic = topic, .subscription = subscription};
    world->inside = true;
    bus_create(world->bus, &source, on_ended, &created);
    world->inside = false;
    loop_until_true(&world->loop, &created.done, WORLD_WAIT_MS, "create");
    return created.result;
}

struct result world_seek(struct world *world, const char *subscription, int64_t time_ms) {
    struct ended sought = {.world = world};
    struct source source = {.topic = "not looked at", .subscription = subscription};
    world->inside = true;
    bus_seek(world->bus, &source, time_ms, on_ended, &sought);
    world->inside = false;
    loop_until_true(&world->loop, &sought.done, WORLD_WAIT_MS, "seek");
    return sought.result;
}

struct result world_flush(struct world *world) {
    struct ended flushed = {.world = world};
    world->inside = true;
    bus_flush(world->bus, on_ended, &flushed);
    world->inside = false;
    loop_until_true(&world->loop, &flushed.done, WORLD_WAIT_MS, "flush");
    return flushed.result;
}

static void give_back(struct world *world, size_t index, void (*how)(struct delivery *delivery)) {
    struct delivery *delivery = world->received[index].delivery;
    assert_non_null(delivery);
    world->received[index].delivery = NULL;
    world->out--;
    world->inside = true;
    how(delivery);
    world->inside = false;
}

void world_ack(struct world *world, size_t index) {
    give_back(world, index, bus_ack);
}

void world_nack(struct world *world, size_t index) {
    give_back(world, index, bus_nack);
}

void world_ack_all(struct world *world) {
    for (size_t i = 0; i < world->received_count; i++)
        if (world->received[i].delivery)
            world_ack(world, i);
}

struct target {
    const size_t *count;
    size_t least;
};

static bool reached(void *context) {
    const struct target *target = context;
    return *target->count >= target->least;
}

void world_await_received(struct world *world, size_t count) {
    struct target target = {.count = &world->received_count, .least = count};
    loop_until(&world->loop, reached, &target, WORLD_WAIT_MS, "messages");
}

void world_await_outcomes(struct world *world, size_t count) {
    struct target target = {.count = &world->outcome_count, .least = count};
    loop_until(&world->loop, reached, &target, WORLD_WAIT_MS, "publishes to end");
}
