#include "support/system.h"

#include "redis/sync.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATES_BYTES_MAX = 16 * 1024 * 1024, ASK_MS = 1000, LOOK_EVERY_MS = 40 };

/* --- Opening and closing -------------------------------------------------------------------------------- */

static void open_bus(struct system *system) {
    if (system->options.bus == SYSTEM_FAKE)
        check_ok(fake_pubsub_start(NULL, &system->fake));
    else if (system->options.bus == SYSTEM_EMULATOR)
        emulator_require(&system->emulator);
}

static const char *pubsub_address(const struct system *system) {
    if (system->options.bus == SYSTEM_FAKE)
        return fake_pubsub_address(system->fake);
    return system->options.bus == SYSTEM_EMULATOR ? system->emulator.host : NULL;
}

/* NULL: an embedded one. */
static const char *store_url(const struct system *system) {
    return system->redis ? redis_server_url(system->redis) : system->options.store_url;
}

static struct daemon *new_daemon(const struct system *system, const char *data) {
    return daemon_new((struct daemon_options){.binary = system->options.binary,
        .redis_url = store_url(system),
        .pubsub = pubsub_address(system),
        .settings = system->options.settings,
        .pipeline = system->options.pipeline,
        .data = data,
        .create = !system->options.not_created,
        .password = system->options.password,
        .environment = system->options.environment});
}

void system_open(struct system *system, struct system_options options) {
    *system = (struct system){.options = options, .emulator = EMULATOR_NONE};
    open_bus(system);
    struct redis_server_options redis = {
        .append_only = true, .password = options.password, .arguments = options.redis_arguments};
    if (options.bus != SYSTEM_EMBEDDED && !options.store_url)
        system->redis = options.redis_down ? redis_server_reserve(redis) : redis_server_start(redis);
    system->daemon = new_daemon(system, options.data);
}

struct daemon *system_another_daemon(const struct system *system) {
    return new_daemon(system, store_url(system) ? NULL : daemon_data(system->daemon));
}

void system_open_player(struct system *system) {
    struct redis_settings redis = system_redis(system);
    system->player = player_new((struct player_options){.pubsub = pubsub_address(system),
        .redis = &redis,
        .first = system->options.first,
        .count = system->options.count});
}

void system_start(struct system *system) {
    daemon_start(system->daemon);
    daemon_await_running(system->daemon);
    system_open_player(system);
}

void system_close(struct system *system) {
    if (system->redis)
        redis_server_thaw(system->redis);
    player_free(&system->player);
    daemon_free(&system->daemon);
    fake_pubsub_free(&system->fake);
    emulator_stop(&system->emulator);
    redis_server_free(&system->redis);
}

/* --- Asking the store ----------------------------------------------------------------------------------- */

struct redis_settings system_redis(const struct system *system) {
    if (system->redis)
        return *redis_server_settings(system->redis);
    if (system->options.store_url)
        return system->options.store;
    return (struct redis_settings){.path = daemon_redis_url(system->daemon) + strlen("unix://")};
}

struct result system_states(const struct system *system, struct arena *arena, struct date_state *states) {
    struct redis_settings redis = system_redis(system);
    size_t count = (size_t)system->options.count;
    game_date *dates = arena_alloc(arena, count * sizeof *dates);
    struct reader *reader;
    for (size_t i = 0; i < count; i++)
        dates[i] = system->options.first + (game_date)i;
    struct result result = reader_open(&redis, &reader);
    if (!is_ok(result))
        return result;
    result = reader_dates(reader, nba_pipeline(), dates, count, arena, states);
    reader_close(&reader);
    return result;
}

/* The number that a script answers; -1 while Redis is away. */
static int run_script(const struct system *system, const char *script) {
    struct redis_settings redis = system_redis(system);
    redisContext *connection;
    redisReply *reply;
    int number = -1;
    if (!is_ok(redis_connect(&redis, ASK_MS, &connection)))
        return -1;
    const char *words[] = {"EVAL", script, "0"};
    struct result result = redis_ask(connection, &reply, 3, words, (size_t[]){4, strlen(script), 1});
    if (is_ok(result)) {
        number = (int)reply->integer;
        freeReplyObject(reply);
    }
    redisFree(connection);
    if (result.code == CODE_INTERNAL)
        fail_msg("%s", result.text);
    return number;
}

/* As the commands see it; -1 while Redis is away. */
static int outbox_by_reader(const struct redis_settings *redis) {
    struct arena *arena = arena_new(STATES_BYTES_MAX);
    struct reader *reader = NULL;
    struct trigger *triggers;
    size_t count = 0;
    struct result result = arena ? reader_open(redis, &reader) : fail(CODE_LIMIT, "out of memory");
    if (is_ok(result))
        result = reader_outbox(reader, nba_pipeline(), arena, &triggers, &count);
    reader_close(&reader);
    arena_free(&arena);
    return is_ok(result) ? (int)count : -1;
}

/* By a script, so that no month has to be guessed; but a script sees one node of a Cluster only. */
int system_outbox(const struct system *system) {
    struct redis_settings redis = system_redis(system);
    if (redis.kind == REDIS_BY_CLUSTER)
        return outbox_by_reader(&redis);
    return run_script(system,
        "local n = 0 for _, key in ipairs(redis.call('KEYS', 'pg:{nba:*}:outbox')) do "
        "n = n + redis.call('HLEN', key) end return n");
}

#define FOR_EACH_PENDING                                                                                     \
    "local n = 0 for stream, group in pairs({['pg:bus:{nba-phase3-complete}'] = 'phasegate-nba-phase3', "    \
    "['pg:bus:{nba-phase4-complete}'] = 'phasegate-nba-phase4'}) do "                                        \
    "for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', 100000)) do n = n + 1 "

int system_unacked(const struct system *system) {
    return run_script(system, FOR_EACH_PENDING "end end return n");
}

void system_expire_leases(struct system *system) {
    if (system->fake)
        fake_pubsub_expire_leases(system->fake);
    else if (system->options.bus != SYSTEM_EMULATOR)
        run_script(system,
            FOR_EACH_PENDING
            "redis.call('XCLAIM', stream, group, entry[2], 0, entry[1], 'IDLE', 3600000, 'JUSTID') "
            "end end return n");
}

/* --- Waiting -------------------------------------------------------------------------------------------- */

/* A condition that costs something is not asked at every turn of the loop. */
struct look {
    struct system *system;
    date_condition *condition;
    int least; /* so many dates have to meet it */
    const char *part;
    struct arena *arena;
    struct date_state *states;
    uint64_t next_ms;
};

static bool is_time(struct look *look) {
    uint64_t now_ms = uv_hrtime() / 1000000;
    if (now_ms < look->next_ms)
        return false;
    look->next_ms = now_ms + LOOK_EVERY_MS;
    return true;
}

static bool enough_dates(void *context) {
    struct look *look = context;
    int met = 0;
    if (!is_time(look))
        return false;
    arena_reset(look->arena);
    if (!is_ok(system_states(look->system, look->arena, look->states)))
        return false;
    for (int i = 0; i < look->system->options.count; i++)
        met += look->condition(&look->states[i]) ? 1 : 0;
    return met >= look->least;
}

static void until_dates(struct system *system, date_condition *condition, int least, const char *waited_for) {
    struct look look = {.system = system,
        .condition = condition,
        .least = least,
        .arena = arena_new(STATES_BYTES_MAX),
        .states = calloc((size_t)system->options.count, sizeof *look.states)};
    if (!look.arena || !look.states)
        fail_msg("out of memory");
    player_until(system->player, enough_dates, &look, SYSTEM_DEADLINE_MS, waited_for);
    free(look.states);
    arena_free(&look.arena);
}

void system_until_dates(struct system *system, date_condition *condition, const char *waited_for) {
    until_dates(system, condition, system->options.count, waited_for);
}

void system_until_a_date(struct system *system, date_condition *condition, const char *waited_for) {
    until_dates(system, condition, 1, waited_for);
}

void system_publish(struct system *system, int processor, const char *execution) {
    game_date date = system->options.first;
    player_publish(system->player,
        &(struct event){.processor = processor,
            .date = date,
            .rows = event_rows(processor, date),
            .execution = execution,
            .timestamp_ms = INT64_C(1764502927104)});
}

bool date_has_pgs(const struct date_state *state) {
    return state->records[PGS].mark == RECORD_COUNTS;
}

bool date_is_done(const struct date_state *state) {
    return state->groups[PLAYER_GROUPS - 1].phase == GROUP_DONE;
}

static bool was_said(void *context) {
    struct look *look = context;
    return is_time(look) && daemon_said(look->system->daemon, look->part) > 0;
}

void system_until_said(struct system *system, const char *part) {
    struct look look = {.system = system, .part = part};
    player_until(system->player, was_said, &look, SYSTEM_DEADLINE_MS, part);
}

static bool outbox_is_empty(void *context) {
    struct look *look = context;
    return is_time(look) && system_outbox(look->system) == 0;
}

void system_until_outbox_empty(struct system *system) {
    struct look look = {.system = system};
    player_until(system->player, outbox_is_empty, &look, SYSTEM_DEADLINE_MS, "the outbox to be empty");
}

static bool all_triggers_seen(void *context) {
    const struct system *system = context;
    return player_triggers(system->player) == (size_t)system->options.count * PLAYER_GROUPS;
}

void system_check_triggers(struct system *system) {
    player_until(system->player, all_triggers_seen, system, SYSTEM_DEADLINE_MS, "four triggers of each date");
    for (int i = 0; i < system->options.count; i++)
        for (int g = 2; g <= PLAYER_GROUPS; g++) {
            game_date date = system->options.first + i;
            assert_true(player_trigger(system->player, date, g - 1)->order
                < player_trigger(system->player, date, g)->order);
        }
}
