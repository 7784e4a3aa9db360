/*
 * What finished dates cost in Redis' memory. Fills a store of its own with dates, 1,000 or as many as the
 * argument says, and prints per date: how much more memory Redis uses in all, and what the date's own keys
 * take.
 */
#include "support/check.h"
#include "support/nba.h"
#include "support/season.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 1000, DATES_MAX = 100000 };

/* 2000-01-01 */
#define FIRST_DATE ((game_date)10957)

static long long used_memory(struct store_harness *harness) {
    redisReply *reply = redis_server_ask(harness->server, "INFO memory");
    const char *line = reply->str ? strstr(reply->str, "used_memory:") : NULL;
    long long bytes = line ? atoll(line + strlen("used_memory:")) : 0;
    freeReplyObject(reply);
    return bytes;
}

static void measure(const char *what, int dates, enum season_kind kind) {
    const struct pipeline *pipeline = nba_pipeline();
    struct store_harness *harness = harness_open((struct redis_server_options){0});
    season_date(harness, pipeline, FIRST_DATE - 1, dates, kind); /* what is needed once */
    long long before = used_memory(harness), keys = 0;
    for (int i = 0; i < dates; i++)
        season_date(harness, pipeline, FIRST_DATE + i, i, kind);
    long long after = used_memory(harness);
    for (int i = 0; i < dates; i++)
        keys += season_date_bytes(harness, pipeline, FIRST_DATE + i);
    printf("%-40s %6d dates: %6lld bytes each in all, %6lld in its keys\n", what, dates,
        (after - before) / dates, keys / dates);
    harness_close(&harness);
}

int main(int argc, char **argv) {
    int dates = argc > 1 ? atoi(argv[1]) : DATES;
    if (dates < 1 || dates > DATES_MAX) {
        fprintf(stderr, "bench_store_memory [dates]: from 1 to %d\n", DATES_MAX);
        return 2;
    }
    measure("calm", dates, SEASON_CALM);
    measure("eventful: two failures, three duplicates", dates, SEASON_EVENTFUL);
    return 0;
}
