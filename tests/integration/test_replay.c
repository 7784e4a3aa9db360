/*
 * phasegate replay as an operator and a script run it: the real binary over a real store, whose dates are
 * brought to where they stand by hand; and the real daemon, where it matters that triggers come out.
 */
#include "base/clock.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/daemon.h"
#include "support/scene.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 400, DEADLINE_MS = 20000, AT_ONCE_MS = 20000 };

#define TRIGGERS "pg:bus:{nba-phase4-trigger}"

struct fixture {
    struct store_harness *harness;
    struct commands *commands;
    struct daemon *daemon;
    struct scene scene;
    char store_url[160];
    const char *environment[4];
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    *state = fixture;
    fixture->harness = harness_open((struct redis_server_options){0});
    fixture->scene = scene_on(fixture->harness);
    fixture->scene.now_ms = clock_system().now_ms(NULL) - 600000;
    snprintf(fixture->store_url, sizeof fixture->store_url, "PHASEGATE_STORE_URL=%s",
        redis_server_url(fixture->harness->server));
    fixture->environment[0] = fixture->store_url;
    fixture->environment[1] = "PHASEGATE_CONFIG=";
    fixture->environment[2] = "LC_ALL=C.UTF-8";
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    daemon_free(&fixture->daemon);
    commands_free(&fixture->commands);
    harness_close(&fixture->harness);
    free(fixture);
    return 0;
}

static void start_daemon(struct fixture *fixture) {
    fixture->daemon = daemon_new((struct daemon_options){
        .binary = PHASEGATE_BINARY, .redis_url = redis_server_url(fixture->harness->server), .create = true});
    daemon_start(fixture->daemon);
    daemon_await_running(fixture->daemon);
}

static const struct date_state *date_of(struct fixture *fixture, game_date date) {
    return harness_date(fixture->harness, fixture->scene.pipeline, date);
}

static void until_phase(struct fixture *fixture, game_date date, int group, enum group_phase phase) {
    for (int waited_ms = 0; date_of(fixture, date)->groups[group - 1].phase != phase; waited_ms += 10) {
        if (waited_ms > DEADLINE_MS)
            fail_msg("waited for group %d to be %s", group, group_phase_name(phase));
        poll(NULL, 0, 10);
    }
}

static long long published(struct fixture *fixture) {
    return redis_server_ask_number(fixture->harness->server, "XLEN " TRIGGERS);
}

static size_t in_outbox(struct fixture *fixture) {
    const struct trigger *triggers;
    return harness_outbox(fixture->harness, fixture->scene.pipeline, &triggers);
}

/* The scene's date up to group 2, whose only processor failed. */
static void fail_group_two(struct scene *scene) {
    run_to(scene, 2);
    break_down(scene, PCF);
}

/* --- A trigger again ------------------------------------------------------------------------------------ */

static void a_failed_group_is_triggered_again_under_the_same_id(void **state) {
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;
    fail_group_two(scene);
    start_daemon(fixture);
    long long before = published(fixture);
    check_run(fixture->commands, 0, "replay", "--dates", "2021-11-17", "--dry-run");
    commands_check_output(fixture->commands, "again  nba/2021-11-17/g2/r1  group 2 failed: pcf");
    assert_int_equal(date_of(fixture, SCENE_DATE)->groups[1].phase, GROUP_FAILED);

    check_run(fixture->commands, 0, "replay", "--dates", "2021-11-17");
    commands_check_output(fixture->commands, "1 date: 1 triggered again\n");
    until_phase(fixture, SCENE_DATE, 2, GROUP_TRIGGERED);
    assert_int_equal(published(fixture), before + 1);
    redisReply *last = redis_server_ask(fixture->harness->server, "XREVRANGE " TRIGGERS " + - COUNT 1");
    redisReply *fields = last->element[0]->element[1];
    bool same_id = false;
    for (size_t i = 0; i < fields->elements; i++)
        same_id = same_id || strstr(fields->element[i]->str, "nba/2021-11-17/g2/r1");
    freeReplyObject(last);
    assert_true(same_id);
}

static void what_may_be_at_work_is_left_alone(void **state) {
    struct fixture *fixture = *state;
    run_to(&fixture->scene, 2);
    const char *const words[] = {"replay", "2021-11-17", "2021-11-18", "--json", NULL};
    assert_int_equal(commands_run(fixture->commands, words), 1);
    json_t *json = commands_json(fixture->commands);
    json_t *date = json_array_get(json_object_get(json, "dates"), 0);
    assert_string_equal(json_string_value(json_object_get(date, "outcome")), "left_alone");
    json_decref(json);
    check_run(fixture->commands, 1, "replay", "2021-11-17", "--rerun", "--dry-run");
    commands_check_output(fixture->commands, "may still be at work: pcf");
    check_run(fixture->commands, 1, "replay", "2021-11-17", "--rerun");
    assert_int_equal(in_outbox(fixture), 0);
    assert_int_equal(date_of(fixture, SCENE_DATE)->run, 1);

    check_run(fixture->commands, 0, "replay", "2021-11-17", "--running");
    commands_check_output(fixture->commands, "a consumer drops the second trigger of the same id");
    assert_int_equal(in_outbox(fixture), 1);
    check_run(fixture->commands, 0, "replay", "2021-11-17", "--running");
    commands_check_output(fixture->commands, "1 with nothing to do");
}

static void several_hundred_dates_at_once(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < MANY; i++) {
        fixture->scene.date = SCENE_DATE + i;
        fail_group_two(&fixture->scene);
        if (i % 50 == 0)
            harness_forget(fixture->harness);
    }
    char end[DATE_TEXT_MAX];
    date_format(SCENE_DATE + MANY - 1, end);
    int64_t before_ms = clock_system().now_ms(NULL);
    check_run(fixture->commands, 0, "replay", "--start-date", "2021-11-17", "--end-date", end);
    assert_true(clock_system().now_ms(NULL) - before_ms < AT_ONCE_MS);
    commands_check_output(fixture->commands, "400 dates: 400 triggered again\n");
    assert_int_equal(in_outbox(fixture), MANY);
    check_run(fixture->commands, 0, "replay", "--start-date", "2021-11-17", "--end-date", end);
    commands_check_output(fixture->commands, "400 dates: 400 with nothing to do\n");
}

/* --- Missed --------------------------------------------------------------------------------------------- */

static void lose(struct fixture *fixture, const char *field) {
    redis_server_do(fixture->harness->server, "HDEL pg:{nba:2021-11}:outbox %s", field);
}

static void what_was_missed_is_found_and_sent(void **state) {
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;
    complete_phase3(scene);
    lose(fixture, "2021-11-17/g1/r1");
    scene->date = SCENE_DATE + 1;
    complete_phase3(scene);
    const struct trigger cancelled = {.date = scene->date, .group = 1, .run = 1};
    assert_true(harness_cancel(fixture->harness, scene->pipeline, &cancelled, scene->now_ms));
    scene->date = SCENE_DATE + 2;
    fail_group_two(scene); /* was triggered: not missed */
    scene->date = SCENE_DATE + 3;
    complete(scene, PGS); /* lacks needs: not missed */

    check_run(fixture->commands, 1, "replay", "--missed", "--dry-run");
    commands_check_output(fixture->commands, "2021-11-17  again  nba/2021-11-17/g1/r1  group 1 was ready");
    commands_check_output(
        fixture->commands, "2021-11-18  again  nba/2021-11-18/g1/r1  group 1 was cancelled");
    commands_check_output(fixture->commands, "4 dates, 2 of them missed: 2 to be triggered again\n");
    assert_int_equal(in_outbox(fixture), 0);
    check_run(fixture->commands, 0, "replay", "--missed", "--dates", "2021-11-19,2021-11-20", "--dry-run");
    start_daemon(fixture);
    check_run(fixture->commands, 0, "replay", "--missed");
    commands_check_output(fixture->commands, "4 dates, 2 of them missed: 2 triggered again\n");
    until_phase(fixture, SCENE_DATE, 1, GROUP_TRIGGERED);
    until_phase(fixture, SCENE_DATE + 1, 1, GROUP_TRIGGERED);
    assert_int_equal(published(fixture), 2);
    check_run(fixture->commands, 0, "replay", "--missed", "--dry-run");
    commands_check_output(fixture->commands, "nothing was missed in 4 dates\n");
}

/* --- A new run ------------------------------------------------------------------------------------------ */

static void a_new_run_starts_where_it_is_told(void **state) {
    struct fixture *fixture = *state;
    run_to(&fixture->scene, 5);
    fixture->scene.date = SCENE_DATE + 1;
    complete(&fixture->scene, PGS);
    check_run(fixture->commands, 0, "replay", "2021-11-17", "2021-11-18", "--rerun", "--from-group", "3");
    commands_check_output(
        fixture->commands, "2021-11-17  new run  nba/2021-11-17/g3/r2  run 2, from group 3 on");
    commands_check_output(fixture->commands, "2 dates: 1 with a new run, 1 with nothing to do\n");
    const struct date_state *date = date_of(fixture, SCENE_DATE);
    assert_int_equal(date->run, 2);
    assert_int_equal(date->groups[1].phase, GROUP_DONE);
    assert_int_equal(date->groups[2].phase, GROUP_READY);
    start_daemon(fixture);
    until_phase(fixture, SCENE_DATE, 3, GROUP_TRIGGERED);
}

/* Another table's re-run went badly: the new run is open, and its first group waits. */
static void a_new_run_is_opened_needs_or_not(void **state) {
    struct fixture *fixture = *state;
    run_to(&fixture->scene, 5);
    break_down(&fixture->scene, TOGS);
    check_run(fixture->commands, 0, "replay", "2021-11-17");
    commands_check_output(fixture->commands, "nothing");
    check_run(fixture->commands, 0, "replay", "2021-11-17", "--rerun");
    commands_check_output(fixture->commands, "run 2: group 1 waits for togs");
    assert_int_equal(date_of(fixture, SCENE_DATE)->run, 2);
    assert_int_equal(in_outbox(fixture), 0);
}

/* --- Exit statuses -------------------------------------------------------------------------------------- */

static void wrong_usage_is_two(void **state) {
    struct commands *commands = ((struct fixture *)*state)->commands;
    check_run(commands, 2, "replay");
    commands_check_output(commands, "which dates?");
    check_run(commands, 2, "replay", "--rerun");
    check_run(commands, 2, "replay", "2021-11-17", "--rerun", "--missed");
    check_run(commands, 2, "replay", "2021-11-17", "--from-group", "0");
    check_run(commands, 2, "replay", "2021-11-17", "--from-group", "5");
    commands_check_output(commands, "pipeline nba has groups 1 to 4");
    check_run(commands, 2, "replay", "YESTERDAY");
    check_run(commands, 2, "replay", "--seek", "tomorrow");
    check_run(commands, 2, "replay", "--seek", "2999-01-01");
    commands_check_output(commands, "in the future");
    check_run(commands, 2, "replay", "--seek", "6h", "2021-11-17");
    check_run(commands, 2, "replay", "--seek", "6h", "--missed");
    check_run(commands, 2, "replay", "--seek", "6h", "--from-group", "2");
}

static void unreachable_is_three(void **state) {
    struct fixture *fixture = *state;
    redis_server_stop(fixture->harness->server);
    check_run(fixture->commands, 3, "replay", "2021-11-17");
    check_run(fixture->commands, 3, "replay", "--missed");
    check_run(fixture->commands, 3, "replay", "--seek", "6h");
    check_run(fixture->commands, 0, "replay", "--seek", "6h", "--dry-run");
}

static void a_subscription_that_is_not_there_is_no(void **state) {
    struct fixture *fixture = *state;
    check_run(fixture->commands, 1, "replay", "--seek", "6h");
    commands_check_output(fixture->commands, "phasegate-nba-phase3 of nba-phase3-complete: not moved: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_failed_group_is_triggered_again_under_the_same_id),
        TEST(what_may_be_at_work_is_left_alone),
        TEST(several_hundred_dates_at_once),
        TEST(what_was_missed_is_found_and_sent),
        TEST(a_new_run_starts_where_it_is_told),
        TEST(a_new_run_is_opened_needs_or_not),
        TEST(wrong_usage_is_two),
        TEST(unreachable_is_three),
        TEST(a_subscription_that_is_not_there_is_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
