/*
 * The daemon dies, as by kill -9, at each of the points of base/crash_point.h, the first and the third time
 * that it gets there, over both kinds of bus: in the midst of November's fourteen dates, half of them live,
 * half of them backfilled. Started again, it takes every date through: four triggers, one id each, in order
 * (the player checks that), what was bad is in quarantine, and nothing is left over. The list of points is
 * the table itself. Where a call to the store has left, the store does what it asks for, though nobody hears
 * of it. Only where a point is on that way is a stalled group triggered again: elsewhere that
 * would bring what a crash has lost.
 */
#include "base/crash_point.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/stage.h"
#include "support/system.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 14, THIRD = 3, WISH_MAX = 80, BINARY_BYTES_MAX = 64 << 20, POINTS = CRASH_POINT_COUNT };

static const char *const names[POINTS] = {
#define CRASH_POINT_NAME(name, lost) #name,
    CRASH_POINTS(CRASH_POINT_NAME)
#undef CRASH_POINT_NAME
};

/* A stalled group is triggered again soon. */
static const struct stage_setting impatient[] = {
    {"group_deadline", "2"}, {"on_stall", "retrigger"}, {"retrigger_limit", "100"}, {0}};

struct fixture {
    enum system_bus bus;
    int times;      /* die at the how-manieth time */
    bool impatient; /* visits what only a deadline leads to; else all the others */
    int bad;        /* messages that were published, and belong into quarantine */
    struct system system;
    struct commands *commands;
    char wish[WISH_MAX]; /* "PHASEGATE_CRASH_POINT=…" */
    const char *environment[2];
    game_date next; /* the first date that was not played yet */
};

struct visit {
    struct fixture *fixture;
    enum crash_point point;
};

/* --- Dying ---------------------------------------------------------------------------------------------- */

static void wish_for(struct fixture *fixture, enum crash_point point, int times) {
    snprintf(fixture->wish, sizeof fixture->wish, "PHASEGATE_CRASH_POINT=%s:%d", names[point], times);
}

static void wish_for_nothing(struct fixture *fixture) {
    strcpy(fixture->wish, "PHASEGATE_CRASH_POINT=");
}

static bool has_died(void *context) {
    const struct system *system = context;
    return !daemon_running(system->daemon);
}

static void until_crash(struct fixture *fixture, enum crash_point point) {
    struct system *system = &fixture->system;
    char said[WISH_MAX];
    snprintf(said, sizeof said, "crash point %s", names[point]);
    player_until(system->player, has_died, system, SYSTEM_DEADLINE_MS, said);
    assert_int_equal(daemon_await_exit(system->daemon), -SIGKILL);
    assert_int_equal(daemon_said(system->daemon, said), 1);
}

static void start_again(struct fixture *fixture) {
    wish_for_nothing(fixture);
    system_expire_leases(&fixture->system);
    daemon_start(fixture->system.daemon);
}

/* --- November ------------------------------------------------------------------------------------------- */

static struct event november_event(const struct fixture *fixture, int index, int processor) {
    game_date date = fixture->system.options.first + index;
    return (struct event){.processor = processor,
        .date = date,
        .form = (enum event_form)((index + processor) % EVENT_FORMS),
        .tag = index % 2 ? EVENT_METADATA : EVENT_LIVE,
        .rows = event_rows(processor, date),
        .execution = "november",
        .correlation = "november",
        .timestamp_ms = INT64_C(1764502927104)};
}

static void publish_bad(struct fixture *fixture) {
    static const struct message bad = {.data = "YESTERDAY", .size = 9};
    player_publish_message(fixture->system.player, event_topic(PGS), &bad);
}

static void publish_november(struct fixture *fixture, int times) {
    for (int i = 0; i < DATES; i++)
        for (int processor = PGS; processor <= TDGS; processor++) {
            struct event event = november_event(fixture, i, processor);
            for (int t = 0; t < times; t++)
                player_publish(fixture->system.player, &event);
        }
    for (int t = 0; t < THIRD; t++)
        publish_bad(fixture);
    fixture->bad += THIRD;
}

static int bad_kept(const struct fixture *fixture) {
    return (int)redis_server_ask_number(fixture->system.redis, "ZCARD pg:{nba}:quarantine");
}

static bool bad_is_kept(void *context) {
    const struct fixture *fixture = context;
    return bad_kept(fixture) >= fixture->bad;
}

static void check_november(struct fixture *fixture) {
    struct system *system = &fixture->system;
    player_answer(system->player, 1);
    system_until_dates(system, date_is_done, "all dates to be done");
    for (int i = 0; i < DATES; i++)
        for (int g = 1; g <= PLAYER_GROUPS; g++) {
            const struct player_trigger *trigger =
                player_trigger(system->player, system->options.first + i, g);
            assert_true(trigger->seen > 0);
            if (g > 1)
                assert_true(
                    trigger->order > player_trigger(system->player, system->options.first + i, g - 1)->order);
        }
    player_until_confirmed(system->player);
    player_until(system->player, bad_is_kept, fixture, SYSTEM_DEADLINE_MS, "what is bad to be kept");
    system_until_outbox_empty(system);
    player_check(system->player);
}

/* --- What a call leaves behind -------------------------------------------------------------------------- */

static bool has_a_completion(const struct date_state *state) {
    for (int processor = PGS; processor <= TDGS; processor++)
        if (state->records[processor].mark != RECORD_NONE)
            return true;
    return false;
}

static bool is_triggered(const struct date_state *state) {
    return state->groups[0].phase == GROUP_TRIGGERED;
}

/* The first call of its kind since the dates are in play has left: what it asks for, nobody else has done. */
static void check_left(struct fixture *fixture, enum crash_point point) {
    if (point == CRASH_POINT_while_applying)
        system_until_a_date(&fixture->system, has_a_completion, "a completion that the dead daemon sent");
    if (point == CRASH_POINT_while_confirming)
        system_until_a_date(&fixture->system, is_triggered, "a confirmation that the dead daemon sent");
}

/* --- The ways to get there ------------------------------------------------------------------------------ */

/* Under load. */
static void at_work(struct fixture *fixture, enum crash_point point) {
    publish_november(fixture, fixture->times);
    wish_for(fixture, point, fixture->times);
    daemon_start(fixture->system.daemon);
    until_crash(fixture, point);
    if (fixture->times == 1)
        check_left(fixture, point);
    start_again(fixture);
}

/* Once in each start, whatever there is to do: in the second round, after a crash. */
static void while_starting(struct fixture *fixture, enum crash_point point) {
    publish_november(fixture, 1);
    for (int t = 0; t < fixture->times; t++) {
        wish_for(fixture, point, 1);
        daemon_start(fixture->system.daemon);
        until_crash(fixture, point);
    }
    start_again(fixture);
}

/* With an outbox that a crash has left, of live triggers and of backfill ones. */
static void while_recovering(struct fixture *fixture, enum crash_point point) {
    publish_november(fixture, fixture->times);
    wish_for(fixture, CRASH_POINT_before_publish, THIRD);
    daemon_start(fixture->system.daemon);
    until_crash(fixture, CRASH_POINT_before_publish);
    system_expire_leases(&fixture->system);
    wish_for(fixture, point, 1);
    daemon_start(fixture->system.daemon);
    until_crash(fixture, point);
    start_again(fixture);
}

/* Nobody answers, so that deadlines pass. */
static void at_deadlines(struct fixture *fixture, enum crash_point point) {
    player_answer(fixture->system.player, 0);
    at_work(fixture, point);
}

static bool has_triggers(void *context) {
    const struct fixture *fixture = context;
    return player_trigger(fixture->system.player, fixture->system.options.first, 1)->seen > 0;
}

/* Told to stop in the midst of it. */
static void while_stopping(struct fixture *fixture, enum crash_point point) {
    publish_november(fixture, fixture->times);
    wish_for(fixture, point, 1);
    daemon_start(fixture->system.daemon);
    daemon_await_running(fixture->system.daemon);
    player_until(fixture->system.player, has_triggers, fixture, SYSTEM_DEADLINE_MS, "the first trigger");
    daemon_terminate(fixture->system.daemon);
    until_crash(fixture, point);
    start_again(fixture);
}

/* The command dies, is given again, and all of November comes once more. */
static void while_seeking(struct fixture *fixture, enum crash_point point) {
    const char *const words[] = {
        "replay", "--seek", "1h", "--config", daemon_config(fixture->system.daemon), NULL};
    publish_november(fixture, fixture->times);
    start_again(fixture);
    daemon_await_running(fixture->system.daemon);
    wish_for(fixture, point, fixture->times > 1 ? 2 : 1);
    assert_int_equal(commands_run(fixture->commands, words), -SIGKILL);
    commands_check_output(fixture->commands, names[point]);
    wish_for_nothing(fixture);
    assert_int_equal(commands_run(fixture->commands, words), 0);
}

static void get_there(struct fixture *fixture, enum crash_point point) {
    switch (point) {
    case CRASH_POINT_at_start:
    case CRASH_POINT_after_create:
        while_starting(fixture, point);
        return;
    case CRASH_POINT_while_recovering:
    case CRASH_POINT_while_leasing:
    case CRASH_POINT_after_lease:
        while_recovering(fixture, point);
        return;
    case CRASH_POINT_before_retrigger:
    case CRASH_POINT_after_retrigger:
        at_deadlines(fixture, point);
        return;
    case CRASH_POINT_while_draining:
    case CRASH_POINT_while_flushing:
        while_stopping(fixture, point);
        return;
    case CRASH_POINT_before_seek:
    case CRASH_POINT_while_seeking:
        while_seeking(fixture, point);
        return;
    default:
        at_work(fixture, point);
    }
}

static void is_visited(void **state) {
    const struct visit *visit = *state;
    struct fixture *fixture = visit->fixture;
    fixture->system.options.first = fixture->next;
    fixture->next += DATES;
    fixture->bad = bad_kept(fixture);
    player_answer(fixture->system.player, 1);
    get_there(fixture, visit->point);
    check_november(fixture);
    daemon_stop(fixture->system.daemon);
}

/* What a failed visit has left must not disturb the next. */
static int clean_up(void **state) {
    const struct visit *visit = *state;
    daemon_kill(visit->fixture->system.daemon);
    return 0;
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static void world_opens(void **state) {
    struct fixture *fixture = ((const struct visit *)*state)->fixture;
    struct system *system = &fixture->system;
    wish_for_nothing(fixture);
    fixture->environment[0] = fixture->wish;
    fixture->next = SYSTEM_FIRST_DATE;
    system_open(system,
        (struct system_options){.bus = fixture->bus,
            .binary = PHASEGATE_CRASH_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES * POINTS,
            .pipeline = fixture->impatient ? impatient : NULL,
            .environment = fixture->environment});
    system_start(system);
    system->options.count = DATES;
    fixture->commands = commands_new(PHASEGATE_CRASH_BINARY, fixture->environment);
    daemon_stop(system->daemon);
}

static void world_closes(void **state) {
    struct fixture *fixture = ((const struct visit *)*state)->fixture;
    commands_free(&fixture->commands);
    system_close(&fixture->system);
}

static bool needs_a_deadline(enum crash_point point) {
    return point == CRASH_POINT_before_retrigger || point == CRASH_POINT_after_retrigger;
}

static int visit(const char *name, struct fixture *fixture) {
    struct visit visits[POINTS];
    struct CMUnitTest tests[POINTS + 2];
    size_t count = 0;
    tests[count++] = (struct CMUnitTest){"the world opens", world_opens, NULL, NULL, &visits[0]};
    for (int i = 0; i < POINTS; i++) {
        visits[i] = (struct visit){fixture, (enum crash_point)i};
        if (needs_a_deadline((enum crash_point)i) == fixture->impatient)
            tests[count++] = (struct CMUnitTest){names[i], is_visited, NULL, clean_up, &visits[i]};
    }
    tests[count++] = (struct CMUnitTest){"the world closes", world_closes, NULL, NULL, &visits[0]};
    return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

static int visit_all(const char *name, enum system_bus bus, int times) {
    struct fixture patient = {.bus = bus, .times = times};
    struct fixture others = {.bus = bus, .times = times, .impatient = true};
    return visit(name, &patient) + visit(name, &others);
}

static bool file_contains(const char *path, const char *part) {
    static char content[BINARY_BYTES_MAX];
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s cannot be read", path);
    size_t size = fread(content, 1, sizeof content, file);
    fclose(file);
    assert_in_range(size, 1, sizeof content - 1);
    return memmem(content, size, part, strlen(part));
}

/* Neither the variable nor the function. */
static void the_program_itself_has_none(void **state) {
    (void)state;
    assert_true(file_contains(PHASEGATE_CRASH_BINARY, "PHASEGATE_CRASH_POINT"));
    assert_false(file_contains(PHASEGATE_BINARY, "PHASEGATE_CRASH_POINT"));
    assert_true(file_contains(PHASEGATE_CRASH_BINARY, "crash_point_reached"));
    assert_false(file_contains(PHASEGATE_BINARY, "crash_point_reached"));
}

int main(void) {
    const struct CMUnitTest built[] = {cmocka_unit_test(the_program_itself_has_none)};
    return cmocka_run_group_tests_name("as built", built, NULL, NULL)
        + visit_all("Redis Streams, the first time", SYSTEM_STREAMS, 1)
        + visit_all("Redis Streams, the third time", SYSTEM_STREAMS, THIRD)
        + visit_all("the fake Pub/Sub, the first time", SYSTEM_FAKE, 1)
        + visit_all("the fake Pub/Sub, the third time", SYSTEM_FAKE, THIRD);
}
