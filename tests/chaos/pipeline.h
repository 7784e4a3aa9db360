/*
 * The pipelines of a chaos run: nba, and one with nba's processors and groups whose groups need upstream
 * only. In nba each group needs the members of the one before, so that needs alone keep the order; in the
 * other one nothing keeps it but the rule that a group waits until the one before is done.
 */
#ifndef PHASEGATE_TESTS_CHAOS_PIPELINE_H
#define PHASEGATE_TESTS_CHAOS_PIPELINE_H

#include "core/pipeline.h"

enum { CHAOS_GROUPS = 4 };

struct chaos_pipeline {
    struct pipeline pipeline; /* without a definition: that is for the daemons to make */
    struct group groups[CHAOS_GROUPS];
};

/* It refers to itself: made where it stays. */
void chaos_pipeline_make(struct chaos_pipeline *made, bool upstream_only);

/* Its groups as the configuration has them; the caller frees it. */
char *chaos_pipeline_groups(const struct pipeline *pipeline);

#endif
