/*
 * How fast messages go through Pub/Sub: published, received and acked by this one process, with a bounded
 * number under way, so that what is measured is a steady flow and not the server's backlog.
 *
 *   bench_pubsub HOST:PORT [STREAMS [MESSAGES [IN_HAND]]]     an emulator; 8 streams, 100,000 messages, 2,000
 * in hand
 *
 * The emulator is best started by hand, with the memory that Java takes by itself: the tests' one has 256 MB,
 * and stops for garbage after 200,000 messages.
 */
#include "support/check.h"
#include "support/loop.h"

#include "bus/bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 400, AHEAD_MAX = 20000, UNCONFIRMED_MAX = 5000, WAIT_MS = 60000 };

struct bench {
    uv_loop_t loop;
    struct bus *bus;
    size_t published, confirmed, received;
    bool done;
};

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_done(void *context, struct result result) {
    check_ok(result);
    *(bool *)context = true;
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct bench *bench = context;
    (void)message_id;
    check_ok(result);
    bench->confirmed++;
}

static void on_delivery(void *context, struct delivery *delivery) {
    struct bench *bench = context;
    bench->received++;
    bus_ack(delivery);
}

static void await_done(struct bench *bench, const char *what) {
    loop_until_true(&bench->loop, &bench->done, WAIT_MS, what);
    bench->done = false;
}

static void publish_more(struct bench *bench, const char *topic, size_t messages) {
    static const char data[SIZE];
    const struct message message = {.data = data, .size = SIZE};
    while (bench->published < messages && bench->published - bench->confirmed < UNCONFIRMED_MAX
        && bench->published < bench->received + AHEAD_MAX) {
        bench->published++;
        bus_publish(bench->bus, topic, &message, on_published, bench);
    }
}

static void measure(struct bench *bench, const struct source *source, size_t messages, size_t in_hand) {
    struct subscription *subscription;
    const struct receiver receiver = {.on_delivery = on_delivery, .context = bench, .in_hand_max = in_hand};
    double begun = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    check_ok(bus_subscribe(bench->bus, source, receiver, &subscription));
    while (bench->received < messages) {
        publish_more(bench, source->topic, messages);
        uv_run(&bench->loop, UV_RUN_ONCE);
    }
    bus_flush(bench->bus, on_done, &bench->done);
    await_done(bench, "the last acks");
    double took = seconds(CLOCK_MONOTONIC) - begun;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf(
        "%zu messages of %d bytes published, received and acked in %.1f s: %.0f/s; %.1f us of this process's "
        "processor time each\n",
        bench->received, SIZE, took, (double)bench->received / took, cpu * 1e6 / (double)bench->received);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: bench_pubsub HOST:PORT [STREAMS [MESSAGES [IN_HAND]]]\n");
        return 2;
    }
    size_t messages = argc > 3 ? strtoul(argv[3], NULL, 10) : 100000;
    size_t in_hand = argc > 4 ? strtoul(argv[4], NULL, 10) : 2000;
    char topic[32], subscription[32];
    snprintf(topic, sizeof topic, "bench-topic-%d", (int)getpid());
    snprintf(subscription, sizeof subscription, "bench-subscription-%d", (int)getpid());
    const struct source source = {.topic = topic, .subscription = subscription};
    const struct pubsub_settings settings = {
        .project = "bench", .emulator = argv[1], .streams = argc > 2 ? atoi(argv[2]) : 8};
    const struct log quiet = {0};
    struct bench bench = {0};
    uv_loop_init(&bench.loop);
    check_ok(bus_open_pubsub(&bench.loop, &settings, &quiet, &bench.bus));
    bus_create(bench.bus, &source, on_done, &bench.done);
    await_done(&bench, "topic and subscription");
    measure(&bench, &source, messages, in_hand);
    bus_close(bench.bus, on_done, &bench.done);
    await_done(&bench, "the bus to close");
    loop_close(&bench.loop);
    return 0;
}
