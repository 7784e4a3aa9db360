/*
 * Row 9: the same backlog, drained over Redis Streams by a daemon whose store has a million finished dates,
 * and by one whose store has a thousand. Each store has a server of its own, both run all the time.
 */
#include "bench/runner/crew.h"
#include "bench/runner/large_store.h"
#include "bench/runner/progress.h"
#include "bench/runner/servers.h"
#include "bench/runner/usage.h"
#include "state/keys.h"
#include "support/check.h"

#include <stdlib.h>

enum { ROUNDS = 5, UPSTREAM = 5, FIRST_MS = 120000, DRAIN_MS = 600000 };

#define FIRST_DATE ((game_date)7305)

struct store_of {
    struct redis_server *redis;
    struct progress progress;
};

struct many_dates {
    const struct bench *bench;
    int dates; /* of the backlog */
    struct store_of many, few;
};

static void close_store(struct store_of *store) {
    progress_close(&store->progress);
    redis_server_free(&store->redis);
}

static void many_dates_close(void *context) {
    struct many_dates *measured = context;
    if (!measured)
        return;
    close_store(&measured->many);
    close_store(&measured->few);
    free(measured);
}

static void open_store(struct store_of *store, int finished) {
    store->redis = bench_redis();
    large_store_fill(store->redis, LARGE_PIPELINES, finished);
    progress_open(&store->progress, redis_server_settings(store->redis), FIRST_DATE);
}

static struct result many_dates_open(const struct bench *bench, void **context) {
    struct many_dates *measured = calloc(1, sizeof *measured);
    if (!measured)
        fail_msg("out of memory");
    *context = measured;
    measured->bench = bench;
    measured->dates = bench_size(bench, 10000, 200);
    open_store(&measured->few, bench_size(bench, 1000, 100));
    open_store(&measured->many, bench_size(bench, 1000000, 20000));
    return ok();
}

static void drain(const struct many_dates *measured, struct store_of *store, double *figures) {
    char months[KEY_MAX];
    large_store_forget_nba(store->redis);
    struct crew *crew = crew_new((struct crew_options){.redis = redis_server_settings(store->redis)});
    crew_publish_upstream(crew, FIRST_DATE, measured->dates);
    crew_free(&crew);
    struct daemon *daemon = bench_daemon(measured->bench,
        &(struct bench_daemon){.store_url = redis_server_url(store->redis), .pipelines = LARGE_PIPELINES});
    daemon_start(daemon);
    progress_await_key(&store->progress, key_months(nba_pipeline(), months), FIRST_MS);
    double begun = seconds_now();
    progress_expect(&store->progress, measured->dates, 1, "triggered");
    progress_await(&store->progress, DRAIN_MS);
    figures[0] = measured->dates * UPSTREAM / (seconds_now() - begun);
    daemon_stop(daemon);
    daemon_free(&daemon);
}

static void drain_many(void *context, double *figures) {
    struct many_dates *measured = context;
    drain(measured, &measured->many, figures);
}

static void drain_few(void *context, double *figures) {
    struct many_dates *measured = context;
    drain(measured, &measured->few, figures);
}

const struct measurement many_dates_measurement = {.name = "many dates",
    .rounds = ROUNDS,
    .open = many_dates_open,
    .ours = drain_many,
    .beside = drain_few,
    .close = many_dates_close};
