/*
 * What alerts say: one line each, for somebody who was asleep: what, which date and group, what it waits for,
 * since when, and the command to look. Pure functions; each writes ALERT_TEXT_MAX bytes at most, as UTF-8 in
 * one line.
 */
#ifndef PHASEGATE_ALERTS_WORDS_H
#define PHASEGATE_ALERTS_WORDS_H

#include "alerts/alerts.h"
#include "state/alert_ledger.h"

/* "phasegate nba: …", and "resolved: " before what is over. */
void words_message(
    const struct pipeline *pipeline, bool resolved, const char *said, char text[ALERT_TEXT_MAX]);

/* A group that stalled or failed; and how that ended. */
void words_stall(const struct pipeline *pipeline, game_date date, int group, const struct alert_look *look,
    char text[ALERT_TEXT_MAX]);
void words_failed(const struct pipeline *pipeline, game_date date, int group, const struct alert_look *look,
    char text[ALERT_TEXT_MAX]);
void words_over(enum alert_kind kind, game_date date, int group, const struct alert_look *look,
    char text[ALERT_TEXT_MAX]);

/* The sum of a backfill, with the group of its oldest date; waits_for is NULL where that is not known. */
void words_backfill(const struct pipeline *pipeline, const struct alert_sum *sum, const char *first,
    int group, const char *waits_for, char text[ALERT_TEXT_MAX]);

void words_quarantine(const struct pipeline *pipeline, const struct alert_quarantine *quarantine,
    int64_t period_ms, char text[ALERT_TEXT_MAX]);

void words_outbox(const struct pipeline *pipeline, size_t waiting, const char *oldest, int64_t since_ms,
    int64_t now_ms, char text[ALERT_TEXT_MAX]);

#endif
