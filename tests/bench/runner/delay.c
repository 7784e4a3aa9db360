/*
 * Rows 7 and 8: how long a decision takes while 50 dates come each second. Through Google's emulator, beside
 * a bare echo between the same publisher and subscriber; and embedded, over Redis Streams, beside a plain
 * XADD → XREADGROUP on the same server at the same pace, which is one hop where a decision has two, and a
 * store in between.
 */
#include "bench/runner/pace.h"
#include "bench/runner/peer.h"
#include "bench/runner/servers.h"
#include "bench/runner/statistics.h"
#include "bench/runner/usage.h"
#include "redis/sync.h"
#include "support/check.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3, MEDIAN = 0, P99 = 1, READY_MS = 30000, ASK_MS = 10000 };

#define FIRST_DATE ((game_date)7305)

struct delay {
    const struct bench *bench;
    int dates, turns;
    char project[32]; /* of this turn */
    struct emulator emulator;
    struct redis_server *redis;
    struct daemon *daemon; /* embedded: runs from ours to beside */
};

static struct delay *delay_new(const struct bench *bench) {
    struct delay *delay = calloc(1, sizeof *delay);
    if (!delay)
        fail_msg("out of memory");
    delay->bench = bench;
    delay->dates = bench_size(bench, 2000, 100);
    delay->emulator = EMULATOR_NONE;
    return delay;
}

static void delay_close(void *context) {
    struct delay *delay = context;
    if (!delay)
        return;
    daemon_free(&delay->daemon);
    emulator_stop(&delay->emulator);
    redis_server_free(&delay->redis);
    free(delay);
}

static void fill_in(struct delays delays, double *figures) {
    figures[MEDIAN] = delays.median_ms;
    figures[P99] = delays.p99_ms;
}

/* --- Through the emulator ------------------------------------------------------------------------------- */

static struct result pubsub_open(const struct bench *bench, void **context) {
    struct delay *delay = delay_new(bench);
    *context = delay;
    struct result started = emulator_start_large(&delay->emulator);
    if (is_ok(started))
        delay->redis = bench_redis();
    return started;
}

/*
 * Each turn has a project of its own: to the streams of a client that has gone the emulator goes on giving
 * messages, which come again only when their leases are over.
 */
static void next_project(struct delay *delay) {
    snprintf(delay->project, sizeof delay->project, "bench-delay-%d", ++delay->turns);
}

static void pace_pubsub(const struct delay *delay, double *figures) {
    const struct crew_options options = {.pubsub = delay->emulator.host, .project = delay->project};
    fill_in(pace_dates(options, FIRST_DATE, delay->dates), figures);
}

static void pubsub_ours(void *context, double *figures) {
    struct delay *delay = context;
    next_project(delay);
    bench_redis_empty(delay->redis);
    struct daemon *daemon = bench_daemon(delay->bench,
        &(struct bench_daemon){.store_url = redis_server_url(delay->redis),
            .pubsub = delay->emulator.host,
            .project = delay->project});
    daemon_start(daemon);
    daemon_await_running(daemon);
    pace_pubsub(delay, figures);
    daemon_stop(daemon);
    daemon_free(&daemon);
}

static void pubsub_beside(void *context, double *figures) {
    struct delay *delay = context;
    struct peer echo;
    next_project(delay);
    peer_start_program(&echo,
        (const char *const[]){delay->bench->self, "echo", delay->emulator.host, delay->project, NULL}, NULL);
    peer_await_said(&echo, "ready", READY_MS);
    pace_pubsub(delay, figures);
    peer_stop(&echo);
}

const struct measurement pubsub_delay_measurement = {.name = "delay over Pub/Sub",
    .rounds = ROUNDS,
    .open = pubsub_open,
    .ours = pubsub_ours,
    .beside = pubsub_beside,
    .close = delay_close};

/* --- Embedded ------------------------------------------------------------------------------------------- */

static struct result embedded_open(const struct bench *bench, void **context) {
    *context = delay_new(bench);
    return ok();
}

static struct redis_settings embedded_redis(const struct delay *delay) {
    return (struct redis_settings){.path = daemon_redis_url(delay->daemon) + strlen("unix://")};
}

/* The daemon stays for beside, idle, since the server is its own. */
static void embedded_ours(void *context, double *figures) {
    struct delay *delay = context;
    daemon_free(&delay->daemon);
    delay->daemon = bench_daemon(delay->bench, &(struct bench_daemon){0});
    daemon_start(delay->daemon);
    daemon_await_running(delay->daemon);
    struct redis_settings redis = embedded_redis(delay);
    fill_in(pace_dates((struct crew_options){.redis = &redis}, FIRST_DATE, delay->dates), figures);
}

static void *take_reply(redisContext *connection) {
    void *reply = NULL;
    if (redisGetReply(connection, &reply) != REDIS_OK || ((redisReply *)reply)->type == REDIS_REPLY_ERROR)
        fail_msg("the embedded Redis: %s", reply ? ((redisReply *)reply)->str : connection->errstr);
    return reply;
}

/* One entry, from the XADD to the reader that waits for it; in ms. */
static double round_trip(redisContext *writer, redisContext *reader) {
    static const char payload[] =
        "{\"processor_name\": \"team_defense_game_summary\", \"status\": \"success\"}";
    int sent = 0;
    redisAppendCommand(reader, "XREADGROUP GROUP plain one COUNT 1 BLOCK 10000 STREAMS plain >");
    while (!sent)
        redisBufferWrite(reader, &sent);
    double begun = seconds_now();
    redisAppendCommand(writer, "XADD plain * data %s", payload);
    freeReplyObject(take_reply(writer));
    freeReplyObject(take_reply(reader));
    return (seconds_now() - begun) * 1000;
}

static void embedded_beside(void *context, double *figures) {
    struct delay *delay = context;
    struct redis_settings redis = embedded_redis(delay);
    redisContext *writer, *reader;
    double *took = calloc((size_t)delay->dates, sizeof *took);
    if (!took)
        fail_msg("out of memory");
    check_ok(redis_connect(&redis, ASK_MS, &writer));
    check_ok(redis_connect(&redis, ASK_MS, &reader));
    freeReplyObject(redisCommand(writer, "XGROUP CREATE plain plain $ MKSTREAM"));
    for (int i = 0; i < delay->dates; i++) {
        poll(NULL, 0, 1000 / PACE_DATES_PER_SECOND);
        took[i] = round_trip(writer, reader);
    }
    figures[MEDIAN] = percentile(took, (size_t)delay->dates, 0.5);
    figures[P99] = percentile(took, (size_t)delay->dates, 0.99);
    redisFree(writer);
    redisFree(reader);
    free(took);
}

const struct measurement embedded_delay_measurement = {.name = "delay embedded",
    .rounds = ROUNDS,
    .open = embedded_open,
    .ours = embedded_ours,
    .beside = embedded_beside,
    .close = delay_close};
