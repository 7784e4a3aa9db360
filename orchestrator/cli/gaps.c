/* phasegate gaps: which tables of which expected dates are missing, and the commands that would close that.
 */
#include "cli/gaps.h"

#include "cli/json_output.h"
#include "cli/survey.h"
#include "cli/words.h"

enum { OPERANDS_MAX = 5000 };

struct gaps_fields {
    struct date_options dates;
    bool all;
    bool list;
    bool fix_plan;
};

static const struct option_row rows[] = {
    DATE_OPTION_ROWS(struct gaps_fields, dates),
    {"all", 0, OPTION_FLAG, NULL, offsetof(struct gaps_fields, all), "show the dates without gaps too"},
    {"list", 0, OPTION_FLAG, NULL, offsetof(struct gaps_fields, list),
        "lines of date,processor,reason and nothing else"},
    {"fix-plan", 0, OPTION_FLAG, NULL, offsetof(struct gaps_fields, fix_plan),
        "print the commands that would close the gaps"},
    {0},
};

static struct result check_forms(const struct invocation *call) {
    const struct gaps_fields *fields = call->fields;
    if (fields->list + fields->fix_plan + call->common->json > 1)
        return fail(CODE_INVALID, "--list, --fix-plan and --json are three forms of the answer: choose one");
    return ok();
}

static struct result print_json(const struct survey *survey, bool all, FILE *out) {
    json_t *object = json_object();
    survey_put_json(survey, &object);
    gaps_put_json(&survey->coverage, all, &object);
    return json_print(object, out);
}

/* "pipeline nba, 2021-11-15 to 2021-11-30: 14 of 15 expected dates have gaps" */
static void print_summary(const struct survey *survey, FILE *out) {
    char span[SPAN_TEXT_MAX], dates[48];
    size_t count = survey->coverage.count, incomplete = coverage_incomplete(&survey->coverage);
    fprintf(out, "pipeline %s", survey->lookup.pipeline->name);
    if (survey->span.first <= survey->span.last)
        fprintf(out, ", %s", date_span_text(survey->span, span));
    words_count((int64_t)count, "expected date", "expected dates", dates, sizeof dates);
    if (count == 0)
        fputs(": no dates are expected\n", out);
    else if (incomplete == 0)
        fprintf(out, ": %s, no gaps\n", dates);
    else
        fprintf(out, ": gaps in %zu of %s\n", incomplete, dates);
}

static bool needs_something(const struct coverage *coverage) {
    for (size_t i = 0; i < coverage->count; i++)
        if (coverage->dates[i].remedy > REMEDY_WAIT)
            return true;
    return false;
}

static struct result print_text(const struct survey *survey, bool all, const struct term *term, FILE *out) {
    const struct coverage *coverage = &survey->coverage;
    struct result r = gaps_print_grid(coverage, all, term, out);
    if (is_ok(r) && coverage->count > 0)
        r = gaps_print_totals(coverage, term, out);
    if (!is_ok(r))
        return r;
    if (coverage->count > 0)
        fputc('\n', out);
    print_summary(survey, out);
    survey_print_notes(survey, "", term, out);
    if (needs_something(coverage))
        fputs("`phasegate gaps --fix-plan` prints the commands that would close them\n", out);
    return ok();
}

/* Of a date that cannot be read, nothing is known to be there. */
static void print_broken_list(const struct survey *survey, FILE *out) {
    const struct pipeline *pipeline = survey->lookup.pipeline;
    char date[DATE_TEXT_MAX];
    for (size_t i = 0; i < survey->broken_count; i++)
        for (int p = 0; p < pipeline->processor_count; p++)
            fprintf(out, "%s,%s,broken\n", date_format(survey->broken[i].date, date),
                pipeline->processors[p].abbr);
}

static void print_list(const struct survey *survey, FILE *out) {
    gaps_print_list(&survey->coverage, out);
    print_broken_list(survey, out);
}

static void print_plan(const struct survey *survey, const struct invocation *call) {
    const struct term plain = {0};
    fputs("# ", call->out);
    print_summary(survey, call->out);
    survey_print_notes(survey, "# ", &plain, call->out);
    gaps_print_plan(&survey->coverage, call->common, call->out);
}

static struct result run(const struct invocation *call, bool *answer) {
    const struct gaps_fields *fields = call->fields;
    struct survey survey;
    struct result r = check_forms(call);
    if (is_ok(r))
        r = survey_open(call, &fields->dates, &survey);
    if (!is_ok(r))
        return r;
    *answer = coverage_incomplete(&survey.coverage) == 0 && survey.broken_count == 0;
    if (call->common->json)
        r = print_json(&survey, fields->all, call->out);
    else if (fields->list)
        print_list(&survey, call->out);
    else if (fields->fix_plan)
        print_plan(&survey, call);
    else
        r = print_text(&survey, fields->all, &call->term, call->out);
    survey_close(&survey);
    return r;
}

const struct command gaps_command = {
    .name = "gaps",
    .synopsis = "[--start-date DATE --end-date DATE] [--dates A,B,C] [--list|--fix-plan] [DATE…]",
    .summary = "expected dates against what is there",
    .description =
        "Compares every date that the calendar expects with what the store has: a table is there when its\n"
        "newest completion counts; zero rows, failed, premature or of an earlier run is missing. In a\n"
        "season's bootstrap period only Phase 3 is expected. Shows each date with gaps and what it needs,\n"
        "and the coverage of each table per season, in percent of the expected dates.\n"
        "\n"
        "Without dates: from the first date that calendar or store know to yesterday (UTC); today's games\n"
        "may not be over. Where the calendar knows nothing, the dates of a range count that anything was\n"
        "received for and that were not closed as no games; dates named one by one always do.\n"
        "\n"
        "  phasegate gaps --start-date 2021-11-15 --end-date 2021-11-30\n"
        "  phasegate gaps --list | grep ,pgs,\n"
        "  phasegate gaps --fix-plan\n"
        "\n"
        "A date whose keys in the store are broken is named, with what is wrong, and counts as missing.\n"
        "\n"
        "Exit status: 0 nothing is missing; 1 something is; 2 wrong usage or configuration; 3 when the\n"
        "store cannot be reached.\n",
    .options = rows,
    .fields_size = sizeof(struct gaps_fields),
    .operands_max = OPERANDS_MAX,
    .run = run,
};
