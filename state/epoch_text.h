/* A noted loss as text: the form that the store keeps, and what people are told of it. */
#ifndef PHASEGATE_STATE_EPOCH_TEXT_H
#define PHASEGATE_STATE_EPOCH_TEXT_H

#include "state/epoch.h"

/* "older 1764502927104 1764502928000 1764502926000 2021-11,2021-12"; without months when there are none;
 * NULL, "" or what cannot be read is no loss. */
struct lost_epoch lost_epoch_parse(const char *text);

/* The word; FORGOTTEN_NOTHING for any other, or NULL. */
enum forgotten forgotten_parse(const char *word);

/* How many months were lost without the rest. */
size_t lost_epoch_months(const struct lost_epoch *lost);

enum { LOST_EPOCH_TEXT_MAX = 520, LOST_EPOCH_COMMAND_MAX = 160 };

/* "phasegate replay --pipeline nba --seek 2025-12-04T18:20:00.000Z --rebuild". Returns text. */
char *lost_epoch_command(
    const struct pipeline *pipeline, const struct lost_epoch *lost, char text[LOST_EPOCH_COMMAND_MAX]);

/* What happened, since when, and that command. Returns text. */
char *lost_epoch_describe(
    const struct pipeline *pipeline, const struct lost_epoch *lost, char text[LOST_EPOCH_TEXT_MAX]);

#endif
