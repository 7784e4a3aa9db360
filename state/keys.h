/* The names of the store's keys; the one place that spells them. What they hold is described in README.md. */
#ifndef PHASEGATE_STATE_KEYS_H
#define PHASEGATE_STATE_KEYS_H

#include "core/date.h"
#include "core/pipeline.h"

/* Long enough for any key; a quarantine entry's name ends in a message id. */
enum { KEY_MAX = 2 * PIPELINE_NAME_MAX + 256 };

/* Each writes the key into text and returns it. */
char *key_date(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]);
char *key_history(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]);
char *key_outbox(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]);
char *key_due(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]);
char *key_leases(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]);
char *key_slots(const struct pipeline *pipeline, int group, char text[KEY_MAX]);
char *key_backfill(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_months(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_quarantine(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_quarantined(const struct pipeline *pipeline, const char *message_id, char text[KEY_MAX]);
char *key_alerts(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_alert_claims(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_alert_backfill(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_counters(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_epoch(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_steps(const struct pipeline *pipeline, char text[KEY_MAX]);
char *key_steps_of_month(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]);
char *key_rebuild(const struct pipeline *pipeline, char text[KEY_MAX]);

/* Of all pipelines. */
#define KEY_REPLICAS "pg:{}:replicas"

#endif
