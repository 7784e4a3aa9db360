/* Waiting for a condition that no single process of the test answers for: asked again and again, with a
 * deadline. */
#ifndef PHASEGATE_TESTS_SUPPORT_AWAIT_H
#define PHASEGATE_TESTS_SUPPORT_AWAIT_H

#include <stdbool.h>

/* Asks ready(context) until it says true; false when it has not by timeout_ms, times the factor of
 * support/patience.h. */
bool await_until(bool (*ready)(void *context), void *context, int timeout_ms);

#endif
