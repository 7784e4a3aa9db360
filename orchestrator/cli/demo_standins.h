/*
 * Stand-ins for the Phase 4 processors: they take the triggers off the bus as real processors do, work for a
 * moment, and publish their completions. On the loop's thread.
 */
#ifndef PHASEGATE_CLI_DEMO_STANDINS_H
#define PHASEGATE_CLI_DEMO_STANDINS_H

#include "bus/bus.h"
#include "cli/demo_story.h"

struct standins;

/* Starts listening, in a subscription of their own, which must exist. Each "works" for about work_ms. */
struct result standins_start(uv_loop_t *loop, struct bus *bus, const struct story *story,
    const struct source *source, int work_ms, struct standins **standins) MUST_CHECK;

/* Before the bus is closed: what is at work is given up. Frees all; run the loop until its handles are gone.
 */
void standins_stop(struct standins *standins);

/* When the bus has been closed. Safe on NULL. */
void standins_free(struct standins **standins);

#endif
