/* A store that has been at work for long: months of the nba pipeline that are known, and in which nothing
 * waits. */
#ifndef PHASEGATE_TESTS_SUPPORT_RESTING_MONTHS_H
#define PHASEGATE_TESTS_SUPPORT_RESTING_MONTHS_H

#include "core/date.h"
#include "support/redis_server.h"

/* So many months, the first of them that of date. */
void resting_months_add(struct redis_server *server, game_date date, int count);

#endif
