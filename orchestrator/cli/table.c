#include "cli/table.h"

#include <string.h>

enum { LAST_COLUMN_LEAST = 10 }; /* narrower terminals wrap */

static void measure(const struct table *table, int *widths) {
    for (size_t column = 0; column < table->column_count; column++)
        widths[column] = term_columns(table->columns[column].title);
    for (size_t row = 0; row < table->row_count; row++)
        for (size_t column = 0; column < table->column_count; column++) {
            char text[TABLE_CELL_MAX] = "";
            table->cell(table->context, row, column, text);
            int width = term_columns(text);
            if (width > widths[column])
                widths[column] = width;
        }
}

/* How many columns the last one may take, on a terminal of this width. */
static int room_for_last(const struct table *table, const struct term *term, const int *widths) {
    size_t last = table->column_count - 1;
    if (term->width == 0)
        return TABLE_CELL_MAX;
    int before = table->columns[last].gap;
    for (size_t column = 0; column < last; column++)
        before += table->columns[column].gap + widths[column];
    int room = term->width - before;
    return room < LAST_COLUMN_LEAST ? LAST_COLUMN_LEAST : room;
}

/* Where a line is: spaces are kept back until something follows them, so that no line ends in spaces. */
struct line {
    const struct term *term;
    FILE *out;
    int pending;
};

static void print_cell(
    struct line *line, const struct table_column *column, int width, enum tone tone, const char *text) {
    int blank = width - term_columns(text);
    line->pending += column->gap + (column->right ? blank : 0);
    if (*text) {
        fprintf(line->out, "%*s", line->pending, "");
        term_print(line->term, line->out, tone, "%s", text);
        line->pending = 0;
    }
    line->pending += column->right ? 0 : blank;
}

static void print_titles(const struct table *table, const struct term *term, const int *widths, FILE *out) {
    struct line line = {.term = term, .out = out};
    for (size_t column = 0; column < table->column_count; column++)
        print_cell(&line, &table->columns[column], widths[column], TONE_DIM, table->columns[column].title);
    fputc('\n', out);
}

void table_print(const struct table *table, const struct term *term, FILE *out) {
    int widths[TABLE_COLUMNS_MAX];
    measure(table, widths);
    size_t last = table->column_count - 1;
    int room = room_for_last(table, term, widths);
    if (widths[last] > room)
        widths[last] = room;
    print_titles(table, term, widths, out);
    for (size_t row = 0; row < table->row_count; row++) {
        struct line line = {.term = term, .out = out};
        for (size_t column = 0; column < table->column_count; column++) {
            char text[TABLE_CELL_MAX] = "";
            enum tone tone = table->cell(table->context, row, column, text);
            if (column == last)
                term_cut(term, text, sizeof text, room);
            print_cell(&line, &table->columns[column], widths[column], tone, text);
        }
        fputc('\n', out);
    }
}
