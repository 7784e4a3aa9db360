/* What is looked after every few seconds. */
#include "alerts/notice.h"
#include "alerts/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct alert_moment moment_of(const struct alerts *alerts) {
    return (struct alert_moment){
        .now_ms = clock_now_ms(&alerts->clock), .period_ms = alerts->settings.period_ms};
}

static void note_failure(struct alerts *alerts, struct result result) {
    if (!is_ok(result) && !result.retryable)
        log_error(&alerts->log, "cannot look after alerts: %s", result.text);
}

/* Tells what the ledger has claimed for us. */
static void tell_claimed(struct watched *watched, const char *kind, bool resolved, const char *text) {
    struct notice *notice = notice_new(watched->alerts, watched->pipeline, kind, "");
    if (!notice)
        return;
    notice->resolved = resolved;
    notice->claimed_ms = clock_now_ms(&watched->alerts->clock);
    snprintf(notice->text, sizeof notice->text, "%s", text);
    notice_tell(notice);
}

/* --- Stalls and failures: do they still stand? ---------------------------------------------------------- */

static const char *kind_of(const char *cause) {
    for (int kind = ALERT_STALL; kind <= ALERT_FAILED; kind++) {
        const char *name = alert_kind_name((enum alert_kind)kind);
        if (strncmp(cause, name, strlen(name)) == 0 && cause[strlen(name)] == ' ')
            return name;
    }
    return NULL;
}

/* "2021-11-17/g2" */
static bool read_group(const char *subject, game_date *date, int *group) {
    size_t day = DATE_TEXT_MAX - 1;
    int length = 0;
    return strlen(subject) > day && is_ok(date_parse(subject, day, date))
        && sscanf(subject + day, "/g%d%n", group, &length) == 1 && subject[day + (size_t)length] == '\0'
        && *group > 0;
}

static void look_at(struct watched *watched, enum notice_origin origin, const char *cause) {
    const char *kind = kind_of(cause);
    struct notice *notice =
        kind ? notice_new(watched->alerts, watched->pipeline, kind, cause + strlen(kind) + 1) : NULL;
    if (!notice)
        return;
    notice->origin = origin;
    notice->step = STEP_LOOK;
    if (read_group(notice->subject, &notice->date, &notice->group))
        notice_go(notice);
    else
        notice_free(notice);
}

static void on_open(void *context, struct result result, enum alert_state state, const char *cause) {
    static const enum notice_origin origins[] = {
        [ALERT_TOLD] = ORIGIN_TOLD, [ALERT_LEFT] = ORIGIN_LEFT, [ALERT_OF_BACKFILL] = ORIGIN_BACKFILL};
    struct watched *watched = context;
    if (cause) {
        watched->batch += state == ALERT_OF_BACKFILL;
        look_at(watched, origins[state], cause);
        return;
    }
    note_failure(watched->alerts, result);
    watched->from = watched->batch < ALERT_BACKFILL_BATCH ? 0 : watched->from + watched->batch;
    watched->reading = false;
    alerts_answered(watched->alerts);
}

static void read_open(struct watched *watched) {
    struct alerts *alerts = watched->alerts;
    if (watched->reading)
        return;
    watched->reading = true;
    watched->batch = 0;
    alerts->calls++;
    ledger_open(
        alerts->store, watched->pipeline, clock_now_ms(&alerts->clock), watched->from, on_open, watched);
}

/* What waits for the webhook may be over before it was told: then neither is told. */
static void look_at_unsent(struct watched *watched) {
    for (const struct notice *notice = watched->alerts->sending.first; notice; notice = notice->next)
        if (notice->pipeline == watched->pipeline && notice->group > 0 && !notice->resolved)
            look_at(watched, ORIGIN_TOLD, notice->cause);
}

/* --- Backfill's sum ------------------------------------------------------------------------------------- */

/* A sum that is told when it is known what its first waits for. */
struct summing {
    struct watched *watched;
    struct alert_sum sum; /* without its text */
    game_date date;
    int group;
};

static void on_first_look(void *context, struct result result, const struct alert_look *look) {
    struct summing *summing = context;
    struct watched *watched = summing->watched;
    char text[ALERT_TEXT_MAX], day[DATE_TEXT_MAX];
    words_backfill(watched->pipeline, &summing->sum, date_format(summing->date, day), summing->group,
        is_ok(result) ? look->waits_for : NULL, text);
    tell_claimed(watched, "backfill", false, text);
    free(summing);
    alerts_answered(watched->alerts);
}

/* Not told for lack of memory: its claim ends by itself. */
static void tell_sum(struct watched *watched, const struct alert_sum *sum) {
    struct alerts *alerts = watched->alerts;
    struct summing *summing = malloc(sizeof *summing);
    const char *kind = sum->first ? kind_of(sum->first) : NULL;
    if (!summing || !kind || !read_group(sum->first + strlen(kind) + 1, &summing->date, &summing->group)) {
        free(summing);
        return;
    }
    summing->watched = watched;
    summing->sum = *sum;
    summing->sum.first = NULL;
    alerts->calls++;
    ledger_look(
        alerts->store, watched->pipeline, summing->date, summing->group, kind, on_first_look, summing);
}

static void on_sum(void *context, struct result result, const struct alert_sum *sum) {
    struct watched *watched = context;
    note_failure(watched->alerts, result);
    if (is_ok(result) && sum->due == ALERT_DUE_TELL)
        tell_sum(watched, sum);
    else if (is_ok(result) && sum->due == ALERT_DUE_OVER)
        tell_claimed(watched, "backfill", true, "backfill: no group is stalled or failed any more");
    alerts_answered(watched->alerts);
}

static void read_sum(struct watched *watched) {
    struct alerts *alerts = watched->alerts;
    alerts->calls++;
    ledger_sum(
        alerts->store, watched->pipeline, moment_of(alerts), alerts->settings.gather_ms, on_sum, watched);
}

/* --- The quarantine ------------------------------------------------------------------------------------- */

static void on_quarantine(void *context, struct result result, const struct alert_quarantine *quarantine) {
    struct watched *watched = context;
    char text[ALERT_TEXT_MAX];
    note_failure(watched->alerts, result);
    if (is_ok(result) && quarantine->due == ALERT_DUE_TELL) {
        words_quarantine(watched->pipeline, quarantine, watched->alerts->settings.period_ms, text);
        tell_claimed(watched, alert_kind_name(ALERT_QUARANTINE), false, text);
    } else if (is_ok(result) && quarantine->due == ALERT_DUE_OVER) {
        snprintf(text, sizeof text, "no message was put into quarantine any more; %d are there",
            quarantine->total);
        tell_claimed(watched, alert_kind_name(ALERT_QUARANTINE), true, text);
    }
    alerts_answered(watched->alerts);
}

static void read_quarantine(struct watched *watched) {
    struct alerts *alerts = watched->alerts;
    if (alerts->settings.quarantined == 0 || alerts->settings.off[ALERT_QUARANTINE])
        return;
    alerts->calls++;
    ledger_quarantine(alerts->store, watched->pipeline, moment_of(alerts), alerts->settings.quarantined,
        on_quarantine, watched);
}

/* --- All of it ------------------------------------------------------------------------------------------ */

void alerts_sweep(struct alerts *alerts) {
    if (!alerts || alerts->draining || !alerts->store || !store_is_ready(alerts->store))
        return;
    if (alerts->dropped > 0)
        log_error(&alerts->log, "%zu alerts were dropped: too many at once", alerts->dropped);
    alerts->dropped = 0;
    notices_submit(alerts);
    notices_keep(alerts);
    for (int i = 0; i < alerts->watched_count; i++) {
        read_open(&alerts->watched[i]);
        look_at_unsent(&alerts->watched[i]);
        read_sum(&alerts->watched[i]);
        read_quarantine(&alerts->watched[i]);
    }
}
