/*
 * Leases, with real daemons: as long as nobody is killed each trigger is published exactly once, however many
 * replicas there are, come and go, stand still, or wait for a slow bus; and what a dead one had to publish is
 * taken over by itself.
 */
#include "support/check.h"
#include "support/commands.h"
#include "support/patience.h"
#include "support/system.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 40, REPLICAS = 3, REPORT_BYTES_MAX = 1 << 20, SHORT_LEASE_MS = 2000, SLOW_BUS_MS = 5000 };

#define LEASES "pg:{nba:2021-10}:leases"
#define LONG_LEASE "engine: {lease_seconds: 30}"

struct fixture {
    enum system_bus bus;
    struct system system;
    struct daemon *others[REPLICAS - 1];
    struct commands *commands;
    char config[256];
    char short_lease[40]; /* settings */
    const char *environment[2];
    struct replica_work wanted;
    pid_t process;     /* of the replica that is looked for, and … */
    const char *state; /* … how it should be */
};

static struct daemon *replica(struct fixture *fixture, int index) {
    return index == 0 ? fixture->system.daemon : fixture->others[index - 1];
}

static void start(struct daemon *daemon) {
    daemon_start(daemon);
    daemon_await_running(daemon);
}

static void open_system(struct fixture *fixture, const char *settings, int dates) {
    system_open(&fixture->system,
        (struct system_options){.bus = fixture->bus,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = dates,
            .settings = settings});
}

static void start_others(struct fixture *fixture) {
    for (int i = 1; i < REPLICAS; i++) {
        fixture->others[i - 1] = system_another_daemon(&fixture->system);
        start(fixture->others[i - 1]);
    }
}

static void start_all(struct fixture *fixture, const char *settings, int dates) {
    open_system(fixture, settings, dates);
    system_start(&fixture->system);
    start_others(fixture);
}

static void for_all(struct fixture *fixture, void (*each)(struct daemon *daemon)) {
    for (int i = 0; i < REPLICAS; i++)
        each(replica(fixture, i));
}

/* Phase 3 of dates, by their places; live. */
static void publish_phase3(struct system *system, int first, int count) {
    for (int i = first * 5; i < (first + count) * 5; i++) {
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        struct event event = {.processor = PGS + i % 5,
            .date = SYSTEM_FIRST_DATE + i / 5,
            .rows = 10,
            .execution = execution,
            .correlation = "leases",
            .timestamp_ms = INT64_C(1764502927104)};
        player_publish(system->player, &event);
    }
}

static void check_published_once(struct system *system, int groups) {
    for (int i = 0; i < system->options.count; i++)
        for (int g = 1; g <= groups; g++)
            if (player_trigger(system->player, SYSTEM_FIRST_DATE + i, g)->published != 1)
                fail_msg("group %d of date %d was published %zu times", g, i,
                    player_trigger(system->player, SYSTEM_FIRST_DATE + i, g)->published);
}

static void check_all_done(struct fixture *fixture) {
    struct system *system = &fixture->system;
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    system_until_outbox_empty(system);
    assert_int_equal(redis_server_ask_number(system->redis, "EXISTS " LEASES), 0);
}

/* What all replicas, dead or alive, say that they did. */
static struct replica_work work_of_all(struct fixture *fixture) {
    struct redis_settings redis = system_redis(&fixture->system);
    struct arena *arena = arena_new(REPORT_BYTES_MAX);
    struct replica_report *replicas;
    struct reader *reader;
    size_t count;
    struct replica_work sum = {0};
    assert_non_null(arena);
    check_ok(reader_open(&redis, &reader));
    check_ok(reader_replicas(reader, arena, &replicas, &count));
    for (size_t i = 0; i < count; i++) {
        sum.received += replicas[i].work.received;
        sum.published += replicas[i].work.published;
        sum.confirmed += replicas[i].work.confirmed;
        sum.taken_over += replicas[i].work.taken_over;
    }
    reader_close(&reader);
    arena_free(&arena);
    return sum;
}

/* They say it at their next sweep. */
static bool said_enough(void *context) {
    struct fixture *fixture = context;
    struct replica_work work = work_of_all(fixture);
    return work.taken_over >= fixture->wanted.taken_over && work.received >= fixture->wanted.received
        && work.published >= fixture->wanted.published && work.confirmed >= fixture->wanted.confirmed;
}

static void until_work(struct fixture *fixture, struct replica_work wanted) {
    fixture->wanted = wanted;
    player_until(fixture->system.player, said_enough, fixture, SYSTEM_DEADLINE_MS, "replicas to say so");
}

static bool is_group_1_triggered(const struct date_state *state) {
    return state->groups[0].phase == GROUP_TRIGGERED;
}

/* --- Nobody is killed ----------------------------------------------------------------------------------- */

/* All begin at once, with sweeps under way all the time. */
static void each_trigger_is_published_once(void **state) {
    struct fixture *fixture = *state;
    start_all(fixture, fixture->short_lease, DATES);
    for_all(fixture, daemon_freeze);
    publish_phase3(&fixture->system, 0, DATES);
    player_answer(fixture->system.player, 2);
    player_until_confirmed(fixture->system.player);
    for_all(fixture, daemon_thaw);
    check_all_done(fixture);
    check_published_once(&fixture->system, PLAYER_GROUPS);
    assert_int_equal(work_of_all(fixture).taken_over, 0);
    for_all(fixture, daemon_stop);
}

/* Longer than a lease: it is renewed meanwhile. */
static void a_slow_bus_is_waited_for(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    start_all(fixture, fixture->short_lease, DATES);
    publish_phase3(system, 0, DATES);
    player_until_confirmed(system->player);
    fake_pubsub_delay(system->fake, patient_ms(SLOW_BUS_MS));
    system_until_dates(system, is_group_1_triggered, "group 1 of all dates to be triggered");
    check_published_once(system, 1);
    assert_int_equal(work_of_all(fixture).taken_over, 0);
    fake_pubsub_delay(system->fake, 0);
    for_all(fixture, daemon_stop);
}

static void restarts_one_after_the_other(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    start_all(fixture, LONG_LEASE, DATES);
    player_answer(system->player, 1);
    for (int i = 0; i < REPLICAS; i++) {
        publish_phase3(system, i * DATES / REPLICAS, (i + 1) * DATES / REPLICAS - i * DATES / REPLICAS);
        daemon_stop(replica(fixture, i));
        start(replica(fixture, i));
    }
    check_all_done(fixture);
    check_published_once(system, PLAYER_GROUPS);
    for_all(fixture, daemon_stop);
}

/* --- One stands still, or dies -------------------------------------------------------------------------- */

static bool all_decided(void *context) {
    return system_outbox(context) == DATES;
}

/* The first replica has decided group 1 of all dates, and the bus takes none of the triggers. */
static void fill_the_outbox(struct fixture *fixture) {
    struct system *system = &fixture->system;
    system_start(system);
    daemon_freeze(system->daemon);
    publish_phase3(system, 0, DATES);
    player_until_confirmed(system->player);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, INT_MAX, GRPC_STATUS_UNAVAILABLE);
    daemon_thaw(system->daemon);
    player_until(system->player, all_decided, system, SYSTEM_DEADLINE_MS, "group 1 of each date");
}

static size_t published_twice(const struct system *system) {
    size_t count = 0;
    for (int i = 0; i < system->options.count; i++)
        count += player_trigger(system->player, SYSTEM_FIRST_DATE + i, 1)->published > 1 ? 1 : 0;
    return count;
}

/*
 * For longer than its lease. When it comes back it has all of them in hand, and publishes none but what it
 * had handed to the bus in the moment in which it was stopped: nobody can take that back.
 */
static void one_stands_still_and_comes_back(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    open_system(fixture, fixture->short_lease, DATES);
    fill_the_outbox(fixture);
    player_run(system->player, 1000); /* its attempts come seldom by then: it stands still between two */
    daemon_freeze(system->daemon);
    player_run(system->player, 200); /* what it had sent has been refused */
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, 0, GRPC_STATUS_OK);
    start_others(fixture);
    system_until_dates(system, is_group_1_triggered, "group 1 of all dates to be triggered");
    assert_int_equal(daemon_said(system->daemon, "published the trigger"), 0);
    until_work(fixture, (struct replica_work){.taken_over = DATES});
    daemon_thaw(system->daemon);
    player_answer(system->player, 1);
    check_all_done(fixture);
    assert_true(published_twice(system) <= DATES / 4);
    for_all(fixture, daemon_stop);
}

/* Of a live trigger, before it is handed to the bus: its lease was granted in the step that decided it. */
static void the_holder_of_leases_dies(void **state) {
    static const char *const dies[] = {"PHASEGATE_CRASH_POINT=before_publish:5", NULL};
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    open_system(fixture, fixture->short_lease, DATES);
    daemon_free(&system->daemon);
    system->options.binary = PHASEGATE_CRASH_BINARY;
    system->options.environment = dies;
    system->daemon = system_another_daemon(system);
    system_start(system);
    system->options.binary = PHASEGATE_BINARY;
    system->options.environment = NULL;
    publish_phase3(system, 0, DATES);
    player_until_confirmed(system->player);
    assert_int_equal(daemon_await_exit(system->daemon), -SIGKILL);
    long long left = redis_server_ask_number(system->redis, "HLEN " LEASES);
    assert_true(left > 0);
    system_expire_leases(system); /* the bus's */
    start_others(fixture);
    player_answer(system->player, 1);
    check_all_done(fixture);
    until_work(fixture, (struct replica_work){.taken_over = left});
    for (int i = 1; i < REPLICAS; i++)
        daemon_stop(replica(fixture, i));
}

/* --- Who is alive --------------------------------------------------------------------------------------- */

/* What `status --replicas` says of the process; the caller's. NULL when it says nothing of it. */
static json_t *ask_status(struct fixture *fixture, pid_t process) {
    check_run(fixture->commands, 0, "status", "--replicas", "--json");
    json_t *answer = commands_json(fixture->commands), *found = NULL, *each;
    size_t index;
    json_array_foreach(json_object_get(answer, "replicas"), index, each) {
        if (json_integer_value(json_object_get(each, "pid")) == process)
            found = json_incref(each);
    }
    json_decref(answer);
    return found;
}

static bool is_so(void *context) {
    struct fixture *fixture = context;
    json_t *found = ask_status(fixture, fixture->process);
    bool so = found && strcmp(json_string_value(json_object_get(found, "state")), fixture->state) == 0;
    json_decref(found);
    return so;
}

static void until_state(struct fixture *fixture, pid_t process, const char *state) {
    fixture->process = process;
    fixture->state = state;
    player_until(fixture->system.player, is_so, fixture, SYSTEM_DEADLINE_MS, state);
}

static int64_t work_of(struct fixture *fixture, pid_t process, const char *what) {
    json_t *found = ask_status(fixture, process);
    int64_t value = json_integer_value(json_object_get(json_object_get(found, "work"), what));
    json_decref(found);
    return value;
}

static void who_is_alive_is_shown(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    pid_t processes[REPLICAS];
    start_all(fixture, "engine: {lease_seconds: 1}", 3);
    snprintf(fixture->config, sizeof fixture->config, "PHASEGATE_CONFIG=%s", daemon_config(system->daemon));
    fixture->environment[0] = fixture->config;
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    player_answer(system->player, 1);
    publish_phase3(system, 0, 3);
    system_until_dates(system, date_is_done, "all dates to be done");
    for (int i = 0; i < REPLICAS; i++) {
        processes[i] = daemon_process(replica(fixture, i));
        until_state(fixture, processes[i], "alive");
    }
    until_work(fixture,
        (struct replica_work){
            .received = 3 * 10, .published = 3 * PLAYER_GROUPS, .confirmed = 3 * PLAYER_GROUPS});
    daemon_stop(replica(fixture, 0));
    daemon_kill(replica(fixture, 1));
    daemon_freeze(replica(fixture, 2));
    until_state(fixture, processes[0], "stopped");
    until_state(fixture, processes[1], "silent");
    until_state(fixture, processes[2], "silent");
    assert_int_equal(work_of(fixture, processes[0], "published") + work_of(fixture, processes[1], "published")
            + work_of(fixture, processes[2], "published"),
        3 * PLAYER_GROUPS);
    daemon_thaw(replica(fixture, 2));
    until_state(fixture, processes[2], "alive");
    check_run(fixture->commands, 0, "status", "--replicas", "--no-color");
    commands_check_output(fixture->commands, "1 alive, 1 silent, 1 stopped in the last hour");
    check_run(fixture->commands, 2, "status", "--replicas", "2021-10-19");
    daemon_stop(replica(fixture, 2));
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    /* A replica that gets no turn for longer than its lease has lost it; that is not what is tested here. */
    snprintf(fixture->short_lease, sizeof fixture->short_lease, "engine: {lease_seconds: %d}",
        patient_ms(SHORT_LEASE_MS) / 1000);
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
    commands_free(&fixture->commands);
    for (int i = 1; i < REPLICAS; i++)
        daemon_free(&fixture->others[i - 1]);
    system_close(&fixture->system);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"each trigger is published once, over Redis Streams", each_trigger_is_published_once, streams,
            teardown, NULL},
        {"each trigger is published once, over the fake Pub/Sub", each_trigger_is_published_once, fake,
            teardown, NULL},
        {"a slow bus is waited for", a_slow_bus_is_waited_for, fake, teardown, NULL},
        {"restarts one after the other, over Redis Streams", restarts_one_after_the_other, streams, teardown,
            NULL},
        {"restarts one after the other, over the fake Pub/Sub", restarts_one_after_the_other, fake, teardown,
            NULL},
        {"one stands still and comes back", one_stands_still_and_comes_back, fake, teardown, NULL},
        {"the holder of leases dies, over Redis Streams", the_holder_of_leases_dies, streams, teardown, NULL},
        {"the holder of leases dies, over the fake Pub/Sub", the_holder_of_leases_dies, fake, teardown, NULL},
        {"who is alive is shown", who_is_alive_is_shown, streams, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
