/*
 * phasegate replay --seek --rebuild with the real daemon, over each bus: a rich season is played, Redis
 * forgets, the state is rebuilt. What was sent and could be known is not sent again; what stands differently
 * is only what nobody can know.
 */
#include "support/check.h"
#include "support/crowd.h"
#include "support/rich_season.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIGGERS_MAX = 400 };

struct fixture {
    struct rich_season season;
    char before[TRIGGERS_MAX][TRIGGER_ID_MAX], after[TRIGGERS_MAX][TRIGGER_ID_MAX];
    size_t before_count, after_count;
    long long epoch;
};

/* --- Forgetting and rebuilding -------------------------------------------------------------------------- */

static void forget(struct fixture *fixture) {
    struct rich_season *season = &fixture->season;
    fixture->before_count = rich_triggers(season, fixture->before, TRIGGERS_MAX);
    redis_server_do(season->system.redis, "FLUSHALL");
    daemon_await_said(season->system.daemon, "the store has forgotten: it came back empty");
}

static void rebuild(struct fixture *fixture) {
    check_run(fixture->season.commands, 0, "replay", "--seek", "1d", "--rebuild", "--quiet", "2");
    daemon_await_said(fixture->season.system.daemon, "the rebuild is over");
    rich_settle(&fixture->season);
    fixture->after_count = rich_triggers(&fixture->season, fixture->after, TRIGGERS_MAX);
}

static bool was_sent_before(const struct fixture *fixture, const char *id) {
    for (size_t i = 0; i < fixture->before_count; i++)
        if (strcmp(fixture->before[i], id) == 0)
            return true;
    return false;
}

static bool is_one_of(const char *id, const char *const *allowed) {
    for (; *allowed; allowed++)
        if (strcmp(*allowed, id) == 0)
            return true;
    return false;
}

/* Of what was published since, only the allowed ones; each of those was named by the command. */
static void check_sent_again(struct fixture *fixture, const char *const *allowed) {
    for (size_t i = fixture->before_count; i < fixture->after_count; i++) {
        if (!is_one_of(fixture->after[i], allowed))
            fail_msg("%s was published%s", fixture->after[i],
                was_sent_before(fixture, fixture->after[i]) ? " a second time" : "");
        commands_check_output(fixture->season.commands, fixture->after[i]);
    }
}

static void check_stands(
    struct fixture *fixture, enum rich_kind kind, int run, int group, enum group_phase phase) {
    const struct date_state *state = rich_state(&fixture->season, kind);
    if (state->run != run || state->groups[group - 1].phase != phase)
        fail_msg("kind %d: run %d, group %d is %s", (int)kind, state->run, group,
            group_phase_name(state->groups[group - 1].phase));
}

static void check_lost_is(struct fixture *fixture, bool expected) {
    check_run(fixture->season.commands, 0, "status", "--json");
    json_t *status = commands_json(fixture->season.commands), *store = json_object_get(status, "store");
    assert_int_equal(json_is_object(json_object_get(store, "lost")), expected);
    assert_true(json_is_null(json_object_get(store, "rebuild_since")));
    json_decref(status);
}

/* It goes on: a date that comes now is triggered, once. */
static void check_goes_on(struct fixture *fixture) {
    struct rich_season *season = &fixture->season;
    size_t count = rich_triggers(season, fixture->after, TRIGGERS_MAX);
    for (int processor = PGS; processor <= TDGS; processor++)
        rich_complete(season, RICH_UNTOUCHED, processor);
    rich_settle(season);
    assert_int_equal(rich_triggers(season, fixture->after, TRIGGERS_MAX), count + 1);
    assert_string_equal(fixture->after[count], "nba/2021-10-29/g1/r1");
}

/* --- The tests ------------------------------------------------------------------------------------------ */

/* The trigger stream is still there, so everything can be known: not one is sent again, and all dates stand
 * as they stood. */
static void over_streams_nothing_is_sent_again(void **state) {
    struct fixture *fixture = *state;
    rich_open(&fixture->season, PHASEGATE_BINARY, SYSTEM_STREAMS, true);
    rich_play(&fixture->season);
    forget(fixture);
    check_lost_is(fixture, true);
    rebuild(fixture);
    check_sent_again(fixture, (const char *const[]){NULL});
    assert_int_equal(fixture->after_count, fixture->before_count);
    check_stands(fixture, RICH_DONE, 1, 4, GROUP_DONE);
    check_stands(fixture, RICH_FAILS_ONCE, 1, 4, GROUP_DONE);
    check_stands(fixture, RICH_RUNNING, 1, 1, GROUP_TRIGGERED);
    check_stands(fixture, RICH_FAILED, 1, 2, GROUP_FAILED);
    check_stands(fixture, RICH_REPLAYED, 1, 3, GROUP_TRIGGERED);
    check_stands(fixture, RICH_RERUN, 2, 3, GROUP_TRIGGERED);
    check_stands(fixture, RICH_STALE, 1, 2, GROUP_TRIGGERED);
    check_stands(fixture, RICH_HELD, 0, 1, GROUP_WAITING);
    check_stands(fixture, RICH_REPLAYED_OPEN, 1, 2, GROUP_TRIGGERED);
    assert_int_equal(rich_state(&fixture->season, RICH_STALE)->stale.group, 1);
    assert_true(rich_state(&fixture->season, RICH_NO_GAMES)->no_games_ms > 0);
    check_lost_is(fixture, false);
    check_goes_on(fixture);
    rebuild(fixture); /* of what was not lost: nothing changes */
    assert_int_equal(fixture->after_count, fixture->before_count + 1);
    daemon_stop(fixture->season.system.daemon);
}

/* What nobody had answered, in the rich season. */
static const char *const unanswered[] = {
    "nba/2021-10-23/g3/r1", "nba/2021-10-24/g3/r1", "nba/2021-10-24/g3/r2", "nba/2021-10-25/g2/r1", NULL};

/* No bus keeps the triggers: those that nobody had answered go out again, under their old ids. */
static void over_pubsub_only_what_nobody_answered_is_sent_again(void **state) {
    struct fixture *fixture = *state;
    rich_open(&fixture->season, PHASEGATE_BINARY, SYSTEM_FAKE, false);
    rich_play(&fixture->season);
    forget(fixture);
    rebuild(fixture);
    check_sent_again(fixture, unanswered);
    commands_check_output(fixture->season.commands, "Pub/Sub keeps no triggers");
    check_stands(fixture, RICH_DONE, 1, 4, GROUP_DONE);
    check_stands(fixture, RICH_FAILS_ONCE, 1, 4, GROUP_DONE);
    check_stands(fixture, RICH_RUNNING, 1, 1, GROUP_TRIGGERED);
    check_stands(fixture, RICH_FAILED, 1, 2, GROUP_FAILED);
    check_stands(fixture, RICH_REPLAYED, 1, 3, GROUP_TRIGGERED);
    check_stands(fixture, RICH_HELD, 0, 1, GROUP_WAITING);
    check_stands(fixture, RICH_REPLAYED_OPEN, 1, 2, GROUP_FAILED); /* the operator's replay is forgotten */
    assert_true(rich_state(&fixture->season, RICH_NO_GAMES)->no_games_ms > 0);
    check_lost_is(fixture, false);
    check_goes_on(fixture);
    daemon_stop(fixture->season.system.daemon);
}

/* --- An older state ------------------------------------------------------------------------------------- */

/* As a restored file would: everything of the pipeline is as it was, in one step. */
static void keep_state(struct fixture *fixture) {
    redis_server_do(fixture->season.system.redis, "EVAL %s 0",
        "for _, key in ipairs(redis.call('KEYS', 'pg:{nba*')) do "
        "redis.call('SET', 'kept:' .. key, redis.call('DUMP', key)) end");
}

static void put_state_back(struct fixture *fixture) {
    redis_server_do(fixture->season.system.redis, "EVAL %s 0",
        "for _, key in ipairs(redis.call('KEYS', 'pg:{nba*')) do redis.call('DEL', key) end "
        "for _, key in ipairs(redis.call('KEYS', 'kept:*')) do "
        "redis.call('RESTORE', string.sub(key, 6), 0, redis.call('GET', key)) end");
}

/* Group 1 was triggered when the state was kept; it was answered, and group 2 triggered, when that is lost.
 */
static void an_older_state_is_brought_up_to_date(void **state) {
    struct fixture *fixture = *state;
    struct rich_season *season = &fixture->season;
    rich_open(season, PHASEGATE_BINARY, SYSTEM_STREAMS, true);
    rich_play_tables(season, RICH_DONE);
    rich_settle(season);
    keep_state(fixture);
    rich_answer(season, RICH_DONE, PSZA);
    rich_answer(season, RICH_DONE, TDZA);
    rich_settle(season);
    check_stands(fixture, RICH_DONE, 1, 2, GROUP_TRIGGERED);
    fixture->before_count = rich_triggers(season, fixture->before, TRIGGERS_MAX);
    put_state_back(fixture);
    daemon_await_said(season->system.daemon, "the store has forgotten: it came back as it was before");
    check_stands(fixture, RICH_DONE, 1, 1, GROUP_TRIGGERED);
    rebuild(fixture);
    check_sent_again(fixture, (const char *const[]){NULL});
    check_stands(fixture, RICH_DONE, 1, 2, GROUP_TRIGGERED);
    check_lost_is(fixture, false);
    daemon_stop(season->system.daemon);
}

/* Nobody receives the messages: it says so; then the same command goes on. */
static void without_a_daemon_it_says_so(void **state) {
    struct fixture *fixture = *state;
    rich_open(&fixture->season, PHASEGATE_BINARY, SYSTEM_STREAMS, true);
    rich_play_tables(&fixture->season, RICH_DONE);
    rich_settle(&fixture->season);
    forget(fixture);
    daemon_kill(fixture->season.system.daemon);
    check_run(fixture->season.commands, 3, "replay", "--seek", "1d", "--rebuild");
    commands_check_output(fixture->season.commands, "no `phasegate serve` is at work on this store");
    check_run(fixture->season.commands, 0, "status");
    commands_check_output(fixture->season.commands, "a rebuild is under way");
    daemon_start(fixture->season.system.daemon);
    daemon_await_running(fixture->season.system.daemon);
    rebuild(fixture);
    check_sent_again(fixture, (const char *const[]){NULL});
    check_stands(fixture, RICH_DONE, 1, 1, GROUP_TRIGGERED);
    daemon_stop(fixture->season.system.daemon);
}

static void a_loss_can_be_accepted(void **state) {
    struct fixture *fixture = *state;
    rich_open(&fixture->season, PHASEGATE_BINARY, SYSTEM_FAKE, false);
    forget(fixture);
    check_lost_is(fixture, true);
    check_run(fixture->season.commands, 0, "replay", "--accept-loss");
    check_lost_is(fixture, false);
    daemon_await_said(fixture->season.system.daemon, "has been settled");
    check_run(fixture->season.commands, 2, "replay", "--rebuild");
    daemon_stop(fixture->season.system.daemon);
}

/* --- The bus goes away ---------------------------------------------------------------------------------- */

enum { OUTAGE_MS = 10000 }; /* longer than the command waits for the first message */

static void refuse_streams(struct fake_pubsub *fake, bool refused) {
    fake_pubsub_answer_next(fake, FAKE_STREAMING_PULL, refused ? INT_MAX : 0, GRPC_STATUS_UNAVAILABLE);
    fake_pubsub_break_streams(fake, GRPC_STATUS_UNAVAILABLE);
}

/* From when the subscriptions have been moved, before any of it has come. */
static void *take_bus_away(void *context) {
    struct fake_pubsub *fake = context;
    while (fake_pubsub_answered(fake, FAKE_SEEK) < 2)
        usleep(1000);
    fake_pubsub_stop(fake);
    refuse_streams(fake, false);
    usleep(OUTAGE_MS * 1000);
    check_ok(fake_pubsub_restart(fake));
    return NULL;
}

/* Silence of a bus that is away is no quiet: the rebuild waits, and takes all. The two subscriptions come
 * back each in its own time, many times the quiet time apart. */
static void while_the_bus_is_away_it_does_not_end(void **state) {
    struct fixture *fixture = *state;
    struct rich_season *season = &fixture->season;
    pthread_t thread;
    rich_open(season, PHASEGATE_BINARY, SYSTEM_FAKE, false);
    rich_play(season);
    forget(fixture);
    refuse_streams(season->system.fake, true);
    assert_int_equal(pthread_create(&thread, NULL, take_bus_away, season->system.fake), 0);
    rebuild(fixture);
    assert_int_equal(pthread_join(thread, NULL), 0);
    check_sent_again(fixture, unanswered);
    check_stands(fixture, RICH_DONE, 1, 4, GROUP_DONE);
    check_stands(fixture, RICH_FAILED, 1, 2, GROUP_FAILED);
    check_lost_is(fixture, false);
    daemon_stop(season->system.daemon);
}

static int set_up(void **state) {
    return (*state = calloc(1, sizeof(struct fixture))) ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    rich_close(&fixture->season);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(over_streams_nothing_is_sent_again),
        TEST(over_pubsub_only_what_nobody_answered_is_sent_again),
        TEST(an_older_state_is_brought_up_to_date),
        TEST(without_a_daemon_it_says_so),
        TEST(a_loss_can_be_accepted),
        TEST(while_the_bus_is_away_it_does_not_end),
    };
    struct crowd crowd = {0};
    crowd_add(&crowd, "rebuild", tests, sizeof tests / sizeof *tests);
    return crowd_await(&crowd);
}
