/* The suite that both ends of the bus pass, over Pub/Sub as the fake plays it: it runs on any machine. */
#include "support/bus_suite.h"
#include "support/check.h"
#include "support/patience.h"
#include "support/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEASE_MS = 10000, SPARE_MS = 5000, START_MS = 10000 };

/* The fake as a process of its own, since the suite forks. */
struct server {
    struct process process;
    int port;
    char address[32];
};

static bool answers(void *context) {
    return port_accepts(((struct server *)context)->port);
}

static bool is_gone(void *context) {
    return !answers(context);
}

static struct result launch(struct server *server) {
    char port[16];
    server->port = port_free();
    snprintf(port, sizeof port, "%d", server->port);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%d", server->port);
    const char *const argv[] = {FAKE_PUBSUB_BINARY, "--port", port, NULL};
    struct result r = process_spawn(argv, NULL, NULL, &server->process);
    return is_ok(r) ? process_await(&server->process, answers, server, START_MS) : r;
}

static struct result open_bus(
    void *context, uv_loop_t *loop, const struct log *log, const char *consumer, struct bus **bus) {
    const struct server *server = context;
    (void)consumer; /* Pub/Sub does not tell its receivers apart */
    /* A lease begins when a message is sent: where we are slow, the shortest ends before we have seen it. */
    struct pubsub_settings settings = {
        .project = "suite", .emulator = server->address, .lease_seconds = patient_ms(LEASE_MS) / 1000};
    return bus_open_pubsub(loop, &settings, log, bus);
}

static void signal_and_wait(struct server *server, int signal_number, bool (*until)(void *context)) {
    kill(server->process.pid, signal_number);
    check_ok(process_await(&server->process, until, server, START_MS));
}

static void stop(void *context) {
    signal_and_wait(context, SIGUSR1, is_gone);
}

static void start(void *context) {
    signal_and_wait(context, SIGUSR2, answers);
}

int main(void) {
    struct server server = {.process = PROCESS_NONE};
    struct result r = launch(&server);
    if (!is_ok(r)) {
        fprintf(stderr, "%s\n", r.text);
        return EXIT_FAILURE;
    }
    const struct bus_fixture fixture = {
        .name = "pubsub_fake",
        .open = open_bus,
        .redelivery_ms = LEASE_MS + SPARE_MS,
        .lease_ms = patient_ms(LEASE_MS),
        .stop = stop,
        .start = start,
        .context = &server,
    };
    int failed = bus_suite_run(&fixture);
    process_stop(&server.process, START_MS);
    return failed;
}
