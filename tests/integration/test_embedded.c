/*
 * `phasegate serve --embedded`: its data directory and its redis-server, which nobody else may have, which is
 * looked after, and which is gone when the daemon is.
 */
#include "support/check.h"
#include "support/process.h"
#include "support/system.h"
#include "support/temp_dir.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DATES = 20, USAGE = 2 };

struct fixture {
    struct system system;
    struct daemon *other;
    struct temp_dir dir;
};

static struct system *open_system(void **state, const char *const *environment) {
    struct fixture *fixture = *state;
    system_open(&fixture->system,
        (struct system_options){.bus = SYSTEM_EMBEDDED,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .environment = environment});
    return &fixture->system;
}

static void publish_dates(struct system *system) {
    for (int i = 0; i < DATES * 5; i++)
        player_publish(system->player,
            &(struct event){.processor = PGS + i % 5,
                .date = SYSTEM_FIRST_DATE + i / 5,
                .rows = 10,
                .execution = "once",
                .correlation = "embedded",
                .timestamp_ms = INT64_C(1764502927104)});
    player_answer(system->player, 1);
}

static mode_t mode_of(const struct daemon *daemon, const char *name) {
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s%s", daemon_data(daemon), name);
    if (stat(path, &status) != 0)
        fail_msg("%s is not there", path);
    return status.st_mode & 07777;
}

/* Has the process of this pidfd ended? */
static bool has_ended(int fd) {
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

static int open_redis_process(const struct daemon *daemon) {
    pid_t pid = daemon_redis_process(daemon);
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    assert_true(fd >= 0);
    return fd;
}

static void everything_is_private(void **state) {
    struct system *system = open_system(state, NULL);
    umask(0);
    system_start(system);
    assert_int_equal(mode_of(system->daemon, ""), 0700);
    assert_int_equal(mode_of(system->daemon, "/redis.sock"), 0600);
    assert_int_equal(mode_of(system->daemon, "/phasegate.lock"), 0600);
    assert_int_equal(mode_of(system->daemon, "/redis.log"), 0600);
    assert_int_equal(mode_of(system->daemon, "/appendonlydir"), 0700);
    int server = open_redis_process(system->daemon);
    publish_dates(system);
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    daemon_stop(system->daemon);
    assert_true(has_ended(server));
    close(server);
}

static void a_second_one_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct system *system = open_system(state, NULL);
    system_start(system);
    fixture->other = system_another_daemon(system);
    daemon_start(fixture->other);
    assert_int_equal(daemon_await_exit(fixture->other), USAGE);
    daemon_await_said(fixture->other, "another phasegate serves from ");
    daemon_await_said(fixture->other, "choose another --data DIR");
    publish_dates(system); /* the first one does not mind */
    system_until_dates(system, date_is_done, "all dates to be done");
    daemon_stop(system->daemon);
}

/* A killed phasegate leaves its server behind; the next takes it over, and ends it when it stops. */
static void a_server_left_behind(void **state) {
    struct system *system = open_system(state, NULL);
    system_start(system);
    publish_dates(system);
    int server = open_redis_process(system->daemon);
    pid_t pid = daemon_redis_process(system->daemon);
    daemon_kill(system->daemon);
    assert_false(has_ended(server));
    daemon_start(system->daemon);
    daemon_await_running(system->daemon);
    daemon_await_said(system->daemon, "taking over the redis-server that was left running");
    assert_int_equal(daemon_redis_process(system->daemon), pid);
    system_until_dates(system, date_is_done, "all dates to be done");
    daemon_stop(system->daemon);
    assert_true(has_ended(server));
    close(server);
}

static bool has_died(void *context) {
    const struct system *system = context;
    return !daemon_running(system->daemon);
}

/* Nobody else can have the directory: the next one does not wait until the leases of the dead one run out. */
static void its_own_leases_are_not_waited_for(void **state) {
    static char dying[] = "PHASEGATE_CRASH_POINT=before_publish:3";
    static const char *const environment[] = {dying, NULL};
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    system_open(system,
        (struct system_options){.bus = SYSTEM_EMBEDDED,
            .binary = PHASEGATE_CRASH_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .settings = "engine: {lease_seconds: 600}",
            .environment = environment});
    system_start(system);
    publish_dates(system);
    player_until(system->player, has_died, system, SYSTEM_DEADLINE_MS, "crash point before_publish");
    assert_int_equal(daemon_await_exit(system->daemon), -SIGKILL);
    dying[strlen("PHASEGATE_CRASH_POINT=")] = '\0';
    daemon_start(system->daemon);
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    daemon_stop(system->daemon);
}

/* One that was taken over is nobody's child, and is looked after all the same. */
static void a_server_left_behind_dies(void **state) {
    struct system *system = open_system(state, NULL);
    system_start(system);
    daemon_kill(system->daemon);
    daemon_start(system->daemon);
    daemon_await_running(system->daemon);
    assert_true(daemon_kill_redis(system->daemon));
    daemon_await_said(system->daemon, "redis-server has gone; starting it again");
    publish_dates(system);
    system_until_dates(system, date_is_done, "all dates to be done");
    int server = open_redis_process(system->daemon);
    daemon_stop(system->daemon);
    assert_true(has_ended(server));
    close(server);
}

/* It was killed while nothing ran: what was stored is there again. */
static void everything_was_stored(void **state) {
    struct system *system = open_system(state, NULL);
    system_start(system);
    publish_dates(system);
    system_until_dates(system, date_is_done, "all dates to be done");
    daemon_kill(system->daemon);
    assert_true(daemon_kill_redis(system->daemon));
    daemon_start(system->daemon);
    daemon_await_running(system->daemon);
    system_until_dates(system, date_is_done, "all dates to be as they were");
    assert_int_equal(system_outbox(system), 0);
    daemon_stop(system->daemon);
}

/* Killed before the server that it has just started answers: the next waits for that one, and starts no
 * second. */
static void killed_while_the_server_starts(void **state) {
    struct system *system = open_system(state, NULL);
    for (int i = 0; i < 5; i++) {
        daemon_start(system->daemon);
        while (daemon_redis_count(system->daemon) == 0)
            assert_true(daemon_running(system->daemon));
        daemon_kill(system->daemon);
        daemon_start(system->daemon);
        daemon_await_running(system->daemon);
        assert_int_equal(daemon_redis_count(system->daemon), 1);
        daemon_stop(system->daemon);
        assert_int_equal(daemon_redis_count(system->daemon), 0);
    }
}

/* A left-behind server that says nothing for now is waited for. */
static void a_frozen_server_left_behind(void **state) {
    struct system *system = open_system(state, NULL);
    system_start(system);
    pid_t server = daemon_redis_process(system->daemon);
    daemon_kill(system->daemon);
    kill(server, SIGSTOP);
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "no connection to Redis at ");
    assert_int_equal(daemon_redis_count(system->daemon), 1);
    kill(server, SIGCONT);
    daemon_await_running(system->daemon);
    assert_int_equal(daemon_redis_process(system->daemon), server);
    daemon_stop(system->daemon);
    assert_int_equal(daemon_redis_count(system->daemon), 0);
}

static void sigterm_while_the_server_starts(void **state) {
    struct system *system = open_system(state, NULL);
    daemon_start(system->daemon);
    daemon_await_said(system->daemon, "starting with");
    daemon_stop(system->daemon);
    assert_int_equal(daemon_redis_count(system->daemon), 0);
}

static void no_redis_server(void **state) {
    static const char *const nowhere[] = {"PATH=/nonexistent", NULL};
    struct system *system = open_system(state, nowhere);
    daemon_start(system->daemon);
    assert_int_equal(daemon_await_exit(system->daemon), USAGE);
    daemon_await_said(system->daemon, "redis-server cannot be started: ");
    daemon_await_said(system->daemon, "install Redis 7");
}

static void no_data_directory(void **state) {
    struct fixture *fixture = *state;
    char path[100];
    fixture->dir = temp_dir_make();
    snprintf(path, sizeof path, "%s/not/here", fixture->dir.path);
    fixture->other = daemon_new((struct daemon_options){.binary = PHASEGATE_BINARY, .data = path});
    daemon_start(fixture->other);
    assert_int_equal(daemon_await_exit(fixture->other), USAGE);
    daemon_await_said(fixture->other, "/not/here cannot be made: No such file or directory");
}

static void a_data_directory_of_everybody(void **state) {
    struct fixture *fixture = *state;
    fixture->dir = temp_dir_make();
    assert_int_equal(chmod(fixture->dir.path, 0777), 0);
    fixture->other =
        daemon_new((struct daemon_options){.binary = PHASEGATE_BINARY, .data = fixture->dir.path});
    daemon_start(fixture->other);
    assert_int_equal(daemon_await_exit(fixture->other), USAGE);
    daemon_await_said(fixture->other, "anybody may write to the data directory");
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    daemon_free(&fixture->other);
    system_close(&fixture->system);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_private, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_one_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(its_own_leases_are_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_left_behind_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_was_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_while_the_server_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frozen_server_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(sigterm_while_the_server_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(no_redis_server, setup, teardown),
        cmocka_unit_test_setup_teardown(no_data_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_data_directory_of_everybody, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
