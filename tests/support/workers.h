/*
 * The processors of Phase 4 as they really are: they take a moment. Each trigger that is handed to them is
 * answered, by the player, when the work time of its group has passed. Of backfill triggers they count what
 * is in hand: published to them and not answered yet. Each of those has its slot, so that there must never be
 * more of them than the cap.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_WORKERS_H
#define PHASEGATE_TESTS_SUPPORT_WORKERS_H

#include "support/player.h"

struct workers;

/* dates: how many the player plays. work_ms: of groups 1 to 4. They work while the player runs. */
struct workers *workers_new(struct player *player, size_t dates, const int work_ms[PLAYER_GROUPS]);

/* Before player_free; safe on NULL. */
void workers_free(struct workers **workers);

/* A trigger has come for the first time: what a player_sight hands on. */
void workers_take(struct workers *workers, game_date date, int group);

/* While they are held, no backfill trigger is answered; live ones are. */
void workers_hold(struct workers *workers, bool held);

/* Backfill triggers of group 1 to 4 in hand: now, and at most so far. */
size_t workers_in_hand(const struct workers *workers, int group);
size_t workers_most(const struct workers *workers, int group);

#endif
