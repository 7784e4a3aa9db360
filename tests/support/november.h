/*
 * The state of November 2021 as it was found, from deploy/demo/nov2021_row_counts.csv: sixteen dates, of
 * which one is whole, one had no games, and fourteen have Phase 3 tables without rows. It is built by hand,
 * without a store, for tests of what people are shown.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_NOVEMBER_H
#define PHASEGATE_TESTS_SUPPORT_NOVEMBER_H

#include "state/reader.h"

enum { NOVEMBER_DATES = 16 };

/* 2021-12-04 18:00:00 UTC: when the last completion arrived. */
#define NOVEMBER_NOW_MS ((int64_t)1638640800000)

/*
 * Fills states, oldest first, from the file of row counts (SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv").
 * Counts of zero fall short; Phase 4 counts of dates that are held are premature, and their zeros were never
 * reported; 2021-11-15 is done, 2021-11-25 had no games.
 */
void november_states(const char *file_name, struct date_state states[NOVEMBER_DATES]);

#endif
