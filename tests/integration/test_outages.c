/*
 * The store away, the bus away, at the start and later, killed and frozen: nothing is acked that is not
 * stored, nothing is published twice under two ids, nothing is lost, and the daemon goes on by itself.
 */
#include "support/check.h"
#include "support/system.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 40, MANY = 150 };

#define PHASE3 "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase3"

struct fixture {
    struct system system;
    size_t wanted;
};

static struct system *open_system(void **state, struct system_options options) {
    struct fixture *fixture = *state;
    options.binary = PHASEGATE_BINARY;
    options.first = SYSTEM_FIRST_DATE;
    system_open(&fixture->system, options);
    return &fixture->system;
}

/* --- Events --------------------------------------------------------------------------------------------- */

static void publish_date(struct system *system, int index) {
    for (int processor = PGS; processor <= TDGS; processor++) {
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d-%d", index, processor);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = system->options.first + index,
                .rows = event_rows(processor, system->options.first + index),
                .execution = execution,
                .correlation = "outage",
                .timestamp_ms = INT64_C(1764502927104)});
    }
}

static void publish_dates(struct system *system) {
    for (int i = 0; i < system->options.count; i++)
        publish_date(system, i);
    player_answer(system->player, 1);
}

static void check_all_done(struct system *system) {
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    system_until_outbox_empty(system);
    daemon_stop(system->daemon);
}

static size_t acked(struct system *system) {
    return fake_pubsub_counts(system->fake, PHASE3).acked;
}

static bool all_leased(void *context) {
    struct system *system = context;
    return fake_pubsub_counts(system->fake, PHASE3).leased == (size_t)system->options.count * 5;
}

static bool all_acked(void *context) {
    struct system *system = context;
    return acked(system) >= (size_t)system->options.count * 5;
}

/* --- The store ------------------------------------------------------------------------------------------ */

static void redis_is_down_at_start(void **state) {
    struct system *system =
        open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES, .redis_down = true});
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "no connection to Redis at ");
    system_open_player(system);
    check_ok(fake_pubsub_create(
        system->fake, "projects/" DAEMON_PROJECT "/topics/nba-phase3-complete", PHASE3, false));
    publish_dates(system);
    player_until_confirmed(system->player);
    assert_int_equal(daemon_said(system->daemon, "running\""), 0);
    assert_int_equal(acked(system), 0);
    redis_server_restart(system->redis);
    system_until_said(system, "running\"");
    assert_int_equal(
        daemon_said(system->daemon, "no connection to Redis at "), 1); /* said once, not at each try */
    check_all_done(system);
}

static void redis_with_the_streams_is_down_at_start(void **state) {
    struct system *system = open_system(
        state, (struct system_options){.bus = SYSTEM_STREAMS, .count = DATES, .redis_down = true});
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "no connection to Redis at ");
    redis_server_restart(system->redis);
    daemon_await_running(system->daemon);
    system_open_player(system);
    publish_dates(system);
    check_all_done(system);
}

/* What comes while Redis is dead waits on the bus, or in hand, and is not acked before it is back. */
static void nothing_is_acked_while_redis_is_dead(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    system_start(system);
    redis_server_kill(system->redis);
    daemon_await_said(system->daemon, "no connection to Redis at ");
    publish_dates(system);
    player_until_confirmed(system->player);
    assert_int_equal(acked(system), 0);
    redis_server_restart(system->redis);
    system_until_said(system, "connected to Redis at ");
    player_until(system->player, all_acked, system, SYSTEM_DEADLINE_MS, "all completions to be acked");
    check_all_done(system);
}

static bool enough_triggers(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->system.player) >= fixture->wanted;
}

/* Three times in the midst of it. */
static void kill_redis_in_flight(struct fixture *fixture) {
    struct system *system = &fixture->system;
    for (int i = 1; i <= 3; i++) {
        fixture->wanted = (size_t)i * MANY;
        player_until(system->player, enough_triggers, fixture, SYSTEM_DEADLINE_MS, "triggers to come");
        redis_server_kill(system->redis);
        system_until_said(system, "no connection to Redis at ");
        redis_server_restart(system->redis);
    }
    check_all_done(system);
}

static void redis_is_killed_in_flight(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = MANY});
    system_start(system);
    publish_dates(system);
    kill_redis_in_flight(*state);
}

static void redis_with_the_streams_is_killed_in_flight(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_STREAMS, .count = MANY});
    system_start(system);
    publish_dates(system);
    kill_redis_in_flight(*state);
}

/* Longer than a connection is trusted: what the frozen one was sent it carries out when it thaws. */
static void redis_is_frozen(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = MANY});
    system_start(system);
    redis_server_freeze(system->redis);
    publish_dates(system);
    player_until(
        system->player, all_leased, system, SYSTEM_DEADLINE_MS, "the daemon to have all completions");
    system_until_said(system, "it has not answered for 10 s");
    assert_int_equal(acked(system), 0);
    assert_int_equal(player_triggers(system->player), 0);
    redis_server_thaw(system->redis);
    check_all_done(system);
}

/* --- The bus -------------------------------------------------------------------------------------------- */

static void bus_is_away_at_start(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    fake_pubsub_stop(system->fake);
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "cannot create topics and subscriptions yet, trying again");
    assert_int_equal(daemon_said(system->daemon, "running\""), 0);
    check_ok(fake_pubsub_restart(system->fake));
    daemon_await_running(system->daemon);
    system_open_player(system);
    publish_dates(system);
    check_all_done(system);
}

static bool all_in_outbox(void *context) {
    const struct system *system = context;
    return system_outbox(system) == system->options.count;
}

/* All completions are on the bus and the daemon has seen none, so that what is published next is a trigger.
 */
static void publish_to_a_frozen_daemon(struct system *system) {
    daemon_freeze(system->daemon);
    publish_dates(system);
    player_until_confirmed(system->player);
}

/* Group 1 of all dates is decided, and the bus refuses the triggers. */
static void fill_the_outbox(struct system *system) {
    system_start(system);
    publish_to_a_frozen_daemon(system);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, INT_MAX, GRPC_STATUS_UNAVAILABLE);
    daemon_thaw(system->daemon);
    player_until(
        system->player, all_in_outbox, system, SYSTEM_DEADLINE_MS, "group 1 of all dates to be ready");
}

static void check_published_once(struct system *system) {
    for (int i = 0; i < system->options.count; i++)
        for (int g = 1; g <= PLAYER_GROUPS; g++)
            assert_int_equal(player_trigger(system->player, SYSTEM_FIRST_DATE + i, g)->published, 1);
}

/* Meanwhile the store goes and comes back, and the outbox is read again: each is published once all the same.
 */
static void triggers_wait_in_the_outbox(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    fill_the_outbox(system);
    fake_pubsub_stop(system->fake);
    daemon_await_said(system->daemon, "could not publish the trigger, trying again");
    redis_server_kill(system->redis);
    redis_server_restart(system->redis);
    daemon_await_said(system->daemon, "connected to Redis at ");
    assert_int_equal(system_outbox(system), DATES);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, 0, GRPC_STATUS_OK);
    check_ok(fake_pubsub_restart(system->fake));
    system_until_dates(system, date_is_done, "all dates to be done");
    check_published_once(system);
    check_all_done(system);
}

/* A restarted daemon is another replica: it has them when the leases of the dead one have run out. */
static void triggers_survive_in_the_outbox(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    fill_the_outbox(system);
    daemon_kill(system->daemon);
    system_expire_leases(system);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, 0, GRPC_STATUS_OK);
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "triggers over from the outbox");
    system_until_dates(system, date_is_done, "all dates to be done");
    check_published_once(system);
    check_all_done(system);
}

/* The bus has taken the triggers, and the confirmation is lost: they are published again, under the same ids.
 */
static void publishes_are_not_confirmed(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    size_t again = 0;
    system_start(system);
    publish_to_a_frozen_daemon(system);
    fake_pubsub_publish_unconfirmed(system->fake, 1, GRPC_STATUS_INTERNAL);
    daemon_thaw(system->daemon);
    check_all_done(system);
    for (int i = 0; i < DATES; i++)
        again += player_trigger(system->player, SYSTEM_FIRST_DATE + i, 1)->published > 1;
    assert_true(again > 0);
}

/* Streams break, every delivery comes twice, acks are lost: at-least-once at its worst. */
static void deliveries_are_unreliable(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    system_start(system);
    fake_pubsub_duplicate(system->fake, 2);
    fake_pubsub_break_streams_every(system->fake, 50);
    fake_pubsub_lose_acks(system->fake, true);
    publish_dates(system);
    system_until_dates(system, date_is_done, "all dates to be done");
    fake_pubsub_lose_acks(system->fake, false);
    fake_pubsub_break_streams_every(system->fake, 0);
    fake_pubsub_expire_leases(system->fake);
    player_until(system->player, all_acked, system, SYSTEM_DEADLINE_MS, "all completions to be acked");
    check_published_once(system);
    check_all_done(system);
}

/* After a seek back in time, or a failover of Google's: everything comes again, and nothing happens. */
static void everything_comes_again(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    system_start(system);
    publish_dates(system);
    system_until_dates(system, date_is_done, "all dates to be done");
    player_until(system->player, all_acked, system, SYSTEM_DEADLINE_MS, "all completions to be acked");
    fake_pubsub_forget_acks(system->fake, PHASE3);
    player_until(system->player, all_acked, system, SYSTEM_DEADLINE_MS, "all completions to be acked again");
    assert_int_equal(system_outbox(system), 0);
    assert_int_equal(player_triggers(system->player), DATES * PLAYER_GROUPS);
    check_all_done(system);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    system_close(&fixture->system);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(redis_is_down_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(redis_with_the_streams_is_down_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_acked_while_redis_is_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(redis_is_killed_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(redis_with_the_streams_is_killed_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(redis_is_frozen, setup, teardown),
        cmocka_unit_test_setup_teardown(bus_is_away_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(triggers_wait_in_the_outbox, setup, teardown),
        cmocka_unit_test_setup_teardown(triggers_survive_in_the_outbox, setup, teardown),
        cmocka_unit_test_setup_teardown(publishes_are_not_confirmed, setup, teardown),
        cmocka_unit_test_setup_teardown(deliveries_are_unreliable, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_comes_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
