/*
 * Leaving out a test that needs something which is not installed. In CI (environment CI=true) everything has
 * to be there, so that there a skip is a failure.
 */
#ifndef PHASEGATE_TESTS_SKIP_H
#define PHASEGATE_TESTS_SKIP_H

#include "base/result.h"

/* Ends the running cmocka test as skipped, or in CI as failed, with the reason. Does not return. */
void skip_unless_ci(const char *reason);

/* What a server's start came to: skips when it is not installed (CODE_NOT_FOUND), fails the test when it is
 * not ok. */
void require_started(struct result started);

#endif
