/*
 * The lines of config_table.h as data: what a setting is called, where its value lives, and how it is read
 * from the text that stands in a file or in an environment variable, and written back. Both ways in are the
 * same, so that both refuse the same and say so in the same words.
 */
#ifndef PHASEGATE_CORE_CONFIG_SETTINGS_H
#define PHASEGATE_CORE_CONFIG_SETTINGS_H

#include "base/arena.h"
#include "base/result.h"
#include "core/config.h"

#include <stddef.h>
#include <stdint.h>

enum setting_kind {
    SETTING_TEXT,
    SETTING_SECRET,  /* a text that is never shown */
    SETTING_URL,     /* a text; a user or password in it is never shown */
    SETTING_ADDRESS, /* a text: host:port, or nothing */
    SETTING_WORD,    /* a text: one of the words */
    SETTING_CHOICE,  /* an enum: the place of one of the words */
    SETTING_BUS = SETTING_CHOICE,
    SETTING_INT,   /* int */
    SETTING_ROWS,  /* int64_t */
    SETTING_RATIO, /* double */
    SETTING_BOOL,  /* bool */
};

enum { SETTING_TEXT_MAX = 1024 };

struct setting {
    const char *section;
    const char *key;
    enum setting_kind kind;
    size_t raw; /* offset of its text, a char *, in struct raw_config, raw_pipeline … */
    size_t at;  /* offset of its value in struct config_values, pipeline, processor or group */
    const char *fallback;
    const char *environment;
    const char *ambient;
    int64_t least;
    int64_t most;
    const char *const *words; /* ends in NULL */
    const char *meaning;
};

struct config_values {
    struct config_store store;
    struct config_bus bus;
    struct config_engine engine;
    struct config_log log;
    struct config_alerts alerts;
};

#define CONFIG_ONE(...) +1
enum {
    CONFIG_SETTINGS = 0 CONFIG_STORE(CONFIG_ONE) CONFIG_BUS(CONFIG_ONE) CONFIG_ENGINE(CONFIG_ONE)
        CONFIG_LOG(CONFIG_ONE) CONFIG_ALERTS(CONFIG_ONE),
    CONFIG_PIPELINE_SETTINGS = 0 CONFIG_PIPELINE(CONFIG_ONE),
    CONFIG_PROCESSOR_SETTINGS = 0 CONFIG_PROCESSOR(CONFIG_ONE),
    CONFIG_GROUP_SETTINGS = 0 CONFIG_GROUP(CONFIG_ONE),
};

extern const struct setting config_settings[CONFIG_SETTINGS]; /* by section */
extern const struct setting config_pipeline_settings[CONFIG_PIPELINE_SETTINGS];
extern const struct setting config_processor_settings[CONFIG_PROCESSOR_SETTINGS];
extern const struct setting config_group_settings[CONFIG_GROUP_SETTINGS];

/*
 * Reads text into the setting's place in values. Texts are copied into the arena. The failure says what was
 * there and what was expected, not where; it never has a secret in it.
 */
struct result setting_read(
    const struct setting *setting, const char *text, struct arena *arena, void *values) MUST_CHECK;

/* "a whole number from 1 to 16", "redis or pubsub" …: what setting_read expects. Returns text. */
char *setting_expects(const struct setting *setting, char *text, size_t size);

/*
 * The value in force, without quotes. A secret, and a user or password in a URL, is "***". Returns text, of
 * at least SETTING_TEXT_MAX + 1 bytes.
 */
char *setting_print(const struct setting *setting, const void *values, char text[SETTING_TEXT_MAX + 1]);

/* Is its value a text, which has to be quoted in YAML and JSON? */
bool setting_is_text(const struct setting *setting);

#endif
