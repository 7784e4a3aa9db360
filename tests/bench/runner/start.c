/*
 * Row 11: from exec to the first message, which waits on the bus, and is seen in the store once it has been
 * received and applied. The store has a thousand finished dates of the same pipeline.
 */
#include "bench/runner/crew.h"
#include "bench/runner/large_store.h"
#include "bench/runner/progress.h"
#include "bench/runner/servers.h"
#include "bench/runner/usage.h"
#include "state/keys.h"
#include "support/check.h"

#include <stdlib.h>

enum { ROUNDS = 5, DATES = 1000, START_MS = 60000 };

/* 1990-01-01; another for each round. */
#define FIRST_DATE ((game_date)7305)

struct start {
    const struct bench *bench;
    struct emulator emulator;
    struct redis_server *redis;
    struct crew *crew;
    struct progress progress;
    int round;
};

static void start_close(void *context) {
    struct start *start = context;
    if (!start)
        return;
    progress_close(&start->progress);
    crew_free(&start->crew);
    emulator_stop(&start->emulator);
    redis_server_free(&start->redis);
    free(start);
}

static void open_store(struct start *start, const char *pubsub) {
    start->redis = bench_redis();
    large_store_fill(start->redis, 0, DATES);
    start->crew =
        crew_new((struct crew_options){.pubsub = pubsub, .redis = redis_server_settings(start->redis)});
    progress_open(&start->progress, redis_server_settings(start->redis), FIRST_DATE);
}

static struct start *start_new(const struct bench *bench) {
    struct start *start = calloc(1, sizeof *start);
    if (!start)
        fail_msg("out of memory");
    start->bench = bench;
    start->emulator = EMULATOR_NONE;
    return start;
}

static struct result streams_open(const struct bench *bench, void **context) {
    struct start *start = start_new(bench);
    *context = start;
    open_store(start, NULL);
    return ok();
}

static struct result pubsub_open(const struct bench *bench, void **context) {
    struct start *start = start_new(bench);
    *context = start;
    struct result started = emulator_start_large(&start->emulator);
    if (is_ok(started))
        open_store(start, start->emulator.host);
    return started;
}

static void start_ours(void *context, double *figures) {
    struct start *start = context;
    char key[KEY_MAX];
    game_date date = FIRST_DATE + start->round++;
    crew_publish(start->crew, date, PGS);
    crew_publish_upstream(start->crew, date, 0);
    struct daemon *daemon = bench_daemon(start->bench,
        &(struct bench_daemon){.store_url = redis_server_url(start->redis),
            .pubsub = start->emulator.process.pid > 0 ? start->emulator.host : NULL});
    double begun = seconds_now();
    daemon_start(daemon);
    progress_await_key(&start->progress, key_date(nba_pipeline(), date, key), START_MS);
    figures[0] = (seconds_now() - begun) * 1000;
    daemon_stop(daemon);
    daemon_free(&daemon);
}

const struct measurement start_measurement = {.name = "start, Redis Streams",
    .rounds = ROUNDS,
    .open = streams_open,
    .ours = start_ours,
    .close = start_close};

const struct measurement pubsub_start_measurement = {.name = "start, Pub/Sub",
    .rounds = ROUNDS,
    .open = pubsub_open,
    .ours = start_ours,
    .close = start_close};
