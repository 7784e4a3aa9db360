#include "cli/survey.h"

#include "base/clock.h"
#include "base/text.h"
#include "cli/json_output.h"
#include "cli/words.h"

#include <string.h>

enum {
    FIRST_DATE = -8766, /* 1946-01-01: no event tells of an earlier one (date_parse_plausible) */
    CHUNK_DATES = 128,  /* read at a time, since a date's state is large and what is kept of it is not */
    CHUNK_BYTES_MAX = 256 << 20,
};

struct chosen {
    game_date *dates;
    size_t count;
};

static MUST_CHECK struct result out_of_memory(void) {
    return fail(CODE_INTERNAL, "out of memory");
}

/* --- Which dates ---------------------------------------------------------------------------------------- */

/* The first date that the calendar knows something of, or the day after the last one to look at. */
static game_date first_of_calendar(const struct game_calendar *calendar, game_date last) {
    game_date date = calendar && game_calendar_has_games(calendar) ? FIRST_DATE : last + 1;
    while (date <= last && game_calendar_day(calendar, date).games == GAMES_UNKNOWN)
        date++;
    return date;
}

/* Every date until the last that the calendar expects, or that the store knows. */
static MUST_CHECK struct result choose_all(struct survey *survey, game_date last, struct chosen *chosen) {
    struct lookup *lookup = &survey->lookup;
    game_date *known, first = first_of_calendar(survey->calendar, last);
    size_t known_count, at = 0;
    struct result r = reader_newest(
        lookup->reader, lookup->pipeline, CALENDAR_DATES_MAX, lookup->setup.arena, &known, &known_count);
    if (!is_ok(r))
        return r;
    if (known_count > 0 && known[0] < first)
        first = known[0];
    survey->span = (struct date_span){first, last};
    size_t days = first <= last ? (size_t)(last - first) + 1 : 0;
    chosen->dates = arena_alloc(lookup->setup.arena, (days + 1) * sizeof *chosen->dates);
    if (!chosen->dates)
        return out_of_memory();
    for (game_date date = first; date <= last; date++) {
        while (at < known_count && known[at] < date)
            at++;
        bool is_known = at < known_count && known[at] == date;
        if (is_known || game_calendar_day(survey->calendar, date).games == GAMES_PLAYED)
            chosen->dates[chosen->count++] = date;
    }
    return ok();
}

static MUST_CHECK struct result choose_dates(const struct invocation *call,
    const struct date_options *options, struct survey *survey, struct chosen *chosen) {
    struct result r = dates_choose(options, call->operands, call->operand_count, survey->lookup.setup.arena,
        &chosen->dates, &chosen->count);
    if (!is_ok(r))
        return r;
    if (chosen->count == 0)
        return choose_all(survey, date_of_ms(survey->now_ms) - 1, chosen);
    survey->named = options->start == NULL;
    survey->span = (struct date_span){chosen->dates[0], chosen->dates[chosen->count - 1]};
    return ok();
}

/* Leaves those that are over and may have had games. */
static void drop_idle(struct survey *survey, struct chosen *chosen) {
    game_date today = date_of_ms(survey->now_ms);
    size_t kept = 0;
    for (size_t i = 0; i < chosen->count; i++) {
        enum games games = game_calendar_day(survey->calendar, chosen->dates[i]).games;
        if (chosen->dates[i] >= today)
            survey->not_over += games == GAMES_PLAYED || (games == GAMES_UNKNOWN && survey->named);
        else if (games != GAMES_NONE)
            chosen->dates[kept++] = chosen->dates[i];
    }
    chosen->count = kept;
}

/* --- What the store has of them ------------------------------------------------------------------------- */

static MUST_CHECK struct result note_broken(struct survey *survey, const struct date_state *state) {
    const char *why = arena_strdup(survey->lookup.setup.arena, state->broken);
    if (!why)
        return out_of_memory();
    survey->broken[survey->broken_count++] = (struct broken_date){state->date, why};
    return ok();
}

static MUST_CHECK struct result judge_chunk(
    struct survey *survey, const game_date *dates, size_t count, struct arena *arena) {
    struct date_state *states = arena_alloc(arena, count * sizeof *states);
    if (!states)
        return out_of_memory();
    struct result r =
        reader_dates_apart(survey->lookup.reader, survey->lookup.pipeline, dates, count, arena, states);
    for (size_t i = 0; is_ok(r) && i < count; i++) {
        if (states[i].broken)
            r = note_broken(survey, &states[i]);
        else
            coverage_add(&survey->coverage, &states[i], survey->named);
    }
    return r;
}

static MUST_CHECK struct result read_outbox(struct lookup *lookup, struct replay_outbox *outbox) {
    struct result r = reader_outbox(
        lookup->reader, lookup->pipeline, lookup->setup.arena, &outbox->triggers, &outbox->count);
    if (is_ok(r))
        replay_outbox_sort(outbox);
    return r;
}

/* The outbox first: what was ready before that, is not in it and is ready still has lost its trigger. */
static MUST_CHECK struct result judge(struct survey *survey, const struct chosen *chosen) {
    struct lookup *lookup = &survey->lookup;
    struct coverage *coverage = &survey->coverage;
    coverage->dates = arena_alloc(lookup->setup.arena, (chosen->count + 1) * sizeof *coverage->dates);
    survey->broken = arena_alloc(lookup->setup.arena, (chosen->count + 1) * sizeof *survey->broken);
    struct arena *arena = arena_new(CHUNK_BYTES_MAX);
    struct result r =
        coverage->dates && survey->broken && arena ? read_outbox(lookup, &coverage->outbox) : out_of_memory();
    for (size_t at = 0; is_ok(r) && at < chosen->count; at += CHUNK_DATES) {
        size_t left = chosen->count - at;
        arena_reset(arena);
        r = judge_chunk(survey, chosen->dates + at, left < CHUNK_DATES ? left : CHUNK_DATES, arena);
    }
    arena_free(&arena);
    return r;
}

struct result survey_open(
    const struct invocation *call, const struct date_options *options, struct survey *survey) {
    struct clock clock = clock_system();
    struct survey opened = {.now_ms = clock_now_ms(&clock)};
    struct chosen chosen = {0};
    struct result r = lookup_open(call->common, &opened.lookup);
    if (!is_ok(r))
        return r;
    r = setup_calendar(&opened.lookup.setup, opened.lookup.pipeline, &opened.calendar);
    if (is_ok(r))
        r = choose_dates(call, options, &opened, &chosen);
    opened.coverage.pipeline = opened.lookup.pipeline;
    opened.coverage.calendar = opened.calendar;
    opened.coverage.now_ms = opened.now_ms;
    if (is_ok(r)) {
        drop_idle(&opened, &chosen);
        r = judge(&opened, &chosen);
    }
    if (is_ok(r))
        r = reader_backfill(
            opened.lookup.reader, opened.lookup.pipeline, opened.lookup.setup.arena, &opened.backfill);
    if (!is_ok(r)) {
        survey_close(&opened);
        return r;
    }
    *survey = opened;
    return ok();
}

void survey_close(struct survey *survey) {
    game_calendar_free(&survey->calendar);
    lookup_close(&survey->lookup);
}

/* --- What it says of itself ----------------------------------------------------------------------------- */

/* Where only the store can say which dates there are. */
static size_t without_calendar(const struct survey *survey, struct date_span unknown[2]) {
    return survey->named ? 0 : coverage_unknown(survey->calendar, survey->span, unknown);
}

void survey_print_notes(const struct survey *survey, const char *prefix, const struct term *term, FILE *out) {
    struct date_span unknown[2];
    size_t count = without_calendar(survey, unknown);
    for (size_t i = 0; i < survey->broken_count; i++) {
        char date[DATE_TEXT_MAX], why[RESULT_TEXT_MAX];
        text_show(survey->broken[i].why, strlen(survey->broken[i].why), why, sizeof why);
        term_print(term, out, TONE_BAD, "%s%s: %s\n", prefix, date_format(survey->broken[i].date, date), why);
    }
    for (size_t i = 0; i < count; i++) {
        char span[SPAN_TEXT_MAX];
        term_print(term, out, TONE_WARN,
            "%sno calendar for %s: only dates that phasegate has heard of are counted\n", prefix,
            date_span_text(unknown[i], span));
    }
    if (survey->not_over > 0) {
        char dates[32];
        term_print(term, out, TONE_DIM, "%s%s not over yet: not counted\n", prefix,
            words_count((int64_t)survey->not_over, "date is", "dates are", dates, sizeof dates));
    }
    if (survey->backfill.paused_ms) {
        char since[WORDS_TIME_MAX];
        term_print(term, out, TONE_WARN,
            "%sbackfill is paused since %s, its triggers wait: `phasegate backfill resume` lets them go\n",
            prefix, words_time(survey->backfill.paused_ms, since));
    }
}

static json_t *span_json(struct date_span span) {
    json_t *object = json_object();
    json_put(&object, "start_date", json_date(span.first));
    json_put(&object, "end_date", json_date(span.last));
    return object;
}

static json_t *broken_json(const struct broken_date *broken) {
    json_t *object = json_object();
    json_put(&object, "game_date", json_date(broken->date));
    json_put(&object, "why", json_text(broken->why));
    return object;
}

void survey_put_json(const struct survey *survey, json_t **object) {
    struct date_span unknown[2];
    size_t count = without_calendar(survey, unknown);
    json_t *spans = json_array(), *broken = json_array();
    for (size_t i = 0; i < count; i++)
        json_push(&spans, span_json(unknown[i]));
    for (size_t i = 0; i < survey->broken_count; i++)
        json_push(&broken, broken_json(&survey->broken[i]));
    bool any = survey->span.first <= survey->span.last;
    json_put(object, "pipeline", json_text(survey->lookup.pipeline->name));
    json_put(object, "at", json_time(survey->now_ms));
    json_put(object, "start_date", any ? json_date(survey->span.first) : json_null());
    json_put(object, "end_date", any ? json_date(survey->span.last) : json_null());
    json_put(object, "no_calendar", spans);
    json_put(object, "broken", broken);
    json_put(object, "backfill_paused_at", json_time(survey->backfill.paused_ms));
    json_put(object, "not_over", json_integer((json_int_t)survey->not_over));
    json_put(object, "expected", json_integer((json_int_t)survey->coverage.count));
}

json_t *survey_count_json(size_t present, size_t expected) {
    json_t *object = json_object();
    double percent = coverage_tenths(present, expected) / 10.0;
    json_put(&object, "expected", json_integer((json_int_t)expected));
    json_put(&object, "present", json_integer((json_int_t)present));
    json_put(&object, "percent", expected > 0 ? json_real(percent) : json_null());
    return object;
}
