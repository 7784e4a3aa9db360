/* Retrying and dropping quarantined messages, one at a time. */
#ifndef PHASEGATE_CLI_QUARANTINE_WORK_H
#define PHASEGATE_CLI_QUARANTINE_WORK_H

#include "cli/lookup.h"
#include "cli/session.h"

struct quarantine_work {
    struct lookup *lookup;
    struct session *session;
    bool retry; /* else drop */
};

struct quarantine_outcome {
    const char *id;
    enum { OUTCOME_RETRIED, OUTCOME_DROPPED, OUTCOME_KEPT, OUTCOME_MISSING } kind;
    char text[RESULT_TEXT_MAX]; /* retried: the new message id; kept, missing: why */
};

/*
 * Retries or drops one message. It is CODE_UNAVAILABLE when bus or store are away; whatever else hinders is
 * an outcome: the message is kept, or was not there, and the next one may do better. A retried message is
 * taken out of quarantine only when the bus has confirmed it; a failure in between leaves it in both places,
 * which is harmless.
 */
struct result quarantine_work_on(
    struct quarantine_work *work, const char *id, struct quarantine_outcome *outcome) MUST_CHECK;

/* The message that an entry keeps: the entry's memory. */
struct message quarantine_message(const struct quarantined *entry);

#endif
