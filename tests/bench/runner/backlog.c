#include "bench/runner/backlog.h"

#include "state/keys.h"

enum { FIRST_MS = 60000 };

/* 1990-01-01 */
#define FIRST_DATE ((game_date)7305)

struct result backlog_open(struct backlog *backlog, const struct bench *bench, int dates) {
    *backlog = (struct backlog){.bench = bench, .dates = dates, .emulator = EMULATOR_NONE};
    struct result started = emulator_start_large(&backlog->emulator);
    if (!is_ok(started))
        return started;
    backlog->redis = bench_redis();
    backlog->crew = crew_new((struct crew_options){.pubsub = backlog->emulator.host});
    progress_open(&backlog->progress, redis_server_settings(backlog->redis), FIRST_DATE);
    return ok();
}

void backlog_close(struct backlog *backlog) {
    progress_close(&backlog->progress);
    crew_free(&backlog->crew);
    emulator_stop(&backlog->emulator);
    redis_server_free(&backlog->redis);
}

double backlog_emulator_cpu(const struct backlog *backlog) {
    return usage_of(backlog->emulator.process.pid).cpu_seconds;
}

struct drained backlog_drain(struct backlog *backlog) {
    char months[KEY_MAX];
    bench_redis_empty(backlog->redis);
    crew_publish_upstream(backlog->crew, FIRST_DATE, backlog->dates);
    struct daemon *daemon = bench_daemon(backlog->bench,
        &(struct bench_daemon){
            .store_url = redis_server_url(backlog->redis), .pubsub = backlog->emulator.host});
    double emulator_cpu = backlog_emulator_cpu(backlog), redis_cpu = bench_redis_cpu(backlog->redis);
    daemon_start(daemon);
    progress_await_key(&backlog->progress, key_months(nba_pipeline(), months), FIRST_MS);
    double begun = seconds_now();
    progress_expect(&backlog->progress, backlog->dates, 1, "triggered");
    progress_await(&backlog->progress, BACKLOG_MS);
    struct drained drained = {.seconds = seconds_now() - begun,
        .usage = usage_of(daemon_process(daemon)),
        .emulator_cpu_seconds = backlog_emulator_cpu(backlog) - emulator_cpu,
        .redis_cpu_seconds = bench_redis_cpu(backlog->redis) - redis_cpu};
    daemon_stop(daemon);
    daemon_free(&daemon);
    return drained;
}
