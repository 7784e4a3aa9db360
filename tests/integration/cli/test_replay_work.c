/*
 * The store goes away in the midst of a replay of many dates, or falls silent: what was answered is told from
 * what was sent and what was not.
 */
#include "cli/replay_work.h"
#include "support/check.h"
#include "support/nba.h"
#include "support/redis_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 2000, ENOUGH = 300, WINDOW_MOST = 128, ARENA_MAX = 16 << 20 };

struct fixture {
    struct redis_server *server;
    struct setup setup;
    struct session *session;
    struct replay_work work;
    uv_check_t check;
    void (*strike)(struct redis_server *server); /* when enough is answered */
};

static void plan_dates(struct fixture *fixture) {
    struct date_state *states = arena_alloc(fixture->setup.arena, DATES * sizeof *states);
    const struct replay_outbox outbox = {0};
    assert_non_null(states);
    for (int i = 0; i < DATES; i++)
        states[i] = (struct date_state){.date = 18000 + i,
            .known = true,
            .run = 1,
            .groups = {{.phase = GROUP_CANCELLED, .run = 1, .ready_ms = 1}}};
    fixture->work =
        (struct replay_work){.pipeline = nba_pipeline(), .now_ms = 2, .arena = fixture->setup.arena};
    check_ok(replay_work_plan(&fixture->work, states, DATES, &outbox));
    assert_int_equal(replay_work_count(&fixture->work, OUTCOME_PLANNED), DATES);
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct common_options options = {0};
    struct store *store;
    if (!fixture)
        return -1;
    *state = fixture;
    fixture->server = redis_server_start((struct redis_server_options){0});
    setenv("PHASEGATE_STORE_URL", redis_server_url(fixture->server), 1);
    check_ok(setup_load(&options, &fixture->setup));
    check_ok(session_open(&fixture->setup, false, &fixture->session));
    check_ok(session_store(fixture->session, &store));
    plan_dates(fixture);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    if (fixture->strike)
        redis_server_thaw(fixture->server);
    session_close(&fixture->session);
    setup_close(&fixture->setup);
    redis_server_free(&fixture->server);
    free(fixture);
    return 0;
}

/* The store knows none of these dates: there is nothing to do, and that is an answer. */
static size_t answered(const struct fixture *fixture) {
    return replay_work_count(&fixture->work, OUTCOME_NOTHING);
}

static void on_turn(uv_check_t *check) {
    struct fixture *fixture = check->data;
    if (answered(fixture) < ENOUGH)
        return;
    uv_check_stop(check);
    fixture->strike(fixture->server);
}

static void lose_the_store(struct fixture *fixture, void (*strike)(struct redis_server *server)) {
    fixture->strike = strike;
    uv_check_init(session_loop(fixture->session), &fixture->check);
    fixture->check.data = fixture;
    uv_check_start(&fixture->check, on_turn);
    struct result result = replay_work_do(&fixture->work, fixture->session);
    size_t sent = replay_work_count(&fixture->work, OUTCOME_UNANSWERED);
    size_t left = replay_work_count(&fixture->work, OUTCOME_PLANNED);
    check_fails(result, CODE_UNAVAILABLE, "");
    assert_in_range(answered(fixture), ENOUGH, ENOUGH + 2 * WINDOW_MOST);
    assert_in_range(sent, 1, WINDOW_MOST);
    assert_int_equal(answered(fixture) + sent + left, DATES);
    for (size_t i = answered(fixture) + sent; i < DATES; i++)
        assert_int_equal(fixture->work.items[i].outcome, OUTCOME_PLANNED);
    uv_close((uv_handle_t *)&fixture->check, NULL);
}

static void the_store_goes_away(void **state) {
    lose_the_store(*state, redis_server_kill);
}

static void the_store_falls_silent(void **state) {
    lose_the_store(*state, redis_server_freeze);
}

static void all_dates_are_answered(void **state) {
    struct fixture *fixture = *state;
    check_ok(replay_work_do(&fixture->work, fixture->session));
    assert_int_equal(answered(fixture), DATES);
}

/* A key of the wrong type: that date fails, and says why; the others do not. */
static void one_date_that_fails_hinders_no_other(void **state) {
    struct fixture *fixture = *state;
    char date[DATE_TEXT_MAX], month[MONTH_TEXT_MAX];
    date_format(18700, date);
    redis_server_do(fixture->server, "SET pg:{nba:%s}:%s something", month_format(18700, month), date + 8);
    check_fails(replay_work_do(&fixture->work, fixture->session), CODE_INTERNAL, date);
    assert_int_equal(answered(fixture), DATES - 1);
    assert_int_equal(fixture->work.items[700].outcome, OUTCOME_FAILED);
    assert_non_null(strstr(fixture->work.items[700].error, "WRONGTYPE"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_dates_are_answered),
        TEST(one_date_that_fails_hinders_no_other),
        TEST(the_store_goes_away),
        TEST(the_store_falls_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
