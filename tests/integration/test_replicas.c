/*
 * Several daemons over one store and one bus: they share the work, decide once, and the living ones take over
 * what a dead one has left.
 */
#include "support/check.h"
#include "support/system.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { DATES = 100, OTHERS = 2 };

struct fixture {
    enum system_bus bus;
    struct system system;
    struct daemon *others[OTHERS];
};

static void start_all(struct fixture *fixture) {
    system_open(&fixture->system,
        (struct system_options){
            .bus = fixture->bus, .binary = PHASEGATE_BINARY, .first = SYSTEM_FIRST_DATE, .count = DATES});
    system_start(&fixture->system);
    for (int i = 0; i < OTHERS; i++) {
        fixture->others[i] = system_another_daemon(&fixture->system);
        daemon_start(fixture->others[i]);
        daemon_await_running(fixture->others[i]);
    }
}

static void for_all(struct fixture *fixture, void (*each)(struct daemon *daemon)) {
    each(fixture->system.daemon);
    for (int i = 0; i < OTHERS; i++)
        each(fixture->others[i]);
}

static void publish_dates(struct system *system) {
    for (int i = 0; i < DATES * 5; i++) {
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        struct event event = {.processor = PGS + i % 5,
            .date = SYSTEM_FIRST_DATE + i / 5,
            .rows = 10,
            .execution = execution,
            .correlation = "replicas",
            .timestamp_ms = INT64_C(1764502927104)};
        player_publish(system->player, &event);
        player_publish(system->player, &event);
    }
    player_answer(system->player, 2);
}

static void check_all_done(struct fixture *fixture) {
    system_until_dates(&fixture->system, date_is_done, "all dates to be done");
    system_check_triggers(&fixture->system);
    system_until_outbox_empty(&fixture->system);
}

/* Each of them decides something, and nothing is decided twice. */
static void they_share_the_work(void **state) {
    struct fixture *fixture = *state;
    start_all(fixture);
    for_all(fixture, daemon_freeze); /* so that there is work for all when they begin */
    publish_dates(&fixture->system);
    player_until_confirmed(fixture->system.player);
    for_all(fixture, daemon_thaw);
    check_all_done(fixture);
    for (int i = 0; i < DATES; i++)
        for (int g = 1; g <= PLAYER_GROUPS; g++)
            assert_int_equal(player_trigger(fixture->system.player, SYSTEM_FIRST_DATE + i, g)->published, 1);
    assert_true(daemon_said(fixture->system.daemon, "published the trigger") > 0);
    for (int i = 0; i < OTHERS; i++)
        assert_true(daemon_said(fixture->others[i], "published the trigger") > 0);
    for_all(fixture, daemon_stop);
}

static bool all_decided(void *context) {
    return system_outbox(context) == DATES;
}

/* All but one die with triggers that they have decided and not published, and do not come back. */
static void all_but_one_die(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    start_all(fixture);
    for_all(fixture, daemon_freeze);
    publish_dates(system);
    player_until_confirmed(system->player);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, INT_MAX, GRPC_STATUS_UNAVAILABLE);
    for_all(fixture, daemon_thaw);
    player_until(system->player, all_decided, system, SYSTEM_DEADLINE_MS, "group 1 of each date");
    for (int i = 0; i < OTHERS; i++)
        daemon_kill(fixture->others[i]);
    fake_pubsub_expire_leases(system->fake);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, 0, GRPC_STATUS_OK);
    check_all_done(fixture);
    daemon_stop(system->daemon);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    *state = fixture;
    return 0;
}

static int streams(void **state) {
    return setup(state, SYSTEM_STREAMS);
}

static int fake(void **state) {
    return setup(state, SYSTEM_FAKE);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < OTHERS; i++)
        daemon_free(&fixture->others[i]);
    system_close(&fixture->system);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"they share the work, over Redis Streams", they_share_the_work, streams, teardown, NULL},
        {"they share the work, over the fake Pub/Sub", they_share_the_work, fake, teardown, NULL},
        {"all but one die", all_but_one_die, fake, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
