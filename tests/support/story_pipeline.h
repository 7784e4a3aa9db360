/* Pipelines of random shape for random histories. */
#ifndef PHASEGATE_TESTS_SUPPORT_STORY_PIPELINE_H
#define PHASEGATE_TESTS_SUPPORT_STORY_PIPELINE_H

#include "core/pipeline.h"
#include "support/dice.h"

/* Valid by the configuration's rules; it lives in the arena. NULL when that is full. */
const struct pipeline *story_pipeline(struct dice *dice, struct arena *arena);

#endif
