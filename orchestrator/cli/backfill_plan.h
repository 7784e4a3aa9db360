/*
 * What a backfill sends: which completions for which dates, and which of them the store has already. Pure
 * functions over what was asked for and what was read.
 *
 * A completion is there already when the store has one that satisfies with at least these rows; one whose
 * rows are not known is enough only when none are known here either. No data is there when the store says no
 * data too. What is premature counts as there only as long as its group has not started.
 *
 * Everything lives in the arena that the plan was made with.
 */
#ifndef PHASEGATE_CLI_BACKFILL_PLAN_H
#define PHASEGATE_CLI_BACKFILL_PLAN_H

#include "core/completion.h"
#include "core/game_calendar.h"
#include "core/row_counts.h"
#include "state/reader.h"

enum { BACKFILL_ID_MAX = 64, BACKFILL_DATES_MAX = 5000 };

/* One completion. */
struct plan_item {
    game_date date;
    const struct processor *processor;
    int64_t rows; /* 0: no data; ROWS_UNKNOWN: somebody vouches for the table */
    bool there;   /* the store has it: it is not sent */
    bool sent;    /* the bus has confirmed it */
};

/* One date's items: items[first] to items[first + count - 1]. */
struct plan_date {
    game_date date;
    size_t first;
    size_t count;
};

struct backfill_plan {
    const struct pipeline *pipeline;
    const char *id;
    struct plan_item *items; /* by date, then in the pipeline's order */
    size_t item_count;
    struct plan_date *dates; /* oldest first */
    size_t date_count;
    size_t ignored;  /* row counts of processors that belong to a group and were not asked for */
    size_t no_games; /* dates that were left out, since the calendar says that there were no games */
    /* Of what is sent: was recorded under the same execution id with fewer rows, and Phase 4 has started. It
     * counts, but is no re-run: under another backfill id it would be. */
    size_t same_id;
};

/* Letters, digits and . _ : - , since it becomes part of ids and of command lines. */
struct result backfill_id_check(const char *id) MUST_CHECK;

/* "bf-20251204", of the UTC date; NULL when the arena is full. */
const char *backfill_id_of(int64_t now_ms, struct arena *arena);

/*
 * Every date with every processor of the set, rows not known. Dates (each once, oldest first) without games
 * by the calendar, which may be NULL, are left out.
 */
struct result backfill_plan_dates(struct backfill_plan *plan, const game_date *dates, size_t count,
    processor_set processors, const struct game_calendar *calendar, struct arena *arena) MUST_CHECK;

/*
 * The row counts of processors of the set, as row_counts_parse gives them; dates (oldest first) narrow them,
 * unless date_count is 0.
 */
struct result backfill_plan_counts(struct backfill_plan *plan, const struct row_count *counts, size_t count,
    processor_set processors, const game_date *dates, size_t date_count, struct arena *arena) MUST_CHECK;

/* Would the decoder take these dates? CODE_INVALID names the first that is absurdly far away. */
struct result backfill_plan_check(const struct backfill_plan *plan, int64_t now_ms) MUST_CHECK;

/* Marks what is there; states[i] is that of dates[i]. */
void backfill_plan_compare(struct backfill_plan *plan, const struct date_state *states);

size_t backfill_plan_to_send(const struct backfill_plan *plan);
size_t backfill_plan_sent(const struct backfill_plan *plan);

/* Does the store have it, or something better? */
bool backfill_item_is_there(const struct plan_item *item, const struct date_state *state);

/* "bf-20251204/2021-11-17/pgs": the same for the same backfill id, processor and date. Returns id. */
char *backfill_execution_id(
    const struct backfill_plan *plan, const struct plan_item *item, char id[COMPLETION_ID_MAX + 1]);

/* The item as a completion that happened at now_ms; execution_id outlives it. */
struct completion backfill_completion(
    const struct backfill_plan *plan, const struct plan_item *item, const char *execution_id, int64_t now_ms);

#endif
