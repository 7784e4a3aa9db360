#include "bench/runner/pace.h"

#include "bench/runner/statistics.h"
#include "bench/runner/usage.h"
#include "support/check.h"

#include <stdlib.h>

enum { FIFTH = TDGS, AHEAD = PACE_DATES_PER_SECOND, PATIENCE_MS = 10000 };

struct pace {
    struct crew *crew;
    uv_timer_t timer;
    game_date first;
    int count;
    int next;     /* the date whose four completions are next; its fifth comes AHEAD dates later */
    double *sent; /* when, in seconds; by date */
    double *took; /* in ms, 0 until its trigger has come; by date */
    int received;
    bool closed;
};

static void on_trigger(void *context, game_date date, int group) {
    struct pace *pace = context;
    int i = (int)(date - pace->first);
    if (group != 1 || i < 0 || i >= pace->count || pace->took[i] > 0)
        return;
    pace->took[i] = (seconds_now() - pace->sent[i]) * 1000;
    pace->received++;
}

static void on_turn(uv_timer_t *timer) {
    struct pace *pace = timer->data;
    int four = pace->next++, fifth = four - AHEAD;
    for (int processor = PGS; four < pace->count && processor < FIFTH; processor++)
        crew_publish(pace->crew, pace->first + four, processor);
    if (fifth >= 0 && fifth < pace->count) {
        pace->sent[fifth] = seconds_now();
        crew_publish(pace->crew, pace->first + fifth, FIFTH);
    }
    if (fifth >= pace->count - 1)
        uv_timer_stop(timer);
}

static bool all_received(void *context) {
    const struct pace *pace = context;
    return pace->received == pace->count;
}

static void on_closed(uv_handle_t *handle) {
    struct pace *pace = handle->data;
    pace->closed = true;
}

static void play(struct pace *pace) {
    int playing_ms = (pace->count + AHEAD) * 1000 / PACE_DATES_PER_SECOND;
    uv_timer_init(crew_loop(pace->crew), &pace->timer);
    pace->timer.data = pace;
    uv_timer_start(&pace->timer, on_turn, 0, 1000 / PACE_DATES_PER_SECOND);
    crew_until(pace->crew, all_received, pace, playing_ms + PATIENCE_MS, "a trigger for each date");
    uv_close((uv_handle_t *)&pace->timer, on_closed);
    loop_until_true(crew_loop(pace->crew), &pace->closed, PATIENCE_MS, "a timer to close");
}

struct delays pace_dates(struct crew_options bus, game_date first, int count) {
    struct pace pace = {.first = first,
        .count = count,
        .sent = calloc((size_t)count, sizeof *pace.sent),
        .took = calloc((size_t)count, sizeof *pace.took)};
    if (!pace.sent || !pace.took)
        fail_msg("out of memory");
    bus.receives = true;
    bus.on_trigger = on_trigger;
    bus.context = &pace;
    pace.crew = crew_new(bus);
    play(&pace);
    crew_free(&pace.crew);
    struct delays delays = {.median_ms = percentile(pace.took, (size_t)count, 0.5),
        .p99_ms = percentile(pace.took, (size_t)count, 0.99)};
    free(pace.sent);
    free(pace.took);
    return delays;
}
