/* Where a completion is published, so that the pipeline hears of it. */
#ifndef PHASEGATE_CLI_COMPLETION_TOPIC_H
#define PHASEGATE_CLI_COMPLETION_TOPIC_H

#include "core/pipeline.h"

/*
 * Completions of upstream processors (group 0) go to the first topic that the pipeline listens to, those of
 * groups to the last; NULL when it listens to none.
 */
const char *completion_topic(const struct pipeline *pipeline, int group);

#endif
