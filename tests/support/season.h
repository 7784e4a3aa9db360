/*
 * Many finished dates, as production would leave them: execution ids are UUIDs, correlation ids have 20
 * bytes, every trigger is confirmed and every processor done. For what the store costs.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_SEASON_H
#define PHASEGATE_TESTS_SUPPORT_SEASON_H

#include "support/store_harness.h"

/* Calm: nothing goes wrong. Eventful: three completions come twice, and two processors fail once before they
 * succeed, with an error message of 68 bytes. */
enum season_kind { SEASON_CALM, SEASON_EVENTFUL };

/* Brings one date to its end; number makes its ids differ from other dates'. The pipeline is nba's, by shape.
 */
void season_date(struct store_harness *harness, const struct pipeline *pipeline, game_date date, int number,
    enum season_kind kind);

/* What Redis says the date's own keys take, MEMORY USAGE of hash and history, every element looked at. */
long long season_date_bytes(struct store_harness *harness, const struct pipeline *pipeline, game_date date);

#endif
