/*
 * Allocations that fail, in the middle of the work and at every place that the work comes by: the daemon
 * neither crashes nor acks what is not stored, and once there is memory again every date has had all of its
 * triggers. Our own allocations; see starved/starved.c.
 */
#include "support/check.h"
#include "support/system.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DATES = 40, ONE_IN = 15, PLACES_MIN = 10 };

struct fixture {
    struct temp_dir dir;
    char file[80];
    char variable[128];
    struct system system;
    enum system_bus bus;
};

static void publish_all(struct system *system) {
    char execution[32];
    for (int i = 0; i < system->options.count * 5; i++) {
        int processor = PGS + i / system->options.count;
        game_date date = system->options.first + i % system->options.count;
        snprintf(execution, sizeof execution, "run-%d", i);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = date,
                .rows = event_rows(processor, date),
                .execution = execution,
                .correlation = "starved",
                .timestamp_ms = INT64_C(1764502927104)});
    }
}

static void starve(const struct fixture *fixture) {
    int fd = open(fixture->file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void feed(const struct fixture *fixture) {
    assert_int_equal(unlink(fixture->file), 0);
}

static bool half_is_through(void *context) {
    const struct system *system = context;
    return player_triggers(system->player) >= (size_t)system->options.count * 2;
}

/* The last line of the log: how often it failed, and at how many places. */
static void check_starved(struct system *system) {
    unsigned long failed = 0, asked = 0, places = 0;
    const char *log = daemon_log(system->daemon), *line = NULL;
    for (const char *at = log; (at = strstr(at, "starved: ")); at++)
        line = at;
    assert_non_null(line);
    assert_int_equal(
        sscanf(line, "starved: %lu of %lu allocations failed, at %lu", &failed, &asked, &places), 3);
    print_message("%lu of %lu allocations failed, at %lu places\n", failed, asked, places);
    assert_in_range(places, PLACES_MIN, 1000);
}

static void allocations_fail(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    const char *const environment[] = {fixture->variable, NULL};
    system_open(system,
        (struct system_options){.bus = fixture->bus,
            .binary = PHASEGATE_STARVED_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .environment = environment});
    system_start(system);
    player_answer(system->player, 1);
    starve(fixture);
    publish_all(system);
    player_until(system->player, half_is_through, system, 2 * SYSTEM_DEADLINE_MS, "half of the triggers");
    feed(fixture);
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    system_until_outbox_empty(system);
    daemon_stop(system->daemon);
    check_starved(system);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    fixture->dir = temp_dir_make();
    snprintf(fixture->file, sizeof fixture->file, "%s/hungry", fixture->dir.path);
    snprintf(fixture->variable, sizeof fixture->variable, "PHASEGATE_STARVED=%s:%d", fixture->file, ONE_IN);
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
    system_close(&fixture->system);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"allocations fail, over Redis Streams", allocations_fail, streams, teardown, NULL},
        {"allocations fail, over the fake Pub/Sub", allocations_fail, fake, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
