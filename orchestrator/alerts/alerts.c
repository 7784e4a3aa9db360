#include "alerts/alerts.h"

#include "alerts/notice.h"
#include "alerts/words.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[ALERT_KINDS] = {
    [ALERT_STALL] = "stall",
    [ALERT_FAILED] = "failed",
    [ALERT_QUARANTINE] = "quarantine",
    [ALERT_EPOCH] = "epoch",
    [ALERT_OUTBOX] = "outbox",
};

const char *alert_kind_name(enum alert_kind kind) {
    return kind_names[kind];
}

/* --- Raising and resolving ------------------------------------------------------------------------------ */

static bool is_on(const struct alerts *alerts, enum alert_kind kind) {
    return alerts && !alerts->settings.off[kind];
}

static const char *or_empty(const char *text) {
    return text ? text : "";
}

void alerts_raise(struct alerts *alerts, const struct alert *alert) {
    if (!is_on(alerts, alert->kind))
        return;
    struct notice *notice =
        notice_new(alerts, alert->pipeline, kind_names[alert->kind], or_empty(alert->subject));
    if (!notice)
        return;
    bool of_group = alert->kind == ALERT_STALL || alert->kind == ALERT_FAILED;
    text_show(alert->text, strlen(alert->text), notice->text, sizeof notice->text);
    notice->step = of_group && alert->backfill ? STEP_NOTE : STEP_CLAIM;
    notice_go(notice);
}

void alerts_resolve(struct alerts *alerts, enum alert_kind kind, const struct pipeline *pipeline,
    const char *subject, const char *text) {
    struct notice *notice =
        is_on(alerts, kind) ? notice_new(alerts, pipeline, kind_names[kind], or_empty(subject)) : NULL;
    if (!notice)
        return;
    text_show(text, strlen(text), notice->text, sizeof notice->text);
    notice->step = STEP_END;
    notice_go(notice);
}

void alerts_group(
    struct alerts *alerts, enum alert_kind kind, const struct pipeline *pipeline, game_date date, int group) {
    char day[DATE_TEXT_MAX], subject[ALERT_SUBJECT_MAX];
    if (!is_on(alerts, kind))
        return;
    snprintf(subject, sizeof subject, "%s/g%d", date_format(date, day), group);
    struct notice *notice = notice_new(alerts, pipeline, kind_names[kind], subject);
    if (!notice)
        return;
    notice->date = date;
    notice->group = group;
    notice->step = STEP_LOOK;
    notice_go(notice);
}

int alerts_outbox_age(const struct alerts *alerts) {
    return is_on(alerts, ALERT_OUTBOX) ? alerts->settings.outbox_age : 0;
}

void alerts_outbox(struct alerts *alerts, const struct pipeline *pipeline, size_t waiting, const char *oldest,
    int64_t since_ms) {
    char text[ALERT_TEXT_MAX];
    if (alerts_outbox_age(alerts) == 0)
        return;
    if (waiting == 0) {
        alerts_resolve(
            alerts, ALERT_OUTBOX, pipeline, NULL, "no trigger waits too long in the outbox any more");
        return;
    }
    words_outbox(pipeline, waiting, oldest, since_ms, clock_now_ms(&alerts->clock), text);
    alerts_raise(alerts, &(struct alert){.kind = ALERT_OUTBOX, .pipeline = pipeline, .text = text});
}

/* --- Draining ------------------------------------------------------------------------------------------- */

static void finish_drain(struct alerts *alerts) {
    if (!alerts->draining)
        return;
    alerts->draining = false;
    alerts->store = NULL;
    uv_timer_stop(&alerts->timer);
    alerts->drained(alerts->drained_context);
}

static void finish_drain_when_done(struct alerts *alerts) {
    if (alerts->draining && alerts->sender_idle && alerts->calls == 0)
        finish_drain(alerts);
}

void alerts_answered(struct alerts *alerts) {
    alerts->calls--;
    finish_drain_when_done(alerts);
}

static void on_sender_idle(void *context) {
    struct alerts *alerts = context;
    alerts->sender_idle = true;
    finish_drain_when_done(alerts);
}

static void on_drain_deadline(uv_timer_t *timer) {
    finish_drain(timer->data);
}

void alerts_drain(struct alerts *alerts, int within_ms, void (*drained)(void *context), void *context) {
    if (!alerts) {
        drained(context);
        return;
    }
    alerts->draining = true;
    alerts->drained = drained;
    alerts->drained_context = context;
    uv_timer_start(&alerts->timer, on_drain_deadline, (uint64_t)within_ms, 0);
    sender_hurry(alerts->sender, on_sender_idle, alerts);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

struct result alerts_open(uv_loop_t *loop, struct clock clock, const struct log *log,
    const struct alerts_settings *settings, struct alerts **alerts) {
    struct alerts *made = calloc(1, sizeof *made);
    if (!made)
        return fail(CODE_INTERNAL, "out of memory");
    made->settings = *settings;
    made->clock = clock;
    made->log = log_with(log, "part", "alerts");
    struct result result = sender_open(loop, settings->webhook, log, &made->sender);
    if (!is_ok(result)) {
        free(made);
        return result;
    }
    uv_timer_init(loop, &made->timer);
    made->timer.data = made;
    *alerts = made;
    return ok();
}

void alerts_attach(
    struct alerts *alerts, struct store *store, const struct pipeline *const *pipelines, int pipeline_count) {
    if (!alerts)
        return;
    alerts->store = store;
    alerts->watched = calloc((size_t)pipeline_count, sizeof *alerts->watched);
    if (!alerts->watched)
        return; /* stalls and failures are told all the same; nobody looks whether they are over */
    alerts->watched_count = pipeline_count;
    for (int i = 0; i < pipeline_count; i++)
        alerts->watched[i] = (struct watched){.alerts = alerts, .pipeline = pipelines[i]};
}

static void free_waiting(struct alerts *alerts) {
    size_t untold = 0;
    while (alerts->waiting.first) {
        struct notice *notice = alerts->waiting.first;
        alerts->waiting.first = notice->next;
        untold +=
            notice->origin == ORIGIN_RAISED && (notice->step == STEP_LOOK || notice->step == STEP_CLAIM);
        notice_free(notice);
    }
    if (untold > 0)
        log_error(&alerts->log, "stopped with %zu alerts that waited for the store", untold);
}

static void on_timer_closed(uv_handle_t *handle) {
    struct alerts *alerts = handle->data;
    void (*closed)(void *) = alerts->closed;
    void *context = alerts->closed_context;
    free_waiting(alerts);
    free(alerts->watched);
    free(alerts);
    closed(context);
}

static void on_sender_closed(void *context) {
    struct alerts *alerts = context;
    uv_close((uv_handle_t *)&alerts->timer, on_timer_closed);
}

void alerts_close(struct alerts *alerts, void (*closed)(void *context), void *context) {
    if (!alerts) {
        closed(context);
        return;
    }
    alerts->closed = closed;
    alerts->closed_context = context;
    alerts->store = NULL;
    sender_close(alerts->sender, on_sender_closed, alerts);
}
