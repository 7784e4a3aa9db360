#include "engine/recovery.h"

#include "base/crash_point.h"
#include "engine/overdue.h"

#include <stdlib.h>

/* The outbox of one pipeline. */
struct shelf {
    struct recovery *recovery;
    const struct pipeline *pipeline;
    bool reading;
    bool again; /* it has to be read once more when this is over */
    size_t taken;
    struct overdue overdue;
};

struct recovery {
    struct recovery_parts parts;
    struct shelf *shelves;
};

static void read_shelf(struct shelf *shelf);

/* What does not get out, for longer than it may, is an alert. */
static void tell_overdue(struct shelf *shelf) {
    const struct recovery_parts *parts = &shelf->recovery->parts;
    int64_t age_ms = (int64_t)alerts_outbox_age(parts->alerts) * 1000;
    const struct overdue_entry *oldest = overdue_end(&shelf->overdue, clock_now_ms(&parts->clock), age_ms);
    if (age_ms > 0)
        alerts_outbox(parts->alerts, shelf->pipeline, oldest ? shelf->overdue.noted : 0,
            oldest ? oldest->field : NULL, oldest ? oldest->since_ms : 0);
}

static void on_entry(void *context, struct result result, const char *field, const char *facts) {
    struct shelf *shelf = context;
    const struct recovery_parts *parts = &shelf->recovery->parts;
    if (field) {
        if (dispatcher_recover(parts->dispatcher, shelf->pipeline, field, facts))
            shelf->taken++;
        if (dispatcher_wants_out(parts->dispatcher, shelf->pipeline, field, facts))
            overdue_note(&shelf->overdue, field, clock_now_ms(&parts->clock));
        crash_point(while_recovering);
        return;
    }
    struct log log = log_with(parts->log, "pipeline", shelf->pipeline->name);
    if (!is_ok(result) && !result.retryable)
        log_error(&log, "cannot read the outbox: %s", result.text);
    else if (shelf->taken > 0)
        log_info(&log, "took %zu triggers over from the outbox", shelf->taken);
    if (is_ok(result))
        tell_overdue(shelf);
    bool again = shelf->again && is_ok(result);
    shelf->reading = shelf->again = false;
    if (again)
        read_shelf(shelf);
    else
        parts->on_read(parts->context);
}

static void read_shelf(struct shelf *shelf) {
    shelf->reading = true;
    shelf->taken = 0;
    overdue_begin(&shelf->overdue);
    store_outbox(shelf->recovery->parts.store, shelf->pipeline, on_entry, shelf);
}

void recovery_read(struct recovery *recovery) {
    for (int i = 0; i < recovery->parts.pipeline_count; i++) {
        if (recovery->shelves[i].reading)
            recovery->shelves[i].again = true;
        else
            read_shelf(&recovery->shelves[i]);
    }
}

void recovery_sweep(struct recovery *recovery) {
    for (int i = 0; i < recovery->parts.pipeline_count; i++)
        if (!recovery->shelves[i].reading)
            read_shelf(&recovery->shelves[i]);
}

struct recovery *recovery_new(struct recovery_parts parts) {
    struct recovery *recovery = calloc(1, sizeof *recovery);
    struct shelf *shelves = calloc((size_t)parts.pipeline_count, sizeof *shelves);
    if (!recovery || !shelves) {
        free(recovery);
        free(shelves);
        return NULL;
    }
    recovery->parts = parts;
    recovery->shelves = shelves;
    for (int i = 0; i < parts.pipeline_count; i++)
        shelves[i] = (struct shelf){.recovery = recovery, .pipeline = parts.pipelines[i]};
    return recovery;
}

void recovery_free(struct recovery **recovery) {
    if (!*recovery)
        return;
    free((*recovery)->shelves);
    free(*recovery);
    *recovery = NULL;
}
