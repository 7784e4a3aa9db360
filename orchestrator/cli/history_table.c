#include "cli/history_table.h"

#include "cli/grid.h"
#include "cli/json_output.h"
#include "cli/opening.h"
#include "cli/table.h"
#include "cli/words.h"

#include <inttypes.h>
#include <string.h>

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
    [HISTORY_RUN] = {"new_run", TONE_BUSY},
};

/* Did it change anything? What did not is shown dim. */
static bool was_applied(const struct history_entry *entry) {
    return entry->kind != HISTORY_COMPLETION || strcmp(entry->verdict, "applied") == 0;
}

/* Its rows, as they were when they came: what was ignored belongs to no run, only what came too early is
 * shown as premature, and what a later run or a replay thinks of it is not said. */
static enum tone mark_of(const struct history *history, const struct history_entry *entry, char *mark) {
    struct record record = entry->record;
    if (entry->kind != HISTORY_COMPLETION)
        return TONE_PLAIN;
    if (record.mark == RECORD_PREMATURE && strcmp(entry->verdict, "premature") != 0)
        record.mark = RECORD_COUNTS;
    if (record.mark == RECORD_OLD)
        record.mark = record.status == STATUS_FAILED ? RECORD_SHORT : RECORD_COUNTS;
    record.set_aside = false;
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

static void note_of_completion(const struct history *history, const struct history_entry *entry, char *text) {
    char part[TABLE_CELL_MAX / 2];
    if (entry->times > 1) {
        snprintf(part, sizeof part, "%" PRId64 " times in a row", entry->times);
        add_note(history->term, text, part);
    }
    if (entry->record.backfill)
        add_note(history->term, text, "backfill");
    add_note(history->term, text, words_shown(entry->record.error_message, part, sizeof part));
}

static bool by_operator(const struct history_entry *entry) {
    return entry->verdict && strcmp(entry->verdict, "operator") == 0;
}

/* Why the run was opened: whose re-run it was, and when that came. */
static void note_of_run(const struct history *history, const struct history_entry *entry, char *text) {
    struct opening opening;
    char part[TABLE_CELL_MAX / 2], time[WORDS_TIME_MAX];
    if (by_operator(entry))
        add_note(history->term, text, "by an operator");
    if (!opening_find(history->entries, history->count, entry->run, &opening) || !opening.rerun_ms)
        return;
    snprintf(part, sizeof part, "re-run%s%s at %s", opening.processor ? " of " : "",
        opening.processor ? opening.processor->name : "", words_time(opening.rerun_ms, time));
    add_note(history->term, text, part);
}

static void note_cell(const struct history *history, size_t row, char *text) {
    const struct history_entry *entry = &history->entries[row];
    char part[TABLE_CELL_MAX / 2], id[TABLE_CELL_MAX / 4];
    const struct processor *rerun;
    switch (entry->kind) {
    case HISTORY_COMPLETION:
        note_of_completion(history, entry, text);
        break;
    case HISTORY_TRIGGERED:
        if (!entry->bus_message_id)
            break;
        snprintf(part, sizeof part, "message %s", words_shown(entry->bus_message_id, id, sizeof id));
        add_note(history->term, text, part);
        break;
    case HISTORY_CANCELLED:
        add_note(history->term, text, "by an operator");
        break;
    case HISTORY_STALLED:
        add_note(history->term, text, "its deadline passed");
        snprintf(part, sizeof part, "%" PRId64 " times in a row", entry->times);
        add_note(history->term, text, entry->times > 1 ? part : "");
        break;
    case HISTORY_REPLAYED:
        add_note(history->term, text, by_operator(entry) ? "by an operator" : "after its deadline");
        break;
    case HISTORY_STALE:
        rerun = opening_rerun_of(history->entries, history->count, row);
        snprintf(part, sizeof part, "re-run of %s", rerun ? rerun->name : "a processor");
        add_note(history->term, text, part);
        break;
    case HISTORY_RUN:
        note_of_run(history, entry, text);
        break;
    case HISTORY_READY:
    case HISTORY_DONE:
    case HISTORY_FAILED:
    case HISTORY_NO_GAMES:
        break;
    }
}

static void who_cell(const struct history_entry *entry, char *text) {
    switch (entry->kind) {
    case HISTORY_COMPLETION:
        snprintf(text, TABLE_CELL_MAX, "%s", entry->processor->name);
        break;
    case HISTORY_NO_GAMES:
        break;
    case HISTORY_STALE:
        snprintf(text, TABLE_CELL_MAX, "from group %d", entry->group);
        break;
    case HISTORY_RUN:
        snprintf(text, TABLE_CELL_MAX, "run %d, from group %d", entry->run, entry->group);
        break;
    case HISTORY_READY:
    case HISTORY_TRIGGERED:
    case HISTORY_DONE:
    case HISTORY_FAILED:
    case HISTORY_CANCELLED:
    case HISTORY_STALLED:
    case HISTORY_REPLAYED:
        if (entry->run > 0)
            snprintf(text, TABLE_CELL_MAX, "group %d, run %d", entry->group, entry->run);
        else /* it stalled before it could start */
            snprintf(text, TABLE_CELL_MAX, "group %d", entry->group);
        break;
    }
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
        note_cell(history, row, text);
        return completion && applied && entry->record.error_message ? TONE_BAD : TONE_DIM;
    }
}

void history_print(const struct history *history, FILE *out) {
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

/* The processor of a completion, or the one whose re-run it is. */
static const struct processor *processor_of(const struct history *history, size_t row) {
    const struct history_entry *entry = &history->entries[row];
    struct opening opening;
    switch (entry->kind) {
    case HISTORY_COMPLETION:
        return entry->processor;
    case HISTORY_STALE:
        return opening_rerun_of(history->entries, history->count, row);
    case HISTORY_RUN:
        return opening_find(history->entries, history->count, entry->run, &opening) ? opening.processor
                                                                                    : NULL;
    default:
        return NULL;
    }
}

static json_t *entry_json(const struct history *history, size_t row) {
    const struct history_entry *entry = &history->entries[row];
    const struct processor *processor = processor_of(history, row);
    bool completion = entry->kind == HISTORY_COMPLETION;
    bool counted = completion || entry->kind == HISTORY_STALLED;
    bool reasoned = entry->kind == HISTORY_REPLAYED || entry->kind == HISTORY_RUN;
    json_t *object = json_object();
    json_put(&object, "at", json_time(entry->at_ms));
    json_put(&object, "kind", json_text(kinds[entry->kind].name));
    json_put(&object, "group", entry->group ? json_integer(entry->group) : json_null());
    json_put(&object, "run", json_integer(entry->run));
    json_put(&object, "processor", json_text(processor ? processor->name : NULL));
    json_put(&object, "verdict", json_text(completion ? entry->verdict : NULL));
    json_put(&object, "why", json_text(reasoned ? entry->verdict : NULL));
    json_put(&object, "times", json_integer(counted ? entry->times : 1));
    json_put(&object, "record", completion ? json_record(&entry->record) : json_null());
    json_put(&object, "bus_message_id", json_text(entry->bus_message_id));
    return object;
}

json_t *history_json(const struct history *history) {
    json_t *entries = json_array(), *object = json_object();
    for (size_t i = 0; i < history->count; i++)
        json_push(&entries, entry_json(history, i));
    json_put(&object, "pipeline", json_text(history->pipeline->name));
    json_put(&object, "game_date", json_date(history->date));
    json_put(&object, "dropped", json_integer(history->dropped));
    json_put(&object, "entries", entries);
    return object;
}
