/*
 * Which tables are there, date by date, against those that are expected: the one judgement that `gaps` and
 * `preflight` share. Pure functions over the calendar and what was read from the store. What a date needs is
 * told by the plan that a replay would make for it, so that both say the same.
 *
 * A date is expected when the calendar says that games were played. Where the calendar knows nothing, it is
 * expected when it was asked for by name, or the store has heard of it; never when it was closed as no_games.
 * A table is there when its newest record counts: zero rows, failed, premature or of an earlier run is
 * missing. In the bootstrap period of a season only the upstream tables are expected.
 */
#ifndef PHASEGATE_CLI_COVERAGE_H
#define PHASEGATE_CLI_COVERAGE_H

#include "cli/replay_plan.h"
#include "core/game_calendar.h"

/* Why a table is missing. */
enum absence {
    ABSENCE_NONE,        /* it is there, or not expected */
    ABSENCE_NOTHING,     /* no completion was received */
    ABSENCE_NOT_STARTED, /* its group was not triggered */
    ABSENCE_CANCELLED,   /* its group was cancelled by an operator */
    ABSENCE_RUNNING,     /* its group is ready or triggered */
    ABSENCE_STALLED,     /* the same, and the deadline passed */
    ABSENCE_FAILED,
    ABSENCE_SKIPPED,
    ABSENCE_NO_DATA,
    ABSENCE_ZERO_ROWS,
    ABSENCE_TOO_FEW_ROWS,
    ABSENCE_PARTIAL,
    ABSENCE_NO_COUNT, /* vouched for without a count, which its processor asks for */
    ABSENCE_PREMATURE,
    ABSENCE_OLD_RUN,
};

enum { ABSENCE_COUNT = ABSENCE_OLD_RUN + 1 };

/* "nothing_received", "zero_rows" …: the words of --list and of the JSON output. */
const char *absence_name(enum absence absence);

/* What the date needs from an operator. */
enum remedy {
    REMEDY_NONE,      /* nothing: every expected table is there */
    REMEDY_WAIT,      /* it is running, or a new run is about to open: nothing */
    REMEDY_BACKFILL,  /* upstream tables are missing */
    REMEDY_MISSED,    /* the group has what it needs, and its trigger never left */
    REMEDY_CANCELLED, /* the group was cancelled */
    REMEDY_FAILED,    /* the group failed */
    REMEDY_SHORT,     /* every member of the group came back, and not all of them well */
    REMEDY_STALLED,   /* the group's deadline passed */
    REMEDY_HELD,      /* a re-run came, and the new run is left to an operator */
    REMEDY_REDO,      /* a table was taken back after its group was done */
};

enum { REMEDY_COUNT = REMEDY_REDO + 1 };

/* "backfill", "missed" …: the words of the JSON output. */
const char *remedy_name(enum remedy remedy);

/* An expected date. */
struct covered_date {
    game_date date;
    bool bootstrap;
    bool joined; /* no other date that may have games lies between it and the expected one before it */
    unsigned char absences[PIPELINE_PROCESSORS_MAX]; /* enum absence, by processor index */
    enum remedy remedy;
    int group;                   /* that the remedy is for; 0: none */
    const struct season *season; /* the calendar's; NULL when it knows none for the date */
    processor_set expected;
    processor_set missing; /* of those */
};

struct date_span {
    game_date first;
    game_date last; /* inclusive */
};

enum { SPAN_TEXT_MAX = 2 * DATE_TEXT_MAX + 4 };

/* "2021-11-15 to 2021-11-30", or the one date. Returns text. */
char *date_span_text(struct date_span span, char text[SPAN_TEXT_MAX]);

struct coverage {
    const struct pipeline *pipeline;
    const struct game_calendar *calendar; /* or NULL; it outlives this */
    struct replay_outbox outbox;          /* sorted; as it was at … */
    int64_t now_ms;                       /* … before the dates were read */
    struct covered_date *dates;           /* the expected ones, oldest first */
    size_t count;
};

/* Was the state's date to be expected? named: it was asked for by itself, not within a range. */
bool coverage_expects(struct game_day day, bool named, const struct date_state *state);

/* Judges the date and adds it, if it is to be expected. Later than those added before; dates has room. */
void coverage_add(struct coverage *coverage, const struct date_state *state, bool named);

/* Leaves out the dates of the bootstrap period. */
void coverage_without_bootstrap(struct coverage *coverage);

/* How many of the dates lack a table. */
size_t coverage_incomplete(const struct coverage *coverage);

/* Tables of a season. */
struct coverage_total {
    const struct season *season; /* NULL: of dates without a known season, and of all */
    size_t dates;
    size_t expected[PIPELINE_PROCESSORS_MAX];
    size_t present[PIPELINE_PROCESSORS_MAX];
};

enum { COVERAGE_TOTALS_MAX = CALENDAR_SEASONS_MAX + 1 };

/* One total for each season that has dates, in their order; returns how many, at most COVERAGE_TOTALS_MAX. */
size_t coverage_by_season(const struct coverage *coverage, struct coverage_total *totals);

struct coverage_total coverage_of_all(const struct coverage *coverage);

/* The coverage in tenths of a percent, rounded down: 1000 only when nothing is missing. Of nothing: 0. */
int coverage_tenths(size_t present, size_t expected);

enum { PERCENT_TEXT_MAX = 16 };

/* "98.2 %"; "" where nothing is expected. Returns text. */
char *coverage_percent(size_t present, size_t expected, char text[PERCENT_TEXT_MAX]);

/* The parts of the span that the calendar says nothing of; returns how many, at most two. */
size_t coverage_unknown(
    const struct game_calendar *calendar, struct date_span span, struct date_span unknown[2]);

#endif
