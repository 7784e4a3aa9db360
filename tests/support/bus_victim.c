#include "support/bus_victim.h"

#include "support/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ORDER_MAX = 512 };

static void on_delivery(void *context, struct delivery *delivery) {
    (void)delivery;
    if (write(*(const int *)context, "x", 1) != 1)
        _exit(1);
}

/* One line: topic, space, subscription. */
static void await_order(int orders, char *topic, char *subscription) {
    char line[ORDER_MAX] = "";
    for (size_t length = 0; length + 1 < sizeof line && !strchr(line, '\n'); length++) {
        if (read(orders, line + length, 1) != 1)
            _exit(0);
    }
    if (sscanf(line, "%255s %255s", topic, subscription) != 2)
        _exit(1);
}

static _Noreturn void victim_run(const struct bus_fixture *fixture, int orders, int news) {
    char topic[ORDER_MAX / 2], subscription[ORDER_MAX / 2];
    await_order(orders, topic, subscription);
    uv_loop_t loop;
    struct log_sink sink = {
        .fd = STDERR_FILENO, .format = LOG_FORMAT_TEXT, .least = LOG_ERROR, .clock = clock_system()};
    struct log log = log_root(&sink);
    struct bus *bus;
    struct subscription *received;
    struct source source = {.topic = topic, .subscription = subscription};
    struct receiver receiver = {.on_delivery = on_delivery, .context = &news};
    uv_loop_init(&loop);
    if (!is_ok(fixture->open(fixture->context, &loop, &log, "victim", &bus))
        || !is_ok(bus_subscribe(bus, &source, receiver, &received)))
        _exit(1);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

struct bus_victim bus_victim_fork(const struct bus_fixture *fixture) {
    int orders[2], news[2];
    pid_t parent = getpid();
    if (pipe(orders) != 0 || pipe(news) != 0) {
        perror("pipe");
        abort();
    }
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(orders[1]);
        close(news[0]);
        victim_run(fixture, orders[0], news[1]);
    }
    if (pid < 0) {
        perror("fork");
        abort();
    }
    close(orders[0]);
    close(news[1]);
    return (struct bus_victim){.pid = pid, .orders = orders[1], .news = news[0]};
}

void bus_victim_hold(
    struct bus_victim *victim, const struct source *source, size_t deliveries, int deadline_ms) {
    char line[ORDER_MAX], byte;
    int length = snprintf(line, sizeof line, "%s %s\n", source->topic, source->subscription);
    if (write(victim->orders, line, (size_t)length) != length)
        fail_msg("the receiver to be killed is gone already: %s", strerror(errno));
    for (size_t i = 0; i < deliveries; i++) {
        struct pollfd news = {.fd = victim->news, .events = POLLIN};
        if (poll(&news, 1, deadline_ms) != 1 || read(victim->news, &byte, 1) != 1)
            fail_msg("the receiver to be killed has got %zu of %zu messages", i, deliveries);
    }
}

void bus_victim_kill(struct bus_victim *victim) {
    if (victim->pid == 0)
        return;
    kill(victim->pid, SIGKILL);
    waitpid(victim->pid, NULL, 0);
    close(victim->orders);
    close(victim->news);
    victim->pid = 0;
}
