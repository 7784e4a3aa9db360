#include "support/await.h"

#include "support/patience.h"

#include <poll.h>
#include <stdint.h>
#include <time.h>

enum { STEP_MS = 20 };

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool await_until(bool (*ready)(void *context), void *context, int timeout_ms) {
    int64_t deadline = monotonic_ms() + patient_ms(timeout_ms);
    while (!ready(context)) {
        if (monotonic_ms() >= deadline)
            return false;
        poll(NULL, 0, STEP_MS);
    }
    return true;
}
