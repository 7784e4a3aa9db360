/*
 * phasegate backfill: synthetic completions for dates whose tables are filled already, from dates or from row
 * counts; and the subcommands that act on the triggers they led to.
 */
#include "cli/backfill.h"

#include "base/clock.h"
#include "cli/backfill_print.h"
#include "cli/backfill_send.h"
#include "cli/backfill_wait.h"
#include "cli/command_line.h"
#include "cli/completion_topic.h"
#include "cli/json_output.h"
#include "cli/session.h"
#include "cli/token_bucket.h"
#include "cli/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPERANDS_MAX = 5000,
    BUS_PATIENCE_MS = 30000,   /* without a confirmation */
    STORE_PATIENCE_MS = 30000, /* while it is waited for */
    QUIET_MS = 60000,          /* without anything more being recorded */
};

#define FIELD(member) offsetof(struct backfill_fields, member)

const struct option_row backfill_rows[] = {
    DATE_OPTION_ROWS(struct backfill_fields, dates),
    {"file", 'f', OPTION_TEXT, "FILE", FIELD(file),
        "row counts, as `bq query --format=csv` prints them; - is standard input"},
    {"processors", 'P', OPTION_LIST, "A,B", FIELD(processors),
        "which processors: names, abbreviations or aliases; else those before the groups (Phase 3)"},
    {"phase4", 0, OPTION_FLAG, NULL, FIELD(phase4), "those of the groups (Phase 4) too"},
    {"id", 0, OPTION_TEXT, "ID", FIELD(id),
        "the backfill's id; else bf-YYYYMMDD of today. A new one makes new executions of all"},
    {"no-resume", 0, OPTION_FLAG, NULL, FIELD(no_resume), "send also what the store has already"},
    {"rate", 0, OPTION_COUNT, "N", FIELD(rate), "at most N completions a second"},
    {"wait", 'w', OPTION_FLAG, NULL, FIELD(wait),
        "follow until every date is done, without games, held or failed"},
    {"timeout", 0, OPTION_COUNT, "SECONDS", FIELD(timeout), "with --wait: not longer than that"},
    {"dry-run", 'n', OPTION_FLAG, NULL, FIELD(dry_run),
        "print what would be sent (or cancelled), and do nothing"},
    {"all", 0, OPTION_FLAG, NULL, FIELD(all), "with cancel: everything that waits"},
    {0},
};

/* One call, from the plan to the report. */
struct backfill {
    const struct invocation *call;
    const struct backfill_fields *fields;
    struct setup setup;
    struct redis_settings store;
    struct backfill_plan plan;
    struct date_state *states; /* by date of the plan; NULL when they were not asked for */
    struct session *session;
    struct interrupt interrupt;
    struct send_report sent;
    bool waited;
    struct wait_report wait;
};

/* --- The plan ------------------------------------------------------------------------------------------- */

static MUST_CHECK struct result check_options(const struct backfill_fields *fields) {
    if (fields->all)
        return fail(CODE_INVALID, "--all goes with `phasegate backfill cancel`");
    if (fields->timeout != COUNT_ABSENT && !fields->wait)
        return fail(CODE_INVALID, "--timeout goes with --wait");
    if (fields->timeout != COUNT_ABSENT && (fields->timeout < 1 || fields->timeout > INT32_MAX))
        return fail(CODE_INVALID, "--timeout: expected 1 to %d seconds", INT32_MAX);
    if (fields->rate != COUNT_ABSENT && (fields->rate < 1 || fields->rate > TOKEN_RATE_MAX))
        return fail(CODE_INVALID, "--rate: expected 1 to %d a second", TOKEN_RATE_MAX);
    return fields->id ? backfill_id_check(fields->id) : ok();
}

static MUST_CHECK struct result read_states(struct backfill *backfill) {
    struct backfill_plan *plan = &backfill->plan;
    struct arena *arena = backfill->setup.arena;
    game_date *dates = arena_alloc(arena, (plan->date_count + 1) * sizeof *dates);
    struct date_state *states = arena_alloc(arena, (plan->date_count + 1) * sizeof *states);
    struct reader *reader;
    if (!dates || !states)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t d = 0; d < plan->date_count; d++)
        dates[d] = plan->dates[d].date;
    struct result r = setup_explain(&backfill->setup, reader_open(&backfill->store, &reader));
    if (!is_ok(r))
        return r;
    r = reader_dates(reader, plan->pipeline, dates, plan->date_count, arena, states);
    reader_close(&reader);
    if (is_ok(r))
        backfill->states = states;
    return r;
}

static MUST_CHECK struct result make_plan(struct backfill *backfill) {
    struct backfill_plan *plan = &backfill->plan;
    struct clock clock = clock_system();
    int64_t now_ms = clock_now_ms(&clock);
    plan->id = backfill->fields->id ? backfill->fields->id : backfill_id_of(now_ms, backfill->setup.arena);
    struct result r =
        plan->id ? setup_pipeline(&backfill->setup, &plan->pipeline) : fail(CODE_INTERNAL, "out of memory");
    if (is_ok(r))
        r = backfill_input(backfill->call, &backfill->setup, plan);
    if (is_ok(r))
        r = backfill_plan_check(plan, now_ms);
    if (is_ok(r) && !completion_topic(plan->pipeline, 0))
        r = fail(CODE_INVALID, "pipeline %s listens to no topic for completions", plan->pipeline->name);
    if (is_ok(r))
        r = setup_redis(&backfill->setup, &backfill->store);
    if (is_ok(r) && !backfill->fields->no_resume) {
        r = read_states(backfill);
        if (is_ok(r))
            backfill_plan_compare(plan, backfill->states);
    }
    return r;
}

/* --- The report ----------------------------------------------------------------------------------------- */

/* The command that sends the rest; in the arena, NULL when out of memory. */
static const char *go_on_with(const struct backfill *backfill) {
    static const char *const not_again[] = {"id", "no-resume", NULL};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fputs("phasegate backfill --id", out);
    command_line_word(out, backfill->plan.id);
    command_line_where(out, backfill->call->common);
    command_line_options(out, backfill_rows, backfill->fields, not_again);
    for (int i = 0; i < backfill->call->operand_count; i++)
        command_line_word(out, backfill->call->operands[i]);
    const char *kept = fclose(out) == 0 ? arena_strdup(backfill->setup.arena, text) : NULL;
    free(text);
    return kept;
}

static bool is_broken_off(const struct backfill *backfill) {
    return backfill->sent.sent < backfill_plan_to_send(&backfill->plan);
}

static void print_sent(const struct backfill *backfill) {
    const struct send_report *sent = &backfill->sent;
    FILE *out = backfill->call->out;
    size_t to_send = backfill_plan_to_send(&backfill->plan);
    double seconds = (double)sent->elapsed_ms / 1000;
    fprintf(out, "%ssent %zu of %zu in %.1f s", sent->interrupted ? "stopped: " : "", sent->sent, to_send,
        seconds);
    if (sent->under_way > 0)
        fprintf(
            out, "; %zu more were under way and may have been published, which is harmless", sent->under_way);
    fputc('\n', out);
    const char *command = is_broken_off(backfill) ? go_on_with(backfill) : NULL;
    if (command)
        fprintf(out, "go on with:\n  %s\n", command);
}

static void print_waited(const struct backfill *backfill) {
    const struct backfill_plan *plan = &backfill->plan;
    const struct wait_report *wait = &backfill->wait;
    const struct invocation *call = backfill->call;
    static const enum tone tones[] = {
        [FATE_OPEN] = TONE_BUSY, [FATE_HELD] = TONE_WARN, [FATE_FAILED] = TONE_BAD};
    for (size_t d = 0; d < plan->date_count; d++) {
        enum fate fate = wait->fates[d].fate;
        char date[DATE_TEXT_MAX];
        if (fate == FATE_DONE || fate == FATE_NO_GAMES)
            continue;
        fprintf(call->out, "%s  ", date_format(plan->dates[d].date, date));
        term_print(&call->term, call->out, tones[fate], "%-6s", fate_name(fate));
        fprintf(call->out, "  %s\n", wait->fates[d].note);
    }
    char dates[32];
    words_count((int64_t)plan->date_count, "date", "dates", dates, sizeof dates);
    fprintf(call->out, "%s%s: %zu done, %zu no games, %zu held, %zu failed",
        wait->timed_out         ? "timed out; "
            : wait->interrupted ? "stopped waiting; "
                                : "",
        dates, wait->counts[FATE_DONE], wait->counts[FATE_NO_GAMES], wait->counts[FATE_HELD],
        wait->counts[FATE_FAILED]);
    if (wait->counts[FATE_OPEN] > 0)
        fprintf(call->out, ", %zu still open", wait->counts[FATE_OPEN]);
    fputc('\n', call->out);
    if (wait->counts[FATE_HELD] + wait->counts[FATE_FAILED] > 0)
        fputs("`phasegate explain DATE` says what is missing and what to do\n", call->out);
}

static json_t *wait_json(const struct wait_report *wait) {
    json_t *object = json_object();
    json_put(&object, "timed_out", json_boolean(wait->timed_out));
    json_put(&object, "interrupted", json_boolean(wait->interrupted));
    for (int fate = 0; fate < FATE_COUNT; fate++)
        json_put(&object, fate_name(fate), json_integer((json_int_t)wait->counts[fate]));
    return object;
}

static json_t *date_json(const struct backfill *backfill, size_t d) {
    const struct date_fate *fate = backfill->waited ? &backfill->wait.fates[d] : NULL;
    json_t *object = backfill_json_date(
        &backfill->plan, &backfill->plan.dates[d], backfill->states ? &backfill->states[d] : NULL);
    json_put(&object, "fate", json_text(fate ? fate_name(fate->fate) : NULL));
    json_put(&object, "note", json_text(fate ? fate->note : NULL));
    return object;
}

static struct result print_json(const struct backfill *backfill) {
    const struct backfill_plan *plan = &backfill->plan;
    bool broken_off = is_broken_off(backfill) && !backfill->fields->dry_run;
    json_t *dates = json_array(), *object = json_object();
    for (size_t d = 0; d < plan->date_count; d++)
        json_push(&dates, date_json(backfill, d));
    json_put(&object, "pipeline", json_text(plan->pipeline->name));
    json_put(&object, "id", json_text(plan->id));
    json_put(&object, "dry_run", json_boolean(backfill->fields->dry_run));
    json_put(&object, "completions", backfill_json_totals(plan));
    json_put(&object, "interrupted", json_boolean(backfill->sent.interrupted));
    json_put(&object, "go_on_with", broken_off ? json_text(go_on_with(backfill)) : json_null());
    json_put(&object, "wait", backfill->waited ? wait_json(&backfill->wait) : json_null());
    json_put(&object, "dates", dates);
    return json_print(object, backfill->call->out);
}

/* --- Sending and waiting -------------------------------------------------------------------------------- */

static FILE *progress_out(const struct backfill *backfill) {
    return backfill->call->common->json ? NULL : backfill->call->out;
}

static MUST_CHECK struct result send_all(struct backfill *backfill) {
    const struct send_settings settings = {
        .rate = backfill->fields->rate == COUNT_ABSENT ? 0 : backfill->fields->rate,
        .patience_ms = BUS_PATIENCE_MS,
        .interrupt = &backfill->interrupt,
        .term = backfill->call->term,
        .out = progress_out(backfill),
    };
    struct bus *bus;
    struct result r = session_bus(backfill->session, &bus);
    if (!is_ok(r))
        return r;
    backfill_send(session_loop(backfill->session), bus, &backfill->plan, &settings, backfill->setup.arena,
        &backfill->sent);
    if (!backfill->call->common->json)
        print_sent(backfill);
    return backfill->sent.result;
}

static MUST_CHECK struct result wait_for_all(struct backfill *backfill) {
    const struct wait_settings settings = {
        .redis = &backfill->store,
        .timeout_ms = backfill->fields->timeout == COUNT_ABSENT ? 0 : backfill->fields->timeout * 1000,
        .quiet_ms = QUIET_MS,
        .patience_ms = STORE_PATIENCE_MS,
        .interrupt = &backfill->interrupt,
        .term = backfill->call->term,
        .out = progress_out(backfill),
    };
    struct result r = backfill_wait(
        session_loop(backfill->session), &backfill->plan, &settings, backfill->setup.arena, &backfill->wait);
    if (!is_ok(r))
        return setup_explain(&backfill->setup, r);
    backfill->waited = true;
    if (!backfill->call->common->json)
        print_waited(backfill);
    return ok();
}

static MUST_CHECK struct result work(struct backfill *backfill) {
    struct result r = session_open(&backfill->setup, backfill->call->common->verbose, &backfill->session);
    if (!is_ok(r))
        return r;
    r = interrupt_start(session_loop(backfill->session), &backfill->interrupt);
    if (is_ok(r)) {
        if (backfill_plan_to_send(&backfill->plan) > 0)
            r = send_all(backfill);
        if (is_ok(r) && backfill->fields->wait && !backfill->sent.interrupted)
            r = wait_for_all(backfill);
        interrupt_stop(&backfill->interrupt);
    }
    session_close(&backfill->session);
    return r;
}

static bool is_fine(const struct backfill *backfill) {
    const struct wait_report *wait = &backfill->wait;
    if (backfill->sent.interrupted)
        return false;
    return !backfill->waited
        || wait->counts[FATE_DONE] + wait->counts[FATE_NO_GAMES] == backfill->plan.date_count;
}

static void print_plan(const struct backfill *backfill) {
    const struct backfill_plan *plan = &backfill->plan;
    const struct invocation *call = backfill->call;
    size_t to_send = backfill_plan_to_send(plan);
    if (backfill->fields->dry_run)
        backfill_print_dates(plan, backfill->states, &call->term, call->out);
    backfill_print_totals(plan, call->out);
    if (plan->item_count == 0)
        fputs("nothing to do: there is nothing to send for these dates and processors\n", call->out);
    else if (to_send == 0)
        fprintf(call->out, "nothing to do: all %zu are there already (--no-resume sends them again)\n",
            plan->item_count);
    fflush(call->out);
}

static MUST_CHECK struct result run_plan(struct backfill *backfill, bool *answer) {
    bool json = backfill->call->common->json;
    struct result r = make_plan(backfill);
    if (!is_ok(r))
        return r;
    if (!json)
        print_plan(backfill);
    if (!backfill->fields->dry_run)
        r = work(backfill);
    struct result printed = json && backfill->plan.items ? print_json(backfill) : ok();
    *answer = is_fine(backfill);
    return is_ok(r) ? printed : r;
}

static struct result run(const struct invocation *call, bool *answer) {
    if (call->operand_count > 0 && backfill_waiting_has(call->operands[0]))
        return backfill_waiting(call, answer);
    struct backfill backfill = {.call = call, .fields = call->fields};
    struct result r = check_options(backfill.fields);
    if (is_ok(r))
        r = setup_load(call->common, &backfill.setup);
    if (!is_ok(r))
        return r;
    r = run_plan(&backfill, answer);
    setup_close(&backfill.setup);
    return r;
}

const struct command backfill_command = {
    .name = "backfill",
    .synopsis = "[options] DATE…|FILE  |  pause | resume | cancel DATE…|--all",
    .summary = "synthetic completions for dates whose tables are filled; pause, resume, cancel",
    .description =
        "Publishes backfill-tagged completions, so that Phase 4 starts for dates that were filled by other\n"
        "means. Either for dates: you vouch for the tables, whose row counts are not known; dates without\n"
        "games by the calendar are left out. Or from a file of row counts, CSV, wide (game_date,pgs,upgc,…)\n"
        "or long (game_date,processor,record_count): rows become success with that count, 0 becomes "
        "no_data;\n"
        "dates then narrow the file. What the store has already, with at least these rows, is not sent, so\n"
        "that the same command goes on where it was broken off. Ctrl-C ends it cleanly.\n"
        "\n"
        "  bq query --format=csv … | phasegate backfill --dry-run -\n"
        "  phasegate backfill row_counts.csv --wait\n"
        "  phasegate backfill --start-date 2021-11-15 --end-date 2021-11-30 --processors togs,tdgs\n"
        "\n"
        "Each execution id is ID/DATE/PROCESSOR: sent twice under the same --id, a completion counts once. "
        "A\n"
        "date whose Phase 4 has started already is computed again when better rows come under a new id.\n"
        "\n"
        "pause   lets no further backfill trigger out; what is in flight finishes\n"
        "resume  lets them out again\n"
        "cancel  takes triggers that still wait out of the outbox, until `phasegate replay`\n"
        "\n"
        "Exit status: 0 all sent (with --wait: every date done or without games); 1 interrupted, timed out, "
        "or\n"
        "dates are held or failed; 2 wrong usage; 3 when store or bus cannot be reached.\n",
    .options = backfill_rows,
    .fields_size = sizeof(struct backfill_fields),
    .operands_max = OPERANDS_MAX,
    .run = run,
};
