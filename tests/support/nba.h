/* The pipeline nba of deploy/phasegate.yaml, built by hand, for tests that need a pipeline and no
 * configuration. */
#ifndef PHASEGATE_TESTS_SUPPORT_NBA_H
#define PHASEGATE_TESTS_SUPPORT_NBA_H

#include "core/pipeline.h"

/* Processor indexes: the order of deploy/phasegate.yaml. */
enum { PGS, UPGC, UTGC, TOGS, TDGS, PSZA, TDZA, PCF, PDC, MLFS, NBA_PROCESSORS };

/* The set of one processor. */
#define SET(index) ((processor_set)1 << (index))

/* Never changed and never freed. */
const struct pipeline *nba_pipeline(void);

#endif
