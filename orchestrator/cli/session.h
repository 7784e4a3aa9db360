/*
 * For commands that change something: a loop of their own, with the bus and the store on it, behind calls
 * that wait until it is done. Both are opened when they are first needed. Every wait has a deadline; then, or
 * when the other side is away, the result is CODE_UNAVAILABLE.
 */
#ifndef PHASEGATE_CLI_SESSION_H
#define PHASEGATE_CLI_SESSION_H

#include "cli/setup.h"
#include "core/message.h"
#include "state/store.h"

struct session;

enum { SESSION_ID_MAX = 256 };

/* verbose: log on standard error what bus and store do; else only what went wrong. setup outlives it. */
struct result session_open(const struct setup *setup, bool verbose, struct session **session) MUST_CHECK;

/* The loop that everything is on; the log that goes with it. */
uv_loop_t *session_loop(struct session *session);
const struct log *session_log(const struct session *session);

/* The session's own bus and store, opened and ready, for whatever has no call of its own here. */
struct result session_bus(struct session *session, struct bus **bus) MUST_CHECK;
struct result session_store(struct session *session, struct store **store) MUST_CHECK;

/* Runs the loop until *done, or for so long; says whether it is done. */
bool session_run(struct session *session, const bool *done, int64_t ms);

/* Publishes and waits for the bus's confirmation; message_id is the bus's. */
struct result session_publish(struct session *session, const char *topic, const struct message *message,
    char message_id[SESSION_ID_MAX]) MUST_CHECK;

/* Removes an entry from the quarantine. */
struct result session_quarantine_drop(
    struct session *session, const struct pipeline *pipeline, const char *id) MUST_CHECK;

/* Closes bus and store and waits for that; sets the pointer to NULL; safe on NULL. */
void session_close(struct session **session);

#endif
