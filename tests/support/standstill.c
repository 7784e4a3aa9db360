#include "support/standstill.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long longest_ms;
static long long first_offset_ms;
static bool noted;

static long long clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Between the time of day and the time since the machine was started. */
static long long offset_ms(void) {
    return clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC);
}

void standstill_note(long long lasted_ms, int wanted_ms) {
    if (!noted)
        first_offset_ms = offset_ms();
    noted = true;
    if (lasted_ms - wanted_ms > longest_ms)
        longest_ms = lasted_ms - wanted_ms;
}

bool standstill_seen(char text[STANDSTILL_TEXT_MAX]) {
    long long put_on_ms = noted ? llabs(offset_ms() - first_offset_ms) : 0;
    text[0] = '\0';
    if (longest_ms >= STANDSTILL_MS)
        snprintf(text, STANDSTILL_TEXT_MAX, "the machine stood still for %lld ms", longest_ms);
    else if (put_on_ms >= STANDSTILL_MS)
        snprintf(text, STANDSTILL_TEXT_MAX, "the time of day was put on or back by %lld ms", put_on_ms);
    return text[0] != '\0';
}
