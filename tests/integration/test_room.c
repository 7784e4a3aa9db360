/*
 * No room: the store's Redis is out of memory, or its disk is full, over both buses and embedded. The log
 * says what it is and what to do; nothing is acked that is not stored, no trigger is lost or doubled, and it
 * goes on by itself when there is room again.
 */
#include "support/check.h"
#include "support/small_disk.h"
#include "support/system.h"

#include <stdlib.h>
#include <string.h>

enum { DATES = 30, ROUNDS = 2, DISK_MEGABYTES = 24 };

#define PHASE3 "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase3"
#define OVER "Redis does what it is asked again"

struct fixture {
    struct small_disk disk;
    struct system system;
    enum system_bus bus;
};

/* --- Events --------------------------------------------------------------------------------------------- */

static void publish(struct system *system, int processor) {
    static const char *const executions[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < system->options.count; i++)
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = system->options.first + i,
                .rows = event_rows(processor, system->options.first + i),
                .execution = executions[processor - PGS],
                .correlation = "room",
                .timestamp_ms = INT64_C(1764502927104)});
}

static void start(struct fixture *fixture, const char *const *redis_arguments, const char *data) {
    system_open(&fixture->system,
        (struct system_options){.bus = fixture->bus,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .redis_arguments = redis_arguments,
            .data = data});
    system_start(&fixture->system);
    player_answer(fixture->system.player, 1);
}

static void check_all_done(struct system *system) {
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    system_until_outbox_empty(system);
    daemon_stop(system->daemon);
}

struct said {
    struct system *system;
    const char *part;
    size_t times;
};

static bool was_said(void *context) {
    const struct said *said = context;
    return daemon_said(said->system->daemon, said->part) >= said->times;
}

static void until_said(struct system *system, const char *part, size_t times) {
    struct said said = {system, part, times};
    player_until(system->player, was_said, &said, SYSTEM_DEADLINE_MS, part);
}

/* Of the fake, which alone counts them. */
static size_t acked(const struct system *system) {
    return fake_pubsub_counts(system->fake, PHASE3).acked;
}

static bool all_acked(void *context) {
    return acked(context) == (size_t)(TDGS - PGS) * DATES;
}

static bool some_in_hand(void *context) {
    const struct system *system = context;
    return fake_pubsub_counts(system->fake, PHASE3).leased > 0;
}

/* --- The tests ------------------------------------------------------------------------------------------ */

/* While the last table's completions come; over the fake, of which it is known what it takes for done. */
static void no_room_at_the_end(struct fixture *fixture, const char *word,
    void (*take)(struct fixture *fixture), void (*give)(struct fixture *fixture)) {
    struct system *system = &fixture->system;
    player_until(system->player, all_acked, system, SYSTEM_DEADLINE_MS, "all acks");
    take(fixture);
    until_said(system, word, ROUNDS + 1); /* Redis notices a full disk only with its next write */
    publish(system, TDGS);
    player_until(system->player, some_in_hand, system, SYSTEM_DEADLINE_MS, "completions in hand");
    assert_int_equal(acked(system), (TDGS - PGS) * DATES);
    give(fixture);
    until_said(system, OVER, ROUNDS + 1);
}

/* No room in the middle of the work, again and again. */
static void no_room(struct fixture *fixture, const char *word, void (*take)(struct fixture *fixture),
    void (*give)(struct fixture *fixture)) {
    struct system *system = &fixture->system;
    for (int processor = PGS; processor < TDGS; processor++)
        publish(system, processor);
    for (size_t round = 1; round <= ROUNDS; round++) {
        take(fixture);
        until_said(system, word, round);
        give(fixture);
        until_said(system, OVER, round);
    }
    if (system->fake)
        no_room_at_the_end(fixture, word, take, give);
    else
        publish(system, TDGS);
    check_all_done(system);
}

static void take_memory(struct fixture *fixture) {
    redis_server_do(fixture->system.redis, "CONFIG SET maxmemory 1");
}

static void give_memory(struct fixture *fixture) {
    redis_server_do(fixture->system.redis, "CONFIG SET maxmemory 0");
}

static void no_memory(void **state) {
    struct fixture *fixture = *state;
    start(fixture, NULL, NULL);
    no_room(fixture, "Redis is out of memory: raise its maxmemory", take_memory, give_memory);
}

static void take_disk(struct fixture *fixture) {
    small_disk_fill(&fixture->disk);
}

static void give_disk(struct fixture *fixture) {
    small_disk_empty(&fixture->disk);
}

static void no_disk(void **state) {
    struct fixture *fixture = *state;
    fixture->disk = small_disk_make(DISK_MEGABYTES);
    const char *const arguments[] = {"--appendfsync", "everysec", "--dir", fixture->disk.dir.path, NULL};
    start(fixture, arguments, NULL);
    no_room(fixture, "Redis cannot write to its disk: make room there", take_disk, give_disk);
}

/* The embedded server, which syncs each write, ends rather than lose one; it is started until it stays. */
static void no_disk_embedded(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    fixture->disk = small_disk_make(DISK_MEGABYTES);
    start(fixture, NULL, fixture->disk.dir.path);
    for (int processor = PGS; processor < TDGS; processor++)
        publish(system, processor);
    player_until_confirmed(system->player);
    take_disk(fixture);
    publish(system, TDGS);
    until_said(system, "is full: make room there", 2);
    give_disk(fixture);
    check_all_done(system);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    *state = fixture;
    return 0;
}

static int streams(void **state) {
    return setup(state, SYSTEM_STREAMS);
}

static int fake(void **state) {
    return setup(state, SYSTEM_FAKE);
}

static int embedded(void **state) {
    return setup(state, SYSTEM_EMBEDDED);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    system_close(&fixture->system);
    small_disk_remove(&fixture->disk);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"no memory, over Redis Streams", no_memory, streams, teardown, NULL},
        {"no memory, over the fake Pub/Sub", no_memory, fake, teardown, NULL},
        {"no disk, over Redis Streams", no_disk, streams, teardown, NULL},
        {"no disk, over the fake Pub/Sub", no_disk, fake, teardown, NULL},
        {"no disk, embedded", no_disk_embedded, embedded, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
