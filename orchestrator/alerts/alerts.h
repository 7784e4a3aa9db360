/*
 * Alerts: what an operator has to hear of at night, sent to a webhook. Whoever finds a cause (a stall, a
 * failed group, a store that forgot) raises it and says when it is over; that each cause is told once in a
 * period, by one of all replicas and over restarts, that its end is told only if it was, and that a
 * backfill's many causes become one message, is looked after here.
 *
 * On the loop's thread; nothing blocks and nothing fails: whatever the webhook or the store does, the caller
 * goes on at once. Without a webhook there are no alerts: every function takes NULL, and does nothing.
 */
#ifndef PHASEGATE_ALERTS_ALERTS_H
#define PHASEGATE_ALERTS_ALERTS_H

#include "core/pipeline.h"

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
    bool backfill;                   /* summed up with others of the pipeline's backfill */
    const char *text; /* sentences for a person: what, since when, what it waits for, the command to look */
};

/* "stall", "failed" …: as in the configuration and in messages. */
const char *alert_kind_name(enum alert_kind kind);

/* The cause is there; as often as the caller likes. Everything is copied. */
void alerts_raise(struct alerts *alerts, const struct alert *alert);

/* The cause is over, if it ever was there; text says how it ended. */
void alerts_resolve(struct alerts *alerts, enum alert_kind kind, const struct pipeline *pipeline,
    const char *subject, const char *text);

#endif
