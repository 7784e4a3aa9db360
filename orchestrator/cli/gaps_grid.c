#include "cli/gaps.h"
#include "cli/table.h"
#include "cli/words.h"

#include <stdlib.h>
#include <string.h>

/* --- Marks ---------------------------------------------------------------------------------------------- */

/* Text for every locale, or else a glyph. */
static const struct {
    const char *text;
    enum glyph glyph;
    enum tone tone;
    const char *meaning; /* the same for the same mark */
} marks[] = {
    [ABSENCE_NONE] = {NULL, GLYPH_GOOD, TONE_GOOD, "there"},
    [ABSENCE_NOTHING] = {NULL, GLYPH_NOTHING, TONE_BAD, "nothing yet"},
    [ABSENCE_NOT_STARTED] = {NULL, GLYPH_NOTHING, TONE_DIM, "nothing yet"},
    [ABSENCE_CANCELLED] = {NULL, GLYPH_CANCELLED, TONE_WARN, "cancelled"},
    [ABSENCE_RUNNING] = {NULL, GLYPH_TRIGGERED, TONE_BUSY, "running"},
    [ABSENCE_STALLED] = {NULL, GLYPH_STALLED, TONE_BAD, "stalled"},
    [ABSENCE_FAILED] = {NULL, GLYPH_FAILED, TONE_BAD, "failed"},
    [ABSENCE_SKIPPED] = {NULL, GLYPH_EMPTY, TONE_BAD, "no data"},
    [ABSENCE_NO_DATA] = {NULL, GLYPH_EMPTY, TONE_BAD, "no data"},
    [ABSENCE_ZERO_ROWS] = {"0", GLYPH_NOTHING, TONE_BAD, "zero rows"},
    [ABSENCE_TOO_FEW_ROWS] = {"<", GLYPH_NOTHING, TONE_BAD, "too few rows"},
    [ABSENCE_PARTIAL] = {"~", GLYPH_NOTHING, TONE_BAD, "partial"},
    [ABSENCE_NO_COUNT] = {"?", GLYPH_NOTHING, TONE_BAD, "no row count"},
    [ABSENCE_PREMATURE] = {"()", GLYPH_NOTHING, TONE_DIM, "premature"},
    [ABSENCE_OLD_RUN] = {"[]", GLYPH_NOTHING, TONE_DIM, "of an earlier run"},
};

static const char *mark_text(enum absence absence, const struct term *term) {
    return marks[absence].text ? marks[absence].text : term_glyph(term, marks[absence].glyph);
}

/* --- Columns -------------------------------------------------------------------------------------------- */

/* What a column shows: the processor of this number, or … */
enum { PART_ROW = -1, PART_DATES = -2, PART_BAR = -3, PART_NOTE = -4 };

struct layout {
    const struct coverage *coverage;
    const struct term *term;
    const size_t *shown;                 /* of the grid: which dates */
    const struct coverage_total *totals; /* of the totals */
    size_t total_count;
    int parts[TABLE_COLUMNS_MAX];
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t count;
};

static void add_column(struct layout *layout, int part, const char *title, bool right, int gap) {
    layout->parts[layout->count] = part;
    layout->columns[layout->count++] = (struct table_column){.title = title, .right = right, .gap = gap};
}

/* Upstream, a bar, then the groups in their order; as in the grid of `status`. */
static void add_processors(struct layout *layout, int gap) {
    const struct pipeline *pipeline = layout->coverage->pipeline;
    for (int g = 0; g <= pipeline->group_count; g++) {
        if (g == 1)
            add_column(layout, PART_BAR, term_glyph(layout->term, GLYPH_BAR), false, gap);
        for (int i = 0; i < pipeline->processor_count; i++)
            if (pipeline->processors[i].group == g)
                add_column(layout, i, pipeline->processors[i].abbr, true, gap);
    }
}

static void print_table(const struct layout *layout, size_t rows, table_cell_fn *cell, FILE *out) {
    const struct table table = {
        .columns = layout->columns,
        .column_count = layout->count,
        .row_count = rows,
        .cell = cell,
        .context = layout,
    };
    table_print(&table, layout->term, out);
}

/* --- The grid ------------------------------------------------------------------------------------------- */

static enum tone backfill_cell(const struct pipeline *pipeline, processor_set missing, char *text) {
    char names[PIPELINE_PROCESSORS_MAX * (PIPELINE_ABBR_MAX + 2)];
    snprintf(text, TABLE_CELL_MAX, "backfill %.500s",
        words_processors(pipeline, missing & pipeline->upstream, true, names, sizeof names));
    return TONE_WARN;
}

/* What the date needs, in few words. */
static enum tone note_cell(const struct pipeline *pipeline, const struct covered_date *covered, char *text) {
    static const struct {
        const char *words;
        enum tone tone;
    } notes[] = {
        [REMEDY_MISSED] = {"was never triggered", TONE_BAD},
        [REMEDY_CANCELLED] = {"was cancelled", TONE_WARN},
        [REMEDY_FAILED] = {"failed", TONE_BAD},
        [REMEDY_SHORT] = {"came back short", TONE_BAD},
        [REMEDY_STALLED] = {"has stalled", TONE_BAD},
        [REMEDY_HELD] = {"is stale, and held", TONE_WARN},
        [REMEDY_REDO] = {"was done, and has to run again", TONE_BAD},
    };
    switch (covered->remedy) {
    case REMEDY_NONE:
        snprintf(text, TABLE_CELL_MAX, "%s", covered->bootstrap ? "bootstrap" : "");
        return TONE_DIM;
    case REMEDY_WAIT:
        snprintf(text, TABLE_CELL_MAX, "at work");
        return TONE_BUSY;
    case REMEDY_BACKFILL:
        return backfill_cell(pipeline, covered->missing, text);
    default:
        snprintf(text, TABLE_CELL_MAX, "group %d %s", covered->group, notes[covered->remedy].words);
        return notes[covered->remedy].tone;
    }
}

static enum tone grid_cell(const void *context, size_t row, size_t column, char *text) {
    const struct layout *layout = context;
    const struct covered_date *covered = &layout->coverage->dates[layout->shown[row]];
    int part = layout->parts[column];
    switch (part) {
    case PART_ROW:
        date_format(covered->date, text);
        return TONE_PLAIN;
    case PART_BAR:
        snprintf(text, TABLE_CELL_MAX, "%s", term_glyph(layout->term, GLYPH_BAR));
        return TONE_DIM;
    case PART_NOTE:
        return note_cell(layout->coverage->pipeline, covered, text);
    default:
        break;
    }
    if (!(covered->expected >> part & 1))
        return TONE_PLAIN;
    enum absence absence = covered->absences[part];
    snprintf(text, TABLE_CELL_MAX, "%s", mark_text(absence, layout->term));
    return marks[absence].tone;
}

/* Those marks that the grid shows, each once. */
static void print_legend(const struct layout *layout, size_t rows, FILE *out) {
    bool seen[ABSENCE_COUNT] = {false};
    const char *before = "";
    for (size_t row = 0; row < rows; row++) {
        const struct covered_date *covered = &layout->coverage->dates[layout->shown[row]];
        for (int i = 0; i < layout->coverage->pipeline->processor_count; i++)
            seen[covered->absences[i]] |= covered->expected >> i & 1;
    }
    for (int a = 0; a < ABSENCE_COUNT; a++) {
        if (!seen[a] || (a > 0 && seen[a - 1] && strcmp(marks[a].meaning, marks[a - 1].meaning) == 0))
            continue;
        fputs(before, out);
        term_print(layout->term, out, marks[a].tone, "%s", mark_text((enum absence)a, layout->term));
        term_print(layout->term, out, TONE_DIM, " %s", marks[a].meaning);
        before = "  ";
    }
    fputc('\n', out);
}

struct result gaps_print_grid(const struct coverage *coverage, bool all, const struct term *term, FILE *out) {
    size_t rows = 0, *shown = calloc(coverage->count + 1, sizeof *shown);
    if (!shown)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < coverage->count; i++)
        if (all || coverage->dates[i].remedy != REMEDY_NONE)
            shown[rows++] = i;
    struct layout layout = {.coverage = coverage, .term = term, .shown = shown};
    add_column(&layout, PART_ROW, "date", false, 0);
    add_processors(&layout, 1);
    layout.columns[1].gap = 2;
    add_column(&layout, PART_NOTE, "", false, 2);
    if (rows > 0) {
        print_table(&layout, rows, grid_cell, out);
        print_legend(&layout, rows, out);
        fputc('\n', out);
    }
    free(shown);
    return ok();
}

/* --- The totals ----------------------------------------------------------------------------------------- */

static const char *row_name(const struct layout *layout, size_t row) {
    if (layout->totals[row].season)
        return layout->totals[row].season->name;
    return row + 1 == layout->total_count ? "all" : "no season";
}

static enum tone percent_tone(int tenths) {
    return tenths == 1000 ? TONE_GOOD : tenths >= 950 ? TONE_WARN : TONE_BAD;
}

static enum tone totals_cell(const void *context, size_t row, size_t column, char *text) {
    const struct layout *layout = context;
    const struct coverage_total *total = &layout->totals[row];
    int part = layout->parts[column];
    switch (part) {
    case PART_ROW:
        snprintf(text, TABLE_CELL_MAX, "%s", row_name(layout, row));
        return TONE_PLAIN;
    case PART_DATES:
        snprintf(text, TABLE_CELL_MAX, "%zu", total->dates);
        return TONE_PLAIN;
    case PART_BAR:
        snprintf(text, TABLE_CELL_MAX, "%s", term_glyph(layout->term, GLYPH_BAR));
        return TONE_DIM;
    default:
        coverage_percent(total->present[part], total->expected[part], text);
        return percent_tone(coverage_tenths(total->present[part], total->expected[part]));
    }
}

struct result gaps_print_totals(const struct coverage *coverage, const struct term *term, FILE *out) {
    struct coverage_total *totals = calloc(COVERAGE_TOTALS_MAX + 1, sizeof *totals);
    if (!totals)
        return fail(CODE_INTERNAL, "out of memory");
    size_t count = coverage_by_season(coverage, totals);
    if (count != 1)
        totals[count++] = coverage_of_all(coverage);
    struct layout layout = {.coverage = coverage, .term = term, .totals = totals, .total_count = count};
    add_column(&layout, PART_ROW, "season", false, 0);
    add_column(&layout, PART_DATES, "dates", true, 2);
    add_processors(&layout, 2);
    print_table(&layout, count, totals_cell, out);
    free(totals);
    return ok();
}
