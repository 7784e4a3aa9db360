#include "bench/runner/report.h"

#include "bench/runner/statistics.h"
#include "support/check.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

struct summary {
    struct spread ours, beside, ratio; /* the last two only where there is something beside */
    bool reached;
};

static void column(double *to, const double (*from)[FIGURES_MAX], int rounds, int figure) {
    for (int i = 0; i < rounds; i++)
        to[i] = from[i][figure];
}

static struct summary summarise(const struct line *line) {
    double ours[ROUNDS_MAX], beside[ROUNDS_MAX];
    size_t rounds = (size_t)line->outcome->rounds;
    column(ours, line->outcome->ours, line->outcome->rounds, line->row->figure);
    column(beside, line->outcome->beside, line->outcome->rounds, line->row->figure);
    struct summary summary = {.ours = spread_of(ours, rounds),
        .beside = spread_of(beside, rounds),
        .ratio = spread_of_ratios(ours, beside, rounds)};
    double ratio = summary.ratio.median, aim = line->row->aim;
    summary.reached = line->row->at_most ? ratio <= aim : ratio >= aim;
    return summary;
}

/* --- The table ------------------------------------------------------------------------------------------ */

/* Three digits that count, whatever the size. */
static const char *number(double value, char text[32]) {
    int decimals = fabs(value) < 1 ? 3 : fabs(value) < 10 ? 2 : fabs(value) < 100 ? 1 : 0;
    snprintf(text, 32, "%.*f", decimals, value);
    return text;
}

static void print_spread(FILE *file, struct spread spread, const char *unit) {
    char median[32], least[32], most[32];
    fprintf(file, " %s%s (%s to %s) |", number(spread.median, median), unit, number(spread.least, least),
        number(spread.most, most));
}

static void print_line(FILE *file, const struct line *line) {
    const struct row *row = line->row;
    fprintf(file, "| %d | %s, %s | %s |", row->number, row->what, row->unit, row->beside ? row->beside : "–");
    if (line->outcome->rounds == 0) {
        fprintf(file, " left out: %s ||||| %s |\n", line->outcome->left_out.text, row->durability);
        return;
    }
    struct summary summary = summarise(line);
    print_spread(file, summary.ours, "");
    if (row->beside) {
        print_spread(file, summary.beside, "");
        print_spread(file, summary.ratio, "×");
    } else {
        fputs(" – | – |", file);
    }
    if (row->aim > 0)
        fprintf(file, " %s %g× | %s |", row->at_most ? "≤" : "≥", row->aim, summary.reached ? "yes" : "no");
    else
        fputs(" – | – |", file);
    fprintf(file, " %s |\n", row->durability);
}

void report_table(FILE *file, const struct line *lines, size_t count) {
    fputs(
        "Median (least to most) of the rounds; the ratio is that of each round's pair.\n\n"
        "| # | what phasegate does | beside | phasegate | beside | ratio | aim | reached | durability |\n"
        "|---|---|---|---|---|---|---|---|---|\n",
        file);
    for (size_t i = 0; i < count; i++)
        print_line(file, &lines[i]);
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static json_t *json_values(const double (*values)[FIGURES_MAX], int rounds, int figure) {
    json_t *array = json_array();
    for (int i = 0; i < rounds; i++)
        json_array_append_new(array, json_real(values[i][figure]));
    return array;
}

static json_t *json_spread(struct spread spread) {
    return json_pack("{s:f, s:f, s:f}", "median", spread.median, "least", spread.least, "most", spread.most);
}

static json_t *json_line(const struct line *line) {
    const struct row *row = line->row;
    const struct outcome_of *outcome = line->outcome;
    json_t *object = json_pack("{s:i, s:s, s:s*, s:s, s:s}", "row", row->number, "what", row->what, "beside",
        row->beside, "unit", row->unit, "durability", row->durability);
    if (outcome->rounds == 0) {
        json_object_set_new(object, "left_out", json_string(outcome->left_out.text));
        return object;
    }
    struct summary summary = summarise(line);
    json_object_set_new(object, "phasegate_rounds", json_values(outcome->ours, outcome->rounds, row->figure));
    json_object_set_new(object, "phasegate", json_spread(summary.ours));
    if (row->beside) {
        json_object_set_new(
            object, "beside_rounds", json_values(outcome->beside, outcome->rounds, row->figure));
        json_object_set_new(object, "beside_figure", json_spread(summary.beside));
        json_object_set_new(object, "ratio", json_spread(summary.ratio));
    }
    if (row->aim > 0) {
        json_object_set_new(object, row->at_most ? "aim_at_most" : "aim_at_least", json_real(row->aim));
        json_object_set_new(object, "reached", json_boolean(summary.reached));
    }
    return object;
}

void report_json(FILE *file, const struct line *lines, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_line(&lines[i]));
    if (!array || json_dumpf(array, file, JSON_INDENT(2)) != 0)
        fail_msg("out of memory");
    fputc('\n', file);
    json_decref(array);
}
