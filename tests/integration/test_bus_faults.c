/*
 * Pub/Sub at its worst, through the whole daemon: completions go in, triggers have to come out, each under
 * one id, in the order of its date's groups, none missing. The player checks order and needs at each trigger;
 * what a message was published for a second time, since its confirmation was lost, has the same id. The
 * faults of one call at a time are in test_pubsub_faults.c; Pub/Sub away, at the start and later, in
 * test_outages.c.
 */
#include "support/check.h"
#include "support/system.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { DATES = 30, FAULTS = 12, EVERY_MS = 200, QUOTA_MS = 4000, QUOTA_CALLS_MAX = 5, RESTARTS = 4 };

#define PHASE3 "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase3"

struct fixture {
    struct system system;
    uv_timer_t timer;
    void (*fault)(struct fixture *fixture, int number); /* every EVERY_MS, FAULTS times */
    int faults;
};

/* --- Faults at an interval ------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer) {
    struct fixture *fixture = timer->data;
    if (fixture->faults < FAULTS)
        fixture->fault(fixture, fixture->faults++);
    else
        uv_timer_stop(timer);
}

static bool faults_are_over(void *context) {
    const struct fixture *fixture = context;
    return fixture->faults == FAULTS;
}

static void keep_failing(struct fixture *fixture, void (*fault)(struct fixture *fixture, int number)) {
    fixture->fault = fault;
    fixture->timer.data = fixture;
    uv_timer_init(player_loop(fixture->system.player), &fixture->timer);
    uv_timer_start(&fixture->timer, on_timer, EVERY_MS, EVERY_MS);
}

/* The timer leaves the loop before the player does. */
static void stop_failing(struct fixture *fixture) {
    player_until(fixture->system.player, faults_are_over, fixture, SYSTEM_DEADLINE_MS, "all faults");
    uv_close((uv_handle_t *)&fixture->timer, NULL);
}

/* --- Work ----------------------------------------------------------------------------------------------- */

static struct system *start(void **state) {
    struct fixture *fixture = *state;
    system_open(&fixture->system,
        (struct system_options){
            .bus = SYSTEM_FAKE, .binary = PHASEGATE_BINARY, .first = SYSTEM_FIRST_DATE, .count = DATES});
    system_start(&fixture->system);
    player_answer(fixture->system.player, 1);
    return &fixture->system;
}

static void publish_date(struct system *system, int index) {
    for (int processor = PGS; processor <= TDGS; processor++) {
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d-%d", index, processor);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = system->options.first + index,
                .rows = event_rows(processor, system->options.first + index),
                .execution = execution,
                .correlation = "faults",
                .timestamp_ms = INT64_C(1764502927104)});
    }
}

static void publish_dates(struct system *system, int from, int to) {
    for (int i = from; i < to; i++)
        publish_date(system, i);
}

/* Some dates with each fault, so that something is always under way. */
static void publish_some(struct fixture *fixture, int number) {
    int each = (DATES + FAULTS - 1) / FAULTS, from = number * each;
    publish_dates(&fixture->system, from < DATES ? from : DATES, from + each < DATES ? from + each : DATES);
}

static void check_everything_came(struct system *system) {
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    system_until_outbox_empty(system);
    daemon_stop(system->daemon);
}

/* What the bus has of one trigger: so many messages, all of them the same. */
static size_t check_messages(struct system *system) {
    size_t more = 0;
    for (int i = 0; i < DATES; i++)
        for (int g = 1; g <= PLAYER_GROUPS; g++) {
            const struct player_trigger *trigger = player_trigger(system->player, SYSTEM_FIRST_DATE + i, g);
            assert_true(trigger->published >= 1);
            more += trigger->published - 1;
        }
    return more;
}

/* --- Receiving ------------------------------------------------------------------------------------------ */

static void break_streams(struct fixture *fixture, int number) {
    static const grpc_status_code statuses[] = {GRPC_STATUS_UNAVAILABLE, GRPC_STATUS_RESOURCE_EXHAUSTED,
        GRPC_STATUS_INTERNAL, GRPC_STATUS_DEADLINE_EXCEEDED, GRPC_STATUS_ABORTED, GRPC_STATUS_OK};
    publish_some(fixture, number);
    fake_pubsub_break_streams(
        fixture->system.fake, statuses[(size_t)number % (sizeof statuses / sizeof *statuses)]);
}

static void streams_break_again_and_again(void **state) {
    struct fixture *fixture = *state;
    struct system *system = start(state);
    keep_failing(fixture, break_streams);
    stop_failing(fixture);
    check_everything_came(system);
    assert_int_equal(check_messages(system), 0);
}

static void expire_leases(struct fixture *fixture, int number) {
    publish_some(fixture, number);
    fake_pubsub_expire_leases(fixture->system.fake);
}

/* What is in hand comes again, and is acked by an id that counts no more. */
static void leases_expire_while_in_hand(void **state) {
    struct fixture *fixture = *state;
    struct system *system = start(state);
    fake_pubsub_delay(system->fake, 50);
    keep_failing(fixture, expire_leases);
    stop_failing(fixture);
    check_everything_came(system);
    assert_int_equal(check_messages(system), 0);
}

static bool all_leased(void *context) {
    const struct system *system = context;
    return fake_pubsub_counts(system->fake, PHASE3).leased >= (size_t)DATES * 5;
}

/* The daemon stands still for longer than its leases, with everything in hand; then it goes on with it. */
static void a_frozen_daemon_outlives_its_leases(void **state) {
    struct system *system = start(state);
    redis_server_freeze(system->redis);
    publish_dates(system, 0, DATES);
    player_until(system->player, all_leased, system, SYSTEM_DEADLINE_MS, "everything to be in hand");
    daemon_freeze(system->daemon);
    redis_server_thaw(system->redis);
    fake_pubsub_expire_leases(system->fake);
    fake_pubsub_break_streams(system->fake, GRPC_STATUS_UNAVAILABLE);
    daemon_thaw(system->daemon);
    check_everything_came(system);
    assert_int_equal(check_messages(system), 0);
}

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void refuse_publishes(struct fixture *fixture, int number) {
    static const grpc_status_code statuses[] = {GRPC_STATUS_UNAVAILABLE, GRPC_STATUS_INTERNAL,
        GRPC_STATUS_CANCELLED, GRPC_STATUS_ABORTED, GRPC_STATUS_UNKNOWN, GRPC_STATUS_NOT_FOUND,
        GRPC_STATUS_PERMISSION_DENIED};
    publish_some(fixture, number);
    fake_pubsub_answer_next(fixture->system.fake, FAKE_PUBLISH, 4,
        statuses[(size_t)number % (sizeof statuses / sizeof *statuses)]);
}

static void publishes_fail_again_and_again(void **state) {
    struct fixture *fixture = *state;
    struct system *system = start(state);
    keep_failing(fixture, refuse_publishes);
    stop_failing(fixture);
    check_everything_came(system);
}

/* Taken, and answered with a deadline that passed: whoever published cannot know, and publishes the same
 * again. */
static void lose_confirmations(struct fixture *fixture, int number) {
    publish_some(fixture, number);
    fake_pubsub_publish_unconfirmed(
        fixture->system.fake, 2, number % 2 ? GRPC_STATUS_DEADLINE_EXCEEDED : GRPC_STATUS_UNAVAILABLE);
}

static void confirmations_are_lost_again_and_again(void **state) {
    struct fixture *fixture = *state;
    struct system *system = start(state);
    keep_failing(fixture, lose_confirmations);
    stop_failing(fixture);
    check_everything_came(system);
    print_message("%zu triggers were published more than once, under the same id\n", check_messages(system));
}

static void publishing_is_slow(void **state) {
    struct system *system = start(state);
    fake_pubsub_delay(system->fake, 700);
    publish_dates(system, 0, DATES);
    check_everything_came(system);
    assert_int_equal(check_messages(system), 0);
}

static bool all_in_outbox(void *context) {
    const struct system *system = context;
    return system_outbox(system) == DATES;
}

/* Every date has a trigger that wants out: all together they ask as seldom as one would. */
static void a_quota_is_not_hammered(void **state) {
    struct system *system = start(state);
    daemon_freeze(system->daemon);
    publish_dates(system, 0, DATES);
    player_until_confirmed(system->player);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, INT_MAX, GRPC_STATUS_RESOURCE_EXHAUSTED);
    daemon_thaw(system->daemon);
    player_until(system->player, all_in_outbox, system, SYSTEM_DEADLINE_MS, "all triggers to be decided");
    player_run(system->player, 500); /* what was under way when the first answer came */
    size_t before = fake_pubsub_calls(system->fake, FAKE_PUBLISH);
    player_run(system->player, QUOTA_MS);
    size_t calls = fake_pubsub_calls(system->fake, FAKE_PUBLISH) - before;
    assert_in_range(calls, 1, QUOTA_CALLS_MAX);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, 0, GRPC_STATUS_OK);
    check_everything_came(system);
    assert_int_equal(check_messages(system), 0);
}

/* --- All of it ------------------------------------------------------------------------------------------ */

static void restart(struct fixture *fixture, int number) {
    publish_some(fixture, number);
    if (number % (FAULTS / RESTARTS) != 1)
        return;
    fake_pubsub_stop(fixture->system.fake);
    check_ok(fake_pubsub_restart(fixture->system.fake));
    fake_pubsub_expire_leases(fixture->system.fake);
}

static void pubsub_restarts_again_and_again(void **state) {
    struct fixture *fixture = *state;
    struct system *system = start(state);
    keep_failing(fixture, restart);
    stop_failing(fixture);
    check_everything_came(system);
}

static void everything_at_once(struct fixture *fixture, int number) {
    fake_pubsub_duplicate(fixture->system.fake, 1 + number % 3);
    fake_pubsub_delay(fixture->system.fake, number % 2 ? 100 : 0);
    if (number % 3 == 0)
        expire_leases(fixture, number);
    else if (number % 3 == 1)
        refuse_publishes(fixture, number);
    else
        lose_confirmations(fixture, number);
    fake_pubsub_break_streams(fixture->system.fake, GRPC_STATUS_UNAVAILABLE);
}

static void all_faults_together(void **state) {
    struct fixture *fixture = *state;
    struct system *system = start(state);
    keep_failing(fixture, everything_at_once);
    stop_failing(fixture);
    fake_pubsub_duplicate(system->fake, 1);
    check_everything_came(system);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    system_close(&fixture->system);
    free(fixture);
    return 0;
}

#define fault_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        fault_test(streams_break_again_and_again),
        fault_test(leases_expire_while_in_hand),
        fault_test(a_frozen_daemon_outlives_its_leases),
        fault_test(publishes_fail_again_and_again),
        fault_test(confirmations_are_lost_again_and_again),
        fault_test(publishing_is_slow),
        fault_test(a_quota_is_not_hammered),
        fault_test(pubsub_restarts_again_and_again),
        fault_test(all_faults_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
