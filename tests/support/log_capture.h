/* A log that a test can read: what was written, and how often something was said. */
#ifndef PHASEGATE_TESTS_SUPPORT_LOG_CAPTURE_H
#define PHASEGATE_TESTS_SUPPORT_LOG_CAPTURE_H

#include "base/log.h"

#include <stddef.h>

struct log_capture {
    struct log_sink sink; /* of all severities, as text */
    struct log log;
};

/* Opens the log; it must not be moved afterwards. */
void log_capture_open(struct log_capture *capture);

/* How many lines contain the part; part may be NULL for all lines. */
size_t log_capture_count(const struct log_capture *capture, const char *part);

/* Shows what was logged, for a failed test. */
void log_capture_print(const struct log_capture *capture);

void log_capture_close(struct log_capture *capture);

#endif
