#include "chaos/pipeline.h"

#include "support/check.h"
#include "support/nba.h"

#include <stdio.h>

/* Group 1 keeps all of upstream, so that every re-run begins with it. */
void chaos_pipeline_make(struct chaos_pipeline *made, bool upstream_only) {
    const struct pipeline *nba = nba_pipeline();
    made->pipeline = *nba;
    made->pipeline.groups = made->groups;
    made->pipeline.definition = NULL;
    for (int g = 0; g < CHAOS_GROUPS; g++) {
        made->groups[g] = nba->groups[g];
        if (upstream_only)
            made->groups[g].needs &= nba->upstream;
    }
}

static void write_names(FILE *file, const struct pipeline *pipeline, const char *key, processor_set set) {
    const char *separator = "";
    fprintf(file, "%s: [", key);
    for (int p = 0; p < pipeline->processor_count; p++) {
        if (!(set >> p & 1))
            continue;
        fprintf(file, "%s%s", separator, pipeline->processors[p].name);
        separator = ", ";
    }
    fputc(']', file);
}

char *chaos_pipeline_groups(const struct pipeline *pipeline) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        fail_msg("out of memory");
    for (int g = 0; g < pipeline->group_count; g++) {
        write_names(file, pipeline, "\n      - processors", pipeline->groups[g].members);
        write_names(file, pipeline, "\n        needs", pipeline->groups[g].needs);
    }
    fclose(file);
    return text;
}
