#include "bench/runner/large_store.h"

#include "core/date.h"
#include "redis/sync.h"
#include "support/await.h"
#include "support/check.h"
#include "support/nba.h"
#include "support/season.h"

#include <stdio.h>
#include <string.h>

enum { REWRITE_MS = 300000, ASK_MS = 300000 };

/* 1946-01-01 */
#define FIRST_DATE ((game_date)-8766)

/* Where the one that is copied lies, and its key. */
#define MODEL_DATE ((game_date)17897)
#define MODEL_KEY "pg:{nba:2019-01}:01"

static void make_model(struct redis_server *redis) {
    struct store_harness *harness = harness_open_over(redis_server_settings(redis));
    season_date(harness, nba_pipeline(), MODEL_DATE, 1, SEASON_CALM);
    harness_close(&harness);
}

/* Copies the model to the first count days of the pipeline's month. */
static void append_month(redisContext *connection, const char *pipeline, const char *month, int count) {
    static const char script[] =
        "redis.call('ZADD', 'pg:{' .. ARGV[1] .. '}:months', (string.gsub(ARGV[2], '-', '')), ARGV[2]) "
        "for day = 1, tonumber(ARGV[3]) do redis.call('COPY', KEYS[1], "
        "string.format('pg:{%s:%s}:%02d', ARGV[1], ARGV[2], day)) end";
    redisAppendCommand(connection, "EVAL %s 1 %s %s %s %d", script, MODEL_KEY, pipeline, month, count);
}

/* Returns how many commands are under way. */
static int append_pipeline(redisContext *connection, const char *pipeline, int dates) {
    char month[MONTH_TEXT_MAX];
    int commands = 0;
    for (game_date first = FIRST_DATE; dates > 0; first = date_next_month(first)) {
        int days = (int)(date_next_month(first) - first), count = dates < days ? dates : days;
        append_month(connection, pipeline, month_format(first, month), count);
        commands++;
        dates -= count;
    }
    return commands;
}

static void take_replies(redisContext *connection, int count) {
    while (count-- > 0) {
        void *reply = NULL;
        if (redisGetReply(connection, &reply) != REDIS_OK || ((redisReply *)reply)->type == REDIS_REPLY_ERROR)
            fail_msg("filling the store: %s", reply ? ((redisReply *)reply)->str : connection->errstr);
        freeReplyObject(reply);
    }
}

static bool is_rewritten(void *context) {
    redisReply *reply = redis_server_ask(context, "INFO persistence");
    bool rewritten =
        strstr(reply->str, "aof_rewrite_in_progress:0") && strstr(reply->str, "aof_rewrite_scheduled:0");
    freeReplyObject(reply);
    return rewritten;
}

/* So that Redis does not begin one by itself in the middle of a measurement. */
static void rewrite(struct redis_server *redis) {
    if (!await_until(is_rewritten, redis, REWRITE_MS))
        fail_msg("the append-only file is not rewritten in time");
    redis_server_do(redis, "BGREWRITEAOF");
    if (!await_until(is_rewritten, redis, REWRITE_MS))
        fail_msg("the append-only file is not rewritten in time");
}

void large_store_fill(struct redis_server *redis, int pipelines, int dates) {
    redisContext *connection;
    char name[PIPELINE_NAME_MAX];
    make_model(redis);
    check_ok(redis_connect(redis_server_settings(redis), ASK_MS, &connection));
    if (pipelines == 0)
        take_replies(connection, append_pipeline(connection, nba_pipeline()->name, dates));
    for (int i = 0; i < pipelines; i++) {
        int share = dates / pipelines + (i < dates % pipelines ? 1 : 0);
        snprintf(name, sizeof name, "nba%d", i);
        take_replies(connection, append_pipeline(connection, name, share));
    }
    redisFree(connection);
    if (pipelines > 0)
        large_store_forget_nba(redis);
    rewrite(redis);
}

void large_store_forget_nba(struct redis_server *redis) {
    redisContext *connection;
    check_ok(redis_connect(redis_server_settings(redis), ASK_MS, &connection));
    redisAppendCommand(connection, "EVAL %s 0",
        "for _, pattern in ipairs({'pg:{nba:*', 'pg:{nba}*', 'pg:bus:*'}) do "
        "for _, key in ipairs(redis.call('KEYS', pattern)) do redis.call('UNLINK', key) end end");
    take_replies(connection, 1);
    redisFree(connection);
}
