#include "bench/runner/echo.h"

#include "base/clock.h"
#include "bus/bus.h"
#include "core/completion.h"
#include "core/trigger.h"
#include "support/check.h"
#include "support/loop.h"
#include "support/nba.h"

#include <stdio.h>

enum { FIFTH = TDGS, BYTES_MAX = 64 * 1024, CREATE_MS = 30000 };

struct echo {
    struct bus *bus;
    struct arena *arena;
};

static void on_published(void *context, struct result result, const char *message_id) {
    (void)context;
    (void)message_id;
    check_ok(result);
}

static void answer(struct echo *echo, const struct message *message) {
    struct completion completion;
    arena_reset(echo->arena);
    check_ok(
        completion_decode(nba_pipeline(), message, clock_system().now_ms(NULL), echo->arena, &completion));
    if (completion.processor->index != FIFTH)
        return;
    const struct trigger trigger = {.date = completion.date, .group = 1, .run = 1};
    const struct message *answered = trigger_encode(nba_pipeline(), &trigger, echo->arena);
    bus_publish(echo->bus, nba_pipeline()->triggers.topic, answered, on_published, echo);
}

static void on_delivery(void *context, struct delivery *delivery) {
    answer(context, &delivery->message);
    bus_ack(delivery);
}

static void on_created(void *context, struct result result) {
    check_ok(result);
    *(bool *)context = true;
}

int echo_main(int argc, char **argv) {
    if (argc != 3) {
        fputs("usage: bench echo HOST:PORT PROJECT\n", stderr);
        return 2;
    }
    uv_loop_t loop;
    struct subscription *subscription;
    const struct log quiet = {0};
    struct echo echo = {.arena = arena_new(BYTES_MAX)};
    const struct pubsub_settings settings = {.project = argv[2], .emulator = argv[1]};
    uv_loop_init(&loop);
    check_ok(bus_open_pubsub(&loop, &settings, &quiet, &echo.bus));
    bool created = false;
    bus_create(echo.bus, &nba_pipeline()->completions[0], on_created, &created);
    loop_until_true(&loop, &created, CREATE_MS, "the echo's subscription");
    check_ok(bus_subscribe(echo.bus, &nba_pipeline()->completions[0],
        (struct receiver){.on_delivery = on_delivery, .context = &echo}, &subscription));
    puts("ready");
    fflush(stdout);
    return uv_run(&loop, UV_RUN_DEFAULT);
}
