#include "support/loop.h"

#include "support/check.h"
#include "support/patience.h"
#include "support/standstill.h"

#include <poll.h>
#include <stdio.h>

enum { TURN_MS = 10, CLOSE_DEADLINE_MS = 10000 };

static int64_t monotonic_ms(void) {
    return (int64_t)(uv_hrtime() / 1000000);
}

/* One turn of at most wait_ms. A timer in the loop would do too, but would itself be a handle of the loop. */
static void turn(uv_loop_t *loop, int wait_ms) {
    int timeout = uv_backend_timeout(loop);
    if (timeout < 0 || timeout > wait_ms)
        timeout = wait_ms;
    struct pollfd backend = {.fd = uv_backend_fd(loop), .events = POLLIN};
    if (timeout > 0) {
        int64_t begun = monotonic_ms();
        poll(&backend, 1, timeout);
        standstill_note(monotonic_ms() - begun, timeout);
    }
    uv_run(loop, UV_RUN_NOWAIT);
}

static bool holds_within(uv_loop_t *loop, loop_condition *condition, void *context, int duration_ms) {
    int64_t end = monotonic_ms() + duration_ms;
    while (!condition(context)) {
        if (monotonic_ms() >= end)
            return false;
        turn(loop, TURN_MS);
    }
    return true;
}

void loop_until(
    uv_loop_t *loop, loop_condition *condition, void *context, int deadline_ms, const char *waited_for) {
    deadline_ms = patient_ms(deadline_ms);
    if (!holds_within(loop, condition, context, deadline_ms))
        fail_msg("after %d ms still waiting for: %s", deadline_ms, waited_for);
}

static bool flag_is_true(void *context) {
    return *(const bool *)context;
}

void loop_until_true(uv_loop_t *loop, const bool *flag, int deadline_ms, const char *waited_for) {
    loop_until(loop, flag_is_true, (void *)flag, deadline_ms, waited_for);
}

void loop_never(
    uv_loop_t *loop, loop_condition *condition, void *context, int duration_ms, const char *what_happened) {
    if (holds_within(loop, condition, context, duration_ms))
        fail_msg("must not happen: %s", what_happened);
}

static bool is_idle(void *context) {
    return !uv_loop_alive(context);
}

void loop_close(uv_loop_t *loop) {
    if (!holds_within(loop, is_idle, loop, patient_ms(CLOSE_DEADLINE_MS)))
        uv_print_all_handles(loop, stderr);
    int status = uv_loop_close(loop);
    if (status != 0)
        fail_msg("handles are left on the loop: %s", uv_strerror(status));
}
