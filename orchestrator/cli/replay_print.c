#include "cli/replay_print.h"

#include "cli/json_output.h"
#include "cli/table.h"
#include "cli/words.h"

#include <inttypes.h>
#include <string.h>

/* What an item came to, or of a dry run will: both in the same words. */
enum kind {
    KIND_AGAIN,
    KIND_START,
    KIND_RUN,
    KIND_NOTHING,
    KIND_LEFT_ALONE,
    KIND_NOT_SENT,
    KIND_UNANSWERED,
    KIND_FAILED,
};

enum { KIND_COUNT = KIND_FAILED + 1 };

static const struct {
    const char *name; /* in JSON */
    const char *word; /* in the table */
    const char *total;
    const char *planned; /* of a dry run; NULL: the same */
    enum tone tone;
} kinds[] = {
    [KIND_AGAIN] = {"again", "again", "triggered again", "to be triggered again", TONE_GOOD},
    [KIND_START] = {"start", "start", "started", "to be started", TONE_GOOD},
    [KIND_RUN] = {"new_run", "new run", "with a new run", "to get a new run", TONE_GOOD},
    [KIND_NOTHING] = {"nothing", "nothing", "with nothing to do", NULL, TONE_DIM},
    [KIND_LEFT_ALONE] = {"left_alone", "left alone", "left alone", NULL, TONE_WARN},
    [KIND_NOT_SENT] = {"not_sent", "not sent", "not sent", NULL, TONE_BAD},
    [KIND_UNANSWERED] = {"unanswered", "unanswered", "sent without an answer", NULL, TONE_BAD},
    [KIND_FAILED] = {"failed", "failed", "that the store could not replay", NULL, TONE_BAD},
};

static enum kind kind_of_plan(const struct replay_plan *plan) {
    switch (plan->what) {
    case REPLAYED_TRIGGER:
        return KIND_AGAIN;
    case REPLAYED_START:
        return KIND_START;
    case REPLAYED_RUN:
        return KIND_RUN;
    default:
        return KIND_NOTHING;
    }
}

static enum kind kind_of(const struct replay_work *work, const struct replay_item *item) {
    switch (item->outcome) {
    case OUTCOME_NOTHING:
        return KIND_NOTHING;
    case OUTCOME_LEFT_ALONE:
        return KIND_LEFT_ALONE;
    case OUTCOME_PLANNED:
        return work->dry_run ? kind_of_plan(&item->plan) : KIND_NOT_SENT;
    case OUTCOME_TRIGGERED:
        return KIND_AGAIN;
    case OUTCOME_STARTED:
        return KIND_START;
    case OUTCOME_RUN:
        return KIND_RUN;
    case OUTCOME_UNANSWERED:
        return KIND_UNANSWERED;
    case OUTCOME_FAILED:
        break;
    }
    return KIND_FAILED;
}

static bool is_shown(const struct replay_work *work, const struct replay_item *item) {
    return work->request.replay != REPLAY_MISSED || item->outcome != OUTCOME_NOTHING;
}

/* The trigger that goes out, or "". Returns text. */
static const char *trigger_of(
    const struct replay_work *work, const struct replay_item *item, char text[TRIGGER_ID_MAX]) {
    const struct trigger trigger = {.date = item->plan.state->date, .group = item->group, .run = item->run};
    text[0] = '\0';
    return item->due && item->outcome != OUTCOME_NOTHING ? trigger_id(work->pipeline, &trigger, text) : text;
}

static const char *note_of(
    const struct replay_work *work, const struct replay_item *item, char *text, size_t size) {
    if (item->outcome == OUTCOME_FAILED)
        return words_shown(item->error, text, size);
    if (item->outcome == OUTCOME_NOTHING && item->plan.what != REPLAYED_NOTHING)
        snprintf(text, size, "it has moved on meanwhile");
    else
        replay_plan_note(work->pipeline, &item->plan, work->now_ms, text, size);
    return text;
}

/* --- The table ------------------------------------------------------------------------------------------ */

enum { COLUMN_DATE, COLUMN_WHAT, COLUMN_TRIGGER, COLUMN_NOTE };

static const struct table_column columns[] = {
    [COLUMN_DATE] = {"date", false, 0},
    [COLUMN_WHAT] = {"what", false, 2},
    [COLUMN_TRIGGER] = {"trigger", false, 2},
    [COLUMN_NOTE] = {"why", false, 2},
};

struct rows {
    const struct replay_work *work;
    const struct replay_item **items;
    size_t count;
};

static enum tone cell(const void *context, size_t row, size_t column, char *text) {
    const struct rows *rows = context;
    const struct replay_item *item = rows->items[row];
    enum kind kind = kind_of(rows->work, item);
    switch (column) {
    case COLUMN_DATE:
        date_format(item->plan.state->date, text);
        return TONE_STRONG;
    case COLUMN_WHAT:
        snprintf(text, TABLE_CELL_MAX, "%s", kinds[kind].word);
        return kinds[kind].tone;
    case COLUMN_TRIGGER:
        trigger_of(rows->work, item, text);
        return TONE_PLAIN;
    default:
        note_of(rows->work, item, text, TABLE_CELL_MAX);
        return kind == KIND_NOTHING ? TONE_DIM : TONE_PLAIN;
    }
}

static void print_table(const struct replay_work *work, const struct term *term, FILE *out) {
    struct rows rows = {
        .work = work, .items = arena_alloc(work->arena, (work->count + 1) * sizeof *rows.items)};
    for (size_t i = 0; rows.items && i < work->count; i++)
        if (is_shown(work, &work->items[i]))
            rows.items[rows.count++] = &work->items[i];
    const struct table table = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .row_count = rows.count,
        .cell = cell,
        .context = &rows,
    };
    if (rows.count == 0)
        return;
    table_print(&table, term, out);
    fputc('\n', out);
}

/* --- The lines below it --------------------------------------------------------------------------------- */

struct totals {
    size_t of[KIND_COUNT];
    size_t due;    /* triggers that are in the outbox now */
    size_t beside; /* of them, where the group may be at work */
};

static struct totals totals_of(const struct replay_work *work) {
    struct totals totals = {0};
    for (size_t i = 0; i < work->count; i++) {
        const struct replay_item *item = &work->items[i];
        enum kind kind = kind_of(work, item);
        bool due = !work->dry_run && kind <= KIND_RUN && item->due;
        totals.of[kind]++;
        totals.due += due;
        totals.beside += due && item->plan.at_work;
    }
    return totals;
}

/* "4 dates: 1 triggered again, 3 with nothing to do"; "900 dates, 2 of them missed: 2 started". */
static void print_totals(const struct replay_work *work, const struct totals *totals, FILE *out) {
    bool missed = work->request.replay == REPLAY_MISSED;
    char words[48];
    const char *mark = ": ";
    words_count((int64_t)work->count, "date", "dates", words, sizeof words);
    if (missed && totals->of[KIND_NOTHING] == work->count) {
        fprintf(out, "nothing was missed in %s\n", words);
        return;
    }
    fputs(words, out);
    if (missed)
        fprintf(out, ", %zu of them missed", work->count - totals->of[KIND_NOTHING]);
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        const char *planned = work->dry_run ? kinds[kind].planned : NULL;
        if (totals->of[kind] == 0 || (missed && kind == KIND_NOTHING))
            continue;
        fprintf(out, "%s%zu %s", mark, totals->of[kind], planned ? planned : kinds[kind].total);
        mark = ", ";
    }
    fputc('\n', out);
}

static void print_hints(const struct replay_work *work, const struct totals *totals, FILE *out) {
    char time[WORDS_TIME_MAX];
    if (totals->of[KIND_LEFT_ALONE] > 0)
        fputs(
            "left alone: the group may still be at work; where you know better, --running replays it\n", out);
    if (totals->beside > 0)
        fputs(
            "may still be at work: a consumer drops the second trigger of the same id, but not that of a new "
            "run\n",
            out);
    if (work->dry_run)
        fputs("dry run: nothing was changed\n", out);
    if (totals->due == 0)
        return;
    fputs(
        "`phasegate serve` publishes what is due from the outbox, within seconds, backfill within its cap;\n"
        "what stays \"ready\" in `phasegate status` has no daemon running, or one that cannot reach the "
        "bus\n",
        out);
    if (work->paused_ms)
        fprintf(out, "backfill is paused since %s UTC: its triggers wait for `phasegate backfill resume`\n",
            words_time(work->paused_ms, time));
}

void replay_print(const struct replay_work *work, const struct term *term, FILE *out) {
    struct totals totals = totals_of(work);
    print_table(work, term, out);
    print_totals(work, &totals, out);
    print_hints(work, &totals, out);
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static json_t *item_json(const struct replay_work *work, const struct replay_item *item) {
    char id[TRIGGER_ID_MAX], note[TABLE_CELL_MAX] = "";
    enum kind kind = kind_of(work, item);
    bool any = kind != KIND_NOTHING;
    json_t *object = json_object();
    trigger_of(work, item, id);
    json_put(&object, "game_date", json_date(item->plan.state->date));
    json_put(&object, "outcome", json_text(kinds[kind].name));
    json_put(&object, "trigger_id", json_text(*id ? id : NULL));
    json_put(&object, "group", any ? json_integer(item->group) : json_null());
    json_put(&object, "run", any ? json_integer(item->run) : json_null());
    json_put(&object, "waits_for", json_processors(work->pipeline, item->plan.waits_for));
    json_put(&object, "may_be_at_work", json_boolean(item->plan.at_work > 0));
    json_put(&object, "note", json_text(note_of(work, item, note, sizeof note)));
    return object;
}

static const char *const replay_names[] = {
    [REPLAY_AGAIN] = "again",
    [REPLAY_MISSED] = "missed",
    [REPLAY_RERUN] = "rerun",
};

json_t *replay_json(const struct replay_work *work) {
    struct totals totals = totals_of(work);
    json_t *object = json_object(), *dates = json_array(), *counts = json_object();
    for (size_t i = 0; i < work->count; i++)
        if (is_shown(work, &work->items[i]))
            json_push(&dates, item_json(work, &work->items[i]));
    json_put(&counts, "dates", json_integer((json_int_t)work->count));
    for (size_t kind = 0; kind < KIND_COUNT; kind++)
        json_put(&counts, kinds[kind].name, json_integer((json_int_t)totals.of[kind]));
    json_put(&object, "pipeline", json_text(work->pipeline->name));
    json_put(&object, "at", json_time(work->now_ms));
    json_put(&object, "replay", json_text(replay_names[work->request.replay]));
    json_put(&object, "dry_run", json_boolean(work->dry_run));
    json_put(&object, "backfill_paused_at", json_time(work->paused_ms));
    json_put(&object, "dates", dates);
    json_put(&object, "totals", counts);
    return object;
}
