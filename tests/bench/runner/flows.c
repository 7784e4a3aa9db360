/*
 * Rows 4 and 5: whole dates, from five completions of Phase 3 to group 4 done, over Redis Streams; beside
 * BullMQ, a flow for each date, on the same redis-server. The crew publishes and answers at once, as BullMQ's
 * jobs do nothing.
 *
 * Then what a finished date leaves in Redis: of ours the dates alone, and with what the streams keep of their
 * messages; of BullMQ's whatever its defaults keep.
 */
#include "bench/runner/crew.h"
#include "bench/runner/peer.h"
#include "bench/runner/progress.h"
#include "bench/runner/servers.h"
#include "bench/runner/usage.h"
#include "support/check.h"

#include <stdlib.h>

enum { ROUNDS = 3, PLAY_MS = 900000, RATE = 0, MEMORY = 1, MEMORY_WITH_BUS = 2, REDIS_CPU = 3, CPU = 4 };

#define FIRST_DATE ((game_date)7305)
#define CONCURRENCY "50" /* of BullMQ's worker; its default, 1, is slower */

struct flows {
    const struct bench *bench;
    int dates;
    struct redis_server *redis;
    struct progress progress;
};

static void flows_close(void *context) {
    struct flows *flows = context;
    if (!flows)
        return;
    progress_close(&flows->progress);
    redis_server_free(&flows->redis);
    free(flows);
}

static struct result flows_open(const struct bench *bench, void **context) {
    struct flows *flows = calloc(1, sizeof *flows);
    if (!flows)
        fail_msg("out of memory");
    *context = flows;
    flows->bench = bench;
    flows->dates = bench_size(bench, 2000, 40);
    flows->redis = bench_redis();
    progress_open(&flows->progress, redis_server_settings(flows->redis), FIRST_DATE);
    return ok();
}

static double memory_per_date(const struct flows *flows, double before) {
    return (bench_redis_memory(flows->redis) - before) / flows->dates;
}

static double us_per_date(const struct flows *flows, double seconds) {
    return seconds * 1e6 / flows->dates;
}

static void play(struct flows *flows, struct crew *crew, double *figures) {
    struct daemon *daemon =
        bench_daemon(flows->bench, &(struct bench_daemon){.store_url = redis_server_url(flows->redis)});
    daemon_start(daemon);
    daemon_await_running(daemon);
    progress_expect(&flows->progress, flows->dates, 4, "done");
    double begun = seconds_now(), redis_cpu = bench_redis_cpu(flows->redis);
    double cpu = usage_of(daemon_process(daemon)).cpu_seconds;
    crew_play(crew, FIRST_DATE, flows->dates, progress_is_over, &flows->progress, PLAY_MS);
    figures[RATE] = flows->dates / (seconds_now() - begun);
    figures[REDIS_CPU] = us_per_date(flows, bench_redis_cpu(flows->redis) - redis_cpu);
    figures[CPU] = us_per_date(flows, usage_of(daemon_process(daemon)).cpu_seconds - cpu);
    daemon_stop(daemon);
    daemon_free(&daemon);
}

static void flows_ours(void *context, double *figures) {
    struct flows *flows = context;
    bench_redis_empty(flows->redis);
    double before = bench_redis_memory(flows->redis);
    struct crew *crew =
        crew_new((struct crew_options){.redis = redis_server_settings(flows->redis), .receives = true});
    play(flows, crew, figures);
    crew_free(&crew);
    figures[MEMORY_WITH_BUS] = memory_per_date(flows, before);
    redis_server_do(flows->redis,
        "DEL pg:bus:{nba-phase3-complete} pg:bus:{nba-phase4-complete} pg:bus:{nba-phase4-trigger}");
    figures[MEMORY] = memory_per_date(flows, before);
}

static void flows_beside(void *context, double *figures) {
    struct flows *flows = context;
    struct peer peer;
    char dates[16];
    bench_redis_empty(flows->redis);
    double before = bench_redis_memory(flows->redis);
    double redis_cpu = bench_redis_cpu(flows->redis);
    snprintf(dates, sizeof dates, "%d", flows->dates);
    peer_start(flows->bench, &peer, "flows.js",
        (const char *const[]){redis_server_settings(flows->redis)->path, dates, CONCURRENCY, NULL}, NULL);
    json_t *line = peer_await(&peer, PLAY_MS);
    figures[RATE] = flows->dates / peer_number(line, "seconds");
    figures[REDIS_CPU] = us_per_date(flows, bench_redis_cpu(flows->redis) - redis_cpu);
    figures[CPU] = us_per_date(flows, usage_of(peer.process.pid).cpu_seconds);
    json_decref(line);
    peer_stop(&peer);
    figures[MEMORY] = figures[MEMORY_WITH_BUS] = memory_per_date(flows, before);
}

const struct measurement flows_measurement = {.name = "flows",
    .rounds = ROUNDS,
    .open = flows_open,
    .ours = flows_ours,
    .beside = flows_beside,
    .close = flows_close};
