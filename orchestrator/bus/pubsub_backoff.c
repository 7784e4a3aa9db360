#include "bus/pubsub_backoff.h"

#include <uv.h>

uint64_t pubsub_backoff_next(struct pubsub_backoff *backoff, uint32_t random) {
    uint64_t step = backoff->step_ms == 0 ? backoff->least_ms : 2 * (uint64_t)backoff->step_ms;
    if (step > backoff->most_ms)
        step = backoff->most_ms;
    backoff->step_ms = (uint32_t)step;
    uint64_t half = step / 2;
    return step - half + random % (half + 1);
}

uint32_t pubsub_random(void) {
    uint32_t random;
    if (uv_random(NULL, NULL, &random, sizeof random, 0, NULL) != 0)
        random = (uint32_t)uv_hrtime();
    return random;
}
