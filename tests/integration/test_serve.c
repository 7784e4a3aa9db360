/*
 * The daemon as a process: how it starts and refuses to start, what it logs, and how it stops.
 */
#include "base/clock.h"
#include "core/config.h"
#include "support/check.h"
#include "support/patience.h"
#include "support/system.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 100, STOPS = 4, USAGE = 2, UNREACHABLE = 3, AT_ONCE_MS = 10000 };

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

static void publish_dates(struct system *system) {
    for (int i = 0; i < system->options.count * 5; i++) {
        int processor = PGS + i % 5;
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = SYSTEM_FIRST_DATE + i / 5,
                .rows = event_rows(processor, SYSTEM_FIRST_DATE + i / 5),
                .execution = execution,
                .correlation = "serve",
                .timestamp_ms = INT64_C(1764502927104)});
    }
    player_answer(system->player, 1);
}

static void check_all_done(struct system *system) {
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    daemon_stop(system->daemon);
}

/* --- Stopping ------------------------------------------------------------------------------------------- */

static bool enough_triggers(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->system.player) >= fixture->wanted;
}

/* Stopped in the midst of it and started again, several times: it goes on exactly where it was. */
static void drain_under_load(struct fixture *fixture) {
    struct system *system = &fixture->system;
    system_start(system);
    publish_dates(system);
    for (int i = 0; i < STOPS; i++) {
        daemon_stop(system->daemon);
        assert_int_equal(daemon_said(system->daemon, "stopped: everything in hand was finished"), 1);
        assert_int_equal(system_outbox(system), 0);
        daemon_start(system->daemon);
        daemon_await_running(system->daemon); /* from here on it catches SIGTERM */
        fixture->wanted = (size_t)(i + 1) * DATES * PLAYER_GROUPS / (STOPS + 1);
        player_until(system->player, enough_triggers, fixture, SYSTEM_DEADLINE_MS, "triggers to come");
    }
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    for (int i = 0; i < DATES; i++)
        for (int g = 1; g <= PLAYER_GROUPS; g++)
            assert_int_equal(player_trigger(system->player, SYSTEM_FIRST_DATE + i, g)->published, 1);
    daemon_stop(system->daemon);
}

static void sigterm_drains_the_streams(void **state) {
    open_system(state, (struct system_options){.bus = SYSTEM_STREAMS, .count = DATES});
    drain_under_load(*state);
}

static void sigterm_drains_pubsub(void **state) {
    open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    drain_under_load(*state);
}

/* That the fake has sent them does not say that they have arrived; that their leases are extended does. */
static bool all_in_hand(void *context) {
    struct system *system = context;
    return fake_pubsub_extensions(system->fake) >= (size_t)system->options.count * 5;
}

/* Its hands are full, the store does not answer, and it was told to stop. */
static void stop_with_full_hands(struct system *system) {
    system_start(system);
    redis_server_freeze(system->redis);
    publish_dates(system);
    player_until(system->player, all_in_hand, system, SYSTEM_DEADLINE_MS,
        "the daemon to have all completions in hand");
    daemon_terminate(system->daemon);
    daemon_await_said(system->daemon, "stopping: finishing 500 completions");
}

static void go_on_after(struct system *system) {
    redis_server_thaw(system->redis);
    system_expire_leases(system);
    daemon_start(system->daemon);
    check_all_done(system);
}

static void a_second_sigterm_leaves_at_once(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = DATES});
    stop_with_full_hands(system);
    uint64_t before_ms = uv_hrtime() / 1000000;
    daemon_terminate(system->daemon);
    assert_int_equal(daemon_await_exit(system->daemon), -SIGTERM);
    assert_true(uv_hrtime() / 1000000 - before_ms < (uint64_t)patient_ms(AT_ONCE_MS));
    go_on_after(system);
}

static void a_drain_has_a_deadline(void **state) {
    struct system *system = open_system(state,
        (struct system_options){
            .bus = SYSTEM_FAKE, .count = DATES, .settings = "engine: {drain_seconds: 1}"});
    stop_with_full_hands(system);
    assert_int_equal(daemon_await_exit(system->daemon), UNREACHABLE);
    assert_int_equal(daemon_said(system->daemon, "stopped after 1 s with 500 completions not acked"), 1);
    go_on_after(system);
}

static void sigterm_before_it_runs(void **state) {
    struct system *system =
        open_system(state, (struct system_options){.bus = SYSTEM_STREAMS, .count = 1, .redis_down = true});
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "no connection to Redis at ");
    daemon_stop(system->daemon);
}

/* --- Starting ------------------------------------------------------------------------------------------- */

/* The settings, before the built-in pipelines. */
static void check_refuses(struct system *system, const char *settings, const char *why) {
    char yaml[16 * 1024];
    snprintf(yaml, sizeof yaml, "%s%s", settings, strstr(config_default_yaml, "pipelines:"));
    daemon_configure(system->daemon, yaml);
    daemon_start(system->daemon);
    assert_int_equal(daemon_await_exit(system->daemon), USAGE);
    daemon_await_said(system->daemon, why);
    assert_int_equal(daemon_said(system->daemon, "running\""), 0);
}

static void bad_configuration(void **state) {
    struct system *system =
        open_system(state, (struct system_options){.bus = SYSTEM_STREAMS, .count = 1, .redis_down = true});
    check_refuses(system, "store:\n  uri: redis://127.0.0.1\n", "phasegate.yaml:2: ");
    check_refuses(system, "bus:\n  kind: rabbit\n", "phasegate.yaml:2: ");
    check_refuses(system, "store:\n\turl: there\n", "phasegate.yaml:2: ");
    check_refuses(system, "engine:\n  in_hand_max: 0\n", "expected a whole number from 1 to 100000");
    check_refuses(system, "store: {url: \"redis://someone:secret@127.0.0.1\"}\n", "phasegate.yaml");
    check_refuses(system, "bus: {kind: pubsub}\n", "bus.project");
    assert_null(strstr(daemon_log(system->daemon), "secret"));
}

static void bad_pipelines(void **state) {
    struct system *system =
        open_system(state, (struct system_options){.bus = SYSTEM_STREAMS, .count = 1, .redis_down = true});
    daemon_configure(system->daemon,
        "pipelines:\n"
        "  - name: nba\n"
        "    completions: [{topic: done, subscription: phasegate}]\n"
        "    triggers: {topic: start}\n"
        "    processors: [{name: games, abbr: g}, {name: factors, abbr: f}]\n"
        "    groups:\n"
        "      - processors: [factors]\n"
        "        needs: [gams]\n");
    daemon_start(system->daemon);
    assert_int_equal(daemon_await_exit(system->daemon), USAGE);
    daemon_await_said(system->daemon, "phasegate.yaml:8: ");
    daemon_await_said(system->daemon, "did you mean games?");
}

static void a_newer_function_library(void **state) {
    struct system *system = open_system(state, (struct system_options){.bus = SYSTEM_STREAMS, .count = 1});
    redis_server_do(system->redis, "FUNCTION LOAD %s",
        "#!lua name=phasegate\n"
        "redis.register_function{function_name='pg_version',callback=function() return 99 "
        "end,flags={'no-writes'}}");
    daemon_start(system->daemon);
    assert_int_equal(daemon_await_exit(system->daemon), USAGE);
    daemon_await_said(system->daemon,
        "the store has version 99 of the function library, this phasegate knows 4; run the newer phasegate");
}

static void missing_subscriptions(void **state) {
    struct system *system =
        open_system(state, (struct system_options){.bus = SYSTEM_FAKE, .count = 3, .not_created = true});
    daemon_start(system->daemon);
    daemon_await_running(system->daemon);
    daemon_await_said(system->daemon, "does not exist; create it, or start with `phasegate serve --create`");
    check_ok(fake_pubsub_create(system->fake, "projects/" DAEMON_PROJECT "/topics/nba-phase3-complete",
        "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase3", false));
    check_ok(fake_pubsub_create(system->fake, "projects/" DAEMON_PROJECT "/topics/nba-phase4-complete",
        "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase4", false));
    system_open_player(system);
    publish_dates(system);
    check_all_done(system);
}

/* --- Logs ----------------------------------------------------------------------------------------------- */

static const char password[] = "correct-horse-battery-staple";

static void check_json_lines(const char *log) {
    size_t lines = 0;
    for (const char *end; (end = strchr(log, '\n')); log = end + 1, lines++) {
        json_t *line = json_loadb(log, (size_t)(end - log), JSON_REJECT_DUPLICATES, NULL);
        if (!line)
            fail_msg("not JSON: %.*s", (int)(end - log), log);
        assert_true(json_is_string(json_object_get(line, "severity")));
        assert_true(json_is_string(json_object_get(line, "message")));
        const char *time = json_string_value(json_object_get(line, "time"));
        int64_t time_ms;
        assert_non_null(time);
        check_ok(timestamp_parse(time, &time_ms));
        json_decref(line);
    }
    assert_true(lines > 10);
    assert_string_equal(log, ""); /* the last line is whole, too */
}

static void logs_are_json_and_keep_secrets(void **state) {
    static const char *const debug[] = {"PHASEGATE_LOG_LEVEL=debug", NULL};
    struct system *system = open_system(state,
        (struct system_options){
            .bus = SYSTEM_STREAMS, .count = 3, .password = password, .environment = debug});
    system_start(system);
    publish_dates(system);
    player_publish_message(
        system->player, "nba-phase3-complete", &(struct message){.data = "\"\n\x01\xff", .size = 4});
    system_until_said(system, "quarantined: ");
    redis_server_kill(system->redis);
    daemon_await_said(system->daemon, "no connection to Redis at ");
    redis_server_restart(system->redis);
    check_all_done(system);
    check_json_lines(daemon_log(system->daemon));
    assert_null(strstr(daemon_log(system->daemon), password));
    assert_true(daemon_said(system->daemon, "\"trigger_id\":\"nba/2021-10-19/g1/r1\"") > 0);
    assert_true(daemon_said(system->daemon, "\"game_date\":\"2021-10-19\"") > 0);
    assert_true(daemon_said(system->daemon, "\"pipeline\":\"nba\"") > 0);
}

static void a_wrong_password(void **state) {
    static const char *const wrong[] = {"PHASEGATE_STORE_PASSWORD=wrong-horse", NULL};
    struct system *system = open_system(state,
        (struct system_options){
            .bus = SYSTEM_STREAMS, .count = 1, .password = password, .environment = wrong});
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "Redis refuses the user, password or database of the settings");
    assert_null(strstr(daemon_log(system->daemon), "wrong-horse"));
    daemon_stop(system->daemon);
}

static void logs_are_text_where_asked_for(void **state) {
    static const char *const text[] = {"PHASEGATE_LOG_FORMAT=text", NULL};
    struct system *system =
        open_system(state, (struct system_options){.bus = SYSTEM_STREAMS, .count = 1, .environment = text});
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "NOTICE   running");
    daemon_stop(system->daemon);
    assert_null(strchr(daemon_log(system->daemon), '{'));
    assert_null(strchr(daemon_log(system->daemon), '\033'));
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
        cmocka_unit_test_setup_teardown(sigterm_drains_the_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(sigterm_drains_pubsub, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_sigterm_leaves_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drain_has_a_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(sigterm_before_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_pipelines, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_function_library, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_subscriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_are_json_and_keep_secrets, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_password, setup, teardown),
        cmocka_unit_test_setup_teardown(logs_are_text_where_asked_for, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
