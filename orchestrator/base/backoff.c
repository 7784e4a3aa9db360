#include "base/backoff.h"

#include <sys/random.h>

uint64_t backoff_next_ms(struct backoff *backoff) {
    uint64_t step = backoff->first_ms;
    for (unsigned i = 0; i < backoff->failures && step < backoff->max_ms; i++)
        step *= 2;
    if (step > backoff->max_ms)
        step = backoff->max_ms;
    backoff->failures++;
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return step;
    return step - random % (step / 2 + 1);
}
