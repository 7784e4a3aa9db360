/* phasegate explain: why is this date, or this group, not triggered, and what can be done about it? */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/dates.h"
#include "cli/explanation.h"
#include "cli/json_output.h"
#include "cli/lookup.h"

struct explain_fields {
    int64_t group;
};

static const struct option_row rows[] = {
    {"group", 'g', OPTION_COUNT, "N", offsetof(struct explain_fields, group),
        "explain this group, not the first that is not done"},
    {0},
};

static struct result check_group(const struct pipeline *pipeline, int64_t asked) {
    if (asked == COUNT_ABSENT || (asked >= 1 && asked <= pipeline->group_count))
        return ok();
    return fail(
        CODE_INVALID, "--group: pipeline %s has groups 1 to %d", pipeline->name, pipeline->group_count);
}

/* How the date's run was opened is in its history; the first run opens by itself. */
static struct result read_opening(struct lookup *lookup, const struct date_state *state,
    struct opening *opening, struct explanation *explanation) {
    struct history_entry *entries;
    size_t count;
    int64_t dropped;
    if (state->run < 2)
        return ok();
    struct result r = reader_history(
        lookup->reader, lookup->pipeline, state->date, lookup->setup.arena, &entries, &count, &dropped);
    if (is_ok(r) && opening_find(entries, count, state->run, opening))
        explanation->opening = opening;
    return r;
}

/* Whether a backfill trigger waits for its turn, and for how many, only the pipeline as a whole tells. */
static struct result read_backfill(
    struct lookup *lookup, struct backfill_state *backfill, struct explanation *explanation) {
    const struct group_state *group =
        explanation->group ? &explanation->state->groups[explanation->group - 1] : NULL;
    if (!group || group->phase != GROUP_READY || !group->backfill)
        return ok();
    struct result r = reader_backfill(lookup->reader, lookup->pipeline, lookup->setup.arena, backfill);
    if (is_ok(r))
        explanation->backfill = backfill;
    return r;
}

static struct result explain(
    const struct invocation *call, struct lookup *lookup, game_date date, bool *answer) {
    const struct explain_fields *fields = call->fields;
    struct date_state *state;
    struct result r = check_group(lookup->pipeline, fields->group);
    if (is_ok(r))
        r = lookup_dates(lookup, &date, 1, &state);
    if (!is_ok(r))
        return r;
    int group = fields->group == COUNT_ABSENT ? 0 : (int)fields->group;
    struct clock clock = clock_system();
    struct explanation explanation = explanation_of(lookup->pipeline, state, group, clock_now_ms(&clock));
    struct opening opening;
    struct backfill_state backfill;
    r = read_opening(lookup, state, &opening, &explanation);
    if (is_ok(r))
        r = read_backfill(lookup, &backfill, &explanation);
    if (!is_ok(r))
        return r;
    *answer = explanation_is_fine(&explanation);
    if (call->common->json)
        return json_print(explanation_json(&explanation), call->out);
    explanation_print(&explanation, &call->term, call->out);
    return ok();
}

static struct result run(const struct invocation *call, bool *answer) {
    game_date date;
    struct lookup lookup;
    struct result r = dates_one(call->operands[0], &date);
    if (is_ok(r))
        r = lookup_open(call->common, &lookup);
    if (!is_ok(r))
        return r;
    r = explain(call, &lookup, date, answer);
    lookup_close(&lookup);
    return r;
}

const struct command explain_command = {
    .name = "explain",
    .synopsis = "DATE [--group N]",
    .summary = "why is this date, or this group, not triggered",
    .description =
        "Says which group is next and what it needs; what was received for each need, when, and why that "
        "does\n"
        "not satisfy; for a triggered group, which processors it waits for; of a re-run, when the new run "
        "opens,\n"
        "or how it was opened and what was carried over; and what an operator can do, with the commands.\n"
        "\n"
        "Exit status: 0 when nothing is held up: the date is done, had no games, its processors are at "
        "work,\n"
        "or after a re-run its new run opens by itself (with --group: the group is ready, triggered or "
        "done);\n"
        "1 when it is held, failed, stalled or cancelled, waits for an operator to open its new run or to\n"
        "resume backfill, or nothing was ever received; 2 wrong usage; 3 when the store cannot be reached.\n",
    .options = rows,
    .fields_size = sizeof(struct explain_fields),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
