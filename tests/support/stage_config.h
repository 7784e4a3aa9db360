/* The built-in configuration with a few lines of its own, as text. */
#ifndef PHASEGATE_TESTS_SUPPORT_STAGE_CONFIG_H
#define PHASEGATE_TESTS_SUPPORT_STAGE_CONFIG_H

#include "support/stage.h"

#include <stdio.h>

/*
 * The store at this url ("": embedded), Redis Streams on it, and the built-in pipeline with these settings
 * and this cap in each group (0: the default). The caller frees it.
 */
char *stage_config_yaml(const char *url, int backfill_cap, const struct stage_setting *settings);

/* Its last part, the pipelines, written to the file. */
void stage_config_pipelines(FILE *file, int backfill_cap, const struct stage_setting *settings);

#endif
