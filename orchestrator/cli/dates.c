#include "cli/dates.h"

#include <stdlib.h>
#include <string.h>

/* What was chosen so far; room for DATES_MAX. */
struct choice {
    game_date *dates;
    size_t count;
};

static struct result add_date(struct choice *choice, game_date date) {
    if (choice->count == DATES_MAX)
        return fail(CODE_LIMIT, "more than %d dates; ask for fewer at a time", DATES_MAX);
    choice->dates[choice->count++] = date;
    return ok();
}

static struct result parse_named(const char *name, const char *text, game_date *date) {
    return fail_within(date_parse(text, strlen(text), date), "%s", name);
}

static struct result add_range(struct choice *choice, const char *start, const char *end) {
    if (!start && !end)
        return ok();
    if (!start || !end)
        return fail(CODE_INVALID, "%s is given without %s: a range needs both, and they are inclusive",
            start ? "--start-date" : "--end-date", start ? "--end-date" : "--start-date");
    game_date first, last;
    struct result r = parse_named("--start-date", start, &first);
    if (is_ok(r))
        r = parse_named("--end-date", end, &last);
    if (is_ok(r) && first > last)
        r = fail(CODE_INVALID, "--start-date %s is after --end-date %s", start, end);
    for (int64_t date = is_ok(r) ? first : 0; is_ok(r) && date <= last; date++)
        r = add_date(choice, (game_date)date);
    return r;
}

/* "a,b,c"; a single date is a list of one. */
static struct result add_list(struct choice *choice, const char *list) {
    for (const char *item = list;; item++) {
        size_t length = strcspn(item, ",");
        game_date date;
        struct result r = date_parse(item, length, &date);
        if (is_ok(r))
            r = add_date(choice, date);
        if (!is_ok(r))
            return r;
        item += length;
        if (*item == '\0')
            return ok();
    }
}

static int by_date(const void *left, const void *right) {
    game_date a = *(const game_date *)left, b = *(const game_date *)right;
    return (a > b) - (a < b);
}

static void sort_and_unite(struct choice *choice) {
    qsort(choice->dates, choice->count, sizeof *choice->dates, by_date);
    size_t kept = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (kept == 0 || choice->dates[i] != choice->dates[kept - 1])
            choice->dates[kept++] = choice->dates[i];
    choice->count = kept;
}

struct result dates_choose(const struct date_options *options, const char *const *operands, int operand_count,
    struct arena *arena, game_date **dates, size_t *count) {
    struct choice choice = {.dates = arena_alloc(arena, DATES_MAX * sizeof *choice.dates)};
    if (!choice.dates)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = add_range(&choice, options->start, options->end);
    for (size_t i = 0; is_ok(r) && i < options->lists.count; i++)
        r = fail_within(add_list(&choice, options->lists.items[i]), "--dates");
    for (int i = 0; is_ok(r) && i < operand_count; i++)
        r = add_list(&choice, operands[i]);
    if (!is_ok(r))
        return r;
    sort_and_unite(&choice);
    *dates = choice.dates;
    *count = choice.count;
    return ok();
}

struct result dates_one(const char *operand, game_date *date) {
    return date_parse(operand, strlen(operand), date);
}
