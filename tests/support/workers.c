#include "support/workers.h"

#include "core/message.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY_MS = 2 };

struct job {
    game_date date;
    uint64_t due_ms;
};

/* Of one group, live or backfill. All take equally long, so they are due in the order in which they came. */
struct bench {
    struct job *jobs; /* every job there ever was: one for each date */
    size_t taken;
    size_t answered;
    size_t most;
};

struct workers {
    struct player *player;
    int work_ms[PLAYER_GROUPS];
    struct bench live[PLAYER_GROUPS], backfill[PLAYER_GROUPS];
    bool held;
    uv_timer_t *timer;
};

static uint64_t now_ms(void) {
    return uv_hrtime() / 1000000;
}

static void answer_due(struct workers *workers, struct bench *bench, int group) {
    while (bench->answered < bench->taken && bench->jobs[bench->answered].due_ms <= now_ms())
        player_answer_trigger(workers->player, bench->jobs[bench->answered++].date, group);
}

static void on_look(uv_timer_t *timer) {
    struct workers *workers = timer->data;
    for (int g = 0; g < PLAYER_GROUPS; g++) {
        answer_due(workers, &workers->live[g], g + 1);
        if (!workers->held)
            answer_due(workers, &workers->backfill[g], g + 1);
    }
}

static bool is_backfill(const struct workers *workers, game_date date, int group) {
    const char *value = message_attribute(player_trigger(workers->player, date, group)->message, "backfill");
    return value && strcmp(value, "true") == 0;
}

static size_t in_hand(const struct bench *bench) {
    return bench->taken - bench->answered;
}

void workers_take(struct workers *workers, game_date date, int group) {
    bool backfill = is_backfill(workers, date, group);
    struct bench *bench = backfill ? &workers->backfill[group - 1] : &workers->live[group - 1];
    bench->jobs[bench->taken++] = (struct job){date, now_ms() + (uint64_t)workers->work_ms[group - 1]};
    if (in_hand(bench) > bench->most)
        bench->most = in_hand(bench);
}

void workers_hold(struct workers *workers, bool held) {
    workers->held = held;
}

size_t workers_in_hand(const struct workers *workers, int group) {
    return in_hand(&workers->backfill[group - 1]);
}

size_t workers_most(const struct workers *workers, int group) {
    return workers->backfill[group - 1].most;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static void open_bench(struct bench *bench, size_t dates) {
    bench->jobs = calloc(dates, sizeof *bench->jobs);
    if (!bench->jobs)
        fail_msg("out of memory");
}

struct workers *workers_new(struct player *player, size_t dates, const int work_ms[PLAYER_GROUPS]) {
    struct workers *workers = calloc(1, sizeof *workers);
    if (!workers || !(workers->timer = calloc(1, sizeof *workers->timer)))
        fail_msg("out of memory");
    workers->player = player;
    for (int g = 0; g < PLAYER_GROUPS; g++) {
        workers->work_ms[g] = work_ms[g];
        open_bench(&workers->live[g], dates);
        open_bench(&workers->backfill[g], dates);
    }
    uv_timer_init(player_loop(player), workers->timer);
    workers->timer->data = workers;
    uv_timer_start(workers->timer, on_look, LOOK_EVERY_MS, LOOK_EVERY_MS);
    return workers;
}

void workers_free(struct workers **workers) {
    if (!*workers)
        return;
    for (int g = 0; g < PLAYER_GROUPS; g++) {
        free((*workers)->live[g].jobs);
        free((*workers)->backfill[g].jobs);
    }
    uv_close((uv_handle_t *)(*workers)->timer, (uv_close_cb)free);
    free(*workers);
    *workers = NULL;
}
