#include "cli/completion_topic.h"

const char *completion_topic(const struct pipeline *pipeline, int group) {
    if (pipeline->completion_count == 0)
        return NULL;
    return pipeline->completions[group > 0 ? pipeline->completion_count - 1 : 0].topic;
}
