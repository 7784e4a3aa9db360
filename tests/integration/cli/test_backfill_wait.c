/* Waiting for a backfill when what it waits for does not come: no daemon, no store, no patience. */
#include "cli/backfill_wait.h"

#include "support/check.h"
#include "support/loop.h"
#include "support/nba.h"
#include "support/store_harness.h"

#include <string.h>

#define DAY ((game_date)18948)
#define NOW_MS ((int64_t)1764872400000)

static struct store_harness *harness;
static uv_loop_t loop;
static uv_timer_t timer;
static struct arena *arena;
static struct plan_item items[2];
static struct plan_date dates[2];
static struct backfill_plan plan;
static struct interrupt interrupt;
static struct wait_settings settings;
static struct wait_report report;

/* Two dates, of each of which one completion was sent. */
static int set_up(void **state) {
    (void)state;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    harness = harness_open((struct redis_server_options){0});
    arena = arena_new(1 << 20);
    for (int i = 0; i < 2; i++) {
        items[i] = (struct plan_item){
            .date = DAY + i, .processor = &nba_pipeline()->processors[PGS], .rows = 10, .sent = true};
        dates[i] = (struct plan_date){.date = DAY + i, .first = (size_t)i, .count = 1};
    }
    plan = (struct backfill_plan){.pipeline = nba_pipeline(),
        .id = "bf",
        .items = items,
        .item_count = 2,
        .dates = dates,
        .date_count = 2};
    interrupt = (struct interrupt){0};
    settings = (struct wait_settings){.redis = redis_server_settings(harness->server),
        .quiet_ms = 60000,
        .patience_ms = 60000,
        .interrupt = &interrupt};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    uv_close((uv_handle_t *)&timer, NULL);
    loop_close(&loop);
    arena_free(&arena);
    harness_close(&harness);
    return 0;
}

static struct result wait_for_all(void) {
    return backfill_wait(&loop, &plan, &settings, arena, &report);
}

static void record(size_t item) {
    char id[COMPLETION_ID_MAX + 1];
    const struct completion completion =
        backfill_completion(&plan, &items[item], backfill_execution_id(&plan, &items[item], id), NOW_MS);
    harness_apply(harness, nba_pipeline(), &completion, NOW_MS);
}

static void what_is_never_recorded_is_given_up(void **state) {
    (void)state;
    record(0);
    settings.quiet_ms = 300;
    check_ok(wait_for_all());
    assert_int_equal(report.counts[FATE_HELD], 2);
    assert_false(report.timed_out);
    assert_string_equal(report.fates[0].note, "waits for upgc, utgc, togs, tdgs");
    assert_string_equal(
        report.fates[1].note, "1 completion sent, and not recorded: does `phasegate serve` run?");
}

static void on_record(uv_timer_t *handle) {
    (void)handle;
    record(0);
    record(1);
}

static void what_is_recorded_late_is_judged_then(void **state) {
    (void)state;
    uv_timer_start(&timer, on_record, 400, 0);
    check_ok(wait_for_all());
    assert_int_equal(report.counts[FATE_HELD], 2);
    assert_string_equal(report.fates[1].note, "waits for upgc, utgc, togs, tdgs");
}

static void on_record_second(uv_timer_t *handle) {
    (void)handle;
    record(1);
}

static void on_record_first(uv_timer_t *handle) {
    record(0);
    uv_timer_start(handle, on_record_second, 1000, 0);
}

/* Each takes less than the quiet that is allowed, both together more. */
static void whatever_is_recorded_gives_the_rest_more_time(void **state) {
    (void)state;
    settings.quiet_ms = 1500;
    uv_timer_start(&timer, on_record_first, 1000, 0);
    check_ok(wait_for_all());
    assert_string_equal(report.fates[1].note, "waits for upgc, utgc, togs, tdgs");
}

static void time_runs_out(void **state) {
    (void)state;
    settings.timeout_ms = 300;
    check_ok(wait_for_all());
    assert_true(report.timed_out);
    assert_false(report.interrupted);
    assert_int_equal(report.counts[FATE_OPEN], 2);
}

static void on_interrupt(uv_timer_t *handle) {
    (void)handle;
    interrupt.count++;
}

static void an_interrupt_ends_it(void **state) {
    (void)state;
    uv_timer_start(&timer, on_interrupt, 50, 0);
    check_ok(wait_for_all());
    assert_true(report.interrupted);
    assert_false(report.timed_out);
    assert_int_equal(report.counts[FATE_OPEN], 2);
}

static void a_store_that_stays_away_ends_it(void **state) {
    (void)state;
    redis_server_stop(harness->server);
    settings.patience_ms = 300;
    check_fails(wait_for_all(), CODE_UNAVAILABLE, "");
    redis_server_restart(harness->server);
}

static void on_restart(uv_timer_t *handle) {
    (void)handle;
    redis_server_restart(harness->server);
    harness_connect(harness);
    on_record(handle);
}

/* The connection that it looked through is lost, too. */
static void on_stop(uv_timer_t *handle) {
    harness_disconnect(harness);
    redis_server_stop(harness->server);
    uv_timer_start(handle, on_restart, 600, 0);
}

static void a_store_that_comes_back_is_asked_again(void **state) {
    (void)state;
    uv_timer_start(&timer, on_stop, 100, 0);
    check_ok(wait_for_all());
    assert_int_equal(report.counts[FATE_HELD], 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_never_recorded_is_given_up),
        TEST(what_is_recorded_late_is_judged_then),
        TEST(whatever_is_recorded_gives_the_rest_more_time),
        TEST(time_runs_out),
        TEST(an_interrupt_ends_it),
        TEST(a_store_that_stays_away_ends_it),
        TEST(a_store_that_comes_back_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
