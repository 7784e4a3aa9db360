/*
 * Runs a uv loop for a test: until something holds, or the deadline passes and the test fails. No test
 * sleeps.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_LOOP_H
#define PHASEGATE_TESTS_SUPPORT_LOOP_H

#include <stdbool.h>
#include <uv.h>

/* Asked again after every turn of the loop, and at least every 10 ms. */
typedef bool loop_condition(void *context);

/* Runs the loop until the condition holds; fails the test, naming what was waited for, after deadline_ms
 * times the factor of support/patience.h. */
void loop_until(
    uv_loop_t *loop, loop_condition *condition, void *context, int deadline_ms, const char *waited_for);

/* loop_until for a bool that some callback sets. */
void loop_until_true(uv_loop_t *loop, const bool *flag, int deadline_ms, const char *waited_for);

/* Runs the loop for duration_ms; fails the test as soon as the condition holds: for what must not happen. */
void loop_never(
    uv_loop_t *loop, loop_condition *condition, void *context, int duration_ms, const char *what_happened);

/* Runs the loop until no handle is left, and closes it; fails the test, naming the handles, after 10 seconds.
 */
void loop_close(uv_loop_t *loop);

#endif
