/*
 * kill -9, again and again, at random moments under load: of the daemon over each bus, and of the embedded
 * daemon and its redis-server. Whatever happens, every date goes through, with four triggers, each of one id,
 * in order (the player checks that), and nothing is left over. PHASEGATE_SEED repeats the moments.
 *
 * Not over Google's emulator: it goes on giving dead clients' streams their share, for a lease each time.
 */
#include "support/check.h"
#include "support/dice.h"
#include "support/system.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 200, KILLS = 16, MOMENT_MS = 120 };

struct fixture {
    enum system_bus bus;
    struct system system;
    struct dice dice;
    int published;          /* dates whose events have been published */
    size_t triggers_to_see; /* before the next kill */
    struct daemon *other;   /* NULL but where there are two */
    int with_outbox, with_unacked, while_starting;
};

/* --- Load ----------------------------------------------------------------------------------------------- */

static void publish_date(struct fixture *fixture, int index) {
    bool twice = index % 2 == 1; /* the others show that not one event is lost */
    int first = dice_below(&fixture->dice, 5);
    for (int i = 0; i < 5; i++) {
        int processor = PGS + (first + i) % 5;
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d-%d", index, processor);
        struct event event = {.processor = processor,
            .date = SYSTEM_FIRST_DATE + index,
            .form = (enum event_form)((index + i) % EVENT_FORMS),
            .tag = (enum event_tag)(index % EVENT_TAGS),
            .rows = event_rows(processor, SYSTEM_FIRST_DATE + index),
            .execution = execution,
            .correlation = "load",
            .timestamp_ms = INT64_C(1764502927104)};
        for (int times = twice ? 2 : 1; times > 0; times--)
            player_publish(fixture->system.player, &event);
    }
}

/* Each round's share of the dates, so that there is something to do at every kill. */
static void publish_share(struct fixture *fixture, int round, int rounds) {
    int until = DATES * (round + 1) / rounds;
    for (; fixture->published < until; fixture->published++)
        publish_date(fixture, fixture->published);
    player_answer(fixture->system.player, 1 + round % 2);
}

/* --- The moment ----------------------------------------------------------------------------------------- */

static bool enough_triggers(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->system.player) >= fixture->triggers_to_see;
}

static bool is_running(void *context) {
    struct fixture *fixture = context;
    return daemon_said(fixture->system.daemon, "running\"") > 0;
}

static void until_moment(struct fixture *fixture) {
    struct player *player = fixture->system.player;
    switch (dice_below(&fixture->dice, 4)) {
    case 0: /* while it starts */
        player_run(player, dice_below(&fixture->dice, MOMENT_MS / 4));
        return;
    case 1: /* soon after */
        player_until(player, is_running, fixture, SYSTEM_DEADLINE_MS, "the daemon to run");
        player_run(player, dice_below(&fixture->dice, MOMENT_MS / 4));
        return;
    default: /* in the midst of the work */
        player_until(player, is_running, fixture, SYSTEM_DEADLINE_MS, "the daemon to run");
        fixture->triggers_to_see = player_triggers(player) + 1 + (size_t)dice_below(&fixture->dice, 30);
        player_until(player, enough_triggers, fixture, SYSTEM_DEADLINE_MS, "triggers to come");
    }
}

static void look_at_what_is_left(struct fixture *fixture) {
    fixture->while_starting += daemon_said(fixture->system.daemon, "running\"") == 0;
    fixture->with_outbox += system_outbox(&fixture->system) > 0;
    if (fixture->bus == SYSTEM_STREAMS || fixture->bus == SYSTEM_EMBEDDED)
        fixture->with_unacked += system_unacked(&fixture->system) > 0;
}

/* --- The end -------------------------------------------------------------------------------------------- */

static void check_all_done(struct fixture *fixture) {
    struct system *system = &fixture->system;
    system_until_dates(system, date_is_done, "all dates to be done");
    system_check_triggers(system);
    player_until_confirmed(system->player);
    system_until_outbox_empty(system);
    print_message("  %d kills while starting, %d with triggers in the outbox, %d with unacked completions\n",
        fixture->while_starting, fixture->with_outbox, fixture->with_unacked);
}

static bool all_acked(void *context) {
    return system_unacked(context) == 0;
}

static void check_all_acked(struct fixture *fixture) {
    player_until(fixture->system.player, all_acked, &fixture->system, SYSTEM_DEADLINE_MS,
        "every completion to be acked");
}

/* --- The tests ------------------------------------------------------------------------------------------ */

static void open_system(struct fixture *fixture) {
    system_open(&fixture->system,
        (struct system_options){
            .bus = fixture->bus, .binary = PHASEGATE_BINARY, .first = SYSTEM_FIRST_DATE, .count = DATES});
    system_start(&fixture->system);
}

static void daemon_is_killed(void **state) {
    struct fixture *fixture = *state;
    open_system(fixture);
    for (int i = 0; i < KILLS; i++) {
        publish_share(fixture, i, KILLS);
        until_moment(fixture);
        daemon_kill(fixture->system.daemon);
        look_at_what_is_left(fixture);
        system_expire_leases(&fixture->system);
        daemon_start(fixture->system.daemon);
    }
    check_all_done(fixture);
    if (fixture->bus == SYSTEM_STREAMS)
        check_all_acked(fixture);
    daemon_stop(fixture->system.daemon);
}

/* The daemon is killed, or its server, or both, one right after the other. */
static void kill_some(struct fixture *fixture, int round) {
    struct daemon *daemon = fixture->system.daemon;
    if (round % 4 == 3) {
        daemon_kill_redis(daemon);
        player_run(fixture->system.player, dice_below(&fixture->dice, MOMENT_MS));
        return;
    }
    if (round % 4 == 2)
        daemon_kill_redis(daemon);
    daemon_kill(daemon);
    if (round % 4 == 1)
        daemon_kill_redis(daemon);
    else if (round % 4 == 0)
        look_at_what_is_left(fixture);
    daemon_start(daemon);
}

static void embedded_is_killed(void **state) {
    struct fixture *fixture = *state;
    struct daemon *daemon;
    open_system(fixture);
    daemon = fixture->system.daemon;
    for (int i = 0; i < KILLS; i++) {
        publish_share(fixture, i, KILLS);
        until_moment(fixture);
        kill_some(fixture, i);
        assert_true(daemon_redis_count(daemon) <= 1);
    }
    check_all_done(fixture);
    check_all_acked(fixture);
    assert_int_equal(daemon_redis_count(daemon), 1);
    daemon_stop(daemon);
    assert_int_equal(daemon_redis_count(daemon), 0);
    assert_true(strstr(daemon_log(daemon), "taking over the redis-server"));
    assert_true(strstr(daemon_log(daemon), "was killed by signal 9; starting it again"));
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    fixture->dice.state = dice_seed();
    print_message("  PHASEGATE_SEED=%" PRIu64 "\n", fixture->dice.state);
    *state = fixture;
    return 0;
}

static int streams(void **state) {
    return setup(state, SYSTEM_STREAMS);
}

static int embedded(void **state) {
    return setup(state, SYSTEM_EMBEDDED);
}

static int fake(void **state) {
    return setup(state, SYSTEM_FAKE);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    system_close(&fixture->system);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"the daemon, over Redis Streams", daemon_is_killed, streams, teardown, NULL},
        {"the daemon, over the fake Pub/Sub", daemon_is_killed, fake, teardown, NULL},
        {"the embedded daemon and its Redis", embedded_is_killed, embedded, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
