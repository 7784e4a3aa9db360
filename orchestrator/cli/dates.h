/*
 * Dates on the command line, as the pipeline's own tools take them: --start-date and --end-date, both
 * inclusive;
 * --dates a,b,c; and the same as operands.
 */
#ifndef PHASEGATE_CLI_DATES_H
#define PHASEGATE_CLI_DATES_H

#include "base/arena.h"
#include "base/result.h"
#include "cli/options.h"
#include "core/date.h"

enum { DATES_MAX = 5000 };

struct date_options {
    const char *start;
    const char *end;
    struct option_list lists;
};

/* The rows of a command's option table that fill its field `member`. */
#define DATE_OPTION_ROWS(type, member)                                                                       \
    {"start-date", 0, OPTION_TEXT, "DATE", offsetof(type, member.start), "first date of a range"},           \
        {"end-date", 0, OPTION_TEXT, "DATE", offsetof(type, member.end),                                     \
            "last date of the range, inclusive"},                                                            \
    {                                                                                                        \
        "dates", 0, OPTION_LIST, "A,B,C", offsetof(type, member.lists), "these dates, separated by commas"   \
    }

/*
 * Every date that the options and operands name, once each, oldest first; *count is 0 when they name none. In
 * the arena. CODE_INVALID or CODE_LIMIT says which was wrong and what was expected.
 */
struct result dates_choose(const struct date_options *options, const char *const *operands, int operand_count,
    struct arena *arena, game_date **dates, size_t *count) MUST_CHECK;

/* One date, for the commands that take one. */
struct result dates_one(const char *operand, game_date *date) MUST_CHECK;

#endif
