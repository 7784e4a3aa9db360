#include "engine/timers.h"

#include "base/crash_point.h"

#include <stdio.h>
#include <stdlib.h>

/* One pipeline, and its sweep while one is under way. */
struct watch {
    struct timers *timers;
    const struct pipeline *pipeline;
    size_t open; /* answers to come; 0: no sweep is under way */
    struct result result;
};

struct timers {
    struct timers_parts parts;
    struct watch *watches;
};

/* One date that is looked at. */
struct look {
    struct watch *watch;
    game_date date;
};

/* --- In words ------------------------------------------------------------------------------------------- */

/* What happens after the stall, in the log's words. */
static void tell_consequence(
    const struct pipeline *pipeline, const struct ticked *ticked, char *text, size_t size) {
    text[0] = '\0';
    if (ticked->outbox_field)
        snprintf(text, size, "; triggering it again (%d of %d)", ticked->stalls, pipeline->retrigger_limit);
    else if (ticked->stalled_run > 0 && pipeline->on_stall == STALL_RETRIGGER)
        snprintf(
            text, size, "; not triggering it again: the limit of %d is reached", pipeline->retrigger_limit);
}

static void log_stall(
    const struct log *log, const struct pipeline *pipeline, const struct ticked *ticked, const char *date) {
    const char *waits_for = ticked->waits_for ? ticked->waits_for : "nothing";
    char consequence[96];
    tell_consequence(pipeline, ticked, consequence, sizeof consequence);
    if (ticked->stalled_run == 0)
        log_warning(log,
            "stalled: group %d could not start within %d s, it waits for %s (stall %d)%s; see: phasegate "
            "explain %s",
            ticked->stalled_group, pipeline->upstream_deadline, waits_for, ticked->stalls, consequence, date);
    else
        log_warning(log,
            "stalled: group %d of run %d is not done %d s after its trigger, it waits for %s (stall %d)%s; "
            "see: phasegate explain %s",
            ticked->stalled_group, ticked->stalled_run, pipeline->group_deadline, waits_for, ticked->stalls,
            consequence, date);
}

static void log_ticked(const struct look *look, const struct ticked *ticked) {
    const struct pipeline *pipeline = look->watch->pipeline;
    char date[DATE_TEXT_MAX];
    struct log with_pipeline = log_with(look->watch->timers->parts.log, "pipeline", pipeline->name);
    struct log log = log_with(&with_pipeline, "game_date", date_format(look->date, date));
    if (ticked->opened_run > 0)
        log_info(&log, "run %d opened from group %d: what it rests on ran again, and has settled",
            ticked->opened_run, ticked->opened_from);
    if (ticked->stalled_group > 0)
        log_stall(&log, pipeline, ticked, date);
}

/* --- Sweeps --------------------------------------------------------------------------------------------- */

static void finish_if_last(struct watch *watch) {
    if (--watch->open > 0 || is_ok(watch->result) || watch->result.retryable)
        return;
    struct log log = log_with(watch->timers->parts.log, "pipeline", watch->pipeline->name);
    log_error(&log, "cannot look after settle times and deadlines: %s", watch->result.text);
}

static void note(struct watch *watch, struct result result) {
    if (is_ok(watch->result))
        watch->result = result;
}

static void hand_on(const struct look *look, const struct ticked *ticked) {
    const struct timers_parts *parts = &look->watch->timers->parts;
    const struct pipeline *pipeline = look->watch->pipeline;
    if (ticked->opened_run > 0)
        parts->on_new_run(parts->context, pipeline, ticked->opened_from);
    if (ticked->stalled_run > 0)
        parts->on_stalled(parts->context, pipeline, look->date, ticked->stalled_group, ticked->stalled_run);
    if (ticked->stalled_group > 0)
        alerts_group(parts->alerts, ALERT_STALL, pipeline, look->date, ticked->stalled_group);
    if (ticked->outbox_field)
        parts->on_due(parts->context, pipeline, ticked->outbox_field, ticked->outbox_facts, ticked->lease);
}

static void on_ticked(void *context, struct result result, const struct ticked *ticked) {
    struct look *look = context;
    struct watch *watch = look->watch;
    if (is_ok(result)) {
        if (ticked->outbox_field)
            crash_point(after_retrigger);
        log_ticked(look, ticked);
        hand_on(look, ticked);
    }
    free(look);
    note(watch, result);
    finish_if_last(watch);
}

static void look_at(struct watch *watch, game_date date) {
    const struct timers_parts *parts = &watch->timers->parts;
    struct look *look = malloc(sizeof *look);
    if (!look) {
        note(watch, fail(CODE_UNAVAILABLE, "out of memory"));
        return;
    }
    *look = (struct look){.watch = watch, .date = date};
    watch->open++;
    crash_point(before_retrigger);
    store_tick(parts->store, watch->pipeline, date, clock_now_ms(&parts->clock), on_ticked, look);
}

static void on_due(void *context, struct result result, const game_date *date) {
    struct watch *watch = context;
    if (date) {
        look_at(watch, *date);
        return;
    }
    note(watch, result);
    finish_if_last(watch);
}

void timers_sweep(struct timers *timers) {
    const struct timers_parts *parts = &timers->parts;
    for (int i = 0; i < parts->pipeline_count; i++) {
        struct watch *watch = &timers->watches[i];
        if (watch->open > 0 || (parts->is_held && parts->is_held(parts->context, watch->pipeline)))
            continue;
        watch->open = 1;
        watch->result = ok();
        store_due(parts->store, watch->pipeline, clock_now_ms(&parts->clock), on_due, watch);
    }
}

/* --- Life ----------------------------------------------------------------------------------------------- */

struct timers *timers_new(struct timers_parts parts) {
    struct timers *timers = calloc(1, sizeof *timers);
    struct watch *watches = calloc((size_t)parts.pipeline_count, sizeof *watches);
    if (!timers || !watches) {
        free(timers);
        free(watches);
        return NULL;
    }
    timers->parts = parts;
    timers->watches = watches;
    for (int i = 0; i < parts.pipeline_count; i++)
        watches[i] = (struct watch){.timers = timers, .pipeline = parts.pipelines[i]};
    return timers;
}

void timers_free(struct timers **timers) {
    if (!*timers)
        return;
    free((*timers)->watches);
    free(*timers);
    *timers = NULL;
}
