#include "support/bus_suite_internal.h"

#include <stdio.h>
#include <unistd.h>

struct bus *suite_open_bus(struct suite *suite, const char *consumer) {
    struct bus *bus = NULL;
    check_ok(suite->fixture->open(suite->context, &suite->loop, &suite->capture.log, consumer, &bus));
    return bus;
}

int bus_suite_setup(void **state) {
    struct suite *suite = *state;
    suite->number++;
    snprintf(suite->topic, sizeof suite->topic, "suite-%ld-%d", (long)getpid(), suite->number);
    snprintf(suite->subscription, sizeof suite->subscription, "%s-reader", suite->topic);
    suite->source = (struct source){.topic = suite->topic, .subscription = suite->subscription};
    uv_loop_init(&suite->loop);
    log_capture_open(&suite->capture);
    inbox_open(&suite->inbox, INBOX_ACK);
    inbox_open(&suite->other_inbox, INBOX_ACK);
    suite->bus = suite_open_bus(suite, "first");
    return 0;
}

int bus_suite_setup_with_victim(void **state) {
    struct suite *suite = *state;
    suite->victim = bus_victim_fork(suite->fixture);
    return bus_suite_setup(state);
}

int bus_suite_teardown(void **state) {
    struct suite *suite = *state;
    close_and_wait(&suite->loop, &suite->bus);
    close_and_wait(&suite->loop, &suite->other);
    bus_victim_kill(&suite->victim);
    loop_close(&suite->loop);
    inbox_close(&suite->inbox);
    inbox_close(&suite->other_inbox);
    log_capture_close(&suite->capture);
    return 0;
}

struct subscription *suite_subscribe(
    struct suite *suite, struct bus *bus, struct inbox *inbox, size_t in_hand_max) {
    struct subscription *subscription = NULL;
    check_ok(bus_subscribe(bus, &suite->source, inbox_receiver(inbox, in_hand_max), &subscription));
    return subscription;
}

struct subscription *suite_start(struct suite *suite, enum inbox_policy policy, size_t in_hand_max) {
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    suite->inbox.policy = policy;
    return suite_subscribe(suite, suite->bus, &suite->inbox, in_hand_max);
}

void suite_publish(struct suite *suite, const char *text) {
    publish_and_wait(&suite->loop, suite->bus, suite->topic, NULL, text);
}

void suite_await_count(struct suite *suite, struct inbox *inbox, size_t count, int deadline_ms) {
    char what[100];
    snprintf(what, sizeof what, "%zu messages (%zu deliveries so far)", count, inbox->deliveries);
    inbox->awaited = count;
    loop_until(&suite->loop, inbox_is_full, inbox, deadline_ms, what);
}

void suite_await_deliveries(struct suite *suite, struct inbox *inbox, size_t deliveries, int deadline_ms) {
    inbox->awaited = deliveries;
    loop_until(&suite->loop, inbox_has_deliveries, inbox, deadline_ms, "deliveries");
}

void suite_expect_no_more(struct suite *suite, struct inbox *inbox, int duration_ms) {
    inbox->awaited = inbox->deliveries + 1;
    loop_never(&suite->loop, inbox_has_deliveries, inbox, duration_ms, "a delivery that should not come");
}

void bus_suite_start(const struct bus_fixture *fixture, struct crowd *crowd) {
    static struct suite suite; /* a test may start again until the crowd has ended */
    suite = (struct suite){.fixture = fixture, .context = fixture->context, .crowd = crowd};
    bus_suite_delivery(&suite); /* the longest first */
    bus_suite_flow(&suite);
    bus_suite_messages(&suite);
    bus_suite_life(&suite);
    bus_suite_seek(&suite);
}

int bus_suite_finish(const struct bus_fixture *fixture, struct crowd *crowd) {
    struct suite suite = {.fixture = fixture, .context = fixture->context};
    int failed = 0;
    if (fixture->stop && fixture->apart) {
        suite.context = fixture->apart;
        failed = bus_suite_outage(&suite);
    }
    failed += crowd_await(crowd);
    if (fixture->stop && !fixture->apart)
        failed += bus_suite_outage(&suite);
    return failed;
}

int bus_suite_run(const struct bus_fixture *fixture) {
    struct crowd crowd = {0};
    bus_suite_start(fixture, &crowd);
    return bus_suite_finish(fixture, &crowd);
}
