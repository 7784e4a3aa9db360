/* `phasegate backfill pause | resume | cancel`: acting on backfill triggers that were decided and still wait
 * for their turn. */
#include "cli/backfill.h"

#include "base/clock.h"
#include "cli/command_line.h"
#include "cli/json_output.h"
#include "cli/lookup.h"
#include "cli/session.h"
#include "cli/words.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 10000, DATES_NAMED_MAX = 31 };

struct waiting_call {
    const struct invocation *call;
    const struct backfill_fields *fields;
    struct lookup lookup;
    struct session *session;
    struct store *store;
};

static int64_t now_ms(void) {
    struct clock clock = clock_system();
    return clock_now_ms(&clock);
}

static MUST_CHECK struct result look(struct waiting_call *call, struct backfill_state *state) {
    return reader_backfill(call->lookup.reader, call->lookup.pipeline, call->lookup.setup.arena, state);
}

static MUST_CHECK struct result need_store(struct waiting_call *call) {
    struct result r = session_open(&call->lookup.setup, call->call->common->verbose, &call->session);
    return is_ok(r) ? session_store(call->session, &call->store) : r;
}

static int in_flight(const struct waiting_call *call, const struct backfill_state *state) {
    int count = 0;
    for (int g = 0; g < call->lookup.pipeline->group_count; g++)
        count += state->in_flight[g];
    return count;
}

/* --- pause, resume -------------------------------------------------------------------------------------- */

struct pausing {
    bool answered;
    struct result result;
};

static void on_paused(void *context, struct result result) {
    struct pausing *pausing = context;
    pausing->result = result;
    pausing->answered = true;
}

static MUST_CHECK struct result set_paused(struct waiting_call *call, bool paused) {
    /* In the arena, which outlives the store: an answer after the deadline still finds its place. */
    struct pausing *pausing = arena_alloc(call->lookup.setup.arena, sizeof *pausing);
    struct result r = pausing ? need_store(call) : fail(CODE_INTERNAL, "out of memory");
    if (!is_ok(r))
        return r;
    store_pause_backfill(call->store, call->lookup.pipeline, paused, now_ms(), on_paused, pausing);
    if (!session_run(call->session, &pausing->answered, ANSWER_MS))
        return fail(CODE_UNAVAILABLE, "the store did not answer within %d s", ANSWER_MS / 1000);
    return pausing->result;
}

static void print_state(const struct waiting_call *call, const struct backfill_state *before,
    const struct backfill_state *state) {
    FILE *out = call->call->out;
    const char *pipeline = call->lookup.pipeline->name;
    char waiting[48], time[WORDS_TIME_MAX];
    words_count((int64_t)state->waiting_count, "trigger waits", "triggers wait", waiting, sizeof waiting);
    if (state->paused_ms && before->paused_ms)
        fprintf(out, "backfill of %s was paused already, since %s UTC", pipeline,
            words_time(state->paused_ms, time));
    else if (state->paused_ms)
        fprintf(out, "backfill of %s is paused", pipeline);
    else
        fprintf(out, "backfill of %s %s", pipeline, before->paused_ms ? "is resumed" : "was not paused");
    fprintf(out, ": %s, %d in flight%s\n", waiting, in_flight(call, state),
        state->paused_ms && in_flight(call, state) > 0 ? " will still finish" : "");
    if (state->paused_ms)
        fputs("`phasegate backfill resume` lets them out again; live dates go on as ever\n", out);
}

static json_t *state_json(const struct waiting_call *call, const struct backfill_state *state) {
    const struct pipeline *pipeline = call->lookup.pipeline;
    json_t *groups = json_array(), *object = json_object();
    for (int g = 0; g < pipeline->group_count; g++)
        json_push(&groups, json_integer(state->in_flight[g]));
    json_put(&object, "pipeline", json_text(pipeline->name));
    json_put(&object, "paused_at", json_time(state->paused_ms));
    json_put(&object, "waiting", json_integer((json_int_t)state->waiting_count));
    json_put(&object, "in_flight", groups);
    return object;
}

static MUST_CHECK struct result pause_or_resume(struct waiting_call *call, bool paused) {
    struct backfill_state before, state;
    struct result r = look(call, &before);
    if (is_ok(r) && paused != (before.paused_ms != 0)) /* a pause keeps its beginning */
        r = set_paused(call, paused);
    if (is_ok(r))
        r = look(call, &state);
    if (!is_ok(r))
        return r;
    if (call->call->common->json)
        return json_print(state_json(call, &state), call->call->out);
    print_state(call, &before, &state);
    return ok();
}

static struct result pause_backfill(struct waiting_call *call, bool *answer) {
    (void)answer;
    return pause_or_resume(call, true);
}

static struct result resume_backfill(struct waiting_call *call, bool *answer) {
    (void)answer;
    return pause_or_resume(call, false);
}

/* --- cancel --------------------------------------------------------------------------------------------- */

enum cancelled { CANCEL_UNKNOWN, CANCEL_DONE, CANCEL_LEFT };

struct cancelling;

struct cancellation {
    struct cancelling *all;
    const struct trigger *trigger;
    enum cancelled outcome;
};

struct cancelling {
    struct cancellation *items;
    size_t count;
    size_t answered;
    bool over;
    struct result result;
};

static void on_cancelled(void *context, struct result result, bool cancelled) {
    struct cancellation *item = context;
    if (is_ok(result))
        item->outcome = cancelled ? CANCEL_DONE : CANCEL_LEFT;
    else
        item->all->result = result;
    item->all->over = ++item->all->answered == item->all->count;
}

static int by_date(const void *left, const void *right) {
    game_date a = *(const game_date *)left, b = *(const game_date *)right;
    return (a > b) - (a < b);
}

/* The waiting triggers of the dates that are named, or of all. */
static MUST_CHECK struct result choose(struct waiting_call *call, struct cancelling *chosen) {
    const struct backfill_fields *fields = call->fields;
    struct arena *arena = call->lookup.setup.arena;
    struct backfill_state state;
    game_date *dates;
    size_t date_count;
    struct result r = dates_choose(
        &fields->dates, call->call->operands + 1, call->call->operand_count - 1, arena, &dates, &date_count);
    if (is_ok(r) && fields->all == (date_count > 0))
        r = fail(CODE_INVALID,
            "backfill cancel takes dates (--start-date and --end-date, --dates, or "
            "operands), or --all");
    if (is_ok(r))
        r = look(call, &state);
    if (!is_ok(r))
        return r;
    chosen->items = arena_alloc(arena, (state.waiting_count + 1) * sizeof *chosen->items);
    if (!chosen->items)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < state.waiting_count; i++) {
        const struct trigger *trigger = &state.waiting[i];
        if (fields->all || bsearch(&trigger->date, dates, date_count, sizeof *dates, by_date))
            chosen->items[chosen->count++] = (struct cancellation){.all = chosen, .trigger = trigger};
    }
    return ok();
}

/* All at once: the store pipelines them. */
static MUST_CHECK struct result cancel_all(struct waiting_call *call, struct cancelling *chosen) {
    struct result r = need_store(call);
    if (!is_ok(r))
        return r;
    for (size_t i = 0; i < chosen->count; i++)
        store_cancel(call->store, call->lookup.pipeline, chosen->items[i].trigger, now_ms(), on_cancelled,
            &chosen->items[i]);
    if (!session_run(call->session, &chosen->over, ANSWER_MS + (int64_t)chosen->count))
        return fail(CODE_UNAVAILABLE, "the store did not answer for all within %d s", ANSWER_MS / 1000);
    return chosen->result;
}

static size_t count_of(const struct cancelling *chosen, enum cancelled outcome) {
    size_t count = 0;
    for (size_t i = 0; i < chosen->count; i++)
        count += chosen->items[i].outcome == outcome;
    return count;
}

/* The dates of what was cancelled, "a,b,c"; how many, the first and the last. */
static size_t list_dates(
    const struct cancelling *chosen, FILE *list, char first[DATE_TEXT_MAX], char last[DATE_TEXT_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < chosen->count; i++) {
        char date[DATE_TEXT_MAX];
        date_format(chosen->items[i].trigger->date, date);
        if (chosen->items[i].outcome != CANCEL_DONE || (count > 0 && strcmp(date, last) == 0))
            continue;
        fprintf(list, "%s%s", count > 0 ? "," : "", date);
        memcpy(last, date, sizeof date);
        if (count++ == 0)
            memcpy(first, date, sizeof date);
    }
    return count;
}

/* By their dates or, when they are many, by what is missed in their range. NULL when out of memory. */
static const char *bring_back_with(const struct waiting_call *call, const struct cancelling *chosen) {
    char *dates = NULL, *text = NULL, first[DATE_TEXT_MAX], last[DATE_TEXT_MAX];
    const char *command = NULL;
    size_t size, count = 0;
    FILE *list = open_memstream(&dates, &size), *out = open_memstream(&text, &size);
    if (list)
        count = list_dates(chosen, list, first, last);
    bool made = list && fclose(list) == 0 && out;
    if (made) {
        fputs("phasegate replay", out);
        command_line_where(out, call->call->common);
        if (count > DATES_NAMED_MAX)
            fprintf(out, " --missed --start-date %s --end-date %s", first, last);
        else
            fprintf(out, " --dates %s", dates);
    }
    if (out && fclose(out) == 0 && made)
        command = arena_strdup(call->lookup.setup.arena, text);
    free(dates);
    free(text);
    return command;
}

static void print_cancelled(const struct waiting_call *call, const struct cancelling *chosen, bool dry_run) {
    FILE *out = call->call->out;
    size_t done = count_of(chosen, CANCEL_DONE), left = count_of(chosen, CANCEL_LEFT);
    char words[48], date[DATE_TEXT_MAX];
    for (size_t i = 0; i < chosen->count; i++) {
        const struct cancellation *item = &chosen->items[i];
        fprintf(out, "%s group %d: %s\n", date_format(item->trigger->date, date), item->trigger->group,
            dry_run                            ? "would be cancelled"
                : item->outcome == CANCEL_DONE ? "cancelled"
                : item->outcome == CANCEL_LEFT ? "had left before"
                                               : "not known: the store went away");
    }
    if (chosen->count == 0) {
        fprintf(out, "nothing to cancel: no backfill trigger waits%s\n",
            call->fields->all ? "" : " for these dates");
        return;
    }
    words_count((int64_t)(dry_run ? chosen->count : done), "trigger", "triggers", words, sizeof words);
    fprintf(out, "%s %s", words, dry_run ? "would be cancelled" : "cancelled");
    if (left > 0)
        fprintf(out, "; %zu had left before", left);
    fputc('\n', out);
    const char *command = done > 0 ? bring_back_with(call, chosen) : NULL;
    if (command)
        fprintf(out, "bring back with:\n  %s\n", command);
}

static json_t *cancellation_json(const struct waiting_call *call, const struct cancellation *item) {
    static const char *const names[] = {NULL, "cancelled", "left"};
    char id[TRIGGER_ID_MAX];
    json_t *object = json_object();
    json_put(&object, "trigger_id", json_text(trigger_id(call->lookup.pipeline, item->trigger, id)));
    json_put(&object, "game_date", json_date(item->trigger->date));
    json_put(&object, "group", json_integer(item->trigger->group));
    json_put(&object, "outcome", json_text(names[item->outcome]));
    return object;
}

static struct result print_cancelled_json(const struct waiting_call *call, const struct cancelling *chosen) {
    json_t *array = json_array(), *object = json_object();
    for (size_t i = 0; i < chosen->count; i++)
        json_push(&array, cancellation_json(call, &chosen->items[i]));
    bool any = count_of(chosen, CANCEL_DONE) > 0;
    json_put(&object, "pipeline", json_text(call->lookup.pipeline->name));
    json_put(&object, "dry_run", json_boolean(call->fields->dry_run));
    json_put(&object, "bring_back_with", any ? json_text(bring_back_with(call, chosen)) : json_null());
    json_put(&object, "triggers", array);
    return json_print(object, call->call->out);
}

static struct result cancel(struct waiting_call *call, bool *answer) {
    bool dry_run = call->fields->dry_run;
    struct cancelling *chosen = arena_alloc(call->lookup.setup.arena, sizeof *chosen);
    struct result r = chosen ? choose(call, chosen) : fail(CODE_INTERNAL, "out of memory");
    if (!is_ok(r))
        return r;
    if (chosen->count > 0 && !dry_run)
        r = cancel_all(call, chosen);
    *answer = call->fields->all || chosen->count > 0;
    struct result printed = ok();
    if (call->call->common->json)
        printed = print_cancelled_json(call, chosen);
    else
        print_cancelled(call, chosen, dry_run);
    return is_ok(r) ? printed : r;
}

/* --- The subcommands ------------------------------------------------------------------------------------ */

static const struct verb {
    const char *name;
    struct result (*run)(struct waiting_call *call, bool *answer);
    int operands_max;
    const char *allowed[6]; /* options */
} verbs[] = {
    {"pause", pause_backfill, 1, {NULL}},
    {"resume", resume_backfill, 1, {NULL}},
    {"cancel", cancel, INT32_MAX, {"start-date", "end-date", "dates", "all", "dry-run", NULL}},
};

static const struct verb *verb_of(const char *name) {
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

bool backfill_waiting_has(const char *name) {
    return verb_of(name) != NULL;
}

struct result backfill_waiting(const struct invocation *call, bool *answer) {
    const struct verb *verb = verb_of(call->operands[0]);
    struct waiting_call waiting = {.call = call, .fields = call->fields};
    const char *wrong = option_not_allowed(backfill_rows, call->fields, verb->allowed);
    if (wrong)
        return fail(CODE_INVALID, "backfill %s takes no --%s", verb->name, wrong);
    if (call->operand_count > verb->operands_max)
        return fail(
            CODE_INVALID, "backfill %s takes no %s: it is for all that waits", verb->name, call->operands[1]);
    struct result r = lookup_open(call->common, &waiting.lookup);
    if (!is_ok(r))
        return r;
    r = verb->run(&waiting, answer);
    session_close(&waiting.session);
    lookup_close(&waiting.lookup);
    return r;
}
