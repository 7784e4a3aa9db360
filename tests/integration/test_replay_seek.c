/*
 * phasegate replay --seek with the real daemon, over each bus: a rich season is played (duplicates, late and
 * premature completions, failures, replays, re-runs, answers to old runs, no games, a message that cannot be
 * understood), then everything is received again. Nothing that is recorded changes but the history, in which
 * each completion counts once more as ignored; no trigger is published; and the daemon goes on.
 */
#include "base/clock.h"
#include "state/reader.h"
#include "support/check.h"
#include "support/rich_season.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- What is recorded ----------------------------------------------------------------------------------- */

/* Every key of the pipeline but the histories, the epoch and the counts of steps, in one text; the caller's.
 */
static redisReply *snapshot(struct rich_season *season) {
    static const char script[] =
        "local all = {} for _, key in ipairs(redis.call('KEYS', 'pg:{nba*')) do "
        "local kind, kept = redis.call('TYPE', key).ok, {} "
        "if kind == 'hash' and key ~= 'pg:{nba}:epoch' and not key:find(':steps$') "
        "then kept = redis.call('HGETALL', key) "
        "elseif kind == 'zset' then kept = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end "
        "for i = 1, #kept, 2 do all[#all + 1] = key .. ' ' .. kept[i] .. '=' .. kept[i + 1] end end "
        "table.sort(all) return table.concat(all, '\\n')";
    return redis_server_ask(season->system.redis, "EVAL %s 0", script);
}

struct told {
    int64_t counted; /* entries that are no completion that was ignored */
    int64_t ignored; /* completions that were, each as often as it came */
};

static struct told read_histories(struct rich_season *season) {
    struct redis_settings redis = system_redis(&season->system);
    struct reader *reader;
    struct told told = {0};
    arena_reset(season->arena);
    check_ok(reader_open(&redis, &reader));
    for (int i = 0; i < RICH_DATES; i++) {
        struct history_entry *entries;
        size_t count;
        int64_t dropped;
        check_ok(reader_history(
            reader, nba_pipeline(), SYSTEM_FIRST_DATE + i, season->arena, &entries, &count, &dropped));
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

static long long triggers_published(struct rich_season *season) {
    if (season->kind == SYSTEM_FAKE)
        return (long long)fake_pubsub_published(
            season->system.fake, "projects/" DAEMON_PROJECT "/topics/nba-phase4-trigger");
    return redis_server_ask_number(season->system.redis, "XLEN pg:bus:{nba-phase4-trigger}");
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
    struct rich_season *season;
    int64_t ignored;
};

/* On Pub/Sub messages are on their way for a moment in which neither count has them. */
static bool all_came_again(void *context) {
    const struct again *again = context;
    return rich_is_handled(again->season) && read_histories(again->season).ignored >= again->ignored;
}

static void seek_to_the_beginning(struct rich_season *season) {
    redisReply *before = snapshot(season);
    struct told told = read_histories(season);
    long long triggers = triggers_published(season);
    struct again again = {season, told.ignored + (int64_t)season->completions};
    check_run(season->commands, 0, "replay", "--seek", "1d");
    commands_check_output(season->commands, "phasegate-nba-phase4 of nba-phase4-complete: moved back to ");
    loop_until(&season->loop, all_came_again, &again, SYSTEM_DEADLINE_MS, "everything to come again");
    rich_settle(season);

    redisReply *after = snapshot(season);
    struct told now = read_histories(season);
    check_same_text(before->str, after->str);
    freeReplyObject(before);
    freeReplyObject(after);
    assert_int_equal(now.counted, told.counted);
    assert_int_equal(triggers_published(season), triggers);
    if (season->kind == SYSTEM_STREAMS)
        assert_int_equal(now.ignored, again.ignored);
}

static void what_is_recorded_does_not_change(void **state) {
    struct rich_season *season = *state;
    rich_play(season);
    check_run(season->commands, 0, "replay", "--seek", "1d", "--dry-run");
    assert_true(rich_is_handled(season));
    seek_to_the_beginning(season);
    seek_to_the_beginning(season);

    long long triggers = triggers_published(season);
    for (int processor = PGS; processor <= TDGS; processor++)
        rich_complete(season, RICH_UNTOUCHED, processor);
    rich_settle(season);
    assert_int_equal(triggers_published(season), triggers + 1);
    daemon_stop(season->system.daemon);
}

/* A moment in the midst of it: what came before stays where it is. */
static void only_what_came_since_comes_again(void **state) {
    struct rich_season *season = *state;
    rich_play_tables(season, RICH_DONE);
    rich_settle(season);
    char moment[TIMESTAMP_TEXT_MAX];
    int64_t now_ms = clock_system().now_ms(NULL), told = read_histories(season).ignored;
    while (clock_system().now_ms(NULL) == now_ms)
        uv_run(&season->loop, UV_RUN_NOWAIT);
    timestamp_format(now_ms + 1, moment);
    rich_complete(season, RICH_FAILED, PGS);
    rich_complete(season, RICH_FAILED, TOGS);
    rich_settle(season);
    struct again again = {season, told + 2};
    check_run(season->commands, 0, "replay", "--seek", moment);
    loop_until(&season->loop, all_came_again, &again, SYSTEM_DEADLINE_MS, "two to come again");
    rich_settle(season);
    assert_int_equal(read_histories(season).ignored, told + 2);
    daemon_stop(season->system.daemon);
}

static int open_season(void **state, enum system_bus kind) {
    struct rich_season *season = calloc(1, sizeof *season);
    if (!season)
        return -1;
    *state = season;
    rich_open(season, PHASEGATE_BINARY, kind, false);
    return 0;
}

static int tear_down(void **state) {
    rich_close(*state);
    free(*state);
    return 0;
}

static int streams(void **state) {
    return open_season(state, SYSTEM_STREAMS);
}

static int fake(void **state) {
    return open_season(state, SYSTEM_FAKE);
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
