/*
 * Posting to one address over HTTP, on the loop: the only place that knows libcurl. One post at a time, a new
 * connection each. Certificates are verified, redirections are not followed, and only http and https are
 * spoken.
 *
 * The address is a secret: nothing that comes back has more of it than the host's name.
 */
#ifndef PHASEGATE_ALERTS_HTTP_H
#define PHASEGATE_ALERTS_HTTP_H

#include "base/result.h"

#include <stdint.h>
#include <uv.h>

struct http;

enum { HTTP_TIMEOUT_MS = 10000 };

struct http_answer {
    int status;             /* of HTTP; 0: none came, and failure says why */
    int64_t retry_after_ms; /* what the server asks to wait; 0: it does not say */
    const char *failure;    /* valid during the call; NULL when there is a status */
};

typedef void http_answered_fn(void *context, const struct http_answer *answer);

/*
 * CODE_INVALID unless it is an https address, or an http one of this machine itself, since anywhere else it
 * could be read on its way. Never shows it.
 */
struct result http_check(const char *url) MUST_CHECK;

/* For an address that has passed the check; it is copied. CODE_REFUSED when this libcurl would block the
 * loop. From here on the process ignores SIGPIPE, unless it has a handler for it. */
struct result http_open(uv_loop_t *loop, const char *url, struct http **http) MUST_CHECK;

/* Posts JSON, which has to live until answered is called: once, never within this call. None may be under
 * way. */
void http_post(struct http *http, const char *json, http_answered_fn *answered, void *context);

/* What is under way is given up without an answer; closed is called when the last handle has left the loop.
 */
void http_close(struct http *http, void (*closed)(void *context), void *context);

#endif
