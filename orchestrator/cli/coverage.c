#include "cli/coverage.h"

#include <stdio.h>

const char *absence_name(enum absence absence) {
    static const char *const names[] = {
        [ABSENCE_NONE] = "none",
        [ABSENCE_NOTHING] = "nothing_received",
        [ABSENCE_NOT_STARTED] = "not_started",
        [ABSENCE_CANCELLED] = "cancelled",
        [ABSENCE_RUNNING] = "running",
        [ABSENCE_STALLED] = "stalled",
        [ABSENCE_FAILED] = "failed",
        [ABSENCE_SKIPPED] = "skipped",
        [ABSENCE_NO_DATA] = "no_data",
        [ABSENCE_ZERO_ROWS] = "zero_rows",
        [ABSENCE_TOO_FEW_ROWS] = "too_few_rows",
        [ABSENCE_PARTIAL] = "partial",
        [ABSENCE_NO_COUNT] = "no_count",
        [ABSENCE_PREMATURE] = "premature",
        [ABSENCE_OLD_RUN] = "old_run",
    };
    return names[absence];
}

const char *remedy_name(enum remedy remedy) {
    static const char *const names[] = {
        [REMEDY_NONE] = "none",
        [REMEDY_WAIT] = "wait",
        [REMEDY_BACKFILL] = "backfill",
        [REMEDY_MISSED] = "missed",
        [REMEDY_CANCELLED] = "cancelled",
        [REMEDY_FAILED] = "failed",
        [REMEDY_SHORT] = "short",
        [REMEDY_STALLED] = "stalled",
        [REMEDY_HELD] = "held",
        [REMEDY_REDO] = "redo",
    };
    return names[remedy];
}

char *date_span_text(struct date_span span, char text[SPAN_TEXT_MAX]) {
    char first[DATE_TEXT_MAX], last[DATE_TEXT_MAX];
    date_format(span.first, first);
    date_format(span.last, last);
    bool single = span.first == span.last;
    snprintf(text, SPAN_TEXT_MAX, "%s%s%s", first, single ? "" : " to ", single ? "" : last);
    return text;
}

/* --- One date ------------------------------------------------------------------------------------------- */

bool coverage_expects(struct game_day day, bool named, const struct date_state *state) {
    switch (day.games) {
    case GAMES_PLAYED:
        return true;
    case GAMES_NONE:
        return false;
    case GAMES_UNKNOWN:
        break;
    }
    return !state->no_games_ms && (named || state->known);
}

static enum absence absence_of_short(const struct record *record) {
    switch (record->status) {
    case STATUS_FAILED:
        return ABSENCE_FAILED;
    case STATUS_SKIPPED:
        return ABSENCE_SKIPPED;
    case STATUS_NO_DATA:
        return ABSENCE_NO_DATA;
    case STATUS_PARTIAL:
        return ABSENCE_PARTIAL;
    case STATUS_SUCCESS:
        break;
    }
    if (record->record_count == ROWS_UNKNOWN)
        return ABSENCE_NO_COUNT;
    return record->record_count == 0 ? ABSENCE_ZERO_ROWS : ABSENCE_TOO_FEW_ROWS;
}

static bool in_flight(const struct date_state *state, int group) {
    enum group_phase phase = state->groups[group - 1].phase;
    return phase == GROUP_READY || phase == GROUP_TRIGGERED;
}

/* Of a table that its group's present trigger has brought nothing for. */
static enum absence absence_of_group(
    const struct date_state *state, int group, const struct replay_plan *plan) {
    switch (state->groups[group - 1].phase) {
    case GROUP_WAITING:
        return ABSENCE_NOT_STARTED;
    case GROUP_CANCELLED:
        return ABSENCE_CANCELLED;
    case GROUP_READY:
    case GROUP_TRIGGERED:
        if (plan->group == group && plan->reason == REASON_LOST)
            return ABSENCE_NOT_STARTED;
        return plan->group == group && plan->reason == REASON_STALLED ? ABSENCE_STALLED : ABSENCE_RUNNING;
    case GROUP_FAILED:
    case GROUP_DONE:
        break;
    }
    return ABSENCE_NOTHING;
}

static enum absence absence_of(
    const struct processor *processor, const struct date_state *state, const struct replay_plan *plan) {
    const struct record *record = &state->records[processor->index];
    if (record->mark == RECORD_COUNTS)
        return ABSENCE_NONE;
    if (record->mark == RECORD_SHORT && !record->set_aside)
        return absence_of_short(record);
    if (processor->group == 0)
        return ABSENCE_NOTHING;
    if (!in_flight(state, processor->group)) {
        if (record->mark == RECORD_PREMATURE)
            return ABSENCE_PREMATURE;
        if (record->mark == RECORD_OLD)
            return ABSENCE_OLD_RUN;
    }
    return absence_of_group(state, processor->group, plan);
}

/* Of a date whose upstream tables are there. asked_ms: what became ready later cannot be in the outbox yet.
 */
static enum remedy remedy_of_group(
    const struct date_state *state, const struct replay_plan *plan, int64_t asked_ms) {
    switch (plan->reason) {
    case REASON_STALE:
        return state->stale.due_ms ? REMEDY_WAIT : REMEDY_HELD;
    case REASON_NOT_STARTED:
        return REMEDY_MISSED;
    case REASON_LOST:
        return state->groups[plan->group - 1].ready_ms < asked_ms ? REMEDY_MISSED : REMEDY_WAIT;
    case REASON_CANCELLED:
        return REMEDY_CANCELLED;
    case REASON_FAILED:
        return REMEDY_FAILED;
    case REASON_ANSWERED:
        return REMEDY_SHORT;
    case REASON_STALLED:
        return REMEDY_STALLED;
    case REASON_DONE:
    case REASON_WAITS: /* for a member of a group that is done */
        return REMEDY_REDO;
    default: /* it is in the outbox, or at work; the others are not of such a date */
        return REMEDY_WAIT;
    }
}

static int first_group_missing(const struct pipeline *pipeline, processor_set missing) {
    int g = 1;
    while (g < pipeline->group_count && !(pipeline->groups[g - 1].members & missing))
        g++;
    return g;
}

static void choose_remedy(const struct coverage *coverage, const struct date_state *state,
    const struct replay_plan *plan, struct covered_date *covered) {
    const struct pipeline *pipeline = coverage->pipeline;
    if (covered->missing & pipeline->upstream) {
        covered->remedy = REMEDY_BACKFILL;
    } else if (covered->missing || (plan->reason == REASON_STALE && !covered->bootstrap)) {
        covered->remedy = remedy_of_group(state, plan, coverage->now_ms);
        bool redo = covered->remedy == REMEDY_REDO;
        covered->group = redo ? first_group_missing(pipeline, covered->missing) : plan->group;
    }
}

static void judge_tables(const struct pipeline *pipeline, const struct date_state *state,
    const struct replay_plan *plan, struct covered_date *covered) {
    for (int i = 0; i < pipeline->processor_count; i++) {
        const struct processor *processor = &pipeline->processors[i];
        if (processor->group > 0 && covered->bootstrap)
            continue;
        processor_set bit = (processor_set)1 << i;
        enum absence absence = absence_of(processor, state, plan);
        covered->expected |= bit;
        covered->missing |= absence == ABSENCE_NONE ? 0 : bit;
        covered->absences[i] = (unsigned char)absence;
    }
}

/* Between both, the calendar knows that nothing was played. */
static bool is_joined(const struct game_calendar *calendar, game_date before, game_date date) {
    for (game_date between = before + 1; between < date; between++)
        if (game_calendar_day(calendar, between).games != GAMES_NONE)
            return false;
    return true;
}

void coverage_add(struct coverage *coverage, const struct date_state *state, bool named) {
    struct game_day day = game_calendar_day(coverage->calendar, state->date);
    if (!coverage_expects(day, named, state))
        return;
    const struct replay_request request = {.replay = REPLAY_AGAIN};
    struct replay_plan plan =
        replay_plan_of(coverage->pipeline, state, &coverage->outbox, &request, coverage->now_ms);
    struct covered_date *covered = &coverage->dates[coverage->count];
    *covered = (struct covered_date){
        .date = state->date,
        .bootstrap = day.bootstrap,
        .joined = coverage->count > 0 && is_joined(coverage->calendar, covered[-1].date, state->date),
        .season = game_calendar_season(coverage->calendar, state->date),
    };
    judge_tables(coverage->pipeline, state, &plan, covered);
    choose_remedy(coverage, state, &plan, covered);
    coverage->count++;
}

/* --- All of them ---------------------------------------------------------------------------------------- */

void coverage_without_bootstrap(struct coverage *coverage) {
    size_t kept = 0;
    bool follows_kept = false;
    for (size_t i = 0; i < coverage->count; i++) {
        struct covered_date covered = coverage->dates[i];
        covered.joined = covered.joined && follows_kept;
        follows_kept = !covered.bootstrap;
        if (!covered.bootstrap)
            coverage->dates[kept++] = covered;
    }
    coverage->count = kept;
}

size_t coverage_incomplete(const struct coverage *coverage) {
    size_t incomplete = 0;
    for (size_t i = 0; i < coverage->count; i++)
        incomplete += coverage->dates[i].missing != 0;
    return incomplete;
}

static void count_date(
    const struct pipeline *pipeline, const struct covered_date *covered, struct coverage_total *total) {
    total->dates++;
    for (int i = 0; i < pipeline->processor_count; i++) {
        bool expected = covered->expected >> i & 1, missing = covered->missing >> i & 1;
        total->expected[i] += expected;
        total->present[i] += expected && !missing;
    }
}

size_t coverage_by_season(const struct coverage *coverage, struct coverage_total *totals) {
    size_t count = 0;
    for (size_t i = 0; i < coverage->count; i++) {
        const struct covered_date *covered = &coverage->dates[i];
        if (count == 0 || totals[count - 1].season != covered->season)
            totals[count++] = (struct coverage_total){.season = covered->season};
        count_date(coverage->pipeline, covered, &totals[count - 1]);
    }
    return count;
}

struct coverage_total coverage_of_all(const struct coverage *coverage) {
    struct coverage_total total = {0};
    for (size_t i = 0; i < coverage->count; i++)
        count_date(coverage->pipeline, &coverage->dates[i], &total);
    return total;
}

int coverage_tenths(size_t present, size_t expected) {
    return expected == 0 ? 0 : (int)(present * 1000 / expected);
}

char *coverage_percent(size_t present, size_t expected, char text[PERCENT_TEXT_MAX]) {
    int tenths = coverage_tenths(present, expected);
    text[0] = '\0';
    if (expected > 0)
        snprintf(text, PERCENT_TEXT_MAX, "%d.%d %%", tenths / 10, tenths % 10);
    return text;
}

size_t coverage_unknown(
    const struct game_calendar *calendar, struct date_span span, struct date_span unknown[2]) {
    size_t count = 0;
    bool inside = false;
    for (game_date date = span.first; date <= span.last; date++) {
        bool now = game_calendar_day(calendar, date).games == GAMES_UNKNOWN;
        if (now && !inside && count < 2)
            unknown[count++].first = date;
        if (now && count > 0)
            unknown[count - 1].last = date;
        inside = now;
    }
    return count;
}
