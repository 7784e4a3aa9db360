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
        "not satisfy; for a triggered group, which processors it waits for; and what an operator can do.\n"
        "\n"
        "Exit status: 0 when nothing is held up: the date is done, had no games, or its processors are at\n"
        "work (with --group: the group is ready, triggered or done); 1 when it is held or failed, or "
        "nothing\n"
        "was ever received; 2 wrong usage; 3 when the store cannot be reached.\n",
    .options = rows,
    .fields_size = sizeof(struct explain_fields),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
