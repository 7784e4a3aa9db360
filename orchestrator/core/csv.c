#include "core/csv.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char byte_order_mark[] = "\xef\xbb\xbf", blanks[] = " \t";

struct result csv_within(const struct csv *csv, struct result cause) {
    return fail_within(cause, "%s:%d", csv->name, csv->line);
}

/* --- Lines. --------------------------------------------------------------------------------------------- */

static bool is_clean(const char *line, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
            return false;
    return text_is_utf8(line, length);
}

/* Copies the next line, without its end, into csv->text. */
static MUST_CHECK struct result take_line(struct csv *csv) {
    const char *line = csv->next;
    size_t length = strcspn(line, "\n");
    csv->next += length + (line[length] == '\n');
    csv->line++;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length >= CSV_LINE_MAX)
        return csv_within(csv, fail(CODE_LIMIT, "a line of more than %d bytes", CSV_LINE_MAX - 1));
    char shown[TEXT_SHOWN_MAX];
    if (!is_clean(line, length))
        return csv_within(csv,
            fail(CODE_INVALID, "\"%s\" is not plain text; expected UTF-8 without control characters",
                text_show(line, length, shown, sizeof shown)));
    memcpy(csv->text, line, length);
    csv->text[length] = '\0';
    return ok();
}

static bool is_blank(const char *text) {
    return text[strspn(text, blanks)] == '\0';
}

/* --- Cells. --------------------------------------------------------------------------------------------- */

/* Ends first at last, or before the blanks that stand there; returns it without leading ones. */
static const char *trimmed(char *first, char *last) {
    while (last > first && strchr(blanks, last[-1]))
        last--;
    *last = '\0';
    return first + strspn(first, blanks);
}

/* Cuts the cell at *rest out of the line; *rest becomes the next one, NULL when this was the last. */
static MUST_CHECK struct result cut_cell(char **rest, const char **cell) {
    char *first = *rest + strspn(*rest, blanks), *last, *comma;
    if (*first == '"') {
        last = strchr(++first, '"');
        if (!last)
            return fail(CODE_INVALID, "\"%.60s: the quote is not closed on its line", first);
        comma = last + 1 + strspn(last + 1, blanks);
        if (*comma && *comma != ',')
            return fail(CODE_INVALID, "\"%.60s: expected a comma after the closing quote", first);
    } else {
        comma = last = first + strcspn(first, ",");
    }
    *rest = *comma ? comma + 1 : NULL;
    *cell = trimmed(first, last);
    return ok();
}

static MUST_CHECK struct result cut_line(struct csv *csv, int most) {
    struct result r = ok();
    char *rest = csv->text;
    csv->count = 0;
    while (rest && is_ok(r)) {
        if (csv->count == most)
            return csv_within(csv,
                most == CSV_CELLS_MAX
                    ? fail(CODE_LIMIT, "more than %d columns", most)
                    : fail(CODE_INVALID, "more cells than the %d columns of the header", most));
        r = cut_cell(&rest, &csv->cells[csv->count]);
        csv->count += is_ok(r);
    }
    return csv_within(csv, r);
}

static MUST_CHECK struct result read_line(struct csv *csv, int most_cells, bool *more) {
    struct result r = ok();
    do {
        if (*csv->next == '\0') {
            *more = false;
            return ok();
        }
        r = take_line(csv);
    } while (is_ok(r) && is_blank(csv->text));
    if (is_ok(r))
        r = cut_line(csv, most_cells);
    if (is_ok(r))
        *more = true;
    return r;
}

/* --- The reader. ---------------------------------------------------------------------------------------- */

static MUST_CHECK struct result check_titles(const struct csv *csv) {
    for (int i = 0; i < csv->count; i++)
        if (*csv->cells[i] && csv_column(csv, csv->cells[i]) < i)
            return csv_within(csv, fail(CODE_INVALID, "two columns are titled \"%.60s\"", csv->cells[i]));
    return ok();
}

struct result csv_begin(struct csv *csv, const char *name, const char *text) {
    bool marked = strncmp(text, byte_order_mark, strlen(byte_order_mark)) == 0, found = false;
    csv->name = name;
    csv->next = marked ? text + strlen(byte_order_mark) : text;
    csv->line = csv->count = csv->columns = 0;
    struct result r = read_line(csv, CSV_CELLS_MAX, &found);
    if (is_ok(r) && !found)
        return fail(CODE_INVALID, "%s:1: the file is empty; expected a line that titles the columns", name);
    if (is_ok(r))
        r = check_titles(csv);
    csv->columns = csv->count;
    return r;
}

int csv_column(const struct csv *csv, const char *title) {
    for (int i = 0; i < csv->count; i++)
        if (strcmp(csv->cells[i], title) == 0)
            return i;
    return -1;
}

struct result csv_require(const struct csv *csv, const char *title, int *column) {
    int found = csv_column(csv, title);
    if (found < 0)
        return csv_within(csv,
            fail(CODE_INVALID, "no column is titled %s; the first one is \"%.60s\"", title, csv->cells[0]));
    *column = found;
    return ok();
}

struct result csv_next(struct csv *csv, bool *more) {
    return read_line(csv, csv->columns, more);
}

const char *csv_cell(const struct csv *csv, int column) {
    return column < csv->count ? csv->cells[column] : "";
}

struct result csv_date(const struct csv *csv, int column, game_date *date) {
    const char *cell = csv_cell(csv, column);
    return csv_within(csv, date_parse(cell, strlen(cell), date));
}

struct result csv_number(const struct csv *csv, int column, const char *what, int64_t most, int64_t *number) {
    const char *cell = csv_cell(csv, column);
    errno = 0;
    long long value = strtoll(cell, NULL, 10);
    if (*cell == '\0' || cell[strspn(cell, "0123456789")] != '\0' || errno != 0 || value > most)
        return csv_within(csv,
            fail(CODE_INVALID, "%s: got \"%.60s\", expected a whole number from 0 to %" PRId64, what, cell,
                most));
    *number = value;
    return ok();
}
