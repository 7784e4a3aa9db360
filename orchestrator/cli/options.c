#include "cli/options.h"

#include "core/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64 };

#define COMMON(member) offsetof(struct common_options, member)

const struct option_row common_option_rows[] = {
    {"config", 'c', OPTION_TEXT, "FILE", COMMON(config),
        "configuration file; else $PHASEGATE_CONFIG, else the built-in one"},
    {"pipeline", 'p', OPTION_TEXT, "NAME", COMMON(pipeline),
        "which pipeline, where the configuration has several"},
    {"embedded", 0, OPTION_FLAG, NULL, COMMON(embedded),
        "use the server of `phasegate serve --embedded`, whatever the configuration says"},
    {"data", 0, OPTION_TEXT, "DIR", COMMON(data),
        "data directory of the embedded server; else $PHASEGATE_DATA, else ~/.phasegate"},
    {"json", 0, OPTION_FLAG, NULL, COMMON(json), "print JSON, in the form that JSON.md documents"},
    {"no-color", 0, OPTION_FLAG, NULL, COMMON(no_color), "no colours; $NO_COLOR and TERM=dumb say the same"},
    {"verbose", 'v', OPTION_FLAG, NULL, COMMON(verbose), "log what is done, on standard error"},
    {"help", 'h', OPTION_FLAG, NULL, COMMON(help), "print this help"},
    {"version", 0, OPTION_FLAG, NULL, COMMON(version), "print the version"},
    {0},
};

void options_clear(struct option_target target) {
    for (const struct option_row *row = target.rows; row && row->name; row++)
        if (row->kind == OPTION_COUNT)
            *(int64_t *)((char *)target.fields + row->offset) = COUNT_ABSENT;
}

/* One option as it was written: its row, its field, and the name to use in messages. */
struct option_use {
    const struct option_row *row;
    void *field;
    char name[48];
    const char *value; /* after "=", or NULL */
};

static struct result unknown_option(
    const struct option_target *targets, size_t target_count, const char *word, int length) {
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < target_count; i++)
        for (const struct option_row *row = targets[i].rows; row && row->name && count < NAMES_MAX; row++)
            names[count++] = row->name;
    char name[48];
    int dashes = word[1] == '-' ? 2 : 1;
    size_t size = (size_t)(length - dashes) < sizeof name - 1 ? (size_t)(length - dashes) : sizeof name - 1;
    memcpy(name, word + dashes, size);
    name[size] = '\0';
    const char *nearest = size > 1 ? name_nearest(name, names, count) : NULL;
    if (nearest)
        return fail(CODE_INVALID, "unknown option %.*s; did you mean --%s?", length, word, nearest);
    return fail(CODE_INVALID, "unknown option %.*s", length, word);
}

static bool row_matches(const struct option_row *row, const char *word, size_t length) {
    if (word[1] != '-')
        return length == 2 && row->letter != 0 && word[1] == row->letter;
    return strlen(row->name) == length - 2 && memcmp(row->name, word + 2, length - 2) == 0;
}

static struct result find_option(
    const struct option_target *targets, size_t target_count, const char *word, struct option_use *use) {
    size_t length = word[1] == '-' ? strcspn(word, "=") : strlen(word);
    for (size_t i = 0; i < target_count; i++)
        for (const struct option_row *row = targets[i].rows; row && row->name; row++)
            if (row_matches(row, word, length)) {
                *use = (struct option_use){.row = row, .field = (char *)targets[i].fields + row->offset};
                memcpy(use->name, word, length < sizeof use->name ? length : sizeof use->name - 1);
                use->value = word[length] == '=' ? word + length + 1 : NULL;
                return ok();
            }
    return unknown_option(targets, target_count, word, length < 60 ? (int)length : 60);
}

static struct result set_count(const struct option_use *use, const char *value) {
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0)
        return fail(CODE_INVALID, "%s: \"%.40s\" is not a whole number, 0 or more", use->name, value);
    *(int64_t *)use->field = number;
    return ok();
}

static struct result set_list(const struct option_use *use, const char *value) {
    struct option_list *list = use->field;
    if (list->count == OPTION_LIST_MAX)
        return fail(CODE_LIMIT, "%s: given more than %d times", use->name, OPTION_LIST_MAX);
    list->items[list->count++] = value;
    return ok();
}

static struct result set_option(const struct option_use *use, const char *value) {
    switch (use->row->kind) {
    case OPTION_FLAG:
        *(bool *)use->field = true;
        return ok();
    case OPTION_TEXT:
        *(const char **)use->field = value;
        return ok();
    case OPTION_COUNT:
        return set_count(use, value);
    case OPTION_LIST:
        return set_list(use, value);
    }
    return fail(CODE_INTERNAL, "%s: an option of no kind", use->name);
}

static bool is_option(const char *word) {
    return word[0] == '-' && word[1] != '\0'; /* "-" alone is standard input */
}

/* Parses the option at argv[*i]; *i moves behind it and its value. */
static struct result parse_one(
    const struct option_target *targets, size_t target_count, int argc, const char **argv, int *i) {
    struct option_use use;
    struct result r = find_option(targets, target_count, argv[*i], &use);
    if (!is_ok(r))
        return r;
    const char *value = use.value;
    int next = *i + 1;
    if (use.row->kind == OPTION_FLAG && value)
        return fail(CODE_INVALID, "%s takes no value", use.name);
    if (use.row->kind != OPTION_FLAG && !value) {
        if (next >= argc)
            return fail(CODE_INVALID, "%s needs a value: %s %s", use.name, use.name, use.row->argument);
        value = argv[next++];
    }
    r = set_option(&use, value);
    if (is_ok(r))
        *i = next;
    return r;
}

struct result options_parse_leading(
    const struct option_target *targets, size_t target_count, int argc, const char **argv, int *used) {
    int i = 0;
    while (i < argc && is_option(argv[i]) && strcmp(argv[i], "--") != 0) {
        struct result r = parse_one(targets, target_count, argc, argv, &i);
        if (!is_ok(r))
            return r;
    }
    *used = i;
    return ok();
}

struct result options_parse(
    const struct option_target *targets, size_t target_count, int argc, const char **argv, int *operands) {
    int count = 0;
    bool only_operands = false;
    for (int i = 0; i < argc;) {
        if (only_operands || !is_option(argv[i])) {
            argv[count++] = argv[i++];
        } else if (strcmp(argv[i], "--") == 0) {
            only_operands = true;
            i++;
        } else {
            struct result r = parse_one(targets, target_count, argc, argv, &i);
            if (!is_ok(r))
                return r;
        }
    }
    *operands = count;
    return ok();
}
