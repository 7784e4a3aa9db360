#include "support/model_compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool differs(struct difference *difference, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(difference->text, sizeof difference->text, format, arguments);
    va_end(arguments);
    return false;
}

/* --- Single facts: where, which, and the two values ----------------------------------------------------- */

struct where {
    const char *place;
    struct difference *difference;
};

static bool same_number(struct where where, const char *fact, int64_t got, int64_t expected) {
    return got == expected
        || differs(
            where.difference, "%s: %s is %" PRId64 ", expected %" PRId64, where.place, fact, got, expected);
}

static bool same_text(struct where where, const char *fact, const char *got, const char *expected) {
    if (got == expected || (got && expected && strcmp(got, expected) == 0))
        return true;
    const char *mark_got = got ? "\"" : "", *mark_expected = expected ? "\"" : "";
    return differs(where.difference, "%s: %s is %s%s%s, expected %s%s%s", where.place, fact, mark_got,
        got ? got : "absent", mark_got, mark_expected, expected ? expected : "absent", mark_expected);
}

/* --- Triggers ------------------------------------------------------------------------------------------- */

static bool same_trigger(const struct pipeline *pipeline, const struct trigger *got,
    const struct trigger *expected, struct difference *difference) {
    char id[TRIGGER_ID_MAX];
    struct where where = {trigger_id(pipeline, expected, id), difference};
    bool same = same_number(where, "trigger's date", got->date, expected->date)
        && same_number(where, "trigger's group", got->group, expected->group)
        && same_number(where, "trigger's run", got->run, expected->run)
        && same_number(where, "backfill", got->backfill, expected->backfill)
        && same_number(where, "time of the decision", got->decided_ms, expected->decided_ms)
        && same_text(where, "correlation", got->correlation_id, expected->correlation_id);
    for (int i = 0; i < pipeline->processor_count && same; i++)
        same = same_number(where, pipeline->processors[i].abbr, got->upstream[i], expected->upstream[i]);
    return same;
}

bool same_answer(const struct pipeline *pipeline, const struct applied_copy *got,
    const struct model_answer *expected, struct difference *difference) {
    struct where where = {"the answer", difference};
    const char *phase = expected->group ? group_phase_name(expected->phase) : NULL;
    return same_text(where, "verdict", verdict_name(got->verdict), verdict_name(expected->verdict))
        && same_number(where, "closed_no_games", got->closed_no_games, expected->closed_no_games)
        && same_number(where, "the group that moved", got->group, expected->group)
        && same_number(where, "its run", got->group_run, expected->group_run)
        && same_text(where, "the group's state", got->group_state, phase)
        && same_number(where, "the first stale group", got->stale_from, expected->stale_from)
        && same_number(where, "a trigger due", got->field != NULL, expected->due)
        && (!expected->due || same_trigger(pipeline, &got->trigger, &expected->trigger, difference));
}

enum { SET_TEXT_MAX = PIPELINE_PROCESSORS_MAX * (PIPELINE_ABBR_MAX + 2) };

/* "togs,tdgs"; NULL of an empty set. */
static const char *set_text(const struct pipeline *pipeline, processor_set set, char text[SET_TEXT_MAX]) {
    char *end = text;
    *end = '\0';
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1)
            end = stpcpy(stpcpy(end, end > text ? "," : ""), pipeline->processors[i].abbr);
    return set ? text : NULL;
}

bool same_tick(const struct pipeline *pipeline, const struct ticked_copy *got,
    const struct model_tick *expected, struct difference *difference) {
    char waits[SET_TEXT_MAX];
    struct where where = {"the tick", difference};
    const struct ticked *ticked = &got->ticked;
    return same_number(where, "the opened run", ticked->opened_run, expected->opened_run)
        && same_number(where, "its first group", ticked->opened_from, expected->opened_from)
        && same_number(where, "the stalled group", ticked->stalled_group, expected->stalled_group)
        && same_number(where, "its run", ticked->stalled_run, expected->stalled_run)
        && same_number(where, "stalls", ticked->stalls, expected->stalls)
        && same_text(where, "waits for", ticked->waits_for, set_text(pipeline, expected->waits_for, waits))
        && same_number(where, "a trigger due", ticked->outbox_field != NULL, expected->due)
        && (!expected->due || same_trigger(pipeline, &got->trigger, &expected->trigger, difference));
}

bool same_replayed(const struct pipeline *pipeline, const struct replayed_copy *got,
    const struct model_replayed *expected, struct difference *difference) {
    struct where where = {"the replay", difference};
    const struct replayed *replayed = &got->replayed;
    return same_number(where, "what it did", replayed->what, expected->what)
        && same_number(where, "the group", replayed->group, expected->group)
        && same_number(where, "the run", replayed->run, expected->run)
        && same_number(where, "a trigger due", replayed->outbox_field != NULL, expected->due)
        && (!expected->due || same_trigger(pipeline, &got->trigger, &expected->trigger, difference));
}

bool same_outbox(const struct pipeline *pipeline, const struct trigger *got, size_t got_count,
    const struct trigger *expected, size_t expected_count, struct difference *difference) {
    struct where where = {"the outbox", difference};
    bool same = same_number(where, "the number of entries", (int64_t)got_count, (int64_t)expected_count);
    for (size_t i = 0; i < expected_count && same; i++)
        same = same_trigger(pipeline, &got[i], &expected[i], difference);
    return same;
}

bool same_backfill(const struct pipeline *pipeline, const struct backfill_state *got,
    const struct model *expected, struct difference *difference) {
    static struct trigger waiting[MODEL_OUTBOX_MAX];
    struct where where = {"backfill", difference};
    size_t count = model_waiting(expected, waiting);
    bool same = same_number(where, "paused since", got->paused_ms, model_paused_ms(expected))
        && same_number(where, "the number that waits", (int64_t)got->waiting_count, (int64_t)count);
    for (int g = 1; g <= pipeline->group_count && same; g++)
        same = same_number(where, "the number in flight", got->in_flight[g - 1], model_slots(expected, g));
    for (size_t i = 0; i < count && same; i++)
        same = same_trigger(pipeline, &got->waiting[i], &waiting[i], difference);
    return same;
}

/* --- Dates ---------------------------------------------------------------------------------------------- */

/* What a publisher said, and when it came. */
static bool same_event(struct where where, const struct record *got, const struct record *expected) {
    return same_text(where, "status", status_name(got->status), status_name(expected->status))
        && same_number(where, "record_count", got->record_count, expected->record_count)
        && same_number(where, "records_failed", got->records_failed, expected->records_failed)
        && same_number(where, "timestamp", got->timestamp_ms, expected->timestamp_ms)
        && same_number(where, "arrival", got->arrived_ms, expected->arrived_ms)
        && same_number(where, "backfill", got->backfill, expected->backfill)
        && same_text(where, "execution id", got->execution_id, expected->execution_id)
        && same_text(where, "correlation id", got->correlation_id, expected->correlation_id)
        && same_text(where, "error message", got->error_message, expected->error_message);
}

static bool same_record(struct where where, const struct record *got, const struct record *expected) {
    if (!same_number(where, "mark", got->mark, expected->mark) || expected->mark == RECORD_NONE)
        return got->mark == expected->mark;
    return same_event(where, got, expected) && same_number(where, "run", got->run, expected->run)
        && same_number(where, "set aside", got->set_aside, expected->set_aside);
}

static bool same_group(
    struct where where, const struct group_state *got, const struct group_state *expected) {
    return same_text(where, "phase", group_phase_name(got->phase), group_phase_name(expected->phase))
        && same_number(where, "run", got->run, expected->run)
        && same_number(where, "ready_ms", got->ready_ms, expected->ready_ms)
        && same_number(where, "triggered_ms", got->triggered_ms, expected->triggered_ms)
        && same_number(where, "ended_ms", got->ended_ms, expected->ended_ms)
        && same_number(where, "backfill", got->backfill, expected->backfill)
        && same_text(where, "bus message id", got->bus_message_id, expected->bus_message_id)
        && same_text(where, "correlation id", got->correlation_id, expected->correlation_id);
}

static bool same_waiting(
    struct where where, const struct date_state *got, const struct date_state *expected) {
    const struct processor *said = got->stale.processor, *speaks = expected->stale.processor;
    return same_number(where, "since_ms", got->since_ms, expected->since_ms)
        && same_number(where, "no_games_ms", got->no_games_ms, expected->no_games_ms)
        && same_number(where, "the first stale group", got->stale.group, expected->stale.group)
        && same_number(where, "stale since", got->stale.since_ms, expected->stale.since_ms)
        && same_number(where, "a new run is due", got->stale.due_ms, expected->stale.due_ms)
        && same_text(where, "re-run of", said ? said->abbr : NULL, speaks ? speaks->abbr : NULL)
        && same_number(where, "the stalled group", got->stall.group, expected->stall.group)
        && same_number(where, "stalls", got->stall.times, expected->stall.times)
        && same_number(where, "stalled last", got->stall.at_ms, expected->stall.at_ms);
}

bool same_date(const struct pipeline *pipeline, const struct date_state *got,
    const struct date_state *expected, struct difference *difference) {
    char place[64], date[DATE_TEXT_MAX];
    struct where where = {place, difference};
    snprintf(place, sizeof place, "%s", date_format(expected->date, date));
    bool same = same_number(where, "date", got->date, expected->date)
        && same_number(where, "known", got->known, expected->known)
        && same_number(where, "run", got->run, expected->run) && same_waiting(where, got, expected);
    for (int i = 0; i < pipeline->processor_count && same; i++) {
        snprintf(place, sizeof place, "%s, %s", date, pipeline->processors[i].abbr);
        same = same_record(where, &got->records[i], &expected->records[i]);
    }
    for (int g = 0; g < pipeline->group_count && same; g++) {
        snprintf(place, sizeof place, "%s, group %d", date, g + 1);
        same = same_group(where, &got->groups[g], &expected->groups[g]);
    }
    return same;
}

/* --- Histories ------------------------------------------------------------------------------------------ */

static int by_number(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int by_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

/* Any order will do that puts equal entries at equal places: by everything that is compared. */
static int compare_completions(const struct history_entry *a, const struct history_entry *b) {
    const struct record *x = &a->record, *y = &b->record;
    int order = by_number(a->processor->index, b->processor->index);
    order = order ? order : by_text(a->verdict, b->verdict);
    order = order ? order : by_number(a->times, b->times);
    order = order ? order : by_number(x->status, y->status);
    order = order ? order : by_number(x->record_count, y->record_count);
    order = order ? order : by_number(x->records_failed, y->records_failed);
    order = order ? order : by_number(x->timestamp_ms, y->timestamp_ms);
    order = order ? order : by_number(x->backfill, y->backfill);
    order = order ? order : by_text(x->execution_id, y->execution_id);
    order = order ? order : by_text(x->correlation_id, y->correlation_id);
    return order ? order : by_text(x->error_message, y->error_message);
}

static int compare_entries(const void *left, const void *right) {
    const struct history_entry *a = left, *b = right;
    int order = by_number(a->at_ms, b->at_ms);
    order = order ? order : by_number(a->kind, b->kind);
    if (order)
        return order;
    if (a->kind == HISTORY_COMPLETION)
        return compare_completions(a, b);
    order = by_number(a->group, b->group);
    order = order ? order : by_number(a->run, b->run);
    order = order ? order : by_number(a->times, b->times);
    order = order ? order : by_text(a->verdict, b->verdict);
    return order ? order : by_text(a->bus_message_id, b->bus_message_id);
}

static bool same_completion_entry(
    struct where where, const struct history_entry *got, const struct history_entry *expected) {
    static const char *const became_state[] = {"applied", "premature"};
    bool same = same_text(where, "processor", got->processor->abbr, expected->processor->abbr)
        && same_text(where, "verdict", got->verdict, expected->verdict)
        && same_number(where, "times", got->times, expected->times)
        && same_event(where, &got->record, &expected->record);
    for (int i = 0; i < 2 && same; i++)
        if (strcmp(expected->verdict, became_state[i]) == 0)
            same = same_number(where, "premature", got->record.mark == RECORD_PREMATURE,
                       expected->record.mark == RECORD_PREMATURE)
                && same_number(where, "run", got->record.run, expected->record.run);
    return same;
}

static bool same_entry(
    struct where where, const struct history_entry *got, const struct history_entry *expected) {
    if (!same_number(where, "time", got->at_ms, expected->at_ms)
        || !same_number(where, "kind", got->kind, expected->kind))
        return false;
    switch (expected->kind) {
    case HISTORY_COMPLETION:
        return same_completion_entry(where, got, expected);
    case HISTORY_NO_GAMES:
        return true;
    case HISTORY_TRIGGERED:
        if (!same_text(where, "bus message id", got->bus_message_id, expected->bus_message_id))
            return false;
        break;
    case HISTORY_STALLED: /* before the first run it is of none, or of the one to come */
        if (!same_number(where, "times", got->times, expected->times))
            return false;
        if (expected->run == 0)
            return same_number(where, "group", got->group, expected->group);
        break;
    case HISTORY_REPLAYED:
    case HISTORY_RUN:
        if (!same_text(where, "verdict", got->verdict, expected->verdict))
            return false;
        break;
    case HISTORY_READY:
    case HISTORY_DONE:
    case HISTORY_FAILED:
    case HISTORY_CANCELLED:
    case HISTORY_STALE:
        break;
    }
    return same_number(where, "group", got->group, expected->group)
        && same_number(where, "run", got->run, expected->run);
}

static bool in_order(struct where where, const struct history_entry *entries, size_t count) {
    bool ordered = true;
    for (size_t i = 1; i < count && ordered; i++)
        ordered = entries[i - 1].at_ms <= entries[i].at_ms
            || same_number(
                where, "the order of time: an entry's time", entries[i].at_ms, entries[i - 1].at_ms);
    return ordered;
}

bool same_history(struct history_entry *got, size_t got_count, struct history_entry *expected,
    size_t expected_count, bool ordered, struct difference *difference) {
    char place[64] = "the history";
    struct where where = {place, difference};
    bool same = !ordered || in_order(where, got, got_count);
    if (!same)
        return false;
    qsort(got, got_count, sizeof *got, compare_entries);
    qsort(expected, expected_count, sizeof *expected, compare_entries);
    for (size_t i = 0; i < expected_count && i < got_count && same; i++) {
        snprintf(place, sizeof place, "the history, by time its entry %zu", i + 1);
        same = same_entry(where, &got[i], &expected[i]);
    }
    snprintf(place, sizeof place, "the history");
    return same && same_number(where, "the number of entries", (int64_t)got_count, (int64_t)expected_count);
}
