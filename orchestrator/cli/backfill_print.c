#include "cli/backfill_print.h"

#include "cli/json_output.h"
#include "cli/words.h"

#include <inttypes.h>

/* "241", "no data", or "vouched" for a table of which no count is known. */
static void print_rows(int64_t rows, FILE *out) {
    if (rows == 0)
        fputs("no data", out);
    else if (rows == ROWS_UNKNOWN)
        fputs("vouched", out);
    else
        fprintf(out, "%" PRId64, rows);
}

static int64_t rows_there(const struct plan_item *item, const struct date_state *state) {
    const struct record *record = &state->records[item->processor->index];
    return record->status == STATUS_NO_DATA ? 0 : record->record_count;
}

static size_t count_there(const struct backfill_plan *plan, const struct plan_date *date) {
    size_t count = 0;
    for (size_t i = date->first; i < date->first + date->count; i++)
        count += plan->items[i].there;
    return count;
}

static void print_items(const struct backfill_plan *plan, const struct plan_date *date, bool there,
    const struct date_state *state, FILE *out) {
    bool first = true;
    for (size_t i = date->first; i < date->first + date->count; i++) {
        const struct plan_item *item = &plan->items[i];
        if (item->there != there)
            continue;
        fprintf(out, "%s%s ", first ? " " : ", ", item->processor->abbr);
        print_rows(there ? rows_there(item, state) : item->rows, out);
        first = false;
    }
}

void backfill_print_dates(
    const struct backfill_plan *plan, const struct date_state *states, const struct term *term, FILE *out) {
    for (size_t d = 0; d < plan->date_count; d++) {
        const struct plan_date *date = &plan->dates[d];
        size_t there = count_there(plan, date);
        char text[DATE_TEXT_MAX];
        term_print(term, out, TONE_STRONG, "%s ", date_format(date->date, text));
        if (there < date->count) {
            term_print(term, out, TONE_BUSY, " send");
            print_items(plan, date, false, NULL, out);
        }
        if (there > 0) {
            term_print(term, out, TONE_GOOD, "%s there already", there < date->count ? ";" : "");
            print_items(plan, date, true, &states[d], out);
        }
        fputc('\n', out);
    }
}

void backfill_print_totals(const struct backfill_plan *plan, FILE *out) {
    size_t to_send = backfill_plan_to_send(plan), there = plan->item_count - to_send;
    char dates[32], completions[48];
    words_count((int64_t)plan->date_count, "date", "dates", dates, sizeof dates);
    words_count((int64_t)to_send, "completion", "completions", completions, sizeof completions);
    fprintf(out, "backfill %s: %s, %s to send", plan->id, dates, completions);
    if (there > 0)
        fprintf(out, ", %zu there already", there);
    fputc('\n', out);
    if (plan->ignored > 0)
        fprintf(out, "left out: %s of Phase 4 (--phase4 sends %s too)\n",
            words_count((int64_t)plan->ignored, "row count", "row counts", completions, sizeof completions),
            plan->ignored == 1 ? "it" : "them");
    if (plan->no_games > 0)
        fprintf(out, "left out: %s without games, by the calendar\n",
            words_count((int64_t)plan->no_games, "date", "dates", dates, sizeof dates));
    if (plan->same_id > 0)
        fprintf(out,
            "note: %s came under this id before, with fewer rows, and Phase 4 has started on them; only\n"
            "with another --id will it be computed again\n",
            words_count(
                (int64_t)plan->same_id, "completion", "completions", completions, sizeof completions));
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static json_t *item_json(
    const struct backfill_plan *plan, const struct plan_item *item, const struct date_state *state) {
    char id[COMPLETION_ID_MAX + 1];
    json_t *object = json_object();
    json_put(&object, "processor", json_text(item->processor->name));
    json_put(&object, "status", json_text(status_name(item->rows == 0 ? STATUS_NO_DATA : STATUS_SUCCESS)));
    json_put(&object, "record_count", json_rows(item->rows));
    json_put(&object, "execution_id", json_text(backfill_execution_id(plan, item, id)));
    json_put(&object, "sent", json_boolean(item->sent));
    json_put(&object, "there",
        item->there && state ? json_record(&state->records[item->processor->index]) : json_null());
    return object;
}

json_t *backfill_json_date(
    const struct backfill_plan *plan, const struct plan_date *date, const struct date_state *state) {
    json_t *items = json_array(), *object = json_object();
    for (size_t i = date->first; i < date->first + date->count; i++)
        json_push(&items, item_json(plan, &plan->items[i], state));
    json_put(&object, "game_date", json_date(date->date));
    json_put(&object, "completions", items);
    return object;
}

json_t *backfill_json_totals(const struct backfill_plan *plan) {
    size_t to_send = backfill_plan_to_send(plan);
    json_t *object = json_object();
    json_put(&object, "planned", json_integer((json_int_t)plan->item_count));
    json_put(&object, "there", json_integer((json_int_t)(plan->item_count - to_send)));
    json_put(&object, "to_send", json_integer((json_int_t)to_send));
    json_put(&object, "sent", json_integer((json_int_t)backfill_plan_sent(plan)));
    json_put(&object, "ignored", json_integer((json_int_t)plan->ignored));
    return object;
}
