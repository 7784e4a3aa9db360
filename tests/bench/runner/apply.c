/*
 * Row 6: the store's function for a completion, through the C client, as many under way as the daemon has by
 * default; beside `redis-benchmark -P 64` of an EVAL that does one HSET, on the same server.
 */
#include "bench/runner/peer.h"
#include "bench/runner/servers.h"
#include "bench/runner/usage.h"
#include "support/check.h"
#include "support/loop.h"
#include "support/nba.h"
#include "support/store_harness.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 5,
    UPSTREAM = 5,
    IN_FLIGHT = 1000, /* engine.in_hand_max */
    LEASE_MS = 30000,
    APPLY_MS = 300000,
    BENCHMARK_MS = 300000,
    RATE = 0,
    REDIS_CPU = 1,
};

#define FIRST_DATE ((game_date)7305)
#define NOW_MS ((int64_t)1764871200000)
#define ONE_LINE "return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])"

struct apply;

/* A completion on its way, which has to live until it is answered. */
struct place {
    struct apply *apply;
    char execution[40], correlation[24];
    struct completion completion;
};

struct apply {
    int events, requests;
    struct redis_server *redis;
    int sent, answered; /* of this round */
    struct store_harness *harness;
    struct place places[IN_FLIGHT];
};

static void apply_close(void *context) {
    struct apply *apply = context;
    if (!apply)
        return;
    redis_server_free(&apply->redis);
    free(apply);
}

static struct result apply_open(const struct bench *bench, void **context) {
    struct apply *apply = calloc(1, sizeof *apply);
    if (!apply)
        fail_msg("out of memory");
    *context = apply;
    apply->events = bench_size(bench, 100000, 2000);
    apply->requests = bench_size(bench, 400000, 20000);
    apply->redis = bench_redis();
    return ok();
}

static void send_next(struct apply *apply, struct place *place);

static void on_applied(void *context, struct result result, const struct applied *applied) {
    struct place *place = context;
    check_ok(result);
    if (applied->verdict != VERDICT_APPLIED)
        fail_msg("a completion was %s", verdict_name(applied->verdict));
    place->apply->answered++;
    send_next(place->apply, place);
}

static void send_next(struct apply *apply, struct place *place) {
    if (apply->sent == apply->events)
        return;
    int number = apply->sent++;
    place->apply = apply;
    snprintf(place->execution, sizeof place->execution, "4f0c7f0e-9a3d-4a53-8f4f-%012x", number);
    snprintf(place->correlation, sizeof place->correlation, "morning-ops-%08d", number / UPSTREAM);
    place->completion = (struct completion){.processor = &nba_pipeline()->processors[PGS + number % UPSTREAM],
        .date = FIRST_DATE + number / UPSTREAM,
        .status = STATUS_SUCCESS,
        .record_count = 241,
        .timestamp_ms = NOW_MS - 900,
        .execution_id = place->execution,
        .correlation_id = place->correlation};
    store_apply(apply->harness->store, nba_pipeline(), &place->completion, NOW_MS, on_applied, place);
}

static bool all_answered(void *context) {
    const struct apply *apply = context;
    return apply->answered == apply->events;
}

static void apply_ours(void *context, double *figures) {
    struct apply *apply = context;
    bench_redis_empty(apply->redis);
    apply->harness = harness_open_over(redis_server_settings(apply->redis));
    harness_be(apply->harness, "bench", LEASE_MS);
    apply->sent = apply->answered = 0;
    double begun = seconds_now(), cpu = bench_redis_cpu(apply->redis);
    for (int i = 0; i < IN_FLIGHT; i++)
        send_next(apply, &apply->places[i]);
    loop_until(&apply->harness->loop, all_answered, apply, APPLY_MS, "all events to be applied");
    figures[RATE] = apply->events / (seconds_now() - begun);
    figures[REDIS_CPU] = (bench_redis_cpu(apply->redis) - cpu) * 1e6 / apply->events;
    harness_close(&apply->harness);
}

/* "EVAL …: 98765.43 requests per second, p50=0.103 msec", after lines that end in a carriage return only. */
static double read_rate(const struct peer *peer) {
    char text[4096];
    process_output_tail(&peer->process, text, sizeof text);
    char *end = strstr(text, " requests per second");
    if (!end)
        fail_msg("redis-benchmark says: %s", text);
    *end = '\0';
    return atof(strrchr(text, ' ') + 1);
}

static void apply_beside(void *context, double *figures) {
    struct apply *apply = context;
    struct peer peer;
    char requests[16];
    bench_redis_empty(apply->redis);
    double cpu = bench_redis_cpu(apply->redis);
    snprintf(requests, sizeof requests, "%d", apply->requests);
    peer_start_program(&peer,
        (const char *const[]){"redis-benchmark", "-s", redis_server_settings(apply->redis)->path, "-P", "64",
            "-n", requests, "-r", "10000", "-q", "EVAL", ONE_LINE, "1", "date:__rand_int__", "pgs",
            "+ success 241 0 1764502927104 1764502928000 b 1", NULL},
        NULL);
    if (!process_wait(&peer.process, BENCHMARK_MS) || peer.process.status != 0)
        fail_msg("redis-benchmark does not end well");
    figures[RATE] = read_rate(&peer);
    figures[REDIS_CPU] = (bench_redis_cpu(apply->redis) - cpu) * 1e6 / apply->requests;
    peer_stop(&peer);
}

const struct measurement apply_measurement = {.name = "apply",
    .rounds = ROUNDS,
    .open = apply_open,
    .ours = apply_ours,
    .beside = apply_beside,
    .close = apply_close};
