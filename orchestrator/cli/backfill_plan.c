#include "cli/backfill_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(BACKFILL_ID_MAX + DATE_TEXT_MAX + PIPELINE_ABBR_MAX + 2 <= COMPLETION_ID_MAX,
    "every execution id must be one that the decoder takes");

/* --- Ids ------------------------------------------------------------------------------------------------ */

struct result backfill_id_check(const char *id) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    size_t length = strlen(id);
    if (length == 0 || length > BACKFILL_ID_MAX)
        return fail(CODE_INVALID, "--id: expected 1 to %d bytes", BACKFILL_ID_MAX);
    if (id[strspn(id, plain)] != '\0')
        return fail(CODE_INVALID, "--id: \"%s\" may have letters, digits and . _ : - only", id);
    return ok();
}

const char *backfill_id_of(int64_t now_ms, struct arena *arena) {
    char date[DATE_TEXT_MAX];
    date_format(date_of_ms(now_ms), date);
    return arena_printf(arena, "bf-%.4s%.2s%.2s", date, date + 5, date + 8);
}

char *backfill_execution_id(
    const struct backfill_plan *plan, const struct plan_item *item, char id[COMPLETION_ID_MAX + 1]) {
    char date[DATE_TEXT_MAX];
    snprintf(id, COMPLETION_ID_MAX + 1, "%s/%s/%s", plan->id, date_format(item->date, date),
        item->processor->abbr);
    return id;
}

struct completion backfill_completion(const struct backfill_plan *plan, const struct plan_item *item,
    const char *execution_id, int64_t now_ms) {
    return (struct completion){
        .processor = item->processor,
        .date = item->date,
        .status = item->rows == 0 ? STATUS_NO_DATA : STATUS_SUCCESS,
        .record_count = item->rows,
        .timestamp_ms = now_ms,
        .backfill = true,
        .execution_id = execution_id,
        .correlation_id = plan->id,
    };
}

/* --- Making it ------------------------------------------------------------------------------------------ */

static bool has(processor_set set, const struct processor *processor) {
    return set >> processor->index & 1;
}

static int by_date_and_processor(const void *left, const void *right) {
    const struct plan_item *a = left, *b = right;
    if (a->date != b->date)
        return a->date < b->date ? -1 : 1;
    return (a->processor->index > b->processor->index) - (a->processor->index < b->processor->index);
}

static MUST_CHECK struct result divide_by_date(struct backfill_plan *plan, struct arena *arena) {
    struct plan_date *dates = arena_alloc(arena, (plan->item_count + 1) * sizeof *dates);
    size_t count = 0;
    if (!dates)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < plan->item_count; i++) {
        if (count == 0 || dates[count - 1].date != plan->items[i].date)
            dates[count++] = (struct plan_date){.date = plan->items[i].date, .first = i};
        dates[count - 1].count++;
    }
    if (count > BACKFILL_DATES_MAX)
        return fail(CODE_LIMIT,
            "%zu dates, and at most %d go at a time; take a range with --start-date and "
            "--end-date",
            count, BACKFILL_DATES_MAX);
    plan->dates = dates;
    plan->date_count = count;
    return ok();
}

struct result backfill_plan_dates(struct backfill_plan *plan, const game_date *dates, size_t count,
    processor_set processors, const struct game_calendar *calendar, struct arena *arena) {
    const struct pipeline *pipeline = plan->pipeline;
    size_t most = count * (size_t)pipeline->processor_count;
    struct backfill_plan made = {.pipeline = pipeline, .id = plan->id};
    made.items = arena_alloc(arena, (most + 1) * sizeof *made.items);
    if (!made.items)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (game_calendar_day(calendar, dates[i]).games == GAMES_NONE) {
            made.no_games++;
            continue;
        }
        for (int p = 0; p < pipeline->processor_count; p++)
            if (has(processors, &pipeline->processors[p]))
                made.items[made.item_count++] = (struct plan_item){
                    .date = dates[i], .processor = &pipeline->processors[p], .rows = ROWS_UNKNOWN};
    }
    struct result r = divide_by_date(&made, arena);
    if (is_ok(r))
        *plan = made;
    return r;
}

static int compare_dates(const void *left, const void *right) {
    game_date a = *(const game_date *)left, b = *(const game_date *)right;
    return (a > b) - (a < b);
}

struct result backfill_plan_counts(struct backfill_plan *plan, const struct row_count *counts, size_t count,
    processor_set processors, const game_date *dates, size_t date_count, struct arena *arena) {
    struct backfill_plan made = {.pipeline = plan->pipeline, .id = plan->id};
    made.items = arena_alloc(arena, (count + 1) * sizeof *made.items);
    if (!made.items)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct row_count *row = &counts[i];
        if (date_count > 0 && !bsearch(&row->date, dates, date_count, sizeof *dates, compare_dates))
            continue;
        if (has(processors, row->processor))
            made.items[made.item_count++] =
                (struct plan_item){.date = row->date, .processor = row->processor, .rows = row->rows};
        else
            made.ignored += row->processor->group > 0;
    }
    qsort(made.items, made.item_count, sizeof *made.items, by_date_and_processor);
    struct result r = divide_by_date(&made, arena);
    if (is_ok(r))
        *plan = made;
    return r;
}

struct result backfill_plan_check(const struct backfill_plan *plan, int64_t now_ms) {
    struct result r = ok();
    for (size_t i = 0; i < plan->date_count && is_ok(r); i++) {
        char text[DATE_TEXT_MAX];
        game_date date;
        date_format(plan->dates[i].date, text);
        r = date_parse_plausible(text, strlen(text), now_ms, &date);
    }
    return r;
}

/* --- What is there -------------------------------------------------------------------------------------- */

bool backfill_item_is_there(const struct plan_item *item, const struct date_state *state) {
    const struct record *record = &state->records[item->processor->index];
    int group = item->processor->group;
    bool early = record->mark == RECORD_PREMATURE && state->groups[group - 1].phase == GROUP_WAITING;
    if (record->mark == RECORD_NONE || record->mark == RECORD_OLD
        || (record->mark == RECORD_PREMATURE && !early))
        return false;
    if (item->rows == 0 && record->status == STATUS_NO_DATA)
        return true;
    bool good = record->mark == RECORD_COUNTS || (early && record->status == STATUS_SUCCESS);
    return good && (item->rows == ROWS_UNKNOWN || record->record_count >= item->rows);
}

static bool is_known_by_this_id(
    const struct backfill_plan *plan, const struct plan_item *item, const struct date_state *state) {
    const struct record *record = &state->records[item->processor->index];
    char id[COMPLETION_ID_MAX + 1];
    return record->mark == RECORD_COUNTS && state->groups[0].phase != GROUP_WAITING
        && strcmp(record->execution_id, backfill_execution_id(plan, item, id)) == 0;
}

void backfill_plan_compare(struct backfill_plan *plan, const struct date_state *states) {
    plan->same_id = 0;
    for (size_t d = 0; d < plan->date_count; d++) {
        const struct plan_date *date = &plan->dates[d];
        for (size_t i = date->first; i < date->first + date->count; i++) {
            struct plan_item *item = &plan->items[i];
            item->there = backfill_item_is_there(item, &states[d]);
            plan->same_id += !item->there && is_known_by_this_id(plan, item, &states[d]);
        }
    }
}

size_t backfill_plan_to_send(const struct backfill_plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < plan->item_count; i++)
        count += !plan->items[i].there;
    return count;
}

size_t backfill_plan_sent(const struct backfill_plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < plan->item_count; i++)
        count += plan->items[i].sent;
    return count;
}
