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
enum { LIBRARY_VERSION = 4 };

/* CODE_UNAVAILABLE: try again on the next connection; anything else needs a person. */
typedef void library_ready_fn(void *context, struct redis_link *link, struct result result);

/*
 * Checks, and loads if need be, over a connected link to one server; calls ready once. Several servers may be
 * looked after at the same time.
 */
void library_ensure(struct redis_link *link, const struct log *log, library_ready_fn *ready, void *context);

#endif
