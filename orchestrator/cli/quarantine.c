/*
 * phasegate quarantine: the messages that could not be understood. They are listed and shown; published again
 * to the topic they came from, after what was wrong has been repaired; or dropped.
 */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/lookup.h"
#include "cli/quarantine_work.h"
#include "cli/raw_message.h"
#include "cli/table.h"
#include "cli/words.h"
#include "state/store.h"

#include <inttypes.h>
#include <string.h>

enum { LIST_NEWEST = 50, OPERANDS_MAX = 1000 };

struct quarantine_fields {
    bool all;
    int64_t newest;
};

static const struct option_row rows[] = {
    {"all", 0, OPTION_FLAG, NULL, offsetof(struct quarantine_fields, all), "retry or drop every message"},
    {"newest", 0, OPTION_COUNT, "N", offsetof(struct quarantine_fields, newest),
        "list that many; default 50"},
    {0},
};

/* --- list ----------------------------------------------------------------------------------------------- */

enum { COLUMN_ID, COLUMN_TIME, COLUMN_SIZE, COLUMN_TOPIC, COLUMN_REASON };

static const struct table_column columns[] = {
    [COLUMN_ID] = {"id", false, 0},
    [COLUMN_TIME] = {"time (UTC)", false, 2},
    [COLUMN_SIZE] = {"bytes", true, 2},
    [COLUMN_TOPIC] = {"topic", false, 2},
    [COLUMN_REASON] = {"reason", false, 2},
};

static enum tone list_cell(const void *context, size_t row, size_t column, char *text) {
    const struct quarantined *entry = (const struct quarantined *)context + row;
    switch (column) {
    case COLUMN_ID:
        words_shown(entry->id, text, TABLE_CELL_MAX);
        return TONE_STRONG;
    case COLUMN_TIME:
        words_time(entry->at_ms, text);
        return TONE_DIM;
    case COLUMN_SIZE:
        snprintf(text, TABLE_CELL_MAX, "%zu", entry->full_size);
        return TONE_DIM;
    case COLUMN_TOPIC:
        words_shown(entry->topic, text, TABLE_CELL_MAX);
        return TONE_DIM;
    default:
        words_shown(entry->reason, text, TABLE_CELL_MAX);
        return TONE_PLAIN;
    }
}

/* What the limits have cost. */
static void print_dropped(const struct invocation *call, const struct quarantine_totals *totals) {
    if (totals->dropped > 0)
        term_print(&call->term, call->out, TONE_WARN,
            "%" PRId64 " older ones were let go: %" PRId64 " for their age, %" PRId64 " to make room\n",
            totals->dropped, totals->dropped_for_age, totals->dropped - totals->dropped_for_age);
}

static void print_list(const struct invocation *call, const struct quarantined *entries, size_t count,
    const struct quarantine_totals *totals) {
    char words[48];
    if (totals->entries == 0) {
        fputs("the quarantine is empty\n", call->out);
        print_dropped(call, totals);
        return;
    }
    const struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .row_count = count,
        .cell = list_cell,
        .context = entries,
    };
    table_print(&table, &call->term, call->out);
    words_count(totals->entries, "message", "messages", words, sizeof words);
    if ((int64_t)count < totals->entries)
        fprintf(call->out, "\n%s; the newest %zu are shown, --newest N shows more\n", words, count);
    else
        fprintf(call->out, "\n%s\n", words);
    print_dropped(call, totals);
}

static json_t *entry_json(const struct quarantined *entry) {
    json_t *object = json_object();
    json_put(&object, "id", json_text(entry->id));
    json_put(&object, "at", json_time(entry->at_ms));
    json_put(&object, "reason", json_text(entry->reason));
    json_put(&object, "topic", json_text(entry->topic));
    json_put(&object, "size", json_integer((json_int_t)entry->full_size));
    json_put(&object, "cut", json_boolean(entry->size < entry->full_size));
    return object;
}

static struct result list(const struct invocation *call, struct lookup *lookup, bool *answer) {
    (void)answer;
    const struct quarantine_fields *fields = call->fields;
    size_t most = fields->newest == COUNT_ABSENT ? LIST_NEWEST : (size_t)fields->newest, count;
    struct quarantined *entries;
    struct quarantine_totals totals;
    int64_t total;
    if (most < 1 || most > QUARANTINE_ENTRIES_MAX)
        return fail(CODE_INVALID, "--newest: expected 1 to %d", QUARANTINE_ENTRIES_MAX);
    struct result r = reader_quarantine(
        lookup->reader, lookup->pipeline, most, lookup->setup.arena, &entries, &count, &total);
    if (!is_ok(r))
        return r;
    r = reader_quarantine_totals(lookup->reader, lookup->pipeline, &totals);
    if (!is_ok(r))
        return r;
    totals.entries = total;
    if (!call->common->json) {
        print_list(call, entries, count, &totals);
        return ok();
    }
    json_t *array = json_array(), *object = json_object();
    for (size_t i = 0; i < count; i++)
        json_push(&array, entry_json(&entries[i]));
    json_put(&object, "pipeline", json_text(lookup->pipeline->name));
    json_put(&object, "total", json_integer(total));
    json_put(&object, "bytes", json_integer(totals.bytes));
    json_put(&object, "dropped", json_integer(totals.dropped));
    json_put(&object, "dropped_for_age", json_integer(totals.dropped_for_age));
    json_put(&object, "entries", array);
    return json_print(object, call->out);
}

/* --- show ----------------------------------------------------------------------------------------------- */

static void print_entry(
    const struct invocation *call, const struct quarantined *entry, const struct message *message) {
    char shown[TABLE_CELL_MAX], time[WORDS_TIME_MAX];
    term_print(
        &call->term, call->out, TONE_STRONG, "message    %s\n", words_shown(entry->id, shown, sizeof shown));
    fprintf(call->out, "reason     %s\n", words_shown(entry->reason, shown, sizeof shown));
    fprintf(call->out, "topic      %s\n", words_shown(entry->topic, shown, sizeof shown));
    fprintf(call->out, "since      %s UTC\n", words_time(entry->at_ms, time));
    if (entry->size < entry->full_size)
        fprintf(call->out, "kept       the first %zu of %zu bytes; it cannot be retried\n", entry->size,
            entry->full_size);
    raw_message_print(message, call->out);
}

static struct result show(const struct invocation *call, struct lookup *lookup, bool *answer) {
    (void)answer;
    struct quarantined entry;
    if (call->operand_count != 2)
        return fail(CODE_INVALID, "quarantine show takes one id, as `phasegate quarantine list` prints it");
    struct result r =
        reader_quarantined(lookup->reader, lookup->pipeline, call->operands[1], lookup->setup.arena, &entry);
    if (!is_ok(r))
        return r;
    const struct message message = quarantine_message(&entry);
    if (!call->common->json) {
        print_entry(call, &entry, &message);
        return ok();
    }
    json_t *object = entry_json(&entry);
    json_put(&object, "message", raw_message_json(&message));
    return json_print(object, call->out);
}

/* --- retry, drop ---------------------------------------------------------------------------------------- */

/* The ids that are named, or all there are, oldest first. */
static struct result choose_ids(
    const struct invocation *call, struct lookup *lookup, const char *const **ids, size_t *count) {
    const struct quarantine_fields *fields = call->fields;
    if (fields->all == (call->operand_count > 1))
        return fail(CODE_INVALID,
            "quarantine %s takes ids, as `phasegate quarantine list` prints them, or --all",
            call->operands[0]);
    if (!fields->all) {
        *ids = call->operands + 1;
        *count = (size_t)call->operand_count - 1;
        return ok();
    }
    struct quarantined *entries;
    size_t found;
    int64_t total;
    struct result r = reader_quarantine(lookup->reader, lookup->pipeline, QUARANTINE_ENTRIES_MAX,
        lookup->setup.arena, &entries, &found, &total);
    if (!is_ok(r))
        return r;
    const char **all = arena_alloc(lookup->setup.arena, (found + 1) * sizeof *all);
    if (!all)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < found; i++)
        all[i] = entries[found - 1 - i].id;
    *ids = all;
    *count = found;
    return ok();
}

static bool was_done(const struct quarantine_outcome *outcome) {
    return outcome->kind == OUTCOME_RETRIED || outcome->kind == OUTCOME_DROPPED;
}

static void print_outcome(const struct invocation *call, const struct quarantine_outcome *outcome) {
    char id[TABLE_CELL_MAX];
    words_shown(outcome->id, id, sizeof id);
    switch (outcome->kind) {
    case OUTCOME_RETRIED:
        fprintf(call->out, "%s: published again as %s\n", id, outcome->text);
        break;
    case OUTCOME_DROPPED:
        fprintf(call->out, "%s: dropped\n", id);
        break;
    case OUTCOME_KEPT:
        term_print(&call->term, call->out, TONE_WARN, "%s: kept: %s\n", id, outcome->text);
        break;
    case OUTCOME_MISSING:
        term_print(&call->term, call->out, TONE_WARN, "%s: %s\n", id, outcome->text);
        break;
    }
}

static json_t *outcome_json(const struct quarantine_outcome *outcome) {
    static const char *const names[] = {
        [OUTCOME_RETRIED] = "retried",
        [OUTCOME_DROPPED] = "dropped",
        [OUTCOME_KEPT] = "kept",
        [OUTCOME_MISSING] = "missing",
    };
    json_t *object = json_object();
    json_put(&object, "id", json_text(outcome->id));
    json_put(&object, "outcome", json_text(names[outcome->kind]));
    json_put(&object, "message_id", json_text(outcome->kind == OUTCOME_RETRIED ? outcome->text : NULL));
    json_put(&object, "reason", json_text(was_done(outcome) ? NULL : outcome->text));
    return object;
}

/* One message after the other; stops when bus or store are away. What was done before that is reported all
 * the same. */
static struct result work_on_all(const struct invocation *call, struct quarantine_work *work,
    const char *const *ids, size_t count, bool *answer) {
    json_t *results = json_array(), *object = json_object();
    struct result r = ok();
    for (size_t i = 0; i < count && is_ok(r); i++) {
        struct quarantine_outcome outcome;
        r = quarantine_work_on(work, ids[i], &outcome);
        if (!is_ok(r))
            break;
        *answer = *answer && was_done(&outcome);
        if (call->common->json)
            json_push(&results, outcome_json(&outcome));
        else
            print_outcome(call, &outcome);
    }
    json_put(&object, "results", results);
    if (!call->common->json) {
        json_decref(object);
        return r;
    }
    struct result printed = json_print(object, call->out);
    return is_ok(r) ? printed : r;
}

static struct result retry_or_drop(const struct invocation *call, struct lookup *lookup, bool *answer) {
    struct quarantine_work work = {.lookup = lookup, .retry = strcmp(call->operands[0], "retry") == 0};
    const char *const *ids = NULL;
    size_t count = 0;
    struct result r = choose_ids(call, lookup, &ids, &count);
    if (is_ok(r))
        r = session_open(&lookup->setup, call->common->verbose, &work.session);
    if (is_ok(r))
        r = work_on_all(call, &work, ids, count, answer);
    if (is_ok(r) && count == 0 && !call->common->json)
        fputs("the quarantine is empty\n", call->out);
    session_close(&work.session);
    return r;
}

/* -----------------------------------------------------------------------------------------------------------------
 */

static const struct verb {
    const char *name;
    struct result (*run)(const struct invocation *call, struct lookup *lookup, bool *answer);
} verbs[] = {{"list", list}, {"show", show}, {"retry", retry_or_drop}, {"drop", retry_or_drop}};

static struct result run(const struct invocation *call, bool *answer) {
    const char *name = call->operand_count > 0 ? call->operands[0] : "list";
    const struct verb *verb = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            verb = &verbs[i];
    if (!verb)
        return fail(CODE_INVALID, "quarantine %.40s: expected list, show, retry or drop", name);
    struct lookup lookup;
    struct result r = lookup_open(call->common, &lookup);
    if (!is_ok(r))
        return r;
    r = verb->run(call, &lookup, answer);
    lookup_close(&lookup);
    return r;
}

const struct command quarantine_command = {
    .name = "quarantine",
    .synopsis = "[list] | show ID | retry ID…|--all | drop ID…|--all",
    .summary = "messages that could not be understood: list, show, retry, drop",
    .description =
        "list   the newest, with the reason of each\n"
        "show   one message: reason, attributes, payload\n"
        "retry  publishes messages again to the topic they came from and, once the bus has confirmed, takes\n"
        "       them out of quarantine; one that is still wrong comes back with a new id\n"
        "drop   forgets messages for good\n"
        "\n"
        "The oldest go when they are older than engine.quarantine_days, or when there are too many of them;\n"
        "list says how many went.\n"
        "\n"
        "A message that was too large to be kept whole cannot be retried.\n"
        "\n"
        "Exit status: 0; 1 when a message is not there or could not be retried; 2 wrong usage; 3 when store "
        "or\n"
        "bus cannot be reached.\n",
    .options = rows,
    .fields_size = sizeof(struct quarantine_fields),
    .operands_max = OPERANDS_MAX,
    .run = run,
};
