/*
 * The check of the demo: it listens to the trigger topic on its own, sees every trigger that anybody sees,
 * and says whether the promises were kept. It knows nothing of the store.
 */
#ifndef PHASEGATE_CLI_DEMO_CHECK_H
#define PHASEGATE_CLI_DEMO_CHECK_H

#include "bus/bus.h"
#include "cli/demo_story.h"
#include "cli/term.h"

struct check;

struct result check_start(
    struct bus *bus, const struct story *story, const struct source *source, struct check **check) MUST_CHECK;

/* How many triggers have come out so far. */
int check_triggers(const struct check *check);

/* Prints the summary; true when everything held. */
bool check_report(const struct check *check, const struct term *term, FILE *out);

/* When the bus has been closed. Safe on NULL. */
void check_free(struct check **check);

#endif
