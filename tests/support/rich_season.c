#include "support/rich_season.h"

#include "base/clock.h"
#include "support/bus_inbox.h"
#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 64 << 20, RICH_SUBSCRIPTIONS = 2 };

struct redis_server *rich_bus_server(const struct rich_season *season) {
    return season->own_bus ? season->own_bus : season->system.redis;
}

/* --- The world ------------------------------------------------------------------------------------------ */

static void open_publisher(struct rich_season *season) {
    const struct redis_settings *redis = redis_server_settings(rich_bus_server(season));
    season->log = log_root(NULL);
    uv_loop_init(&season->loop);
    if (season->kind == SYSTEM_STREAMS)
        check_ok(bus_open_streams(
            &season->loop, &(struct streams_settings){.redis = redis}, &season->log, &season->bus));
    else
        check_ok(bus_open_pubsub(&season->loop,
            &(struct pubsub_settings){.project = DAEMON_PROJECT,
                .emulator = fake_pubsub_address(season->system.fake),
                .streams = 1},
            &season->log, &season->bus));
}

static void open_commands(struct rich_season *season, const char *binary) {
    size_t count = 0;
    snprintf(season->store_url, sizeof season->store_url, "PHASEGATE_STORE_URL=%s",
        redis_server_url(season->system.redis));
    season->environment[count++] = season->store_url;
    season->environment[count++] = "PHASEGATE_CONFIG=";
    if (season->own_bus)
        season->environment[count++] = season->bus_url;
    season->environment[count++] = "LC_ALL=C.UTF-8";
    if (season->kind == SYSTEM_FAKE) {
        snprintf(season->emulator, sizeof season->emulator, "PUBSUB_EMULATOR_HOST=%s",
            fake_pubsub_address(season->system.fake));
        season->environment[count++] = season->emulator;
        season->environment[count++] = "PHASEGATE_BUS=pubsub";
        season->environment[count++] = "PHASEGATE_PROJECT=" DAEMON_PROJECT;
    }
    season->commands = commands_new(binary, season->environment);
}

void rich_open(struct rich_season *season, const char *binary, enum system_bus kind, bool own_bus) {
    *season = (struct rich_season){
        .kind = kind, .arena = arena_new(ARENA_MAX), .now_ms = clock_system().now_ms(NULL) - 3600000};
    assert_non_null(season->arena);
    if (own_bus) {
        season->own_bus = redis_server_start((struct redis_server_options){.append_only = true});
        snprintf(season->bus_url, sizeof season->bus_url, "PHASEGATE_BUS_URL=%s",
            redis_server_url(season->own_bus));
        season->daemon_environment[0] = season->bus_url;
    }
    system_open(&season->system,
        (struct system_options){.bus = kind,
            .binary = binary,
            .first = SYSTEM_FIRST_DATE,
            .count = RICH_DATES + 1,
            .environment = season->daemon_environment});
    daemon_start(season->system.daemon);
    daemon_await_running(season->system.daemon);
    open_publisher(season);
    open_commands(season, binary);
}

void rich_close(struct rich_season *season) {
    if (season->bus) {
        close_and_wait(&season->loop, &season->bus);
        loop_close(&season->loop);
    }
    commands_free(&season->commands);
    system_close(&season->system);
    redis_server_free(&season->own_bus);
    arena_free(&season->arena);
}

game_date rich_date(enum rich_kind kind) {
    return SYSTEM_FIRST_DATE + (game_date)kind;
}

const struct date_state *rich_state(struct rich_season *season, enum rich_kind kind) {
    arena_reset(season->arena);
    check_ok(system_states(&season->system, season->arena, season->states));
    return &season->states[kind];
}

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void publish(struct rich_season *season, const char *topic, const struct message *message) {
    struct outcome outcome = {0};
    bus_publish(season->bus, topic, message, outcome_published, &outcome);
    loop_until(&season->loop, outcome_is_there, &outcome, SYSTEM_DEADLINE_MS, "a publish to be confirmed");
    check_ok(outcome.result);
}

/* What is left out is filled in: a new execution, a moment later, some rows; in a form that varies. */
static void tell(struct rich_season *season, struct event event) {
    struct arena *arena = arena_new(64 * 1024);
    char execution[32];
    assert_non_null(arena);
    snprintf(execution, sizeof execution, "e-%d", ++season->executions);
    event.execution = event.execution ? event.execution : execution;
    event.timestamp_ms = event.timestamp_ms ? event.timestamp_ms : (season->now_ms += 1000);
    event.rows =
        event.status && strcmp(event.status, "success") != 0 ? 0 : event_rows(event.processor, event.date);
    event.form = (enum event_form)(season->executions % EVENT_FORMS);
    event.tag = season->executions % 3 ? EVENT_LIVE : EVENT_METADATA;
    publish(season, event_topic(event.processor), event_encode(&event, arena));
    season->completions++;
    arena_free(&arena);
}

void rich_complete(struct rich_season *season, enum rich_kind kind, int processor) {
    tell(season, (struct event){.processor = processor, .date = rich_date(kind)});
}

static void break_down(struct rich_season *season, enum rich_kind kind, int processor) {
    tell(season, (struct event){.processor = processor, .date = rich_date(kind), .status = "failed"});
}

/* Naming the trigger by its id, by the bus's message id, or not at all. */
void rich_answer(struct rich_season *season, enum rich_kind kind, int processor) {
    int group = nba_pipeline()->processors[processor].group;
    const struct date_state *state = rich_state(season, kind);
    const struct trigger trigger = {
        .date = rich_date(kind), .group = group, .run = state->groups[group - 1].run};
    struct event event = {.processor = processor, .date = rich_date(kind)};
    char id[TRIGGER_ID_MAX];
    trigger_id(nba_pipeline(), &trigger, id);
    if ((kind + processor) % 3 == 0)
        event.trigger_id = id;
    else if ((kind + processor) % 3 == 1)
        event.trigger_message_id = state->groups[group - 1].bus_message_id;
    tell(season, event);
}

/* --- Waiting -------------------------------------------------------------------------------------------- */

static const char *const subscriptions[RICH_SUBSCRIPTIONS] = {"projects/" DAEMON_PROJECT
                                                              "/subscriptions/phasegate-nba-phase3",
    "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase4"};

static bool streams_are_handled(struct rich_season *season) {
    static const char script[] =
        "for stream, name in pairs({['pg:bus:{nba-phase3-complete}'] = 'phasegate-nba-phase3', "
        "['pg:bus:{nba-phase4-complete}'] = 'phasegate-nba-phase4'}) do "
        "local info, last = redis.call('XINFO', 'STREAM', stream), nil "
        "for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end "
        "for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do local is = {} "
        "for i = 1, #group, 2 do is[group[i]] = group[i + 1] end "
        "if is.name == name and (is.pending > 0 or is['last-delivered-id'] ~= last) then return 0 end "
        "end end return 1";
    return redis_server_ask_number(rich_bus_server(season), "EVAL %s 0", script) == 1;
}

bool rich_is_handled(void *context) {
    struct rich_season *season = context;
    if (season->kind == SYSTEM_STREAMS)
        return streams_are_handled(season);
    for (int i = 0; i < RICH_SUBSCRIPTIONS; i++) {
        struct fake_counts counts = fake_pubsub_counts(season->system.fake, subscriptions[i]);
        if (counts.waiting + counts.leased > 0)
            return false;
    }
    return true;
}

static bool outbox_is_empty(void *context) {
    struct rich_season *season = context;
    return system_outbox(&season->system) == 0;
}

/* Everything that was published was handled, and every trigger that followed is out. */
void rich_settle(struct rich_season *season) {
    loop_until(&season->loop, rich_is_handled, season, SYSTEM_DEADLINE_MS, "all messages to be handled");
    loop_until(&season->loop, outbox_is_empty, season, SYSTEM_DEADLINE_MS, "the outbox to be empty");
}

/* --- The season ----------------------------------------------------------------------------------------- */

/* Everything but the last table; then one again, twice, and late; then the last. */
static void play_tables(struct rich_season *season, enum rich_kind kind) {
    struct event again = {.processor = PGS, .date = rich_date(kind), .execution = "twice"};
    rich_complete(season, kind, PCF); /* too early */
    if (kind == RICH_FAILS_ONCE)
        break_down(season, kind, PGS);
    for (int processor = PGS; processor < TDGS; processor++)
        rich_complete(season, kind, processor);
    again.timestamp_ms = season->now_ms += 1000;
    tell(season, again);
    tell(season, again);
    again.execution = "late";
    again.timestamp_ms = season->now_ms - 900000;
    tell(season, again);
    if (kind != RICH_HELD)
        rich_complete(season, kind, TDGS);
}

static void play_phase3(struct rich_season *season) {
    for (enum rich_kind kind = RICH_DONE; kind <= RICH_REPLAYED_OPEN; kind++)
        if (kind != RICH_NO_GAMES)
            play_tables(season, kind);
    for (int processor = PGS; processor <= TDGS; processor++)
        tell(season,
            (struct event){.processor = processor, .date = rich_date(RICH_NO_GAMES), .status = "no_data"});
    publish(season, "nba-phase3-complete", &(struct message){.data = "not JSON", .size = 8});
    rich_settle(season);
}

static bool has_group_one(enum rich_kind kind) {
    return kind != RICH_NO_GAMES && kind != RICH_HELD;
}

static void play_group_one(struct rich_season *season) {
    for (enum rich_kind kind = RICH_DONE; kind <= RICH_REPLAYED_OPEN; kind++) {
        if (!has_group_one(kind))
            continue;
        if (kind == RICH_FAILS_ONCE)
            break_down(season, kind, TDZA);
        rich_answer(season, kind, PSZA);
        if (kind != RICH_RUNNING)
            rich_answer(season, kind, TDZA);
    }
    rich_settle(season);
}

static void play_group_two(struct rich_season *season) {
    break_down(season, RICH_FAILED, PCF);
    break_down(season, RICH_REPLAYED, PCF);
    break_down(season, RICH_REPLAYED_OPEN, PCF);
    break_down(season, RICH_FAILS_ONCE, PCF);
    rich_answer(season, RICH_FAILS_ONCE, PCF);
    rich_answer(season, RICH_DONE, PCF);
    rich_settle(season);
    check_run(season->commands, 0, "replay", "2021-10-23", "2021-10-28");
    commands_check_output(season->commands, "2 dates: 2 triggered again");
    rich_settle(season);
    rich_answer(season, RICH_REPLAYED, PCF);
    rich_settle(season);
}

/* The answers to the first run come when the second is under way. */
static void play_reruns(struct rich_season *season) {
    rich_complete(season, RICH_RERUN, PGS);
    rich_complete(season, RICH_STALE, PGS);
    rich_settle(season);
    check_run(season->commands, 0, "replay", "2021-10-24", "--rerun", "--running");
    rich_settle(season);
    tell(season,
        (struct event){
            .processor = PSZA, .date = rich_date(RICH_RERUN), .trigger_id = "nba/2021-10-24/g1/r1"});
    rich_answer(season, RICH_RERUN, PSZA);
    rich_answer(season, RICH_RERUN, TDZA);
    rich_settle(season);
    tell(season,
        (struct event){
            .processor = PCF, .date = rich_date(RICH_RERUN), .trigger_id = "nba/2021-10-24/g2/r1"});
    rich_answer(season, RICH_RERUN, PCF);
    rich_settle(season);
}

static void play_the_rest(struct rich_season *season) {
    for (int processor = PDC; processor <= MLFS; processor++) {
        rich_answer(season, RICH_DONE, processor);
        rich_answer(season, RICH_FAILS_ONCE, processor);
        rich_settle(season);
    }
}

static void check_season(struct rich_season *season) {
    static const struct {
        enum rich_kind kind;
        int run, group;
        enum group_phase phase;
    } expected[] = {
        {RICH_DONE, 1, 4, GROUP_DONE},
        {RICH_FAILS_ONCE, 1, 4, GROUP_DONE},
        {RICH_RUNNING, 1, 1, GROUP_TRIGGERED},
        {RICH_FAILED, 1, 2, GROUP_FAILED},
        {RICH_REPLAYED, 1, 3, GROUP_TRIGGERED},
        {RICH_RERUN, 2, 3, GROUP_TRIGGERED},
        {RICH_STALE, 1, 2, GROUP_TRIGGERED},
        {RICH_HELD, 0, 1, GROUP_WAITING},
        {RICH_REPLAYED_OPEN, 1, 2, GROUP_TRIGGERED},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct date_state *state = rich_state(season, expected[i].kind);
        if (state->run != expected[i].run || state->groups[expected[i].group - 1].phase != expected[i].phase)
            fail_msg("kind %d: run %d, group %d is %s", (int)expected[i].kind, state->run, expected[i].group,
                group_phase_name(state->groups[expected[i].group - 1].phase));
    }
    assert_true(rich_state(season, RICH_STALE)->stale.group == 1);
    assert_true(rich_state(season, RICH_NO_GAMES)->no_games_ms > 0);
}

void rich_play(struct rich_season *season) {
    play_phase3(season);
    play_group_one(season);
    play_group_two(season);
    play_reruns(season);
    play_the_rest(season);
    check_season(season);
}

void rich_play_tables(struct rich_season *season, enum rich_kind kind) {
    play_tables(season, kind);
}

/* --- Triggers ------------------------------------------------------------------------------------------- */

static size_t read_stream_triggers(struct rich_season *season, char ids[][TRIGGER_ID_MAX], size_t most) {
    redisReply *entries = redis_server_ask(rich_bus_server(season), "XRANGE pg:bus:{nba-phase4-trigger} - +");
    size_t count = 0;
    for (size_t i = 0; i < entries->elements && count < most; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        for (size_t f = 0; f + 1 < fields->elements; f += 2)
            if (strcmp(fields->element[f]->str, "a:trigger_id") == 0)
                snprintf(ids[count++], TRIGGER_ID_MAX, "%s", fields->element[f + 1]->str);
    }
    freeReplyObject(entries);
    return count;
}

size_t rich_triggers(struct rich_season *season, char ids[][TRIGGER_ID_MAX], size_t most) {
    static const char topic[] = "projects/" DAEMON_PROJECT "/topics/nba-phase4-trigger";
    if (season->kind == SYSTEM_STREAMS)
        return read_stream_triggers(season, ids, most);
    size_t count = fake_pubsub_published(season->system.fake, topic);
    for (size_t i = 0; i < count && i < most; i++)
        snprintf(ids[i], TRIGGER_ID_MAX, "%s",
            message_attribute(fake_pubsub_message(season->system.fake, topic, i), "trigger_id"));
    return count < most ? count : most;
}
