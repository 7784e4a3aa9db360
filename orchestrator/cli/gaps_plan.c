#include "cli/command_line.h"
#include "cli/dates.h"
#include "cli/gaps.h"
#include "cli/words.h"

#include <inttypes.h>

enum {
    RANGE_LEAST = 3,     /* dates: what is shorter goes into a list */
    LIST_DATES_MAX = 50, /* in one command, so that a line can still be read */
    NAMES_MAX = PIPELINE_PROCESSORS_MAX * (PIPELINE_ABBR_MAX + 2),
};

struct plan {
    const struct coverage *coverage;
    const struct common_options *common;
    FILE *out;
    int steps; /* so far */
};

/* The dates that one and the same command helps. */
struct selection {
    enum remedy remedy;
    int group;             /* 0: any */
    processor_set missing; /* upstream; 0: any */
};

static processor_set upstream_missing(const struct plan *plan, const struct covered_date *covered) {
    return covered->missing & plan->coverage->pipeline->upstream;
}

static bool is_selected(
    const struct plan *plan, const struct selection *selection, const struct covered_date *covered) {
    return covered->remedy == selection->remedy
        && (selection->group == 0 || covered->group == selection->group)
        && (selection->missing == 0 || upstream_missing(plan, covered) == selection->missing);
}

static size_t selected_count(const struct plan *plan, const struct selection *selection) {
    size_t count = 0;
    for (size_t i = 0; i < plan->coverage->count; i++)
        count += is_selected(plan, selection, &plan->coverage->dates[i]);
    return count;
}

/* --- Dates as options ----------------------------------------------------------------------------------- */

/* One past the end of the run of selected dates that starts at `from` and may be given as a range. */
static size_t end_of_run(const struct plan *plan, const struct selection *selection, size_t from) {
    const struct covered_date *dates = plan->coverage->dates;
    size_t at = from + 1;
    while (at < plan->coverage->count && is_selected(plan, selection, &dates[at]) && dates[at].joined
        && dates[at].date - dates[from].date < DATES_MAX)
        at++;
    return at;
}

/* "phasegate backfill": what comes before the dates, and what comes behind them. */
struct wording {
    const char *name;
    const char *options; /* with a blank before each */
};

static void end_command(const struct plan *plan, const struct wording *wording) {
    fputs(wording->options, plan->out);
    command_line_where(plan->out, plan->common);
    fputc('\n', plan->out);
}

static void print_range(const struct plan *plan, const struct wording *wording, size_t from, size_t end) {
    char first[DATE_TEXT_MAX], last[DATE_TEXT_MAX];
    fprintf(plan->out, "phasegate %s --start-date %s --end-date %s", wording->name,
        date_format(plan->coverage->dates[from].date, first),
        date_format(plan->coverage->dates[end - 1].date, last));
    end_command(plan, wording);
}

/* A list of dates that goes on from one command to the next. */
struct date_list {
    const struct wording *wording;
    int count; /* in the command that is open */
};

static void list_date(const struct plan *plan, struct date_list *list, game_date date) {
    char text[DATE_TEXT_MAX];
    if (list->count == 0)
        fprintf(plan->out, "phasegate %s --dates ", list->wording->name);
    fprintf(plan->out, "%s%s", list->count > 0 ? "," : "", date_format(date, text));
    if (++list->count == LIST_DATES_MAX) {
        end_command(plan, list->wording);
        list->count = 0;
    }
}

/* Ranges first, then what is left as lists. */
static void print_commands(
    const struct plan *plan, const struct selection *selection, const struct wording *wording) {
    const struct coverage *coverage = plan->coverage;
    struct date_list list = {.wording = wording};
    for (int ranges = 1; ranges >= 0; ranges--)
        for (size_t from = 0, end; from < coverage->count; from = end) {
            end = from + 1;
            if (!is_selected(plan, selection, &coverage->dates[from]))
                continue;
            end = end_of_run(plan, selection, from);
            bool range = end - from >= RANGE_LEAST;
            if (range && ranges)
                print_range(plan, wording, from, end);
            for (size_t i = from; !range && !ranges && i < end; i++)
                list_date(plan, &list, coverage->dates[i].date);
        }
    if (list.count > 0)
        end_command(plan, wording);
}

static void start_step(struct plan *plan, const char *text) {
    fprintf(plan->out, "\n# %d. %s\n", ++plan->steps, text);
}

static char *dates_text(size_t count, char text[32]) {
    return words_count((int64_t)count, "date", "dates", text, 32);
}

/* --- Phase 3 -------------------------------------------------------------------------------------------- */

static processor_set require_rows(const struct pipeline *pipeline, processor_set set) {
    processor_set required = 0;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1 && pipeline->processors[i].require_rows)
            required |= (processor_set)1 << i;
    return required;
}

static void print_backfill(const struct plan *plan, processor_set missing) {
    const struct pipeline *pipeline = plan->coverage->pipeline;
    const struct selection selection = {.remedy = REMEDY_BACKFILL, .missing = missing};
    char names[NAMES_MAX], options[NAMES_MAX + 32], dates[32];
    fprintf(plan->out, "# %s: %s\n", words_processors(pipeline, missing, true, names, sizeof names),
        dates_text(selected_count(plan, &selection), dates));
    processor_set counted = require_rows(pipeline, missing);
    if (counted)
        fprintf(plan->out, "# %s must come with a row count: for these, give the file\n",
            words_processors(pipeline, counted, true, names, sizeof names));
    snprintf(
        options, sizeof options, " --processors %s", words_operand(pipeline, missing, names, sizeof names));
    print_commands(plan, &selection, &(struct wording){"backfill", options});
}

/* Does an earlier date lack the same upstream tables? */
static bool is_repeated(const struct plan *plan, size_t at) {
    const struct covered_date *dates = plan->coverage->dates;
    processor_set missing = upstream_missing(plan, &dates[at]);
    for (size_t i = 0; i < at; i++)
        if (upstream_missing(plan, &dates[i]) == missing)
            return true;
    return false;
}

static void plan_phase_3(struct plan *plan) {
    const struct coverage *coverage = plan->coverage;
    if (selected_count(plan, &(struct selection){.remedy = REMEDY_BACKFILL}) == 0)
        return;
    start_step(plan,
        "Phase 3. First run these processors for these dates: phasegate only announces tables, and\n"
        "#    what is announced and not there starts Phase 4 on missing data. Phase 4 follows by itself.\n"
        "#    A file of row counts announces what is really there: phasegate backfill --file ROWS.csv");
    for (size_t i = 0; i < coverage->count; i++)
        if (coverage->dates[i].remedy == REMEDY_BACKFILL && !is_repeated(plan, i))
            print_backfill(plan, upstream_missing(plan, &coverage->dates[i]));
}

/* --- Phase 4 -------------------------------------------------------------------------------------------- */

static const struct {
    enum remedy remedy;
    bool from_group; /* the command names the group */
    const char *options;
    const char *why;
} replays[] = {
    {REMEDY_MISSED, false, " --missed", "a group has all that it needs, and its trigger never left"},
    {REMEDY_CANCELLED, false, " --missed", "cancelled; leave these out if that was meant to last"},
    {REMEDY_FAILED, false, "", "a group failed; `phasegate explain DATE` says why: mend that first"},
    {REMEDY_SHORT, false, "", "a group came back without enough rows; `phasegate explain DATE` says how"},
    {REMEDY_STALLED, false, "", "stalled; make sure that its processors are not at work after all"},
    {REMEDY_HELD, false, " --rerun", "a re-run came after Phase 4 had started; this opens the new run"},
    {REMEDY_REDO, true, " --rerun", "a table was taken back after its group was done"},
};

enum { REPLAYS = sizeof replays / sizeof replays[0] };

static void print_replay(const struct plan *plan, size_t which, int group) {
    const struct selection selection = {.remedy = replays[which].remedy, .group = group};
    size_t count = selected_count(plan, &selection);
    char options[64], dates[32], from[32] = "";
    if (count == 0)
        return;
    if (group > 0)
        snprintf(from, sizeof from, " --from-group %d", group);
    snprintf(options, sizeof options, "%s%s", replays[which].options, from);
    fprintf(plan->out, "# %s: %s\n", dates_text(count, dates), replays[which].why);
    print_commands(plan, &selection, &(struct wording){"replay", options});
}

static void plan_phase_4(struct plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < REPLAYS; i++)
        count += selected_count(plan, &(struct selection){.remedy = replays[i].remedy});
    if (count == 0)
        return;
    start_step(plan, "Phase 4. Here Phase 3 is whole.");
    for (size_t i = 0; i < REPLAYS; i++) {
        int last = replays[i].from_group ? plan->coverage->pipeline->group_count : 0;
        for (int group = last > 0; group <= last; group++)
            print_replay(plan, i, group);
    }
}

void gaps_print_plan(const struct coverage *coverage, const struct common_options *common, FILE *out) {
    struct plan plan = {coverage, common, out, 0};
    size_t waiting = selected_count(&plan, &(struct selection){.remedy = REMEDY_WAIT});
    char dates[32];
    plan_phase_3(&plan);
    plan_phase_4(&plan);
    if (waiting > 0)
        fprintf(out, "\n# %s nothing: at work, or a new run is about to open\n",
            words_count((int64_t)waiting, "date needs", "dates need", dates, sizeof dates));
    if (plan.steps > 0)
        fputs("\n# Then ask again: what is missing after that has another reason.\n", out);
    else if (waiting == 0)
        fputs("# Nothing is missing.\n", out);
}
