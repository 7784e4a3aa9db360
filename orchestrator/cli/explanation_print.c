/* An explanation for people, and as JSON. */
#include "cli/explanation.h"
#include "cli/grid.h"
#include "cli/json_output.h"
#include "cli/table.h"
#include "cli/words.h"
#include "core/trigger.h"

#include <string.h>

/* Some processors of a date, one a row. */
struct listing {
    const struct explanation *explanation;
    const struct term *term;
    int indexes[PIPELINE_PROCESSORS_MAX];
    size_t count;
};

enum { COLUMN_PROCESSOR, COLUMN_STATUS, COLUMN_ROWS, COLUMN_WHEN, COLUMN_EXECUTION, COLUMN_WHY };

static const struct table_column columns[] = {
    [COLUMN_PROCESSOR] = {"processor", false, 2},
    [COLUMN_STATUS] = {"status", false, 2},
    [COLUMN_ROWS] = {"rows", true, 2},
    [COLUMN_WHEN] = {"received (UTC)", false, 2},
    [COLUMN_EXECUTION] = {"execution", false, 2},
    [COLUMN_WHY] = {"", false, 2},
};

static void why_cell(const struct explanation *e, int index, const struct term *term, char *text) {
    const struct record *record = &e->state->records[index];
    char reason[EXPLANATION_TEXT_MAX];
    explanation_reason(e, index, reason);
    const char *backfill = record->mark != RECORD_NONE && record->backfill ? "backfill" : "";
    char between[8] = "";
    if (*reason && *backfill)
        snprintf(between, sizeof between, " %s ", term_glyph(term, GLYPH_BETWEEN));
    snprintf(text, TABLE_CELL_MAX, "%.400s%s%s", reason, between, backfill);
}

static enum tone listing_cell(const void *context, size_t row, size_t column, char *text) {
    const struct listing *listing = context;
    int index = listing->indexes[row];
    const struct explanation *e = listing->explanation;
    const struct record *record = &e->state->records[index];
    char mark[GRID_MARK_MAX], time[WORDS_TIME_MAX];
    enum tone tone = grid_mark(record, listing->term, mark);
    bool received = record->mark != RECORD_NONE;
    switch (column) {
    case COLUMN_PROCESSOR:
        snprintf(text, TABLE_CELL_MAX, "%s", e->pipeline->processors[index].name);
        return received ? TONE_PLAIN : TONE_DIM;
    case COLUMN_STATUS:
        snprintf(text, TABLE_CELL_MAX, "%s", received ? status_name(record->status) : "");
        return tone;
    case COLUMN_ROWS:
        snprintf(text, TABLE_CELL_MAX, "%s", mark);
        return tone;
    case COLUMN_WHEN:
        snprintf(text, TABLE_CELL_MAX, "%s", received ? words_time(record->arrived_ms, time) : "");
        return TONE_DIM;
    case COLUMN_EXECUTION:
        words_shown(record->execution_id, text, 64);
        return TONE_DIM;
    default:
        why_cell(e, index, listing->term, text);
        return record->mark == RECORD_SHORT ? TONE_BAD : received ? TONE_DIM : TONE_WARN;
    }
}

static struct listing listing_of(const struct explanation *e, const struct term *term, processor_set set) {
    struct listing listing = {.explanation = e, .term = term};
    for (int i = 0; i < e->pipeline->processor_count; i++)
        if (set >> i & 1)
            listing.indexes[listing.count++] = i;
    return listing;
}

static void print_processors(
    const struct explanation *e, const struct term *term, processor_set set, const char *title, FILE *out) {
    if (!set)
        return;
    struct listing listing = listing_of(e, term, set);
    const struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .row_count = listing.count,
        .cell = listing_cell,
        .context = &listing,
    };
    struct term uncut = *term; /* what went wrong is the answer: better wrapped than lost */
    uncut.width = 0;
    fprintf(out, "\n%s\n", title);
    table_print(&table, &uncut, out);
}

static processor_set premature_of(const struct explanation *e) {
    processor_set premature = 0;
    for (int i = 0; i < e->pipeline->processor_count; i++)
        if (e->state->records[i].mark == RECORD_PREMATURE)
            premature |= (processor_set)1 << i;
    return premature;
}

/* What the group speaks of: what it needs while it waits, its processors from then on. */
static void print_group(const struct explanation *e, const struct term *term, FILE *out) {
    const struct group *group = &e->pipeline->groups[e->group - 1];
    const struct group_state *state = &e->state->groups[e->group - 1];
    char title[EXPLANATION_TEXT_MAX], names[EXPLANATION_TEXT_MAX / 2], id[TRIGGER_ID_MAX];
    if (state->phase == GROUP_WAITING) {
        snprintf(title, sizeof title, "Group %d, %s, needs:", e->group,
            words_processors(e->pipeline, group->members, false, names, sizeof names));
        print_processors(e, term, group->needs, title, out);
        return;
    }
    const struct trigger trigger = {.date = e->state->date, .group = e->group, .run = e->state->run};
    snprintf(title, sizeof title, "Group %d, trigger %s%s%s%s:", e->group,
        trigger_id(e->pipeline, &trigger, id), state->bus_message_id ? ", message " : "",
        state->bus_message_id ? state->bus_message_id : "", state->backfill ? ", backfill" : "");
    print_processors(e, term, group->members, title, out);
}

/* The premature that the group's own table has not shown. */
static void print_premature(const struct explanation *e, const struct term *term, FILE *out) {
    print_processors(e, term, premature_of(e),
        "Premature, and not counted; the trigger of their group will have them run again:", out);
}

static void print_phases(const struct explanation *e, const struct term *term, FILE *out) {
    static const enum tone tones[] = {
        [GROUP_WAITING] = TONE_DIM,
        [GROUP_READY] = TONE_BUSY,
        [GROUP_TRIGGERED] = TONE_BUSY,
        [GROUP_DONE] = TONE_GOOD,
        [GROUP_FAILED] = TONE_BAD,
    };
    fputs("groups", out);
    for (int g = 1; g <= e->pipeline->group_count; g++) {
        enum group_phase phase = e->state->groups[g - 1].phase;
        fprintf(out, "%s %d ", g > 1 ? "," : "", g);
        term_print(term, out, tones[phase], "%s", group_phase_name(phase));
    }
    fputc('\n', out);
}

/* A command stands on a line of its own, ready to be copied. */
static void print_advised(const char *text, FILE *out) {
    const char *command = strstr(text, ": phasegate ");
    if (command)
        fprintf(out, "  - %.*s:\n      %s\n", (int)(command - text), text, command + 2);
    else
        fprintf(out, "  - %s\n", text);
}

static void print_advice(const struct explanation *e, const struct term *term, FILE *out) {
    char text[EXPLANATION_TEXT_MAX], date[DATE_TEXT_MAX];
    fputc('\n', out);
    term_print(term, out, TONE_STRONG, "What you can do\n");
    for (int i = 0; explanation_advice(e, i, text); i++)
        print_advised(text, out);
    snprintf(text, sizeof text, "see everything that happened: phasegate history %s",
        date_format(e->state->date, date));
    print_advised(text, out);
}

void explanation_print(const struct explanation *e, const struct term *term, FILE *out) {
    char text[EXPLANATION_TEXT_MAX], date[DATE_TEXT_MAX];
    bool fine = explanation_is_fine(e);
    term_print(term, out, TONE_STRONG, "%s %s", e->pipeline->name, date_format(e->state->date, date));
    fputs("  ", out);
    term_print(term, out, fine ? TONE_GOOD : TONE_WARN, "%s\n", explanation_headline(e, text));
    if (e->state->known && !e->state->no_games_ms) {
        print_phases(e, term, out);
        if (e->group > 0)
            print_group(e, term, out);
        else
            print_processors(e, term, ~(processor_set)0, "Received:", out);
        print_premature(e, term, out);
    }
    print_advice(e, term, out);
}

static json_t *need_json(const struct explanation *e, int index) {
    char reason[EXPLANATION_TEXT_MAX];
    json_t *object = json_object();
    explanation_reason(e, index, reason);
    json_put(&object, "processor", json_text(e->pipeline->processors[index].name));
    json_put(&object, "satisfied", json_boolean(e->state->records[index].mark == RECORD_COUNTS));
    json_put(&object, "reason", *reason ? json_text(reason) : json_null());
    json_put(&object, "record", json_record(&e->state->records[index]));
    return object;
}

static json_t *needs_json(const struct explanation *e) {
    json_t *array = json_array();
    for (int i = 0; e->group > 0 && i < e->pipeline->processor_count; i++)
        if (e->pipeline->groups[e->group - 1].needs >> i & 1)
            json_push(&array, need_json(e, i));
    return array;
}

json_t *explanation_json(const struct explanation *e) {
    char text[EXPLANATION_TEXT_MAX];
    json_t *object = json_object(), *advice = json_array();
    for (int i = 0; explanation_advice(e, i, text); i++)
        json_push(&advice, json_text(text));
    json_put(&object, "pipeline", json_text(e->pipeline->name));
    json_put(&object, "at", json_time(e->now_ms));
    json_put(&object, "fine", json_boolean(explanation_is_fine(e)));
    json_put(&object, "headline", json_text(explanation_headline(e, text)));
    json_put(&object, "group", e->group ? json_integer(e->group) : json_null());
    json_put(&object, "needs", needs_json(e));
    json_put(&object, "premature", json_processors(e->pipeline, premature_of(e)));
    json_put(&object, "advice", advice);
    json_put(&object, "date", json_date_state(e->pipeline, e->state, e->now_ms));
    return object;
}
