/*
 * phasegate replay --seek with the real daemon, over each bus: a rich season is played (duplicates, late and
 * premature completions, failures, replays, re-runs, answers to old runs, no games, a message that cannot be
 * understood), then everything is received again. Nothing that is recorded changes but the history, in which
 * each completion counts once more as ignored; no trigger is published; and the daemon goes on.
 */
#include "base/clock.h"
#include "bus/bus.h"
#include "state/reader.h"
#include "support/bus_inbox.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/system.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 10, ARENA_MAX = 64 << 20, ENVIRONMENT_MAX = 8, SUBSCRIPTIONS = 2 };

/* What a date lives through. */
enum kind {
    KIND_DONE,       /* everything goes well */
    KIND_FAILS_ONCE, /* tables fail at first */
    KIND_RUNNING,    /* group 1 is at work, half answered */
    KIND_FAILED,     /* group 2 failed */
    KIND_REPLAYED,   /* group 2 failed, was replayed, went well */
    KIND_RERUN,      /* a second run, with answers to the first */
    KIND_STALE,      /* a re-run came, no new run yet */
    KIND_NO_GAMES,
    KIND_HELD,         /* a table is missing, a Phase 4 one came too early */
    KIND_REPLAYED_OPEN /* group 2 failed, was replayed, has not come back */
};

struct fixture {
    enum system_bus kind;
    struct system system;
    struct commands *commands;
    char store_url[160], emulator[64];
    const char *environment[ENVIRONMENT_MAX];
    uv_loop_t loop;
    struct log log;
    struct bus *bus;
    struct arena *arena;
    struct date_state states[DATES + 1];
    int executions;
    size_t completions; /* published and understood */
    int64_t now_ms;
};

/* --- The world ------------------------------------------------------------------------------------------ */

static void open_publisher(struct fixture *fixture) {
    struct redis_settings redis = system_redis(&fixture->system);
    fixture->log = log_root(NULL);
    uv_loop_init(&fixture->loop);
    if (fixture->kind == SYSTEM_STREAMS)
        check_ok(bus_open_streams(
            &fixture->loop, &(struct streams_settings){.redis = &redis}, &fixture->log, &fixture->bus));
    else
        check_ok(bus_open_pubsub(&fixture->loop,
            &(struct pubsub_settings){.project = DAEMON_PROJECT,
                .emulator = fake_pubsub_address(fixture->system.fake),
                .streams = 1},
            &fixture->log, &fixture->bus));
}

static void open_commands(struct fixture *fixture) {
    size_t count = 0;
    snprintf(fixture->store_url, sizeof fixture->store_url, "PHASEGATE_STORE_URL=%s",
        redis_server_url(fixture->system.redis));
    fixture->environment[count++] = fixture->store_url;
    fixture->environment[count++] = "PHASEGATE_CONFIG=";
    fixture->environment[count++] = "LC_ALL=C.UTF-8";
    if (fixture->kind == SYSTEM_FAKE) {
        snprintf(fixture->emulator, sizeof fixture->emulator, "PUBSUB_EMULATOR_HOST=%s",
            fake_pubsub_address(fixture->system.fake));
        fixture->environment[count++] = fixture->emulator;
        fixture->environment[count++] = "PHASEGATE_BUS=pubsub";
        fixture->environment[count++] = "PHASEGATE_PROJECT=" DAEMON_PROJECT;
    }
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
}

static int set_up(void **state, enum system_bus kind) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || !(fixture->arena = arena_new(ARENA_MAX)))
        return -1;
    *state = fixture;
    fixture->kind = kind;
    fixture->now_ms = clock_system().now_ms(NULL) - 3600000;
    system_open(&fixture->system,
        (struct system_options){
            .bus = kind, .binary = PHASEGATE_BINARY, .first = SYSTEM_FIRST_DATE, .count = DATES + 1});
    daemon_start(fixture->system.daemon);
    daemon_await_running(fixture->system.daemon);
    open_publisher(fixture);
    open_commands(fixture);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    if (fixture->bus) {
        close_and_wait(&fixture->loop, &fixture->bus);
        loop_close(&fixture->loop);
    }
    commands_free(&fixture->commands);
    system_close(&fixture->system);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static game_date date_of(enum kind kind) {
    return SYSTEM_FIRST_DATE + (game_date)kind;
}

static const struct date_state *state_of(struct fixture *fixture, enum kind kind) {
    arena_reset(fixture->arena);
    check_ok(system_states(&fixture->system, fixture->arena, fixture->states));
    return &fixture->states[kind];
}

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void publish(struct fixture *fixture, const char *topic, const struct message *message) {
    struct outcome outcome = {0};
    bus_publish(fixture->bus, topic, message, outcome_published, &outcome);
    loop_until(&fixture->loop, outcome_is_there, &outcome, SYSTEM_DEADLINE_MS, "a publish to be confirmed");
    check_ok(outcome.result);
}

/* What is left out is filled in: a new execution, a moment later, some rows; in a form that varies. */
static void tell(struct fixture *fixture, struct event event) {
    struct arena *arena = arena_new(64 * 1024);
    char execution[32];
    assert_non_null(arena);
    snprintf(execution, sizeof execution, "e-%d", ++fixture->executions);
    event.execution = event.execution ? event.execution : execution;
    event.timestamp_ms = event.timestamp_ms ? event.timestamp_ms : (fixture->now_ms += 1000);
    event.rows =
        event.status && strcmp(event.status, "success") != 0 ? 0 : event_rows(event.processor, event.date);
    event.form = (enum event_form)(fixture->executions % EVENT_FORMS);
    event.tag = fixture->executions % 3 ? EVENT_LIVE : EVENT_METADATA;
    publish(fixture, event_topic(event.processor), event_encode(&event, arena));
    fixture->completions++;
    arena_free(&arena);
}

static void complete(struct fixture *fixture, enum kind kind, int processor) {
    tell(fixture, (struct event){.processor = processor, .date = date_of(kind)});
}

static void break_down(struct fixture *fixture, enum kind kind, int processor) {
    tell(fixture, (struct event){.processor = processor, .date = date_of(kind), .status = "failed"});
}

/* Naming the trigger by its id, by the bus's message id, or not at all. */
static void answer(struct fixture *fixture, enum kind kind, int processor) {
    int group = nba_pipeline()->processors[processor].group;
    const struct date_state *state = state_of(fixture, kind);
    const struct trigger trigger = {
        .date = date_of(kind), .group = group, .run = state->groups[group - 1].run};
    struct event event = {.processor = processor, .date = date_of(kind)};
    char id[TRIGGER_ID_MAX];
    trigger_id(nba_pipeline(), &trigger, id);
    if ((kind + processor) % 3 == 0)
        event.trigger_id = id;
    else if ((kind + processor) % 3 == 1)
        event.trigger_message_id = state->groups[group - 1].bus_message_id;
    tell(fixture, event);
}

/* --- Waiting -------------------------------------------------------------------------------------------- */

static const char *const subscriptions[SUBSCRIPTIONS] = {"projects/" DAEMON_PROJECT
                                                         "/subscriptions/phasegate-nba-phase3",
    "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase4"};

static bool streams_are_handled(struct fixture *fixture) {
    static const char script[] =
        "for stream, name in pairs({['pg:bus:{nba-phase3-complete}'] = 'phasegate-nba-phase3', "
        "['pg:bus:{nba-phase4-complete}'] = 'phasegate-nba-phase4'}) do "
        "local info, last = redis.call('XINFO', 'STREAM', stream), nil "
        "for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end "
        "for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do local is = {} "
        "for i = 1, #group, 2 do is[group[i]] = group[i + 1] end "
        "if is.name == name and (is.pending > 0 or is['last-delivered-id'] ~= last) then return 0 end "
        "end end return 1";
    return redis_server_ask_number(fixture->system.redis, "EVAL %s 0", script) == 1;
}

static bool all_is_handled(void *context) {
    struct fixture *fixture = context;
    if (fixture->kind == SYSTEM_STREAMS)
        return streams_are_handled(fixture);
    for (int i = 0; i < SUBSCRIPTIONS; i++) {
        struct fake_counts counts = fake_pubsub_counts(fixture->system.fake, subscriptions[i]);
        if (counts.waiting + counts.leased > 0)
            return false;
    }
    return true;
}

static bool outbox_is_empty(void *context) {
    struct fixture *fixture = context;
    return system_outbox(&fixture->system) == 0;
}

/* Everything that was published was handled, and every trigger that followed is out. */
static void settle(struct fixture *fixture) {
    loop_until(&fixture->loop, all_is_handled, fixture, SYSTEM_DEADLINE_MS, "all messages to be handled");
    loop_until(&fixture->loop, outbox_is_empty, fixture, SYSTEM_DEADLINE_MS, "the outbox to be empty");
}

/* --- The season ----------------------------------------------------------------------------------------- */

/* Everything but the last table; then one again, twice, and late; then the last. */
static void play_tables(struct fixture *fixture, enum kind kind) {
    struct event again = {.processor = PGS, .date = date_of(kind), .execution = "twice"};
    complete(fixture, kind, PCF); /* too early */
    if (kind == KIND_FAILS_ONCE)
        break_down(fixture, kind, PGS);
    for (int processor = PGS; processor < TDGS; processor++)
        complete(fixture, kind, processor);
    again.timestamp_ms = fixture->now_ms += 1000;
    tell(fixture, again);
    tell(fixture, again);
    again.execution = "late";
    again.timestamp_ms = fixture->now_ms - 900000;
    tell(fixture, again);
    if (kind != KIND_HELD)
        complete(fixture, kind, TDGS);
}

static void play_phase3(struct fixture *fixture) {
    for (enum kind kind = KIND_DONE; kind <= KIND_REPLAYED_OPEN; kind++)
        if (kind != KIND_NO_GAMES)
            play_tables(fixture, kind);
    for (int processor = PGS; processor <= TDGS; processor++)
        tell(fixture,
            (struct event){.processor = processor, .date = date_of(KIND_NO_GAMES), .status = "no_data"});
    publish(fixture, "nba-phase3-complete", &(struct message){.data = "not JSON", .size = 8});
    settle(fixture);
}

static bool has_group_one(enum kind kind) {
    return kind != KIND_NO_GAMES && kind != KIND_HELD;
}

static void play_group_one(struct fixture *fixture) {
    for (enum kind kind = KIND_DONE; kind <= KIND_REPLAYED_OPEN; kind++) {
        if (!has_group_one(kind))
            continue;
        if (kind == KIND_FAILS_ONCE)
            break_down(fixture, kind, TDZA);
        answer(fixture, kind, PSZA);
        if (kind != KIND_RUNNING)
            answer(fixture, kind, TDZA);
    }
    settle(fixture);
}

static void play_group_two(struct fixture *fixture) {
    break_down(fixture, KIND_FAILED, PCF);
    break_down(fixture, KIND_REPLAYED, PCF);
    break_down(fixture, KIND_REPLAYED_OPEN, PCF);
    break_down(fixture, KIND_FAILS_ONCE, PCF);
    answer(fixture, KIND_FAILS_ONCE, PCF);
    answer(fixture, KIND_DONE, PCF);
    settle(fixture);
    check_run(fixture->commands, 0, "replay", "2021-10-23", "2021-10-28");
    commands_check_output(fixture->commands, "2 dates: 2 triggered again");
    settle(fixture);
    answer(fixture, KIND_REPLAYED, PCF);
    settle(fixture);
}

/* The answers to the first run come when the second is under way. */
static void play_reruns(struct fixture *fixture) {
    complete(fixture, KIND_RERUN, PGS);
    complete(fixture, KIND_STALE, PGS);
    settle(fixture);
    check_run(fixture->commands, 0, "replay", "2021-10-24", "--rerun", "--running");
    settle(fixture);
    tell(fixture,
        (struct event){.processor = PSZA, .date = date_of(KIND_RERUN), .trigger_id = "nba/2021-10-24/g1/r1"});
    answer(fixture, KIND_RERUN, PSZA);
    answer(fixture, KIND_RERUN, TDZA);
    settle(fixture);
    tell(fixture,
        (struct event){.processor = PCF, .date = date_of(KIND_RERUN), .trigger_id = "nba/2021-10-24/g2/r1"});
    answer(fixture, KIND_RERUN, PCF);
    settle(fixture);
}

static void play_the_rest(struct fixture *fixture) {
    for (int processor = PDC; processor <= MLFS; processor++) {
        answer(fixture, KIND_DONE, processor);
        answer(fixture, KIND_FAILS_ONCE, processor);
        settle(fixture);
    }
}

static void check_season(struct fixture *fixture) {
    static const struct {
        enum kind kind;
        int run, group;
        enum group_phase phase;
    } expected[] = {
        {KIND_DONE, 1, 4, GROUP_DONE},
        {KIND_FAILS_ONCE, 1, 4, GROUP_DONE},
        {KIND_RUNNING, 1, 1, GROUP_TRIGGERED},
        {KIND_FAILED, 1, 2, GROUP_FAILED},
        {KIND_REPLAYED, 1, 3, GROUP_TRIGGERED},
        {KIND_RERUN, 2, 3, GROUP_TRIGGERED},
        {KIND_STALE, 1, 2, GROUP_TRIGGERED},
        {KIND_HELD, 0, 1, GROUP_WAITING},
        {KIND_REPLAYED_OPEN, 1, 2, GROUP_TRIGGERED},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct date_state *state = state_of(fixture, expected[i].kind);
        if (state->run != expected[i].run || state->groups[expected[i].group - 1].phase != expected[i].phase)
            fail_msg("kind %d: run %d, group %d is %s", (int)expected[i].kind, state->run, expected[i].group,
                group_phase_name(state->groups[expected[i].group - 1].phase));
    }
    assert_true(state_of(fixture, KIND_STALE)->stale.group == 1);
    assert_true(state_of(fixture, KIND_NO_GAMES)->no_games_ms > 0);
}

/* --- What is recorded ----------------------------------------------------------------------------------- */

/* Every key of the pipeline but the histories and the epoch, in one text; the caller's. */
static redisReply *snapshot(struct fixture *fixture) {
    static const char script[] =
        "local all = {} for _, key in ipairs(redis.call('KEYS', 'pg:{nba*')) do "
        "local kind, kept = redis.call('TYPE', key).ok, {} "
        "if kind == 'hash' and key ~= 'pg:{nba}:epoch' then kept = redis.call('HGETALL', key) "
        "elseif kind == 'zset' then kept = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end "
        "for i = 1, #kept, 2 do all[#all + 1] = key .. ' ' .. kept[i] .. '=' .. kept[i + 1] end end "
        "table.sort(all) return table.concat(all, '\\n')";
    return redis_server_ask(fixture->system.redis, "EVAL %s 0", script);
}

struct told {
    int64_t counted; /* entries that are no completion that was ignored */
    int64_t ignored; /* completions that were, each as often as it came */
};

static struct told read_histories(struct fixture *fixture) {
    struct redis_settings redis = system_redis(&fixture->system);
    struct reader *reader;
    struct told told = {0};
    arena_reset(fixture->arena);
    check_ok(reader_open(&redis, &reader));
    for (int i = 0; i < DATES; i++) {
        struct history_entry *entries;
        size_t count;
        int64_t dropped;
        check_ok(reader_history(
            reader, nba_pipeline(), SYSTEM_FIRST_DATE + i, fixture->arena, &entries, &count, &dropped));
        assert_int_equal(dropped, 0);
        for (size_t e = 0; e < count; e++) {
            bool ignored = entries[e].kind == HISTORY_COMPLETION && strcmp(entries[e].verdict, "applied") != 0
                && strcmp(entries[e].verdict, "premature") != 0;
            *(ignored ? &told.ignored : &told.counted) += ignored ? entries[e].times : 1;
        }
    }
    reader_close(&reader);
    return told;
}

static long long triggers_published(struct fixture *fixture) {
    if (fixture->kind == SYSTEM_FAKE)
        return (long long)fake_pubsub_published(
            fixture->system.fake, "projects/" DAEMON_PROJECT "/topics/nba-phase4-trigger");
    return redis_server_ask_number(fixture->system.redis, "XLEN pg:bus:{nba-phase4-trigger}");
}

/* Where two long texts differ, for a failed test. */
static void check_same_text(const char *before, const char *after) {
    size_t at = 0;
    while (before[at] && before[at] == after[at])
        at++;
    size_t shown = at < 100 ? 0 : at - 100;
    if (before[at] != after[at])
        fail_msg(
            "what is recorded has changed; before:\n…%.300s\nafter:\n…%.300s", before + shown, after + shown);
}

/* --- The tests ------------------------------------------------------------------------------------------ */

struct again {
    struct fixture *fixture;
    int64_t ignored;
};

/* On Pub/Sub messages are on their way for a moment in which neither count has them. */
static bool all_came_again(void *context) {
    const struct again *again = context;
    return all_is_handled(again->fixture) && read_histories(again->fixture).ignored >= again->ignored;
}

static void seek_to_the_beginning(struct fixture *fixture) {
    redisReply *before = snapshot(fixture);
    struct told told = read_histories(fixture);
    long long triggers = triggers_published(fixture);
    struct again again = {fixture, told.ignored + (int64_t)fixture->completions};
    check_run(fixture->commands, 0, "replay", "--seek", "1d");
    commands_check_output(fixture->commands, "phasegate-nba-phase4 of nba-phase4-complete: moved back to ");
    loop_until(&fixture->loop, all_came_again, &again, SYSTEM_DEADLINE_MS, "everything to come again");
    settle(fixture);

    redisReply *after = snapshot(fixture);
    struct told now = read_histories(fixture);
    check_same_text(before->str, after->str);
    freeReplyObject(before);
    freeReplyObject(after);
    assert_int_equal(now.counted, told.counted);
    assert_int_equal(triggers_published(fixture), triggers);
    if (fixture->kind == SYSTEM_STREAMS)
        assert_int_equal(now.ignored, again.ignored);
}

static void what_is_recorded_does_not_change(void **state) {
    struct fixture *fixture = *state;
    play_phase3(fixture);
    play_group_one(fixture);
    play_group_two(fixture);
    play_reruns(fixture);
    play_the_rest(fixture);
    check_season(fixture);
    check_run(fixture->commands, 0, "replay", "--seek", "1d", "--dry-run");
    assert_true(all_is_handled(fixture));
    seek_to_the_beginning(fixture);
    seek_to_the_beginning(fixture);

    long long triggers = triggers_published(fixture);
    for (int processor = PGS; processor <= TDGS; processor++) {
        struct event event = {.processor = processor, .date = SYSTEM_FIRST_DATE + DATES};
        tell(fixture, event);
    }
    settle(fixture);
    assert_int_equal(triggers_published(fixture), triggers + 1);
    daemon_stop(fixture->system.daemon);
}

/* A moment in the midst of it: what came before stays where it is. */
static void only_what_came_since_comes_again(void **state) {
    struct fixture *fixture = *state;
    play_tables(fixture, KIND_DONE);
    settle(fixture);
    char moment[TIMESTAMP_TEXT_MAX];
    int64_t now_ms = clock_system().now_ms(NULL), told = read_histories(fixture).ignored;
    while (clock_system().now_ms(NULL) == now_ms)
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    timestamp_format(now_ms + 1, moment);
    complete(fixture, KIND_FAILED, PGS);
    complete(fixture, KIND_FAILED, TOGS);
    settle(fixture);
    struct again again = {fixture, told + 2};
    check_run(fixture->commands, 0, "replay", "--seek", moment);
    loop_until(&fixture->loop, all_came_again, &again, SYSTEM_DEADLINE_MS, "two to come again");
    settle(fixture);
    assert_int_equal(read_histories(fixture).ignored, told + 2);
    daemon_stop(fixture->system.daemon);
}

static int streams(void **state) {
    return set_up(state, SYSTEM_STREAMS);
}

static int fake(void **state) {
    return set_up(state, SYSTEM_FAKE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"what is recorded does not change, over Redis Streams", what_is_recorded_does_not_change, streams,
            tear_down, NULL},
        {"what is recorded does not change, over the fake Pub/Sub", what_is_recorded_does_not_change, fake,
            tear_down, NULL},
        {"only what came since comes again, over Redis Streams", only_what_came_since_comes_again, streams,
            tear_down, NULL},
        {"only what came since comes again, over the fake Pub/Sub", only_what_came_since_comes_again, fake,
            tear_down, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
