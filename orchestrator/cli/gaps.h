/*
 * The forms of the answer of `phasegate gaps`, of what a survey found. The command itself is in gaps.c.
 */
#ifndef PHASEGATE_CLI_GAPS_H
#define PHASEGATE_CLI_GAPS_H

#include "cli/coverage.h"
#include "cli/options.h"
#include "cli/term.h"

#include <jansson.h>
#include <stdio.h>

/*
 * A line per date, with what it needs, and below them what the marks mean; all: also the dates that need
 * nothing. Prints nothing when there is no line.
 */
struct result gaps_print_grid(
    const struct coverage *coverage, bool all, const struct term *term, FILE *out) MUST_CHECK;

/* A row per season, and one of all if there are several: dates expected, coverage of each table. */
struct result gaps_print_totals(
    const struct coverage *coverage, const struct term *term, FILE *out) MUST_CHECK;

/* "2021-11-16,pgs,zero_rows": a line per missing table. */
void gaps_print_list(const struct coverage *coverage, FILE *out);

/* Puts `dates` and `totals` into the object (JSON.md); all: also the dates that need nothing. */
void gaps_put_json(const struct coverage *coverage, bool all, json_t **object);

/*
 * The commands that close the gaps, in order, for a shell; comments say why. Those of the common options that
 * say where go into each command.
 */
void gaps_print_plan(const struct coverage *coverage, const struct common_options *common, FILE *out);

#endif
