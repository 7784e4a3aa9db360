/*
 * The store's sweeps over a pipeline of very many months, of which nearly all are at rest: what is found, and
 * how little is asked for it.
 */
#include "support/check.h"
#include "support/resting_months.h"
#include "support/scene.h"
#include "support/store_harness_call.h"

enum { MONTHS = 300, PORTIONS = 5, BUSY = 5, LEASE_MS = 30000 };

/* 1950-01-01 */
#define FIRST_MONTH ((game_date)-7305)

/* Of the months' places: first and last of portions, some beside each other, and the very last. */
static const int busy[BUSY] = {0, 63, 64, 130, MONTHS - 1};

static game_date months[MONTHS];
static int told, broken_off;

/* A day of the month that has this place. */
static game_date day(int place) {
    return months[place] + 9;
}

static void list_months(struct scene *scene) {
    resting_months_add(scene->harness->server, FIRST_MONTH, MONTHS);
    months[0] = FIRST_MONTH;
    for (int i = 1; i < MONTHS; i++)
        months[i] = date_next_month(months[i - 1]);
}

static void make_busy(struct scene *scene) {
    for (int i = 0; i < BUSY; i++) {
        scene->date = day(busy[i]);
        complete_phase3(scene);
    }
}

static void the_entries_of_few_months_are_found_among_many(void **state) {
    struct scene *scene = *state;
    const struct trigger *triggers = NULL;
    make_busy(scene);
    assert_int_equal(harness_outbox(scene->harness, scene->pipeline, &triggers), BUSY);
    for (int i = 0; i < BUSY; i++)
        assert_int_equal(triggers[i].date, day(busy[i]));
}

static void what_is_due_in_few_months_is_found_among_many(void **state) {
    struct scene *scene = *state;
    const game_date *dates = NULL;
    size_t count = 0;
    for (int i = 0; i < BUSY; i++) {
        scene->date = day(busy[i]);
        complete(scene, PGS);
    }
    int64_t deadline_ms = scene->now_ms + (int64_t)scene->pipeline->upstream_deadline * 1000;
    check_ok(harness_try_due(scene->harness, scene->pipeline, deadline_ms, &dates, &count));
    assert_int_equal(count, BUSY);
    for (int i = 0; i < BUSY; i++)
        assert_int_equal(dates[i], day(busy[i]));
}

/* It has never heard of them; the lease of whoever decided them has run out. */
static void a_dead_replicas_entries_are_found_by_one_that_knows_nothing_of_the_months(void **state) {
    struct scene *scene = *state;
    const struct trigger *triggers = NULL;
    harness_be(scene->harness, "dead", LEASE_MS);
    make_busy(scene);
    struct store_harness *other = harness_open_over(redis_server_settings(scene->harness->server));
    harness_be(other, "other", LEASE_MS);
    assert_int_equal(harness_outbox(other, scene->pipeline, &triggers), 0);
    for (int i = 0; i < BUSY; i++) {
        char month[MONTH_TEXT_MAX];
        redis_server_do(
            scene->harness->server, "DEL pg:{nba:%s}:leases", month_format(months[busy[i]], month));
    }
    assert_int_equal(harness_outbox(other, scene->pipeline, &triggers), BUSY);
    harness_close(&other);
}

static void months_at_rest_are_asked_by_the_portion(void **state) {
    struct scene *scene = *state;
    const struct trigger *triggers = NULL;
    const game_date *dates = NULL;
    size_t count = 0;
    redis_server_do(scene->harness->server, "CONFIG RESETSTAT");
    assert_int_equal(harness_outbox(scene->harness, scene->pipeline, &triggers), 0);
    check_ok(harness_try_due(scene->harness, scene->pipeline, INT64_MAX / 2, &dates, &count));
    assert_int_equal(count, 0);
    assert_int_equal(redis_server_calls(scene->harness->server, "exists"), 2 * PORTIONS);
    assert_int_equal(redis_server_calls(scene->harness->server, "fcall"), 0);
    assert_int_equal(redis_server_calls(scene->harness->server, "zrangebyscore"), 0);
}

static void on_entry(void *context, struct result result, const char *field, const char *facts) {
    struct scene *scene = context;
    (void)facts;
    if (!field) {
        broken_off++;
        harness_call_done(scene->harness, result);
    } else if (told++ == 0) {
        redis_server_do(scene->harness->server, "CLIENT KILL TYPE normal");
    }
}

/* The rest is not told, and the end is, once. */
static void a_connection_that_breaks_ends_it(void **state) {
    struct scene *scene = *state;
    make_busy(scene);
    told = broken_off = 0;
    harness_call_begin(scene->harness, scene->pipeline, 1);
    store_outbox(scene->harness->store, scene->pipeline, on_entry, scene);
    check_fails(harness_call_finish(scene->harness, "the outbox"), CODE_UNAVAILABLE, "broke");
    assert_true(told < BUSY);
    assert_int_equal(broken_off, 1);
    harness_await_ready(scene->harness);
}

/* What is no month is told, and holds up no other. */
static void a_list_with_something_else_in_it(void **state) {
    struct scene *scene = *state;
    make_busy(scene);
    told = 1;
    redis_server_do(scene->harness->server, "ZADD pg:{nba}:months 1 x");
    harness_call_begin(scene->harness, scene->pipeline, 1);
    store_outbox(scene->harness->store, scene->pipeline, on_entry, scene);
    check_fails(harness_call_finish(scene->harness, "the outbox"), CODE_INVALID, "the list of months");
    assert_int_equal(told, 1 + BUSY);
}

static int set_up(void **state) {
    struct scene *scene = *state;
    empty_scene(state);
    list_months(scene);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_entries_of_few_months_are_found_among_many, set_up),
        cmocka_unit_test_setup(what_is_due_in_few_months_is_found_among_many, set_up),
        cmocka_unit_test_setup(
            a_dead_replicas_entries_are_found_by_one_that_knows_nothing_of_the_months, set_up),
        cmocka_unit_test_setup(months_at_rest_are_asked_by_the_portion, set_up),
        cmocka_unit_test_setup(a_connection_that_breaks_ends_it, set_up),
        cmocka_unit_test_setup(a_list_with_something_else_in_it, set_up),
    };
    return cmocka_run_group_tests(tests, open_scene, close_scene);
}
