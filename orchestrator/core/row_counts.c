#include "core/row_counts.h"

#include "core/completion.h"
#include "core/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

/* Which column is what. */
struct table {
    const struct pipeline *pipeline;
    int date;
    int processor, rows;                               /* of the long form; NONE in the wide one */
    const struct processor *processors[CSV_CELLS_MAX]; /* of the wide form, by column; NULL is the date's */
};

/* What is found goes here. */
struct findings {
    struct row_count *counts;
    size_t count;
};

static MUST_CHECK struct result find_processor(const struct csv *csv, const struct pipeline *pipeline,
    const char *name, const struct processor **processor) {
    const struct processor *found = pipeline_processor(pipeline, name);
    const char *nearest = found ? NULL : pipeline_nearest(pipeline, name);
    if (!found)
        return csv_within(csv,
            fail(CODE_INVALID, "no processor of pipeline %s is called \"%.60s\"%s%s", pipeline->name, name,
                nearest ? "; the closest is " : "", nearest ? nearest : ""));
    *processor = found;
    return ok();
}

/* --- The header. ---------------------------------------------------------------------------------------- */

static MUST_CHECK struct result read_wide_header(const struct csv *csv, struct table *table) {
    struct result r = ok();
    for (int i = 0; i < csv->columns && is_ok(r); i++) {
        if (i == table->date)
            continue;
        r = find_processor(csv, table->pipeline, csv_cell(csv, i), &table->processors[i]);
        for (int j = 0; is_ok(r) && j < i; j++)
            if (table->processors[j] == table->processors[i])
                r = csv_within(csv,
                    fail(CODE_INVALID,
                        "\"%.60s\" and \"%.60s\" are the same processor; expected one column for it",
                        csv_cell(csv, j), csv_cell(csv, i)));
    }
    return r;
}

static MUST_CHECK struct result read_long_header(const struct csv *csv, struct table *table) {
    char others[200] = "";
    struct result r = csv_require(csv, "processor", &table->processor);
    if (is_ok(r))
        r = csv_require(csv, "record_count", &table->rows);
    for (int i = 0; i < csv->columns && is_ok(r); i++) {
        size_t used = strlen(others);
        if (i != table->date && i != table->processor && i != table->rows)
            snprintf(others + used, sizeof others - used, "%s\"%.60s\"", used ? ", " : "", csv_cell(csv, i));
    }
    if (*others)
        r = csv_within(csv,
            fail(CODE_INVALID,
                "beside game_date, processor and record_count there is %s; expected these alone", others));
    return r;
}

static MUST_CHECK struct result read_header(const struct csv *csv, struct table *table) {
    bool is_long = csv_column(csv, "processor") >= 0 || csv_column(csv, "record_count") >= 0;
    struct result r = csv_require(csv, "game_date", &table->date);
    if (!is_ok(r))
        return r;
    return is_long ? read_long_header(csv, table) : read_wide_header(csv, table);
}

/* --- The lines. ----------------------------------------------------------------------------------------- */

static MUST_CHECK struct result read_count(const struct csv *csv, int column,
    const struct processor *processor, game_date date, struct findings *findings) {
    struct row_count found = {.date = date, .processor = processor, .line = csv->line};
    if (*csv_cell(csv, column) == '\0')
        return ok();
    struct result r = csv_number(csv, column, processor->abbr, ROWS_MAX, &found.rows);
    if (is_ok(r))
        findings->counts[findings->count++] = found;
    return r;
}

static MUST_CHECK struct result read_line(
    const struct csv *csv, const struct table *table, struct findings *findings) {
    game_date date = 0;
    const struct processor *processor = NULL;
    struct result r = csv_date(csv, table->date, &date);
    if (is_ok(r) && table->processor != NONE) {
        r = find_processor(csv, table->pipeline, csv_cell(csv, table->processor), &processor);
        return is_ok(r) ? read_count(csv, table->rows, processor, date, findings) : r;
    }
    for (int i = 0; i < csv->count && is_ok(r); i++)
        if (i != table->date)
            r = read_count(csv, i, table->processors[i], date, findings);
    return r;
}

/* --- The whole. ----------------------------------------------------------------------------------------- */

static int by_date_and_processor(const void *a, const void *b) {
    const struct row_count *x = *(const struct row_count *const *)a, *y = *(const struct row_count *const *)b;
    if (x->date != y->date)
        return x->date < y->date ? -1 : 1;
    if (x->processor != y->processor)
        return x->processor->index < y->processor->index ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Two counts of one table and date: which one holds? */
static MUST_CHECK struct result check_once(
    const char *name, struct arena *arena, const struct findings *all) {
    const struct row_count **sorted = arena_alloc(arena, (all->count + 1) * sizeof *sorted);
    if (!sorted)
        return fail(CODE_LIMIT, "%s: too large", name);
    for (size_t i = 0; i < all->count; i++)
        sorted[i] = &all->counts[i];
    qsort(sorted, all->count, sizeof *sorted, by_date_and_processor);
    char date[DATE_TEXT_MAX];
    for (size_t i = 1; i < all->count; i++)
        if (sorted[i]->date == sorted[i - 1]->date && sorted[i]->processor == sorted[i - 1]->processor)
            return fail(CODE_INVALID, "%s:%d: %s: %s is counted twice; expected once (first on line %d)",
                name, sorted[i]->line, sorted[i]->processor->abbr, date_format(sorted[i]->date, date),
                sorted[i - 1]->line);
    return ok();
}

/* Commas and the ends of lines: there are no more cells. */
static size_t cells_most(const char *text) {
    size_t most = 1;
    for (const char *at = text; (at = strpbrk(at, ",\n")); at++)
        most++;
    return most;
}

struct result row_counts_parse(const struct pipeline *pipeline, const char *name, const char *text,
    struct arena *arena, struct row_count **counts, size_t *count) {
    struct csv csv;
    struct table table = {.pipeline = pipeline, .processor = NONE, .rows = NONE};
    struct findings findings = {.counts = arena_alloc(arena, cells_most(text) * sizeof *findings.counts)};
    if (!findings.counts)
        return fail(CODE_LIMIT, "%s: too large", name);
    bool more = true;
    struct result r = csv_begin(&csv, name, text);
    if (is_ok(r))
        r = read_header(&csv, &table);
    while (is_ok(r) && more) {
        r = csv_next(&csv, &more);
        if (is_ok(r) && more)
            r = read_line(&csv, &table, &findings);
    }
    if (is_ok(r))
        r = check_once(name, arena, &findings);
    if (is_ok(r)) {
        *counts = findings.counts;
        *count = findings.count;
    }
    return r;
}
