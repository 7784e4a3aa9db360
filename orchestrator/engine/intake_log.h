/* What the intake says in the log of that which the store answered. */
#ifndef PHASEGATE_ENGINE_INTAKE_LOG_H
#define PHASEGATE_ENGINE_INTAKE_LOG_H

#include "base/log.h"
#include "state/store.h"

/* What a completion has changed; as it arrived at debug. */
void log_applied(const struct log *feed_log, const struct pipeline *pipeline, const char *message_id,
    const struct completion *completion, const struct applied *applied);

/* What the quarantine has let go, if anything. */
void log_quarantine_drops(
    const struct log *log, struct quarantine_limits limits, const struct quarantine_drops *drops);

/* The completion answers a trigger that this store never decided: another one did, or it was forgotten before
 * anybody remembered anything of it. */
void log_undecided(
    const struct log *feed_log, const struct pipeline *pipeline, const struct completion *completion);

#endif
