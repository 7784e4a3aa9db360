/*
 * bench [--json] [--only N,M] [--small] [--rounds N]: measures the rows of the table, or those asked for, and
 * prints it. `bash tests/bench/run` installs what it needs, builds it and runs it; README.md says what is
 * measured.
 */
#include "bench/runner/bench.h"
#include "bench/runner/echo.h"
#include "bench/runner/report.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEASUREMENTS_MAX = 16, SMALL_ROUNDS = 1 };

struct asked {
    bool json, small;
    bool rows[ROW_NUMBER_MAX + 1];
    int rounds; /* 0: each measurement's own */
};

/* --- Measuring ------------------------------------------------------------------------------------------ */

static void measure_pair(const struct measurement *measurement, void *context, double *ours, double *beside) {
    fputs("phasegate", stderr);
    measurement->ours(context, ours);
    fprintf(stderr, " %.6g", ours[0]);
    if (measurement->beside) {
        fputs(", beside", stderr);
        measurement->beside(context, beside);
        fprintf(stderr, " %.6g", beside[0]);
    }
    fputc('\n', stderr);
}

static void measure_rounds(struct outcome_of *outcome, void *context, int warm_ups, int rounds) {
    const struct measurement *measurement = outcome->measurement;
    for (int i = 0; i < warm_ups; i++) {
        fprintf(stderr, "%s, not counted: ", measurement->name);
        measure_pair(measurement, context, outcome->ours[0], outcome->beside[0]);
    }
    for (int i = 0; i < rounds; i++) {
        fprintf(stderr, "%s, round %d of %d: ", measurement->name, i + 1, rounds);
        measure_pair(measurement, context, outcome->ours[i], outcome->beside[i]);
        outcome->rounds = i + 1;
    }
}

static void measure(const struct bench *bench, const struct asked *asked, struct outcome_of *outcome) {
    void *context = NULL;
    int rounds = asked->small ? SMALL_ROUNDS : outcome->measurement->rounds;
    outcome->left_out = outcome->measurement->open(bench, &context);
    if (is_ok(outcome->left_out))
        measure_rounds(outcome, context, asked->small ? 0 : outcome->measurement->warm_ups,
            asked->rounds > 0 ? asked->rounds : rounds);
    else
        fprintf(stderr, "%s is left out: %s\n", outcome->measurement->name, outcome->left_out.text);
    outcome->measurement->close(context);
}

/* The outcome of the row's measurement, which is made when the first of its rows asks for it. */
static const struct outcome_of *outcome_for(const struct bench *bench, const struct asked *asked,
    const struct row *row, struct outcome_of *outcomes) {
    struct outcome_of *outcome = outcomes;
    while (outcome->measurement && outcome->measurement != row->measurement)
        outcome++;
    if (!outcome->measurement) {
        outcome->measurement = row->measurement;
        measure(bench, asked, outcome);
    }
    return outcome;
}

static void measure_all(const struct bench *bench, const struct asked *asked) {
    struct outcome_of *outcomes = calloc(MEASUREMENTS_MAX, sizeof *outcomes);
    struct line *lines = calloc(row_count, sizeof *lines);
    size_t count = 0;
    if (!outcomes || !lines) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < row_count; i++)
        if (asked->rows[rows[i].number])
            lines[count++] = (struct line){&rows[i], outcome_for(bench, asked, &rows[i], outcomes)};
    (asked->json ? report_json : report_table)(stdout, lines, count);
    free(lines);
    free(outcomes);
}

/* --- What is asked for ---------------------------------------------------------------------------------- */

static void usage(void) {
    fprintf(stderr,
        "usage: bench [--json] [--only N,M] [--small] [--rounds N]; N of --rounds is odd, %d at most\n",
        ROUNDS_MAX - 1 + ROUNDS_MAX % 2);
    exit(2);
}

static void only(struct asked *asked, const char *list) {
    memset(asked->rows, 0, sizeof asked->rows);
    for (const char *at = list; *at;) {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at || number < 1 || number > ROW_NUMBER_MAX || (*end && *end != ','))
            usage();
        asked->rows[number] = true;
        at = *end ? end + 1 : end;
    }
}

static struct asked read_options(int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
        {"only", required_argument, NULL, 'o'}, {"small", no_argument, NULL, 's'},
        {"rounds", required_argument, NULL, 'r'}, {0}};
    struct asked asked = {0};
    memset(asked.rows, 1, sizeof asked.rows);
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'j')
            asked.json = true;
        else if (option == 'o')
            only(&asked, optarg);
        else if (option == 's')
            asked.small = true;
        else if (option == 'r')
            asked.rounds = atoi(optarg);
        else
            usage();
    }
    if (optind < argc || asked.rounds < 0 || asked.rounds > ROUNDS_MAX
        || (asked.rounds > 0 && asked.rounds % 2 == 0))
        usage();
    return asked;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "echo") == 0)
        return echo_main(argc - 1, argv + 1);
    struct asked asked = read_options(argc, argv);
    const char *phasegate = getenv("BENCH_PHASEGATE"), *peers = getenv("BENCH_PEERS");
    struct bench bench = {.phasegate = phasegate ? phasegate : PHASEGATE_BINARY,
        .self = "/proc/self/exe",
        .peers = peers ? peers : BENCH_PEERS,
        .small = asked.small};
    measure_all(&bench, &asked);
    return 0;
}
