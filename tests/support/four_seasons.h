/* The dates of four seasons, as a backfill of years has them: 918, with the real first dates and with off
 * days. */
#ifndef PHASEGATE_TESTS_SUPPORT_FOUR_SEASONS_H
#define PHASEGATE_TESTS_SUPPORT_FOUR_SEASONS_H

#include "core/date.h"

enum { FOUR_SEASONS_DATES = 918 };

/* Oldest first. */
void four_seasons_dates(game_date dates[FOUR_SEASONS_DATES]);

#endif
