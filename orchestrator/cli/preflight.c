/* phasegate preflight: may Phase 4 run for these dates? For scripts, before they start. */
#include "cli/json_output.h"
#include "cli/survey.h"
#include "cli/table.h"
#include "cli/words.h"

enum { OPERANDS_MAX = 5000, THRESHOLD = 95, PERCENT = 100 };

struct preflight_fields {
    struct date_options dates;
    int64_t threshold;
};

static const struct option_row rows[] = {
    DATE_OPTION_ROWS(struct preflight_fields, dates),
    {"threshold", 't', OPTION_COUNT, "PERCENT", offsetof(struct preflight_fields, threshold),
        "coverage that each table needs; 95 when absent"},
    {0},
};

/* What is judged: each table of Phase 3 on its own. */
struct judgement {
    const struct survey *survey;
    int64_t threshold; /* percent */
    size_t bootstrap;  /* dates left out */
    struct coverage_total total;
    processor_set below;
};

static struct result read_threshold(const struct invocation *call, int64_t *threshold) {
    const struct preflight_fields *fields = call->fields;
    int64_t given = fields->threshold == COUNT_ABSENT ? THRESHOLD : fields->threshold;
    if (given < 1 || given > PERCENT)
        return fail(CODE_INVALID, "--threshold: expected a percentage from 1 to %d", PERCENT);
    *threshold = given;
    return ok();
}

static struct judgement judge(struct survey *survey, int64_t threshold) {
    const struct pipeline *pipeline = survey->lookup.pipeline;
    struct judgement judgement = {
        .survey = survey, .threshold = threshold, .bootstrap = survey->coverage.count};
    coverage_without_bootstrap(&survey->coverage);
    judgement.bootstrap -= survey->coverage.count;
    judgement.total = coverage_of_all(&survey->coverage);
    for (int i = 0; i < pipeline->processor_count; i++) {
        size_t present = judgement.total.present[i], expected = judgement.total.expected[i];
        if (pipeline->upstream >> i & 1 && present * PERCENT < (size_t)threshold * expected)
            judgement.below |= (processor_set)1 << i;
    }
    return judgement;
}

static bool may_run(const struct judgement *judgement) {
    return judgement->total.dates > 0 && !judgement->below && judgement->survey->broken_count == 0;
}

/* --- As text -------------------------------------------------------------------------------------------- */

enum { COLUMN_TABLE, COLUMN_PERCENT, COLUMN_DATES, COLUMNS };

/* The upstream processor of a row; they need not come first in the pipeline. */
static int upstream_at(const struct pipeline *pipeline, size_t row) {
    int i = 0;
    for (size_t seen = 0; !(pipeline->upstream >> i & 1) || seen++ < row;)
        i++;
    return i;
}

static enum tone table_cell(const void *context, size_t row, size_t column, char *text) {
    const struct judgement *judgement = context;
    const struct pipeline *pipeline = judgement->survey->lookup.pipeline;
    int i = upstream_at(pipeline, row);
    size_t present = judgement->total.present[i], expected = judgement->total.expected[i];
    bool below = judgement->below >> i & 1;
    if (column == COLUMN_TABLE)
        snprintf(text, TABLE_CELL_MAX, "%s", pipeline->processors[i].abbr);
    else if (column == COLUMN_PERCENT)
        coverage_percent(present, expected, text);
    else
        snprintf(text, TABLE_CELL_MAX, "%zu of %zu", present, expected);
    if (column != COLUMN_PERCENT)
        return TONE_PLAIN;
    return below ? TONE_BAD : present < expected ? TONE_WARN : TONE_GOOD;
}

static void print_tables(const struct judgement *judgement, const struct term *term, FILE *out) {
    static const struct table_column columns[COLUMNS] = {
        [COLUMN_TABLE] = {"table", false, 0},
        [COLUMN_PERCENT] = {"coverage", true, 2},
        [COLUMN_DATES] = {"dates", true, 2},
    };
    const struct table table = {
        .columns = columns,
        .column_count = COLUMNS,
        .row_count = (size_t)set_count(judgement->survey->lookup.pipeline->upstream),
        .cell = table_cell,
        .context = judgement,
    };
    table_print(&table, term, out);
}

/* The dates on which the table is missing, runs of expected dates as one. */
static void print_missing(const struct coverage *coverage, int processor, FILE *out) {
    enum { LINE_MAX_COLUMNS = 100, INDENT = 4 };
    int column = 0;
    for (size_t i = 0; i < coverage->count; i++) {
        const struct covered_date *dates = coverage->dates;
        if (!(dates[i].missing >> processor & 1))
            continue;
        size_t from = i;
        while (i + 1 < coverage->count && dates[i + 1].joined && dates[i + 1].missing >> processor & 1)
            i++;
        char span[SPAN_TEXT_MAX];
        date_span_text((struct date_span){dates[from].date, dates[i].date}, span);
        int width = term_columns(span) + 2;
        bool fresh = column == 0 || column + width > LINE_MAX_COLUMNS;
        if (column > 0)
            fputs(fresh ? ",\n" : ", ", out);
        fprintf(out, "%*s%s", fresh ? INDENT : 0, "", span);
        column = fresh ? INDENT + width : column + width;
    }
    fputc('\n', out);
}

static void print_all_missing(const struct judgement *judgement, FILE *out) {
    const struct pipeline *pipeline = judgement->survey->lookup.pipeline;
    for (int i = 0; i < pipeline->processor_count; i++) {
        if (!(pipeline->upstream >> i & 1) || judgement->total.present[i] == judgement->total.expected[i])
            continue;
        fprintf(out, "\n%s is missing on\n", pipeline->processors[i].name);
        print_missing(&judgement->survey->coverage, i, out);
    }
}

static void print_answer(const struct judgement *judgement, const struct term *term, FILE *out) {
    const struct survey *survey = judgement->survey;
    char names[PIPELINE_PROCESSORS_MAX * (PIPELINE_ABBR_MAX + 2)], span[SPAN_TEXT_MAX] = "all dates";
    char broken[48];
    if (survey->span.first <= survey->span.last)
        date_span_text(survey->span, span);
    int threshold = (int)judgement->threshold;
    if (judgement->total.dates == 0)
        term_print(term, out, TONE_BAD, "no: %s: none is expected, so nothing is known of Phase 3\n", span);
    else if (survey->broken_count > 0)
        term_print(term, out, TONE_BAD, "no: %s: what the store has of %s cannot be read\n", span,
            words_count((int64_t)survey->broken_count, "date", "dates", broken, sizeof broken));
    else if (judgement->below)
        term_print(term, out, TONE_BAD, "no: %s: Phase 4 would run on missing data, below %d %%: %s\n", span,
            threshold,
            words_processors(survey->lookup.pipeline, judgement->below, true, names, sizeof names));
    else
        term_print(
            term, out, TONE_GOOD, "yes: %s: every Phase 3 table covers %d %% or more\n", span, threshold);
}

static void print_text(const struct judgement *judgement, const struct term *term, FILE *out) {
    if (judgement->total.dates > 0) {
        print_tables(judgement, term, out);
        print_all_missing(judgement, out);
        fputc('\n', out);
    }
    if (judgement->bootstrap > 0) {
        char dates[48];
        term_print(term, out, TONE_DIM, "%s of a bootstrap period: left out\n",
            words_count((int64_t)judgement->bootstrap, "date is", "dates are", dates, sizeof dates));
    }
    survey_print_notes(judgement->survey, "", term, out);
    print_answer(judgement, term, out);
}

/* --- As JSON -------------------------------------------------------------------------------------------- */

static json_t *table_json(const struct judgement *judgement, int processor) {
    const struct coverage *coverage = &judgement->survey->coverage;
    json_t *object =
        survey_count_json(judgement->total.present[processor], judgement->total.expected[processor]);
    json_t *missing = json_array();
    for (size_t i = 0; i < coverage->count; i++)
        if (coverage->dates[i].missing >> processor & 1)
            json_push(&missing, json_date(coverage->dates[i].date));
    json_put(&object, "enough", json_boolean(!(judgement->below >> processor & 1)));
    json_put(&object, "missing", missing);
    return object;
}

static struct result print_json(const struct judgement *judgement, FILE *out) {
    const struct pipeline *pipeline = judgement->survey->lookup.pipeline;
    json_t *object = json_object(), *tables = json_object();
    for (int i = 0; i < pipeline->processor_count; i++)
        if (pipeline->upstream >> i & 1)
            json_put(&tables, pipeline->processors[i].name, table_json(judgement, i));
    survey_put_json(judgement->survey, &object);
    json_put(&object, "may_run", json_boolean(may_run(judgement)));
    json_put(&object, "threshold", json_integer(judgement->threshold));
    json_put(&object, "bootstrap", json_integer((json_int_t)judgement->bootstrap));
    json_put(&object, "processors", tables);
    return json_print(object, out);
}

static struct result run(const struct invocation *call, bool *answer) {
    const struct preflight_fields *fields = call->fields;
    struct survey survey;
    int64_t threshold = 0;
    struct result r = read_threshold(call, &threshold);
    if (is_ok(r))
        r = survey_open(call, &fields->dates, &survey);
    if (!is_ok(r))
        return r;
    struct judgement judgement = judge(&survey, threshold);
    *answer = may_run(&judgement);
    if (call->common->json)
        r = print_json(&judgement, call->out);
    else
        print_text(&judgement, &call->term, call->out);
    survey_close(&survey);
    return r;
}

const struct command preflight_command = {
    .name = "preflight",
    .synopsis = "[--start-date DATE --end-date DATE] [--dates A,B,C] [--threshold PERCENT] [DATE…]",
    .summary = "may Phase 4 run for these dates?",
    .description =
        "Compares each Phase 3 table with the dates that are expected (see `phasegate help gaps`), those of\n"
        "a season's bootstrap period left out, and names the dates on which it is missing. The answer is\n"
        "yes when every table covers the threshold, 95 % unless another is given. Where no date is\n"
        "expected, or what the store has of one cannot be read, nothing is known, and the answer is no. It "
        "asks the store, not the tables.\n"
        "\n"
        "  phasegate preflight --start-date 2021-11-15 --end-date 2021-11-30 && ./run_phase4_backfill.sh\n"
        "\n"
        "Exit status: 0 yes; 1 no; 2 wrong usage or configuration; 3 when the store cannot be reached.\n",
    .options = rows,
    .fields_size = sizeof(struct preflight_fields),
    .operands_max = OPERANDS_MAX,
    .run = run,
};
