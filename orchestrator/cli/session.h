/*
 * For commands that change something: a loop of their own, with the bus and the store on it, behind calls
 * that wait until it is done. Both are opened when they are first needed. Every wait has a deadline; then, or
 * when the other side is away, the result is CODE_UNAVAILABLE.
 */
#ifndef PHASEGATE_CLI_SESSION_H
#define PHASEGATE_CLI_SESSION_H

#include "cli/setup.h"
#include "core/message.h"

struct session;

enum { SESSION_ID_MAX = 256 };

/* verbose: log on standard error what bus and store do; else only what went wrong. setup outlives it. */
struct result session_open(const struct setup *setup, bool verbose, struct session **session) MUST_CHECK;

/* Publishes and waits for the bus's confirmation; message_id is the bus's. */
struct result session_publish(struct session *session, const char *topic, const struct message *message,
    char message_id[SESSION_ID_MAX]) MUST_CHECK;

/* Removes an entry from the quarantine. */
struct result session_quarantine_drop(
    struct session *session, const struct pipeline *pipeline, const char *id) MUST_CHECK;

/* Closes bus and store and waits for that; sets the pointer to NULL; safe on NULL. */
void session_close(struct session **session);

#endif
