/*
 * A daemon's sweeps over a store of many months that are at rest, by the clock: what a dead replica had to
 * publish in a month that this one never heard of comes out as soon as its lease allows; a month that forgot
 * is noticed at the next sweep where work goes on, and within a turn of the sweeps where it rests.
 */
#include "engine/epoch.h"
#include "support/check.h"
#include "support/patience.h"
#include "support/resting_months.h"
#include "support/store_harness.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RESTING_MONTHS = 200,
    LEASE_MS = 3000, /* and so a sweep each second */
    SWEEP_MS = 1000,
    SPARE_MS = 2000, /* for all that is not waiting */
};

/* 1990-01-01 */
#define FIRST_MONTH ((game_date)7305)
#define MONTH "pg:{nba:2021-10}:"

static const char loss[] = "the store has forgotten: it lost what was in 2021-10";

static struct system running;

static struct completion completion_of(int processor) {
    return (struct completion){.processor = &nba_pipeline()->processors[processor],
        .date = SYSTEM_FIRST_DATE,
        .status = STATUS_SUCCESS,
        .record_count = event_rows(processor, SYSTEM_FIRST_DATE),
        .timestamp_ms = INT64_C(1764502927104),
        .execution_id = "run",
        .correlation_id = "sweeps"};
}

static bool was_said(void *context) {
    return daemon_said(running.daemon, context) > 0;
}

/* The month is looked at, and the first turn, which is the first sweep's, is over. */
static void work_and_rest(void) {
    system_publish(&running, PGS, "first");
    system_until_dates(&running, date_has_pgs, "the first table");
    player_run(running.player, 2 * SWEEP_MS);
}

static void forget_month(void) {
    redis_server_do(running.redis, "EVAL %s 0",
        "for _, key in ipairs(redis.call('KEYS', '" MONTH "*')) do redis.call('DEL', key) end");
}

/* Another replica applies Phase 3, and dies with the trigger's lease. */
static void decide_and_die(void) {
    struct store_harness *dead = harness_open_over(redis_server_settings(running.redis));
    harness_be(dead, "dead", LEASE_MS);
    for (int processor = PGS; processor <= TDGS; processor++) {
        struct completion completion = completion_of(processor);
        harness_apply(dead, nba_pipeline(), &completion, clock_system().now_ms(NULL));
    }
    harness_close(&dead);
}

static bool trigger_has_come(void *context) {
    (void)context;
    return player_trigger(running.player, SYSTEM_FIRST_DATE, 1)->seen > 0;
}

static void a_dead_replicas_trigger_comes_out_of_a_month_that_was_never_heard_of(void **state) {
    (void)state;
    player_told(running.player, SYSTEM_FIRST_DATE, nba_pipeline()->upstream);
    decide_and_die();
    player_until(running.player, trigger_has_come, NULL, LEASE_MS + SWEEP_MS + patient_ms(SPARE_MS),
        "the trigger of group 1");
    assert_int_equal(daemon_said(running.daemon, "took 1 triggers over"), 1);
}

/* What it was answered with before shows it, at the next step. */
static void a_month_that_forgot_is_noticed_at_the_next_sweep_where_work_goes_on(void **state) {
    (void)state;
    work_and_rest();
    forget_month();
    system_publish(&running, TOGS, "second");
    player_until(running.player, was_said, (void *)loss, SWEEP_MS + patient_ms(SPARE_MS), loss);
}

static void a_month_that_forgot_is_noticed_within_a_turn_where_it_rests(void **state) {
    (void)state;
    work_and_rest();
    forget_month();
    player_until(
        running.player, was_said, (void *)loss, EPOCH_SWEEPS_OF_TURN * SWEEP_MS + patient_ms(SPARE_MS), loss);
}

static int set_up(void **state) {
    (void)state;
    running = (struct system){0};
    system_open(&running,
        (struct system_options){.bus = SYSTEM_STREAMS,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = 1,
            .settings = "engine: {lease_seconds: 3}"});
    resting_months_add(running.redis, FIRST_MONTH, RESTING_MONTHS);
    system_start(&running);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    daemon_stop(running.daemon);
    system_close(&running);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_dead_replicas_trigger_comes_out_of_a_month_that_was_never_heard_of),
        TEST(a_month_that_forgot_is_noticed_at_the_next_sweep_where_work_goes_on),
        TEST(a_month_that_forgot_is_noticed_within_a_turn_where_it_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
