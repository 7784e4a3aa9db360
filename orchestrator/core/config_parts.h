/* What a struct config is made of, for config.c, which reads it, and config_show.c, which prints it. */
#ifndef PHASEGATE_CORE_CONFIG_PARTS_H
#define PHASEGATE_CORE_CONFIG_PARTS_H

#include "core/config.h"
#include "core/config_settings.h"

/* Where a value came from. */
struct origin {
    int line;             /* in the file; 0: not from there */
    const char *variable; /* of the environment; NULL: not from there */
};

struct config {
    struct arena *arena; /* holds everything below */
    const char *name;    /* the file's, without control characters */
    struct config_values values;
    struct origin origins[CONFIG_SETTINGS]; /* as config_settings; neither line nor variable: the default */
    struct pipeline *pipelines;
    int *pipeline_lines;
    int pipeline_count;
};

#endif
