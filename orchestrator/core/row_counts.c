#include "core/row_counts.h"

#include "core/completion.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_MAX = 64, COLUMNS_MAX = PIPELINE_PROCESSORS_MAX };

/* Where reading stands; cells are cut from the text one by one. */
struct csv {
    const struct pipeline *pipeline;
    const char *name;
    const char *next;
    int line;
    const struct processor *columns[COLUMNS_MAX];
    int column_count;
};

static MUST_CHECK struct result wrong(const struct csv *csv, struct result cause) {
    return fail_within(cause, "%s:%d", csv->name, csv->line);
}

static bool at_line_end(const struct csv *csv) {
    return *csv->next == '\n' || *csv->next == '\0';
}

/* The next cell of the line, without surrounding blanks or quotes; false when it is too long. */
static bool take_cell(struct csv *csv, char cell[CELL_MAX]) {
    size_t length = strcspn(csv->next, ",\n");
    const char *first = csv->next, *last = first + length;
    csv->next = *last == ',' ? last + 1 : last;
    while (first < last && strchr(" \t\r\"", *first))
        first++;
    while (last > first && strchr(" \t\r\"", last[-1]))
        last--;
    if (last - first >= CELL_MAX)
        return false;
    memcpy(cell, first, (size_t)(last - first));
    cell[last - first] = '\0';
    return true;
}

static void next_line(struct csv *csv) {
    if (*csv->next == '\n')
        csv->next++;
    csv->line++;
}

static MUST_CHECK struct result read_column(struct csv *csv) {
    char cell[CELL_MAX];
    if (!take_cell(csv, cell))
        return wrong(csv, fail(CODE_INVALID, "a column title of more than %d bytes", CELL_MAX - 1));
    if (csv->column_count == COLUMNS_MAX)
        return wrong(csv, fail(CODE_LIMIT, "more than %d columns", COLUMNS_MAX));
    const struct processor *processor = pipeline_processor(csv->pipeline, cell);
    const char *nearest = processor ? NULL : pipeline_nearest(csv->pipeline, cell);
    if (!processor)
        return wrong(csv,
            fail(CODE_INVALID, "no processor of pipeline %s is called \"%s\"%s%s", csv->pipeline->name, cell,
                nearest ? "; the closest is " : "", nearest ? nearest : ""));
    csv->columns[csv->column_count++] = processor;
    return ok();
}

static MUST_CHECK struct result read_header(struct csv *csv) {
    char cell[CELL_MAX];
    if (!take_cell(csv, cell) || strcmp(cell, "game_date") != 0)
        return wrong(csv, fail(CODE_INVALID, "the first column must be titled game_date"));
    struct result result = ok();
    while (!at_line_end(csv) && is_ok(result))
        result = read_column(csv);
    next_line(csv);
    return result;
}

static MUST_CHECK struct result read_rows(
    const struct csv *csv, const struct processor *processor, const char *cell, int64_t *rows) {
    char *end;
    long long value = strtoll(cell, &end, 10);
    if (end == cell || *end != '\0' || value < 0 || value > ROWS_MAX)
        return wrong(csv, fail(CODE_INVALID, "%s: \"%s\" is not a row count", processor->abbr, cell));
    *rows = value;
    return ok();
}

static MUST_CHECK struct result read_line(struct csv *csv, struct row_count *counts, size_t *count) {
    char cell[CELL_MAX];
    game_date date;
    if (!take_cell(csv, cell))
        return wrong(csv, fail(CODE_INVALID, "the first cell is not a date"));
    struct result result = wrong(csv, date_parse(cell, strlen(cell), &date));
    for (int column = 0; is_ok(result) && !at_line_end(csv); column++) {
        if (column == csv->column_count)
            return wrong(csv, fail(CODE_INVALID, "more cells than the header has columns"));
        const struct processor *processor = csv->columns[column];
        struct row_count found = {.date = date, .processor = processor};
        if (!take_cell(csv, cell))
            return wrong(csv, fail(CODE_INVALID, "%s: not a row count", processor->abbr));
        if (*cell == '\0')
            continue;
        result = read_rows(csv, processor, cell, &found.rows);
        if (is_ok(result))
            counts[(*count)++] = found;
    }
    return result;
}

struct result row_counts_parse(const struct pipeline *pipeline, const char *name, const char *text,
    struct arena *arena, struct row_count **counts, size_t *count) {
    struct csv csv = {.pipeline = pipeline, .name = name, .next = text, .line = 1};
    size_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == ',';
    struct row_count *found = arena_alloc(arena, most * sizeof *found);
    if (!found)
        return fail(CODE_LIMIT, "%s: too large", name);
    size_t used = 0;
    struct result result = read_header(&csv);
    while (is_ok(result) && *csv.next) {
        if (!at_line_end(&csv) && *csv.next != '\r')
            result = read_line(&csv, found, &used);
        csv.next += strcspn(csv.next, "\n");
        next_line(&csv);
    }
    if (!is_ok(result))
        return result;
    *counts = found;
    *count = used;
    return ok();
}
