/*
 * What `gaps` and `preflight` do before they answer: choose the dates, ask the calendar and the store, and
 * judge every date that is expected. Blocking; it never writes.
 *
 * A date is looked at from the day after it on, UTC: until then its games may not be over.
 */
#ifndef PHASEGATE_CLI_SURVEY_H
#define PHASEGATE_CLI_SURVEY_H

#include "cli/command.h"
#include "cli/coverage.h"
#include "cli/dates.h"
#include "cli/lookup.h"

#include <jansson.h>

struct broken_date {
    game_date date;
    const char *why; /* and what to do */
};

struct survey {
    struct lookup lookup;
    struct game_calendar *calendar; /* NULL when none is configured */
    int64_t now_ms;
    bool named;                 /* the dates were named one by one */
    struct date_span span;      /* what was looked at; first > last: nothing is known of any date */
    size_t not_over;            /* expected dates that are left out because they are not over */
    struct coverage coverage;   /* without the broken ones */
    struct broken_date *broken; /* what the store has of them cannot be read: nothing is known of them */
    size_t broken_count;
    struct backfill_state backfill; /* is it paused? */
};

/*
 * Without dates it looks from the first that calendar or store know to yesterday. After a failure there is
 * nothing to close.
 */
struct result survey_open(
    const struct invocation *call, const struct date_options *options, struct survey *survey) MUST_CHECK;

/* Safe on a zeroed survey. */
void survey_close(struct survey *survey);

/* What to know besides, in lines with a prefix: dates that are broken, without a calendar or not over;
 * backfill is paused. */
void survey_print_notes(const struct survey *survey, const char *prefix, const struct term *term, FILE *out);

/* What was looked at, as fields of a JSON object: those that JSON.md calls a survey. */
void survey_put_json(const struct survey *survey, json_t **object);

/* {"expected", "present", "percent"}; percent is null where nothing is expected. NULL: out of memory. */
json_t *survey_count_json(size_t present, size_t expected);

#endif
