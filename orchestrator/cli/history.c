/* phasegate history: everything that happened to a date, oldest first. */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/dates.h"
#include "cli/grid.h"
#include "cli/json_output.h"
#include "cli/lookup.h"
#include "cli/table.h"
#include "cli/words.h"

#include <inttypes.h>
#include <string.h>

struct history {
    const struct pipeline *pipeline;
    const struct term *term;
    game_date date;
    const struct history_entry *entries;
    size_t count;
    int64_t dropped;
};

enum { COLUMN_TIME, COLUMN_WHAT, COLUMN_WHO, COLUMN_STATUS, COLUMN_ROWS, COLUMN_EXECUTION, COLUMN_NOTE };

static const struct table_column columns[] = {
    [COLUMN_TIME] = {"time (UTC)", false, 0},
    [COLUMN_WHAT] = {"what", false, 2},
    [COLUMN_WHO] = {"processor or group", false, 2},
    [COLUMN_STATUS] = {"status", false, 2},
    [COLUMN_ROWS] = {"rows", true, 2},
    [COLUMN_EXECUTION] = {"execution", false, 2},
    [COLUMN_NOTE] = {"", false, 2},
};

static const struct {
    const char *name;
    enum tone tone;
} kinds[] = {
    [HISTORY_COMPLETION] = {"completion", TONE_PLAIN},
    [HISTORY_READY] = {"ready", TONE_BUSY},
    [HISTORY_TRIGGERED] = {"triggered", TONE_BUSY},
    [HISTORY_DONE] = {"done", TONE_GOOD},
    [HISTORY_FAILED] = {"failed", TONE_BAD},
    [HISTORY_CANCELLED] = {"cancelled", TONE_WARN},
    [HISTORY_NO_GAMES] = {"no_games", TONE_PLAIN},
    [HISTORY_STALLED] = {"stalled", TONE_WARN},
    [HISTORY_REPLAYED] = {"replayed", TONE_BUSY},
    [HISTORY_STALE] = {"stale", TONE_WARN},
    [HISTORY_RUN] = {"run", TONE_BUSY},
};

/* Did it change anything? What did not is shown dim. */
static bool was_applied(const struct history_entry *entry) {
    return entry->kind != HISTORY_COMPLETION || strcmp(entry->verdict, "applied") == 0;
}

/* Its rows. What was ignored belongs to no run; only what came too early is shown as premature. */
static enum tone mark_of(const struct history *history, const struct history_entry *entry, char *mark) {
    struct record record = entry->record;
    if (entry->kind != HISTORY_COMPLETION)
        return TONE_PLAIN;
    if (record.mark == RECORD_PREMATURE && strcmp(entry->verdict, "premature") != 0)
        record.mark = RECORD_COUNTS;
    return grid_mark(&record, history->term, mark);
}

/* The parts of a note, one after the other with a separator. */
static void add_note(const struct term *term, char *text, const char *part) {
    size_t used = strlen(text);
    if (!*part)
        return;
    snprintf(text + used, TABLE_CELL_MAX - used, "%s%s%s%s", used > 0 ? " " : "",
        used > 0 ? term_glyph(term, GLYPH_BETWEEN) : "", used > 0 ? " " : "", part);
}

static void note_cell(const struct history *history, const struct history_entry *entry, char *text) {
    char part[TABLE_CELL_MAX / 2];
    if (entry->kind == HISTORY_COMPLETION && entry->times > 1) {
        snprintf(part, sizeof part, "%" PRId64 " times in a row", entry->times);
        add_note(history->term, text, part);
    }
    if (entry->kind == HISTORY_COMPLETION && entry->record.backfill)
        add_note(history->term, text, "backfill");
    if (entry->bus_message_id && entry->kind == HISTORY_TRIGGERED) {
        char id[TABLE_CELL_MAX / 4];
        snprintf(part, sizeof part, "message %s", words_shown(entry->bus_message_id, id, sizeof id));
        add_note(history->term, text, part);
    }
    if (entry->kind == HISTORY_COMPLETION)
        add_note(history->term, text, words_shown(entry->record.error_message, part, sizeof part));
}

static void who_cell(const struct history_entry *entry, char *text) {
    if (entry->kind == HISTORY_COMPLETION)
        snprintf(text, TABLE_CELL_MAX, "%s", entry->processor->name);
    else if (entry->kind != HISTORY_NO_GAMES)
        snprintf(text, TABLE_CELL_MAX, "group %d, run %d", entry->group, entry->run);
}

static enum tone history_cell(const void *context, size_t row, size_t column, char *text) {
    const struct history *history = context;
    const struct history_entry *entry = &history->entries[row];
    bool completion = entry->kind == HISTORY_COMPLETION, applied = was_applied(entry);
    char mark[GRID_MARK_MAX] = "";
    enum tone tone = mark_of(history, entry, mark);
    switch (column) {
    case COLUMN_TIME:
        words_time(entry->at_ms, text);
        return TONE_DIM;
    case COLUMN_WHAT:
        snprintf(
            text, TABLE_CELL_MAX, "%s", completion && !applied ? entry->verdict : kinds[entry->kind].name);
        return applied ? kinds[entry->kind].tone : TONE_DIM;
    case COLUMN_WHO:
        who_cell(entry, text);
        return applied ? TONE_PLAIN : TONE_DIM;
    case COLUMN_STATUS:
        snprintf(text, TABLE_CELL_MAX, "%s", completion ? status_name(entry->record.status) : "");
        return applied ? tone : TONE_DIM;
    case COLUMN_ROWS:
        snprintf(text, TABLE_CELL_MAX, "%s", mark);
        return applied ? tone : TONE_DIM;
    case COLUMN_EXECUTION:
        words_shown(completion ? entry->record.execution_id : NULL, text, 64);
        return TONE_DIM;
    default:
        note_cell(history, entry, text);
        return completion && applied && entry->record.error_message ? TONE_BAD : TONE_DIM;
    }
}

static void print_text(const struct history *history, FILE *out) {
    char date[DATE_TEXT_MAX], count[32];
    date_format(history->date, date);
    if (history->dropped > 0)
        fprintf(out, "%s that happened to %s earlier %s no longer kept\n",
            words_count(history->dropped, "thing", "things", count, sizeof count), date,
            history->dropped == 1 ? "is" : "are");
    if (history->count == 0) {
        fprintf(out, "nothing was ever received for %s\n", date);
        return;
    }
    const struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .row_count = history->count,
        .cell = history_cell,
        .context = history,
    };
    table_print(&table, history->term, out);
}

static json_t *entry_json(const struct history_entry *entry) {
    bool completion = entry->kind == HISTORY_COMPLETION;
    json_t *object = json_object();
    json_put(&object, "at", json_time(entry->at_ms));
    json_put(&object, "kind", json_text(kinds[entry->kind].name));
    json_put(&object, "group", entry->group ? json_integer(entry->group) : json_null());
    json_put(&object, "run", json_integer(entry->run));
    json_put(&object, "processor", json_text(completion ? entry->processor->name : NULL));
    json_put(&object, "verdict", json_text(completion ? entry->verdict : NULL));
    json_put(&object, "times", json_integer(completion ? entry->times : 1));
    json_put(&object, "record", completion ? json_record(&entry->record) : json_null());
    json_put(&object, "bus_message_id", json_text(entry->bus_message_id));
    return object;
}

static struct result print_json(const struct history *history, FILE *out) {
    json_t *entries = json_array(), *object = json_object();
    for (size_t i = 0; i < history->count; i++)
        json_push(&entries, entry_json(&history->entries[i]));
    json_put(&object, "pipeline", json_text(history->pipeline->name));
    json_put(&object, "game_date", json_date(history->date));
    json_put(&object, "dropped", json_integer(history->dropped));
    json_put(&object, "entries", entries);
    return json_print(object, out);
}

static struct result run(const struct invocation *call, bool *answer) {
    struct history history = {.term = &call->term};
    struct history_entry *entries;
    struct lookup lookup;
    struct result r = dates_one(call->operands[0], &history.date);
    if (is_ok(r))
        r = lookup_open(call->common, &lookup);
    if (!is_ok(r))
        return r;
    history.pipeline = lookup.pipeline;
    r = reader_history(lookup.reader, lookup.pipeline, history.date, lookup.setup.arena, &entries,
        &history.count, &history.dropped);
    if (is_ok(r)) {
        history.entries = entries;
        *answer = history.count > 0;
        if (call->common->json)
            r = print_json(&history, call->out);
        else
            print_text(&history, call->out);
    }
    lookup_close(&lookup);
    return r;
}

const struct command history_command = {
    .name = "history",
    .synopsis = "DATE",
    .summary = "everything that happened to a date",
    .description =
        "Every completion that came and what became of it, and every step of every group, oldest first. "
        "What\n"
        "changed nothing (duplicate, late, premature, of another run) is dim. The store keeps the newest of "
        "a\n"
        "date; how many older ones are gone is said above the table.\n"
        "\n"
        "Exit status: 0; 1 when nothing was ever received for the date; 2 wrong usage; 3 when the store\n"
        "cannot be reached.\n",
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
