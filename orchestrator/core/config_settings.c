#include "core/config_settings.h"
#include "base/text.h"
#include "core/config_schema.h"
#include "core/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_SECTION(section_, key_, kind_, ...)                                                               \
    {.section = #section_,                                                                                   \
        .key = #key_,                                                                                        \
        .kind = SETTING_##kind_,                                                                             \
        .raw = offsetof(struct raw_config, section_.key_),                                                   \
        .at = offsetof(struct config_values, section_.key_),                                                 \
        __VA_ARGS__},
#define IN_STRUCT(struct_, key_, kind_, ...)                                                                 \
    {.section = #struct_,                                                                                    \
        .key = #key_,                                                                                        \
        .kind = SETTING_##kind_,                                                                             \
        .raw = offsetof(struct raw_##struct_, key_),                                                         \
        .at = offsetof(struct struct_, key_),                                                                \
        __VA_ARGS__},

const struct setting config_settings[CONFIG_SETTINGS] = {CONFIG_STORE(IN_SECTION) CONFIG_BUS(IN_SECTION)
        CONFIG_ENGINE(IN_SECTION) CONFIG_LOG(IN_SECTION) CONFIG_ALERTS(IN_SECTION)};
const struct setting config_pipeline_settings[CONFIG_PIPELINE_SETTINGS] = {CONFIG_PIPELINE(IN_STRUCT)};
const struct setting config_processor_settings[CONFIG_PROCESSOR_SETTINGS] = {CONFIG_PROCESSOR(IN_STRUCT)};
const struct setting config_group_settings[CONFIG_GROUP_SETTINGS] = {CONFIG_GROUP(IN_STRUCT)};

bool setting_is_text(const struct setting *setting) {
    return setting->kind <= SETTING_WORD;
}

/* "a, b or c" */
static char *words_list(const char *const *words, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; words[i] && used < size; i++) {
        const char *separator = i == 0 ? "" : words[i + 1] ? ", " : " or ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", separator, words[i]);
    }
    return text;
}

char *setting_expects(const struct setting *setting, char *text, size_t size) {
    switch (setting->kind) {
    case SETTING_WORD:
    case SETTING_CHOICE:
        return words_list(setting->words, text, size);
    case SETTING_INT:
    case SETTING_ROWS:
        snprintf(text, size, "a whole number from %" PRId64 " to %" PRId64, setting->least, setting->most);
        break;
    case SETTING_RATIO:
        snprintf(text, size, "a number from %" PRId64 " to %" PRId64, setting->least, setting->most);
        break;
    case SETTING_BOOL:
        snprintf(text, size, "true or false");
        break;
    case SETTING_ADDRESS:
        snprintf(text, size, "host:port");
        break;
    default:
        snprintf(
            text, size, "text of at most %d bytes in UTF-8, without control characters", SETTING_TEXT_MAX);
    }
    return text;
}

static struct result refuse(const struct setting *setting, const char *text) {
    char expected[160];
    setting_expects(setting, expected, sizeof expected);
    if (setting->kind <= SETTING_URL)
        return fail(CODE_INVALID, "expected %s", expected);
    char shown[TEXT_SHOWN_MAX];
    text_show(text, strlen(text), shown, sizeof shown);
    const char *meant = NULL;
    if (setting->words) {
        size_t count = 0;
        while (setting->words[count])
            count++;
        meant = name_nearest(text, setting->words, count);
    }
    return fail(CODE_INVALID, "got \"%s\", expected %s%s%s%s", shown, expected,
        meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

static bool is_clean_text(const char *text) {
    size_t length = strnlen(text, SETTING_TEXT_MAX + 1);
    if (length > SETTING_TEXT_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return text_is_utf8(text, length);
}

static bool whole_number(const char *text, int64_t least, int64_t most, int64_t *number) {
    if (strspn(text + (*text == '-'), "0123456789") != strlen(text) - (*text == '-')
        || !strpbrk(text, "0123456789"))
        return false;
    errno = 0;
    *number = strtoll(text, NULL, 10);
    return errno == 0 && *number >= least && *number <= most;
}

/* Plain decimals only: no exponent, no "nan". */
static bool decimal(const char *text, int64_t least, int64_t most, double *number) {
    char *end;
    if (!*text || strspn(text, "0123456789.") != strlen(text))
        return false;
    *number = strtod(text, &end);
    return *end == '\0' && *number >= (double)least && *number <= (double)most;
}

/* "host:port", "[::1]:port", or nothing. */
static bool is_address(const char *text) {
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!*text)
        return true;
    return is_clean_text(text) && colon && colon != text && !strpbrk(text, "/ ")
        && whole_number(colon + 1, 1, 65535, &port)
        && (!memchr(text, ':', (size_t)(colon - text)) || *text == '[');
}

static const char *const *word_find(const struct setting *setting, const char *text) {
    const char *const *word = setting->words;
    while (*word && strcmp(*word, text) != 0)
        word++;
    return *word ? word : NULL;
}

static bool boolean(const char *text, bool *value) {
    *value = strcmp(text, "true") == 0;
    return *value || strcmp(text, "false") == 0;
}

static struct result text_read(const char *text, struct arena *arena, const char **value) {
    const char *copy = arena_strdup(arena, text);
    if (!copy)
        return fail(CODE_INTERNAL, "out of memory");
    *value = copy;
    return ok();
}

/* Enums differ in type, not in form: to gcc and clang one without negative values is an unsigned int. */
_Static_assert(sizeof(enum bus_kind) == sizeof(unsigned) && sizeof(enum rerun) == sizeof(unsigned)
        && sizeof(enum on_stall) == sizeof(unsigned),
    "a choice is as large as an unsigned int");

static void choice_write(void *at, unsigned choice) {
    memcpy(at, &choice, sizeof choice);
}

static unsigned choice_read(const void *at) {
    unsigned choice;
    memcpy(&choice, at, sizeof choice);
    return choice;
}

struct result setting_read(
    const struct setting *setting, const char *text, struct arena *arena, void *values) {
    void *at = (char *)values + setting->at;
    int64_t number;
    double fraction;
    bool flag;
    const char *const *word;
    switch (setting->kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
    case SETTING_URL:
        return is_clean_text(text) ? text_read(text, arena, at) : refuse(setting, text);
    case SETTING_ADDRESS:
        return is_address(text) ? text_read(text, arena, at) : refuse(setting, text);
    case SETTING_WORD:
    case SETTING_CHOICE:
        if (!(word = word_find(setting, text)))
            return refuse(setting, text);
        if (setting->kind == SETTING_WORD)
            *(const char **)at = *word;
        else
            choice_write(at, (unsigned)(word - setting->words));
        return ok();
    case SETTING_INT:
    case SETTING_ROWS:
        if (!whole_number(text, setting->least, setting->most, &number))
            return refuse(setting, text);
        if (setting->kind == SETTING_INT)
            *(int *)at = (int)number;
        else
            *(int64_t *)at = number;
        return ok();
    case SETTING_RATIO:
        if (!decimal(text, setting->least, setting->most, &fraction))
            return refuse(setting, text);
        *(double *)at = fraction;
        return ok();
    case SETTING_BOOL:
        if (!boolean(text, &flag))
            return refuse(setting, text);
        *(bool *)at = flag;
        return ok();
    }
    return fail(CODE_INTERNAL, "%s.%s: a setting of no kind", setting->section, setting->key);
}

/* "redis://user:secret@host" becomes "redis://" "***" "@host". */
static void print_url(const char *url, char text[SETTING_TEXT_MAX + 1]) {
    const char *host = strrchr(url, '@');
    const char *scheme = strstr(url, "://");
    if (!host)
        snprintf(text, SETTING_TEXT_MAX + 1, "%s", url);
    else
        snprintf(text, SETTING_TEXT_MAX + 1, "%.*s***%s",
            scheme && scheme < host ? (int)(scheme + 3 - url) : 0, url, host);
}

char *setting_print(const struct setting *setting, const void *values, char text[SETTING_TEXT_MAX + 1]) {
    const void *at = (const char *)values + setting->at;
    size_t size = SETTING_TEXT_MAX + 1;
    switch (setting->kind) {
    case SETTING_TEXT:
    case SETTING_ADDRESS:
    case SETTING_WORD:
        snprintf(text, size, "%s", *(const char *const *)at);
        break;
    case SETTING_SECRET:
        snprintf(text, size, "%s", **(const char *const *)at ? "***" : "");
        break;
    case SETTING_URL:
        print_url(*(const char *const *)at, text);
        break;
    case SETTING_CHOICE:
        snprintf(text, size, "%s", setting->words[choice_read(at)]);
        break;
    case SETTING_INT:
        snprintf(text, size, "%d", *(const int *)at);
        break;
    case SETTING_ROWS:
        snprintf(text, size, "%" PRId64, *(const int64_t *)at);
        break;
    case SETTING_RATIO:
        snprintf(text, size, "%.15g", *(const double *)at);
        break;
    case SETTING_BOOL:
        snprintf(text, size, "%s", *(const bool *)at ? "true" : "false");
        break;
    }
    return text;
}
