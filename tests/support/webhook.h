/*
 * A webhook for tests: a small HTTP server in a thread of its own, on loopback and a free port, that keeps
 * the bodies posted to it and answers as the test says. Written for this instead of taking libmicrohttpd,
 * which cannot hang before it has answered, or refuse connections for a while.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_WEBHOOK_H
#define PHASEGATE_TESTS_SUPPORT_WEBHOOK_H

#include <stddef.h>

struct webhook;

/* The part of the address that may be seen nowhere. */
#define WEBHOOK_SECRET "T024BE7LD-B0ZZ-s3cr3t"

/* Answers with status 200. */
struct webhook *webhook_open(void);

/* Ends the thread; safe on NULL. */
void webhook_close(struct webhook **webhook);

/* "http://127.0.0.1:PORT/services/SECRET" */
const char *webhook_url(const struct webhook *webhook);

/* From now on it answers with this status, and with Retry-After unless that is 0. */
void webhook_answer(struct webhook *webhook, int status, int retry_after_s);

/* From now on it answers with status 302, to there. */
void webhook_redirect(struct webhook *webhook, const char *to);

/* From now on it takes requests and does not answer; those are dropped when it answers again. */
void webhook_hang(struct webhook *webhook);

/* From now on nobody listens, until webhook_answer. */
void webhook_refuse(struct webhook *webhook);

/* Requests that came, however they were answered. */
size_t webhook_requests(struct webhook *webhook);

/* Bodies answered with 200 that contain the part; NULL: all. */
size_t webhook_count(struct webhook *webhook, const char *part);

/* Such a body, the newest that contains the part; valid until the webhook is closed. NULL when there is none.
 */
const char *webhook_body(struct webhook *webhook, const char *part);

#endif
