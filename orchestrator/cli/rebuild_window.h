/*
 * Calls of the store, many at a time and answered in order, for a command that waits for them: send while
 * there is room, then wait for all. The first failure stays.
 */
#ifndef PHASEGATE_CLI_REBUILD_WINDOW_H
#define PHASEGATE_CLI_REBUILD_WINDOW_H

#include "cli/session.h"

struct window {
    struct session *session;
    size_t under_way;
    bool answered; /* something was, since it was last looked at */
    struct result failure;
};

/* Before a call: waits until there is room; false when there was a failure, and nothing more is to be sent.
 */
bool window_room(struct window *window);

/* A call was answered. */
void window_answered(struct window *window, struct result result);

/* Waits for all answers; the first failure there was. */
struct result window_finish(struct window *window) MUST_CHECK;

#endif
