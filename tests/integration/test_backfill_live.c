/*
 * Rule 8 at full size: `phasegate backfill` sends 918 dates in one go, and live dates come in between. From
 * the publish of a live date's fifth completion to the first sight of its trigger, as a consumer sees it:
 * with nothing else going on, with every slot taken and none coming back, and while the backfill makes its
 * way through the groups. All of that time the cap holds in every group, and the oldest date goes first.
 * Over Redis Streams, the fake Pub/Sub and Google's emulator.
 */
#include "support/check.h"
#include "support/system.h"
#include "support/temp_dir.h"
#include "support/workers.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CAP = 15, /* backfill_cap, where nothing else is said */
    BACKFILL = 918,
    UPSTREAM = 5,
    LIVE = 20,  /* live dates of each measurement */
    APART = 30, /* backfill triggers between two of them */
    LIVE_BOUND_MS = 2000,
    BACKFILL_MS = 120000,
    LOOK_EVERY_MS = 5,
    STATES_BYTES_MAX = 16 * 1024 * 1024,
};

/* The dates in play, by place. Those of backfill come first: nothing but being live lets the others pass. */
enum {
    QUIET = BACKFILL,      /* live, with no backfill */
    BEHIND = QUIET + LIVE, /* right behind the backfill's completions */
    NO_SLOT,               /* with every slot taken */
    BUSY,                  /* while the backfill goes on */
    DATES = BUSY + LIVE,
};

/* Later groups take longer, so that backfill piles up before each of them. */
static const int work_ms[PLAYER_GROUPS] = {50, 100, 150, 200};

struct fixture {
    enum system_bus bus;
    struct system system;
    struct workers *workers;
    struct reader *reader;
    struct arena *arena;
    struct temp_dir dir;
    struct process command;
    uint64_t seen_ns[DATES]; /* the trigger of group 1 */
    int started;             /* dates of backfill that it has come of */
    bool waited[BACKFILL];   /* which of them had no slot when all were known */
    size_t crowd;            /* see note_order: the most there was */
    double quiet_ms[LIVE], behind_ms, no_slot_ms, busy_ms[LIVE];
};

static game_date date_at(int place) {
    return SYSTEM_FIRST_DATE + place;
}

/* --- What comes ----------------------------------------------------------------------------------------- */

static size_t older_unseen(const struct fixture *fixture, int place) {
    size_t count = 0;
    for (int i = 0; i < place; i++)
        count += fixture->waited[i] && player_trigger(fixture->system.player, date_at(i), 1)->seen == 0;
    return count;
}

/*
 * Oldest first: when a date's trigger leaves, all older ones have left. A bus may deliver them in another
 * order, but what is still under way has a slot, as has what is in hand: together never more than the cap.
 */
static void note_order(struct fixture *fixture, int place) {
    size_t crowd = older_unseen(fixture, place) + workers_in_hand(fixture->workers, 1);
    if (fixture->waited[place] && crowd > fixture->crowd)
        fixture->crowd = crowd;
}

static void on_sight(void *context, game_date date, int group) {
    struct fixture *fixture = context;
    int place = (int)(date - SYSTEM_FIRST_DATE);
    workers_take(fixture->workers, date, group);
    if (group > 1)
        return;
    fixture->seen_ns[place] = uv_hrtime();
    if (place >= BACKFILL)
        return;
    fixture->started++;
    note_order(fixture, place);
}

/* --- What is recorded ----------------------------------------------------------------------------------- */

/* count dates from this place on, in the store; asked now and then only. */
struct look {
    struct fixture *fixture;
    int place;
    size_t count;
    date_condition *condition;
    uint64_t next_ms;
};

static bool all_are(void *context) {
    struct look *look = context;
    struct arena *arena = look->fixture->arena;
    uint64_t now_ms = uv_hrtime() / 1000000;
    if (now_ms < look->next_ms)
        return false;
    look->next_ms = now_ms + LOOK_EVERY_MS;
    arena_reset(arena);
    game_date *dates = arena_alloc(arena, look->count * sizeof *dates);
    struct date_state *states = arena_alloc(arena, look->count * sizeof *states);
    for (size_t i = 0; i < look->count; i++)
        dates[i] = date_at(look->place + (int)i);
    check_ok(reader_dates(look->fixture->reader, nba_pipeline(), dates, look->count, arena, states));
    for (size_t i = 0; i < look->count; i++)
        if (!look->condition(&states[i]))
            return false;
    return true;
}

static void until_recorded(
    struct fixture *fixture, int place, size_t count, date_condition *condition, const char *waited_for) {
    struct look look = {fixture, place, count, condition, 0};
    player_until(fixture->system.player, all_are, &look, BACKFILL_MS, waited_for);
}

static bool has_four(const struct date_state *state) {
    int count = 0;
    for (int p = PGS; p <= TDGS; p++)
        count += state->records[p].mark == RECORD_COUNTS;
    return count == UPSTREAM - 1;
}

static bool has_started(const struct date_state *state) {
    return state->groups[0].phase != GROUP_WAITING;
}

/* --- Live dates ----------------------------------------------------------------------------------------- */

static void publish(struct fixture *fixture, int place, int processor) {
    char execution[48];
    snprintf(execution, sizeof execution, "live-%d-%d", place, processor);
    player_publish(fixture->system.player,
        &(struct event){.processor = processor,
            .date = date_at(place),
            .form = (enum event_form)((place + processor) % EVENT_FORMS),
            .rows = event_rows(processor, date_at(place)),
            .execution = execution,
            .correlation = execution,
            .timestamp_ms = INT64_C(1764502927104)});
}

struct awaited {
    const struct fixture *fixture;
    int place;
};

static bool is_triggered(void *context) {
    const struct awaited *awaited = context;
    return awaited->fixture->seen_ns[awaited->place] > 0;
}

/* Publishes the fifth completion, the last; milliseconds until its trigger is seen. */
static double complete(struct fixture *fixture, int place) {
    struct awaited awaited = {fixture, place};
    uint64_t start_ns = uv_hrtime();
    publish(fixture, place, TDGS);
    player_until(
        fixture->system.player, is_triggered, &awaited, SYSTEM_DEADLINE_MS, "the trigger of a live date");
    return (double)(fixture->seen_ns[place] - start_ns) / 1e6;
}

/* The first four come early enough: only the fifth is on its way. */
static double live_date(struct fixture *fixture, int place) {
    for (int p = PGS; p < TDGS; p++)
        publish(fixture, place, p);
    until_recorded(fixture, place, 1, has_four, "four completions of a live date to be recorded");
    return complete(fixture, place);
}

/* All five in one go. */
static double live_date_at_once(struct fixture *fixture, int place) {
    for (int p = PGS; p < TDGS; p++)
        publish(fixture, place, p);
    return complete(fixture, place);
}

/* --- The backfill --------------------------------------------------------------------------------------- */

static bool command_ended(void *context) {
    return !process_running(context);
}

/* The command itself, with nothing said about a rate. */
static void send_backfill(struct fixture *fixture) {
    char first[DATE_TEXT_MAX], last[DATE_TEXT_MAX], output[PROCESS_PATH_MAX], said[400];
    const char *const argv[] = {PHASEGATE_BINARY, "backfill", "--config",
        daemon_config(fixture->system.daemon), "--start-date", date_format(date_at(0), first), "--end-date",
        date_format(date_at(BACKFILL - 1), last), NULL};
    for (int i = 0; i < BACKFILL; i++)
        player_told(fixture->system.player, date_at(i), nba_pipeline()->upstream);
    snprintf(output, sizeof output, "%s/backfill", fixture->dir.path);
    check_ok(process_spawn(argv, (const char *[]){"PUBSUB_EMULATOR_HOST=", NULL}, output, &fixture->command));
    player_until(
        fixture->system.player, command_ended, &fixture->command, BACKFILL_MS, "the backfill to be sent");
    if (fixture->command.status != 0)
        fail_msg("phasegate backfill left with %d: %s", fixture->command.status,
            process_output_tail(&fixture->command, said, sizeof said));
}

static bool slots_are_taken(void *context) {
    const struct fixture *fixture = context;
    return workers_in_hand(fixture->workers, 1) >= CAP;
}

static void note_who_waits(struct fixture *fixture) {
    struct backfill_state state;
    arena_reset(fixture->arena);
    check_ok(reader_backfill(fixture->reader, nba_pipeline(), fixture->arena, &state));
    assert_int_equal(state.in_flight[0], CAP);
    assert_int_equal(state.waiting_count, BACKFILL - CAP);
    for (size_t i = 0; i < state.waiting_count; i++)
        fixture->waited[state.waiting[i].date - SYSTEM_FIRST_DATE] = true;
}

/* Nobody answers, so no slot comes back: 15 dates are in flight, and 903 wait. */
static void with_every_slot_taken(struct fixture *fixture) {
    struct player *player = fixture->system.player;
    workers_hold(fixture->workers, true);
    send_backfill(fixture);
    fixture->behind_ms = live_date_at_once(fixture, BEHIND);
    until_recorded(fixture, 0, BACKFILL, has_started, "the backfill to be recorded");
    player_until(player, slots_are_taken, fixture, SYSTEM_DEADLINE_MS, "the first backfill triggers");
    note_who_waits(fixture);
    fixture->no_slot_ms = live_date(fixture, NO_SLOT);
    player_run(player, 100);
    assert_int_equal(fixture->started, CAP);
    workers_hold(fixture->workers, false);
}

struct progress {
    const struct fixture *fixture;
    int started;
};

static bool has_come_so_far(void *context) {
    const struct progress *progress = context;
    return progress->fixture->started >= progress->started;
}

static void while_it_goes_on(struct fixture *fixture) {
    for (int i = 0; i < LIVE; i++) {
        struct progress progress = {fixture, CAP + (i + 1) * APART};
        player_until(fixture->system.player, has_come_so_far, &progress, BACKFILL_MS, "backfill triggers");
        fixture->busy_ms[i] = live_date(fixture, BUSY + i);
        assert_true(fixture->started < BACKFILL);
    }
}

static bool all_triggers_seen(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->system.player) == (size_t)DATES * PLAYER_GROUPS;
}

static void until_all_is_done(struct fixture *fixture) {
    player_until(
        fixture->system.player, all_triggers_seen, fixture, BACKFILL_MS, "the backfill to be through");
    system_until_dates(&fixture->system, date_is_done, "all dates to be done");
}

/* --- How long it took ----------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* Sorts them. */
static double median(double ms[LIVE]) {
    qsort(ms, LIVE, sizeof *ms, by_size);
    return (ms[LIVE / 2 - 1] + ms[LIVE / 2]) / 2;
}

static void print_delays(const char *what, double ms[LIVE]) {
    double middle = median(ms);
    print_message("  %-52s %9.1f %9.1f %9.1f\n", what, middle, ms[LIVE * 95 / 100 - 1], ms[LIVE - 1]);
}

static void print_delay(const char *what, double ms) {
    print_message("  %-52s %9.1f\n", what, ms);
}

static void print_results(struct fixture *fixture, double seconds) {
    print_message("  %-52s %9s %9s %9s\n", "from a live date's fifth completion to its trigger, ms", "median",
        "95 %", "most");
    print_delays("no backfill", fixture->quiet_ms);
    print_delays("backfill on its way", fixture->busy_ms);
    print_delay("every slot taken, and none coming back", fixture->no_slot_ms);
    print_delay("right behind the backfill's completions", fixture->behind_ms);
    print_message("  %d dates of backfill in %.1f s; at most in flight, by group:", BACKFILL, seconds);
    for (int g = 1; g <= PLAYER_GROUPS; g++)
        print_message(" %zu", workers_most(fixture->workers, g));
    print_message("\n");
}

/* --- What must hold ------------------------------------------------------------------------------------- */

static void check_date(const struct fixture *fixture, int place) {
    for (int g = 1; g <= PLAYER_GROUPS; g++) {
        const struct player_trigger *trigger = player_trigger(fixture->system.player, date_at(place), g);
        assert_int_equal(trigger->published, 1);
        assert_string_equal(
            message_attribute(trigger->message, "backfill"), place < BACKFILL ? "true" : "false");
    }
}

/* The last trigger of any backfill date's group, among all triggers. */
static size_t last_of_backfill(const struct fixture *fixture, int group) {
    size_t last = 0;
    for (int i = 0; i < BACKFILL; i++) {
        size_t order = player_trigger(fixture->system.player, date_at(i), group)->order;
        last = order > last ? order : last;
    }
    return last;
}

static void check_everything(struct fixture *fixture) {
    struct system *system = &fixture->system;
    system_check_triggers(system);
    for (int i = 0; i < DATES; i++)
        check_date(fixture, i);
    assert_true(median(fixture->busy_ms) < LIVE_BOUND_MS);
    assert_true(fixture->no_slot_ms < LIVE_BOUND_MS);
    assert_true(fixture->crowd <= CAP);
    for (int g = 1; g <= PLAYER_GROUPS; g++) {
        assert_true(workers_most(fixture->workers, g) <= CAP);
        for (int i = BUSY; i < DATES; i++)
            assert_true(player_trigger(system->player, date_at(i), g)->order < last_of_backfill(fixture, g));
    }
    system_until_outbox_empty(system);
    assert_int_equal(daemon_said(system->daemon, "\"severity\":\"WARNING\""), 0);
    assert_int_equal(daemon_said(system->daemon, "\"severity\":\"ERROR\""), 0);
    assert_int_equal(daemon_said(system->daemon, "were not given back"), 0);
}

/* --- The test ------------------------------------------------------------------------------------------- */

static void open_all(struct fixture *fixture) {
    struct system *system = &fixture->system;
    system_open(system,
        (struct system_options){
            .bus = fixture->bus, .binary = PHASEGATE_BINARY, .first = SYSTEM_FIRST_DATE, .count = DATES});
    system_start(system);
    fixture->dir = temp_dir_make();
    struct redis_settings redis = system_redis(system);
    check_ok(reader_open(&redis, &fixture->reader));
    if (!(fixture->arena = arena_new(STATES_BYTES_MAX)))
        fail_msg("out of memory");
    fixture->workers = workers_new(system->player, DATES, work_ms);
    player_watch(system->player, on_sight, fixture);
}

static void live_dates_pass_the_backfill(void **state) {
    struct fixture *fixture = *state;
    open_all(fixture);
    for (int i = 0; i < LIVE; i++)
        fixture->quiet_ms[i] = live_date(fixture, QUIET + i);
    until_recorded(fixture, QUIET, LIVE, date_is_done, "the live dates to be done");
    uint64_t start_ns = uv_hrtime();
    with_every_slot_taken(fixture);
    while_it_goes_on(fixture);
    until_all_is_done(fixture);
    double seconds = (double)(uv_hrtime() - start_ns) / 1e9;
    print_results(fixture, seconds);
    check_everything(fixture);
    daemon_stop(fixture->system.daemon);
}

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    fixture->command = PROCESS_NONE;
    *state = fixture;
    return 0;
}

static int streams(void **state) {
    return setup(state, SYSTEM_STREAMS);
}

static int fake(void **state) {
    return setup(state, SYSTEM_FAKE);
}

static int emulator(void **state) {
    return setup(state, SYSTEM_EMULATOR);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    process_kill(&fixture->command);
    workers_free(&fixture->workers);
    reader_close(&fixture->reader);
    arena_free(&fixture->arena);
    system_close(&fixture->system);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"over Redis Streams", live_dates_pass_the_backfill, streams, teardown, NULL},
        {"over the fake Pub/Sub", live_dates_pass_the_backfill, fake, teardown, NULL},
        {"over Google's emulator", live_dates_pass_the_backfill, emulator, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
