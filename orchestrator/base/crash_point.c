#include "base/crash_point.h"

#ifdef PHASEGATE_CRASH_POINTS

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[CRASH_POINT_COUNT] = {
#define CRASH_POINT_NAME(name, lost) [CRASH_POINT_##name] = #name,
    CRASH_POINTS(CRASH_POINT_NAME)
#undef CRASH_POINT_NAME
};

/* Is the point the one that was asked for? Then *times says at which time it is to be. */
static bool is_asked_for(enum crash_point point, int *times) {
    const char *wish = getenv("PHASEGATE_CRASH_POINT");
    size_t length = wish ? strcspn(wish, ":") : 0;
    if (length == 0 || strlen(names[point]) != length || strncmp(wish, names[point], length) != 0)
        return false;
    *times = wish[length] == ':' ? atoi(wish + length + 1) : 1;
    return true;
}

void crash_point_reached(enum crash_point point) {
    static int reached[CRASH_POINT_COUNT];
    int times;
    if (!is_asked_for(point, &times) || ++reached[point] != times)
        return;
    dprintf(STDERR_FILENO, "crash point %s\n", names[point]);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

#endif
