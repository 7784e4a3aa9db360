#include "cli/grid.h"

#include "base/text.h"
#include "cli/outlook.h"
#include "cli/table.h"
#include "cli/words.h"

#include <inttypes.h>
#include <string.h>

/* What a column shows. */
struct part {
    enum { PART_DATE, PART_RECORD, PART_BAR, PART_GROUP, PART_NOTE } kind;
    int number; /* of the processor or group */
};

struct layout {
    const struct grid *grid;
    const struct term *term;
    struct part parts[TABLE_COLUMNS_MAX];
    struct table_column columns[TABLE_COLUMNS_MAX];
    char titles[PIPELINE_GROUPS_MAX][12];
    size_t count;
};

/* A count, or what stands for it; "~" before it is partial, "!" behind it does not satisfy. */
static void count_mark(const struct record *record, char *text) {
    const char *partial = record->status == STATUS_PARTIAL ? "~" : "";
    const char *wanting = record->mark == RECORD_SHORT && record->record_count > 0 ? "!" : "";
    if (record->record_count != ROWS_UNKNOWN)
        snprintf(text, GRID_MARK_MAX, "%s%" PRId64 "%s", partial, record->record_count, wanting);
    else
        snprintf(text, GRID_MARK_MAX, "%s%s", partial, record->mark == RECORD_SHORT ? "?" : "ok");
}

static void record_mark(const struct record *record, const struct term *term, char *text) {
    switch (record->status) {
    case STATUS_FAILED:
        snprintf(text, GRID_MARK_MAX, "%s", term_glyph(term, GLYPH_FAILED));
        break;
    case STATUS_SKIPPED:
    case STATUS_NO_DATA:
        snprintf(text, GRID_MARK_MAX, "%s", term_glyph(term, GLYPH_EMPTY));
        break;
    case STATUS_PARTIAL:
    case STATUS_SUCCESS:
        count_mark(record, text);
        break;
    }
}

static void enclose(char left, char right, char text[GRID_MARK_MAX]) {
    char mark[GRID_MARK_MAX];
    memcpy(mark, text, sizeof mark);
    snprintf(text, GRID_MARK_MAX, "%c%.*s%c", left, GRID_MARK_MAX - 3, mark, right);
}

enum tone grid_mark(const struct record *record, const struct term *term, char text[GRID_MARK_MAX]) {
    if (record->mark == RECORD_NONE) {
        snprintf(text, GRID_MARK_MAX, "%s", term_glyph(term, GLYPH_NOTHING));
        return TONE_DIM;
    }
    record_mark(record, term, text);
    if (record->mark == RECORD_COUNTS)
        return TONE_GOOD;
    if (record->mark == RECORD_PREMATURE)
        enclose('(', ')', text);
    else if (record->mark == RECORD_OLD || record->set_aside)
        enclose('[', ']', text);
    else
        return TONE_BAD;
    return TONE_DIM;
}

static const struct {
    enum glyph glyph;
    enum tone tone;
} phase_marks[] = {
    [GROUP_WAITING] = {GLYPH_WAITING, TONE_DIM},
    [GROUP_READY] = {GLYPH_READY, TONE_BUSY},
    [GROUP_TRIGGERED] = {GLYPH_TRIGGERED, TONE_BUSY},
    [GROUP_DONE] = {GLYPH_DONE, TONE_GOOD},
    [GROUP_FAILED] = {GLYPH_FAILED, TONE_BAD},
    [GROUP_CANCELLED] = {GLYPH_CANCELLED, TONE_WARN},
};

/* Where a group is, and above that what is the matter with it. */
static enum tone group_mark(
    const struct date_state *state, int group, const struct term *term, const char **mark) {
    enum group_phase phase = state->groups[group - 1].phase;
    if (outlook_is_stale(state, group) && phase != GROUP_WAITING) {
        *mark = term_glyph(term, GLYPH_STALE);
        return TONE_WARN;
    }
    if (outlook_is_stalled(state, group)) {
        *mark = term_glyph(term, GLYPH_STALLED);
        return TONE_BAD;
    }
    *mark = term_glyph(term, phase_marks[phase].glyph);
    return phase_marks[phase].tone;
}

static enum tone standing_tone(enum standing standing) {
    switch (standing) {
    case STANDING_FAILED:
    case STANDING_STALLED:
    case STANDING_BROKEN:
        return TONE_BAD;
    case STANDING_HELD:
    case STANDING_STALE:
    case STANDING_CANCELLED:
        return TONE_WARN;
    case STANDING_RUNNING:
        return TONE_BUSY;
    case STANDING_DONE:
        return TONE_GOOD;
    case STANDING_UNKNOWN:
    case STANDING_NO_GAMES:
        break;
    }
    return TONE_DIM;
}

static enum tone note_cell(const struct grid *grid, const struct date_state *state, char *text) {
    struct outlook outlook = outlook_of(grid->pipeline, state);
    outlook_note(grid->pipeline, &outlook, state, grid->now_ms, text, TABLE_CELL_MAX);
    return standing_tone(outlook.standing);
}

/* What cannot be read is not shown as nothing; what is wrong stands below the grid, where there is room. */
static enum tone broken_cell(const struct part *part, const struct term *term, char *text) {
    if (part->kind == PART_BAR)
        snprintf(text, TABLE_CELL_MAX, "%s", term_glyph(term, GLYPH_BAR));
    else
        snprintf(text, TABLE_CELL_MAX, part->kind == PART_NOTE ? "broken, see below" : "?");
    return part->kind == PART_BAR ? TONE_DIM : TONE_BAD;
}

static enum tone grid_cell(const void *context, size_t row, size_t column, char *text) {
    const struct layout *layout = context;
    const struct date_state *state = &layout->grid->states[row];
    struct part part = layout->parts[column];
    if (state->broken && part.kind != PART_DATE)
        return broken_cell(&part, layout->term, text);
    switch (part.kind) {
    case PART_DATE:
        date_format(state->date, text);
        return state->known && !state->no_games_ms ? TONE_PLAIN : TONE_DIM;
    case PART_RECORD: {
        enum tone tone = grid_mark(&state->records[part.number], layout->term, text);
        return state->no_games_ms ? TONE_DIM : tone;
    }
    case PART_GROUP: {
        const char *mark;
        enum tone tone = group_mark(state, part.number, layout->term, &mark);
        snprintf(text, TABLE_CELL_MAX, "%s", mark);
        return tone;
    }
    case PART_BAR:
        snprintf(text, TABLE_CELL_MAX, "%s", term_glyph(layout->term, GLYPH_BAR));
        return TONE_DIM;
    case PART_NOTE:
        return note_cell(layout->grid, state, text);
    }
    return TONE_PLAIN;
}

static void add_column(struct layout *layout, int kind, int number, const char *title, bool right, int gap) {
    layout->parts[layout->count].kind = kind;
    layout->parts[layout->count].number = number;
    layout->columns[layout->count] = (struct table_column){.title = title, .right = right, .gap = gap};
    layout->count++;
}

static void add_bar(struct layout *layout) {
    add_column(layout, PART_BAR, 0, term_glyph(layout->term, GLYPH_BAR), false, 1);
}

/* Members of a group next to each other, groups in their order, upstream (0) first. */
static void add_processors(struct layout *layout, int group) {
    const struct pipeline *pipeline = layout->grid->pipeline;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (pipeline->processors[i].group == group)
            add_column(layout, PART_RECORD, i, pipeline->processors[i].abbr, true, 1);
}

static void lay_out(struct layout *layout, const struct grid *grid, const struct term *term) {
    *layout = (struct layout){.grid = grid, .term = term};
    const struct pipeline *pipeline = grid->pipeline;
    add_column(layout, PART_DATE, 0, "date", false, 0);
    add_processors(layout, 0);
    layout->columns[1].gap = 2;
    add_bar(layout);
    for (int g = 1; g <= pipeline->group_count; g++)
        add_processors(layout, g);
    add_bar(layout);
    for (int g = 1; g <= pipeline->group_count; g++) {
        snprintf(layout->titles[g - 1], sizeof layout->titles[0], "%d", g);
        add_column(layout, PART_GROUP, g, layout->titles[g - 1], false, 1);
    }
    add_column(layout, PART_NOTE, 0, "", false, 2);
}

void grid_print(const struct grid *grid, const struct term *term, FILE *out) {
    struct layout layout;
    lay_out(&layout, grid, term);
    const struct table table = {
        .columns = layout.columns,
        .column_count = layout.count,
        .row_count = grid->count,
        .cell = grid_cell,
        .context = &layout,
    };
    table_print(&table, term, out);
}

/* A line of the legend, broken where the terminal ends. */
struct legend {
    const struct term *term;
    FILE *out;
    int column;
};

enum { LEGEND_INDENT = 6 };

static void legend_start(struct legend *legend, const char *title) {
    term_print(legend->term, legend->out, TONE_DIM, "%-*s", LEGEND_INDENT, title);
    legend->column = LEGEND_INDENT;
}

static void legend_add(struct legend *legend, enum tone tone, const char *mark, const char *meaning) {
    int columns = 2 + term_columns(mark) + 1 + term_columns(meaning);
    if (legend->term->width > 0 && legend->column + columns > legend->term->width) {
        fprintf(legend->out, "\n%*s", LEGEND_INDENT, "");
        legend->column = LEGEND_INDENT;
    }
    fputs("  ", legend->out);
    term_print(legend->term, legend->out, tone, "%s", mark);
    term_print(legend->term, legend->out, TONE_DIM, " %s", meaning);
    legend->column += columns;
}

void grid_print_legend(const struct term *term, FILE *out) {
    struct legend legend = {.term = term, .out = out};
    legend_start(&legend, "rows");
    legend_add(&legend, TONE_GOOD, "241", "satisfies");
    legend_add(&legend, TONE_GOOD, "ok", "vouched for");
    legend_add(&legend, TONE_BAD, "0  5!", "too few");
    legend_add(&legend, TONE_BAD, "~9!", "partial");
    legend_add(&legend, TONE_BAD, term_glyph(term, GLYPH_EMPTY), "no data");
    legend_add(&legend, TONE_BAD, term_glyph(term, GLYPH_FAILED), "failed");
    legend_add(&legend, TONE_DIM, "(212)", "premature");
    legend_add(&legend, TONE_DIM, "[212]", "to be redone");
    legend_add(&legend, TONE_DIM, term_glyph(term, GLYPH_NOTHING), "nothing yet");
    fputc('\n', out);
    legend_start(&legend, "groups");
    for (enum group_phase phase = GROUP_WAITING; phase <= GROUP_CANCELLED; phase++)
        legend_add(&legend, phase_marks[phase].tone, term_glyph(term, phase_marks[phase].glyph),
            group_phase_name(phase));
    legend_add(&legend, TONE_WARN, term_glyph(term, GLYPH_STALE), "stale");
    legend_add(&legend, TONE_BAD, term_glyph(term, GLYPH_STALLED), "stalled");
    fputc('\n', out);
}

void grid_print_totals(const struct grid *grid, const struct term *term, FILE *out) {
    static const struct {
        enum standing standing;
        const char *word;
    } order[] = {{STANDING_DONE, "done"}, {STANDING_RUNNING, "running"}, {STANDING_HELD, "held"},
        {STANDING_STALLED, "stalled"}, {STANDING_STALE, "stale"}, {STANDING_CANCELLED, "cancelled"},
        {STANDING_BROKEN, "broken"}, {STANDING_FAILED, "failed"}, {STANDING_NO_GAMES, "no games"},
        {STANDING_UNKNOWN, "nothing received"}};
    size_t counts[STANDING_COUNT] = {0};
    for (size_t i = 0; i < grid->count; i++)
        counts[outlook_of(grid->pipeline, &grid->states[i]).standing]++;
    fprintf(out, "%zu date%s", grid->count, grid->count == 1 ? "" : "s");
    const char *before = ": ";
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (counts[order[i].standing] > 0) {
            fputs(before, out);
            term_print(term, out, standing_tone(order[i].standing), "%zu %s", counts[order[i].standing],
                order[i].word);
            before = ", ";
        }
    fputc('\n', out);
}

size_t grid_print_broken(const struct grid *grid, const struct term *term, FILE *out) {
    size_t count = 0;
    for (size_t i = 0; i < grid->count; i++) {
        const struct date_state *state = &grid->states[i];
        char date[DATE_TEXT_MAX], text[RESULT_TEXT_MAX];
        if (!state->broken)
            continue;
        text_show(state->broken, strlen(state->broken), text, sizeof text);
        term_print(term, out, TONE_BAD, "%s: %s\n", date_format(state->date, date), text);
        count++;
    }
    return count;
}

void grid_print_backfill(const struct pipeline *pipeline, const struct backfill_state *backfill,
    const struct term *term, FILE *out) {
    int in_flight = 0;
    for (int g = 0; g < pipeline->group_count; g++)
        in_flight += backfill->in_flight[g];
    if (!backfill->paused_ms && !in_flight && !backfill->waiting_count)
        return;
    fputs("backfill: ", out);
    if (backfill->paused_ms) {
        char since[WORDS_TIME_MAX];
        term_print(term, out, TONE_WARN, "paused since %s", words_time(backfill->paused_ms, since));
        fputs(" (phasegate backfill resume), ", out);
    }
    fprintf(out, "%d in flight, %zu waiting\n", in_flight, backfill->waiting_count);
}
