#include "support/season.h"

#include "state/keys.h"
#include "support/check.h"
#include "support/nba.h"

#include <stdio.h>

/* 2025-12-04 18:00:00 UTC; every event a minute and a bit later. */
#define BEGIN_MS ((int64_t)1764871200000)
enum { STEP_MS = 61234 };

struct telling {
    struct store_harness *harness;
    const struct pipeline *pipeline;
    game_date date;
    int number;
    int events;
    int64_t now_ms;
};

static struct completion next_completion(struct telling *season, int processor) {
    struct arena *arena = season->harness->arena;
    int event = ++season->events;
    season->now_ms += STEP_MS;
    struct completion completion = {
        .processor = &season->pipeline->processors[processor],
        .date = season->date,
        .status = STATUS_SUCCESS,
        .record_count = 200 + processor,
        .timestamp_ms = season->now_ms - 900,
        .execution_id = arena_printf(
            arena, "%08x-9a3d-4a53-8f4f-%012x", (unsigned)season->number, (unsigned)event * 2654435761u),
        .correlation_id = arena_printf(arena, "morning-ops-%08d", season->number),
    };
    if (!completion.execution_id || !completion.correlation_id)
        fail_msg("the harness' arena is full");
    return completion;
}

static void tell(struct telling *season, const struct completion *completion) {
    harness_apply(season->harness, season->pipeline, completion, season->now_ms);
}

static void fail_first(struct telling *season, int processor) {
    struct completion completion = next_completion(season, processor);
    completion.status = STATUS_FAILED;
    completion.record_count = 0;
    completion.error_message = "BigQuery: quota exceeded for table nba_analytics.player_game_summary";
    tell(season, &completion);
}

static void complete(struct telling *season, int processor, enum season_kind kind) {
    static const processor_set fails_first = SET(PGS) | SET(PCF),
                               comes_twice = SET(UPGC) | SET(PSZA) | SET(MLFS);
    bool eventful = kind == SEASON_EVENTFUL;
    if (eventful && fails_first >> processor & 1)
        fail_first(season, processor);
    struct completion completion = next_completion(season, processor);
    tell(season, &completion);
    if (eventful && comes_twice >> processor & 1)
        tell(season, &completion);
}

static void confirm_group(struct telling *season, int group) {
    struct trigger trigger = {.date = season->date, .group = group, .run = 1};
    char message[32];
    snprintf(
        message, sizeof message, "%llu", 10987654321000ull + (unsigned)season->number * 4u + (unsigned)group);
    harness_confirm(season->harness, season->pipeline, &trigger, message, season->now_ms + 350);
}

void season_date(struct store_harness *harness, const struct pipeline *pipeline, game_date date, int number,
    enum season_kind kind) {
    struct telling season = {.harness = harness,
        .pipeline = pipeline,
        .date = date,
        .number = number,
        .now_ms = BEGIN_MS + number * INT64_C(86400000)};
    for (int group = 0; group <= pipeline->group_count; group++) {
        if (group > 0)
            confirm_group(&season, group);
        for (int i = 0; i < pipeline->processor_count; i++)
            if (pipeline->processors[i].group == group)
                complete(&season, i, kind);
    }
    harness_forget(harness);
}

static long long key_bytes(struct store_harness *harness, const char *key) {
    if (redis_server_ask_number(harness->server, "EXISTS %s", key) == 0)
        return 0;
    return redis_server_ask_number(harness->server, "MEMORY USAGE %s SAMPLES 0", key);
}

long long season_date_bytes(struct store_harness *harness, const struct pipeline *pipeline, game_date date) {
    char key[KEY_MAX];
    return key_bytes(harness, key_date(pipeline, date, key))
        + key_bytes(harness, key_history(pipeline, date, key));
}
