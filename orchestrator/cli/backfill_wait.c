#include "cli/backfill_wait.h"

#include "base/clock.h"
#include "cli/words.h"

#include <string.h>

enum { LOOK_MS = 250, STATES_BYTES_MAX = 256 << 20 };

struct waiting {
    uv_loop_t *loop;
    const struct backfill_plan *plan;
    const struct wait_settings *settings;
    struct arena *scratch; /* one look at the store */
    struct reader *reader; /* NULL while it is away */
    struct clock clock;
    uv_timer_t timer;
    struct progress progress;

    struct date_state *states; /* of the last look */
    enum fate *fates;
    size_t counts[FATE_COUNT];
    size_t unrecorded;
    int64_t started_ms;  /* times are the loop's */
    int64_t seen_ms;     /* the last look that succeeded */
    int64_t recorded_ms; /* when something was recorded last */
};

static int64_t now_ms(const struct waiting *waiting) {
    return (int64_t)uv_now(waiting->loop);
}

/* --- Looking -------------------------------------------------------------------------------------------- */

static MUST_CHECK struct result read_states(struct waiting *waiting, struct date_state **states) {
    const struct backfill_plan *plan = waiting->plan;
    arena_reset(waiting->scratch);
    game_date *dates = arena_alloc(waiting->scratch, (plan->date_count + 1) * sizeof *dates);
    struct date_state *read = arena_alloc(waiting->scratch, (plan->date_count + 1) * sizeof *read);
    if (!dates || !read)
        return fail(CODE_LIMIT, "out of memory");
    for (size_t d = 0; d < plan->date_count; d++)
        dates[d] = plan->dates[d].date;
    struct result r = waiting->reader ? ok() : reader_open(waiting->settings->redis, &waiting->reader);
    if (is_ok(r))
        r = reader_dates(waiting->reader, plan->pipeline, dates, plan->date_count, waiting->scratch, read);
    if (is_ok(r))
        *states = read;
    return r;
}

static void judge(struct waiting *waiting) {
    const struct backfill_plan *plan = waiting->plan;
    size_t unrecorded = 0;
    for (size_t d = 0; d < plan->date_count; d++)
        unrecorded += backfill_unrecorded(plan, &plan->dates[d], &waiting->states[d]);
    if (unrecorded != waiting->unrecorded)
        waiting->recorded_ms = now_ms(waiting);
    waiting->unrecorded = unrecorded;
    bool given_up = now_ms(waiting) - waiting->recorded_ms >= waiting->settings->quiet_ms;
    for (int fate = 0; fate < FATE_COUNT; fate++)
        waiting->counts[fate] = 0;
    for (size_t d = 0; d < plan->date_count; d++) {
        waiting->fates[d] = backfill_fate(plan, &plan->dates[d], &waiting->states[d], given_up);
        waiting->counts[waiting->fates[d]]++;
    }
}

/* A store that is away may come back: then it is connected anew. */
static MUST_CHECK struct result look(struct waiting *waiting) {
    struct date_state *states = NULL;
    struct result r = read_states(waiting, &states);
    if (is_ok(r)) {
        waiting->states = states;
        waiting->seen_ms = now_ms(waiting);
        judge(waiting);
        return ok();
    }
    waiting->states = NULL; /* it went with the scratch arena */
    reader_close(&waiting->reader);
    bool patient = now_ms(waiting) - waiting->seen_ms < waiting->settings->patience_ms;
    return r.retryable && patient ? ok() : r;
}

/* --- The loop ------------------------------------------------------------------------------------------- */

/* "12 of 16 dates are over: 9 done, 2 held, 1 no games; 4 open" */
static void show(struct waiting *waiting) {
    size_t total = waiting->plan->date_count, open = waiting->counts[FATE_OPEN];
    char text[PROGRESS_TEXT_MAX], duration[WORDS_DURATION_MAX];
    int64_t now = now_ms(waiting);
    if (!waiting->states || !progress_due(&waiting->progress, now))
        return;
    words_duration(now - waiting->started_ms, duration);
    snprintf(text, sizeof text,
        "waiting for %s: %zu of %zu dates are over: %zu done, %zu no games, %zu held, %zu failed", duration,
        total - open, total, waiting->counts[FATE_DONE], waiting->counts[FATE_NO_GAMES],
        waiting->counts[FATE_HELD], waiting->counts[FATE_FAILED]);
    progress_show(&waiting->progress, now, text);
}

static void on_tick(uv_timer_t *timer) {
    bool *over = timer->data;
    *over = true;
}

static void run_for(struct waiting *waiting, int64_t ms) {
    bool over = false;
    waiting->timer.data = &over;
    uv_timer_start(&waiting->timer, on_tick, (uint64_t)ms, 0);
    while (!over && waiting->settings->interrupt->count == 0)
        uv_run(waiting->loop, UV_RUN_ONCE);
    uv_timer_stop(&waiting->timer);
    uv_update_time(waiting->loop);
}

static bool is_timed_out(const struct waiting *waiting) {
    int64_t timeout_ms = waiting->settings->timeout_ms;
    return timeout_ms > 0 && now_ms(waiting) - waiting->started_ms >= timeout_ms;
}

static MUST_CHECK struct result run(struct waiting *waiting) {
    const struct interrupt *interrupt = waiting->settings->interrupt;
    struct result r = look(waiting);
    while (is_ok(r) && interrupt->count == 0 && (!waiting->states || waiting->counts[FATE_OPEN] > 0)
        && !is_timed_out(waiting)) {
        show(waiting);
        run_for(waiting, LOOK_MS);
        r = look(waiting);
    }
    progress_clear(&waiting->progress);
    return is_ok(r) && !waiting->states ? fail(CODE_UNAVAILABLE, "the store is away") : r;
}

static void on_timer_closed(uv_handle_t *handle) {
    bool *closed = handle->data;
    *closed = true;
}

static void close_timer(struct waiting *waiting) {
    bool closed = false;
    waiting->timer.data = &closed;
    uv_close((uv_handle_t *)&waiting->timer, on_timer_closed);
    while (!closed)
        uv_run(waiting->loop, UV_RUN_ONCE);
}

/* --- The whole ------------------------------------------------------------------------------------------ */

static MUST_CHECK struct result make_report(
    struct waiting *waiting, struct arena *arena, struct wait_report *report) {
    const struct backfill_plan *plan = waiting->plan;
    struct wait_report made = {.interrupted = waiting->settings->interrupt->count > 0};
    made.timed_out = !made.interrupted && waiting->counts[FATE_OPEN] > 0;
    made.fates = arena_alloc(arena, (plan->date_count + 1) * sizeof *made.fates);
    memcpy(made.counts, waiting->counts, sizeof made.counts);
    for (size_t d = 0; d < plan->date_count && made.fates; d++) {
        char note[FATE_NOTE_MAX];
        backfill_fate_note(plan, &plan->dates[d], &waiting->states[d], clock_now_ms(&waiting->clock), note);
        made.fates[d] = (struct date_fate){waiting->fates[d], arena_strdup(arena, note)};
        if (!made.fates[d].note)
            made.fates = NULL;
    }
    if (!made.fates)
        return fail(CODE_INTERNAL, "out of memory");
    *report = made;
    return ok();
}

struct result backfill_wait(uv_loop_t *loop, const struct backfill_plan *plan,
    const struct wait_settings *settings, struct arena *arena, struct wait_report *report) {
    struct waiting waiting = {.loop = loop, .plan = plan, .settings = settings, .clock = clock_system()};
    waiting.fates = arena_alloc(arena, (plan->date_count + 1) * sizeof *waiting.fates);
    waiting.scratch = arena_new(STATES_BYTES_MAX);
    if (!waiting.fates || !waiting.scratch) {
        arena_free(&waiting.scratch);
        return fail(CODE_INTERNAL, "out of memory");
    }
    uv_update_time(loop);
    waiting.started_ms = waiting.seen_ms = waiting.recorded_ms = now_ms(&waiting);
    waiting.progress = progress_start(&settings->term, settings->out, waiting.started_ms);
    uv_timer_init(loop, &waiting.timer);
    struct result r = run(&waiting);
    if (is_ok(r))
        r = make_report(&waiting, arena, report);
    close_timer(&waiting);
    reader_close(&waiting.reader);
    arena_free(&waiting.scratch);
    return r;
}
