/*
 * Time, behind an interface: the engine and the store client ask a clock, so that tests decide what time it
 * is. All times are milliseconds since 1970-01-01 UTC, as int64_t, with names that end in _ms.
 */
#ifndef PHASEGATE_BASE_CLOCK_H
#define PHASEGATE_BASE_CLOCK_H

#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*now_ms)(void *context);
    void *context;
};

/* The system's real-time clock. */
struct clock clock_system(void);

/*
 * Milliseconds since the machine was started: never set, and it goes on while the process is stopped or the
 * machine sleeps. For reckoning how long ago something was.
 */
struct clock clock_uptime(void);

static inline int64_t clock_now_ms(const struct clock *clock) {
    return clock->now_ms(clock->context);
}

enum { TIMESTAMP_TEXT_MAX = 32 };

/*
 * Reads a timestamp as publishers write it: RFC 3339, also with a space for the T, any number of fraction
 * digits, and without a zone (Python's utcnow().isoformat()), which means UTC; in years 0000 to 9999 of UTC.
 * CODE_INVALID says what was expected.
 */
struct result timestamp_parse(const char *text, int64_t *ms) MUST_CHECK;

/* "2025-12-04T18:47:30.512Z" into text; returns text. Times outside the years 0000 to 9999 become the first
 * or last moment within. */
char *timestamp_format(int64_t ms, char text[TIMESTAMP_TEXT_MAX]);

#endif
