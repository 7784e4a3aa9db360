#include "state/keys.h"

#include <stdio.h>
#include <string.h>

/* Six of them are written for a completion, so not with printf. All fit: a pipeline's name has a maximum. */
static char *month_key(const struct pipeline *pipeline, game_date date, const char *rest, char *text) {
    char month[MONTH_TEXT_MAX];
    char *end = stpcpy(text, "pg:{");
    end = stpcpy(end, pipeline->name);
    end = stpcpy(end, ":");
    end = stpcpy(end, month_format(date, month));
    end = stpcpy(end, "}:");
    stpcpy(end, rest);
    return text;
}

static char *day_key(const struct pipeline *pipeline, game_date date, const char *suffix, char *text) {
    char whole[DATE_TEXT_MAX], rest[16];
    const char *day = date_format(date, whole) + MONTH_TEXT_MAX; /* behind the month and its dash */
    stpcpy(stpcpy(rest, day), suffix);
    return month_key(pipeline, date, rest, text);
}

static char *pipeline_key(const struct pipeline *pipeline, const char *rest, char *text) {
    snprintf(text, KEY_MAX, "pg:{%s}:%s", pipeline->name, rest);
    return text;
}

char *key_date(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]) {
    return day_key(pipeline, date, "", text);
}

char *key_history(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]) {
    return day_key(pipeline, date, ":h", text);
}

char *key_outbox(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]) {
    return month_key(pipeline, date, "outbox", text);
}

char *key_due(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]) {
    return month_key(pipeline, date, "due", text);
}

char *key_leases(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]) {
    return month_key(pipeline, date, "leases", text);
}

char *key_slots(const struct pipeline *pipeline, int group, char text[KEY_MAX]) {
    snprintf(text, KEY_MAX, "pg:{%s}:slots:%d", pipeline->name, group);
    return text;
}

char *key_backfill(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "backfill", text);
}

char *key_months(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "months", text);
}

char *key_quarantine(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "quarantine", text);
}

char *key_quarantined(const struct pipeline *pipeline, const char *message_id, char text[KEY_MAX]) {
    snprintf(text, KEY_MAX, "pg:{%s}:quarantine:%s", pipeline->name, message_id);
    return text;
}

char *key_alerts(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "alerts", text);
}

char *key_alert_claims(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "alerts:claims", text);
}

char *key_alert_backfill(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "alerts:backfill", text);
}

char *key_counters(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "counters", text);
}

char *key_epoch(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "epoch", text);
}

char *key_steps(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "steps", text);
}

char *key_steps_of_month(const struct pipeline *pipeline, game_date date, char text[KEY_MAX]) {
    return month_key(pipeline, date, "steps", text);
}

char *key_rebuild(const struct pipeline *pipeline, char text[KEY_MAX]) {
    return pipeline_key(pipeline, "rebuild", text);
}
