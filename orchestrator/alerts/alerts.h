/*
 * Alerts: what an operator has to hear of at night, sent to a webhook. Whoever finds a cause (a stall, a
 * failed group, a store that forgot) raises it and says when it is over; that each cause is told once in a
 * period, by one of all replicas and over restarts, that its end is told only if it was, and that a
 * backfill's many causes become one message, is looked after here and in the store's ledger
 * (state/alert_ledger.h).
 *
 * On the loop's thread; nothing blocks and nothing fails: whatever the webhook or the store does, the caller
 * goes on at once. Without a webhook there are no alerts: every function takes NULL, and does nothing.
 */
#ifndef PHASEGATE_ALERTS_ALERTS_H
#define PHASEGATE_ALERTS_ALERTS_H

#include "base/clock.h"
#include "base/log.h"
#include "core/pipeline.h"
#include "state/store.h"

struct alerts;

enum alert_kind {
    ALERT_STALL,      /* a deadline passed */
    ALERT_FAILED,     /* a group failed */
    ALERT_QUARANTINE, /* messages that could not be understood */
    ALERT_EPOCH,      /* the store came back empty or older than it was */
    ALERT_OUTBOX,     /* triggers that do not get out */
};

enum { ALERT_KINDS = ALERT_OUTBOX + 1 };

enum { ALERT_SUBJECT_MAX = 40, ALERT_TEXT_MAX = 600 }; /* bytes with the NUL; what is longer is cut */

/* One cause: kind, pipeline and subject name it. */
struct alert {
    enum alert_kind kind;
    const struct pipeline *pipeline; /* outlives the alerts */
    const char *subject;             /* "2021-11-17/g2"; NULL or "" for the pipeline as a whole */
    bool backfill;    /* of a stall or failure: summed up with others of the pipeline's backfill */
    const char *text; /* sentences for a person: what, since when, what it waits for, the command to look */
};

/* "stall", "failed" …: as in the configuration and in messages. */
const char *alert_kind_name(enum alert_kind kind);

/* The cause is there; as often as the caller likes. Everything is copied. */
void alerts_raise(struct alerts *alerts, const struct alert *alert);

/* The cause is over, if it ever was there; text says how it ended. */
void alerts_resolve(struct alerts *alerts, enum alert_kind kind, const struct pipeline *pipeline,
    const char *subject, const char *text);

/* --- What is looked up before it is told ---------------------------------------------------------------- */

/* ALERT_STALL or ALERT_FAILED of a group, just now: what it waits for, since when, and whether it is of
 * backfill is asked of the store. That it is over is found out by alerts_sweep. */
void alerts_group(
    struct alerts *alerts, enum alert_kind kind, const struct pipeline *pipeline, game_date date, int group);

/* So many triggers wait in the pipeline's outbox, and the oldest (its outbox field) has waited too long,
 * since then; 0: none has. */
void alerts_outbox(struct alerts *alerts, const struct pipeline *pipeline, size_t waiting, const char *oldest,
    int64_t since_ms);

/* Seconds that a trigger may wait in the outbox; 0: for ever. */
int alerts_outbox_age(const struct alerts *alerts);

/* To be called every few seconds: what is over, what a dead replica left, backfill's sum, the quarantine. */
void alerts_sweep(struct alerts *alerts);

/* --- Life ----------------------------------------------------------------------------------------------- */

struct alerts_settings {
    const char *webhook;  /* has passed http_check */
    const char *template; /* has passed body_check */
    int64_t period_ms;
    int64_t gather_ms;
    int outbox_age;  /* seconds; 0: never */
    int quarantined; /* messages; 0: never */
    bool off[ALERT_KINDS];
};

/* The settings' texts outlive the alerts, and so does log. */
struct result alerts_open(uv_loop_t *loop, struct clock clock, const struct log *log,
    const struct alerts_settings *settings, struct alerts **alerts) MUST_CHECK;

/* From here on they use this store, and look after these pipelines, which outlive them. Until then causes
 * wait. */
void alerts_attach(
    struct alerts *alerts, struct store *store, const struct pipeline *const *pipelines, int pipeline_count);

/*
 * The store is about to be closed. What waits for the webhook is tried once more, for within_ms at most; then
 * drained is called, maybe within this call, and always for NULL: from there on they use the store no more.
 */
void alerts_drain(struct alerts *alerts, int within_ms, void (*drained)(void *context), void *context);

/* Says in the log what was not sent. closed is called when they have left the loop and are gone; for NULL
 * within this call. No call of the store may be under way. */
void alerts_close(struct alerts *alerts, void (*closed)(void *context), void *context);

#endif
