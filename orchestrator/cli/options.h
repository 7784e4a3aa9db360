/*
 * Command-line options from tables: parsing, usage errors and help text come from the same rows, so that they
 * cannot disagree. A row says in which field of a struct its value goes.
 *
 * "--name value", "--name=value" and "-x value" are the same; "--" ends the options. Options and operands may
 * be mixed. Names are never abbreviated, since scripts outlive new options.
 */
#ifndef PHASEGATE_CLI_OPTIONS_H
#define PHASEGATE_CLI_OPTIONS_H

#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

enum { OPTION_LIST_MAX = 64 };

#define COUNT_ABSENT ((int64_t)-1)

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

enum option_kind {
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* const char *; NULL when absent */
    OPTION_COUNT, /* int64_t, 0 or more; COUNT_ABSENT when absent */
    OPTION_LIST,  /* struct option_list; may be given again and again */
};

struct option_row {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* its one-letter form, or 0 */
    enum option_kind kind;
    const char *argument; /* what help calls its value; NULL for a flag */
    size_t offset;        /* of the field in the struct that the table fills */
    const char *help;
};

/* A table and the zeroed struct that it fills. */
struct option_target {
    const struct option_row *rows; /* may be NULL */
    void *fields;
};

/* What every command takes. */
struct common_options {
    const char *config;
    const char *pipeline;
    const char *data;
    bool embedded;
    bool json;
    bool no_color;
    bool verbose;
    bool help;
    bool version;
};

extern const struct option_row common_option_rows[];

/* Gives the fields their values for "absent". Call once, before parsing. */
void options_clear(struct option_target target);

/*
 * Parses leading options up to the first word that is none; *used is how many words they took. CODE_INVALID
 * names the option, what was expected, and for an unknown one the closest. Values point into argv.
 */
struct result options_parse_leading(const struct option_target *targets, size_t target_count, int argc,
    const char **argv, int *used) MUST_CHECK;

/* Parses all words; moves those that are no options to the front of argv, *operands of them, in their order.
 */
struct result options_parse(const struct option_target *targets, size_t target_count, int argc,
    const char **argv, int *operands) MUST_CHECK;

#endif
