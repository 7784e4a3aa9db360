#include "alerts/alerts.h"

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

void alerts_raise(struct alerts *alerts, const struct alert *alert) {
    (void)alerts;
    (void)alert;
}

void alerts_resolve(struct alerts *alerts, enum alert_kind kind, const struct pipeline *pipeline,
    const char *subject, const char *text) {
    (void)alerts;
    (void)kind;
    (void)pipeline;
    (void)subject;
    (void)text;
}
