/*
 * Brings the function library (lua/) onto a server: loads it when it is missing or older, leaves it
 * when it is the same, and refuses when the server has a newer one, whose keys this binary would not
 * understand.
 */
#ifndef PHASEGATE_STATE_LIBRARY_H
#define PHASEGATE_STATE_LIBRARY_H

#include "base/log.h"
#include "redis/link.h"

/* The text of the files in lua/, built in. */
extern const char phasegate_lua[];

/* The same number as VERSION in lua/1-forms.lua. */
enum { LIBRARY_VERSION = 2 };

/* CODE_UNAVAILABLE: try again on the next connection; anything else needs a person. */
typedef void library_ready_fn(void *context, struct result result);

struct library {
    struct redis_link *link;
    const struct log *log;
    library_ready_fn *ready;
    void *context;
    long long found; /* version on the server; 0: none */
};

/*
 * Checks, and loads if need be, over a connected link; calls ready once. The library's fields are set by the
 * call; it lives until ready was called.
 */
void library_ensure(struct library *library, struct redis_link *link, const struct log *log,
    library_ready_fn *ready, void *context);

#endif
