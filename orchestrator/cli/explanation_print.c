/* An explanation for people, and as JSON. */
#include "cli/explanation.h"
#include "cli/json_output.h"
#include "cli/words.h"
#include "core/trigger.h"

#include <string.h>

/* "22 rows", "partial, 18 rows", "rows not known", "no_data". */
static char *rows_words(const struct record *record, char *text, size_t size) {
    char count[32] = "rows not known";
    if (record->record_count != ROWS_UNKNOWN)
        words_count(record->record_count, "row", "rows", count, sizeof count);
    if (record->status == STATUS_SUCCESS)
        snprintf(text, size, "%s", count);
    else if (record->status == STATUS_PARTIAL)
        snprintf(text, size, "partial, %s", count);
    else
        snprintf(text, size, "%s", status_name(record->status));
    return text;
}

/* What was received of a processor: the reason why it does not satisfy, or the rows, or both. */
static void statement(const struct explanation *e, int index, char text[EXPLANATION_TEXT_MAX]) {
    const struct record *record = &e->state->records[index];
    char reason[EXPLANATION_TEXT_MAX], words[48];
    explanation_reason(e, index, reason);
    if (record->mark == RECORD_COUNTS && record->run > 0 && record->run < e->state->run)
        snprintf(reason, sizeof reason, "carried over from run %d", record->run);
    if (record->mark == RECORD_NONE || record->mark == RECORD_SHORT)
        snprintf(text, EXPLANATION_TEXT_MAX, "%s", reason);
    else
        snprintf(text, EXPLANATION_TEXT_MAX, "%s%s%.400s", rows_words(record, words, sizeof words),
            *reason ? "; " : "", reason);
}

/* When, how and by whom; on a line of its own. */
static void print_origin(const struct record *record, const struct term *term, FILE *out) {
    char time[WORDS_TIME_MAX], execution[COMPLETION_ID_MAX * 4 + 1];
    const char *between = term_glyph(term, GLYPH_BETWEEN);
    if (record->mark == RECORD_NONE)
        return;
    words_time(record->arrived_ms, time);
    term_print(
        term, out, TONE_DIM, "      %s %s %s %s ", time, between, status_name(record->status), between);
    if (record->backfill)
        term_print(term, out, TONE_DIM, "backfill %s ", between);
    term_print(term, out, TONE_DIM, "%s\n", words_shown(record->execution_id, execution, sizeof execution));
}

struct sign {
    enum glyph glyph;
    enum tone tone;
};

static const struct sign mark_signs[] = {
    [RECORD_NONE] = {GLYPH_NOTHING, TONE_WARN},
    [RECORD_COUNTS] = {GLYPH_GOOD, TONE_GOOD},
    [RECORD_SHORT] = {GLYPH_BAD, TONE_BAD},
    [RECORD_PREMATURE] = {GLYPH_EMPTY, TONE_DIM},
    [RECORD_OLD] = {GLYPH_EMPTY, TONE_DIM},
};

static struct sign sign_of(const struct record *record) {
    return mark_signs[record->set_aside ? RECORD_OLD : record->mark];
}

static int widest_name(const struct pipeline *pipeline, processor_set set) {
    int widest = 0;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1 && term_columns(pipeline->processors[i].name) > widest)
            widest = term_columns(pipeline->processors[i].name);
    return widest;
}

static void print_processors(
    const struct explanation *e, const struct term *term, processor_set set, const char *title, FILE *out) {
    if (!set)
        return;
    fprintf(out, "\n%s\n", title);
    int width = widest_name(e->pipeline, set);
    for (int i = 0; i < e->pipeline->processor_count; i++) {
        if (!(set >> i & 1))
            continue;
        const struct record *record = &e->state->records[i];
        struct sign sign = sign_of(record);
        char text[EXPLANATION_TEXT_MAX];
        statement(e, i, text);
        term_print(term, out, sign.tone, "  %s", term_glyph(term, sign.glyph));
        fprintf(out, " %-*s  ", width, e->pipeline->processors[i].name);
        term_print(term, out, sign.tone, "%s\n", text);
        print_origin(record, term, out);
    }
}

static processor_set premature_of(const struct explanation *e) {
    processor_set premature = 0;
    for (int i = 0; i < e->pipeline->processor_count; i++)
        if (e->state->records[i].mark == RECORD_PREMATURE)
            premature |= (processor_set)1 << i;
    return premature;
}

/* What the group speaks of: what it needs while it waits or has to start again, else its processors. */
static void print_group(const struct explanation *e, const struct term *term, FILE *out) {
    const struct group *group = &e->pipeline->groups[e->group - 1];
    const struct group_state *state = &e->state->groups[e->group - 1];
    char title[EXPLANATION_TEXT_MAX], names[EXPLANATION_TEXT_MAX / 2], id[TRIGGER_ID_MAX];
    if (state->phase == GROUP_WAITING || explanation_standing(e) == STANDING_STALE) {
        snprintf(title, sizeof title, "Group %d, %s, needs:", e->group,
            words_processors(e->pipeline, group->members, false, names, sizeof names));
        print_processors(e, term, group->needs, title, out);
        return;
    }
    const struct trigger trigger = {.date = e->state->date, .group = e->group, .run = state->run};
    snprintf(title, sizeof title, "Group %d, trigger %s%s%s%s:", e->group,
        trigger_id(e->pipeline, &trigger, id), state->bus_message_id ? ", message " : "",
        state->bus_message_id ? state->bus_message_id : "", state->backfill ? ", backfill" : "");
    print_processors(e, term, group->members, title, out);
}

/* The premature that the group's own table has not shown. */
static void print_premature(const struct explanation *e, const struct term *term, FILE *out) {
    print_processors(e, term, premature_of(e),
        "Premature, and not counted; the trigger of their group will have them run again:", out);
}

/* "done", "done in run 1" of a group that was carried over, "done, stale", "triggered, stalled". */
static void print_phase(const struct explanation *e, int group, const struct term *term, FILE *out) {
    static const enum tone tones[] = {
        [GROUP_WAITING] = TONE_DIM,
        [GROUP_READY] = TONE_BUSY,
        [GROUP_TRIGGERED] = TONE_BUSY,
        [GROUP_DONE] = TONE_GOOD,
        [GROUP_FAILED] = TONE_BAD,
        [GROUP_CANCELLED] = TONE_WARN,
    };
    const struct group_state *state = &e->state->groups[group - 1];
    bool started = state->phase != GROUP_WAITING;
    term_print(term, out, tones[state->phase], "%s", group_phase_name(state->phase));
    if (started && state->run < e->state->run)
        fprintf(out, " in run %d", state->run);
    if (started && outlook_is_stale(e->state, group))
        term_print(term, out, TONE_WARN, " (stale)");
    else if (outlook_is_stalled(e->state, group))
        term_print(term, out, TONE_BAD, " (stalled)");
}

static void print_phases(const struct explanation *e, const struct term *term, FILE *out) {
    char run[EXPLANATION_TEXT_MAX];
    fputs("groups", out);
    for (int g = 1; g <= e->pipeline->group_count; g++) {
        fprintf(out, "%s %d ", g > 1 ? "," : "", g);
        print_phase(e, g, term, out);
    }
    fputc('\n', out);
    if (*explanation_run(e, run))
        fprintf(out, "%s\n", run);
}

/* A command stands on a line of its own, ready to be copied. */
static void print_advised(const char *text, FILE *out) {
    const char *command = strstr(text, ": phasegate ");
    if (command)
        fprintf(out, "  - %.*s:\n      %s\n", (int)(command - text), text, command + 2);
    else
        fprintf(out, "  - %s\n", text);
}

static void print_advice(const struct explanation *e, const struct term *term, FILE *out) {
    char text[EXPLANATION_TEXT_MAX], date[DATE_TEXT_MAX];
    fputc('\n', out);
    term_print(term, out, TONE_STRONG, "What you can do\n");
    for (int i = 0; explanation_advice(e, i, text); i++)
        print_advised(text, out);
    snprintf(text, sizeof text, "see everything that happened: phasegate history %s",
        date_format(e->state->date, date));
    print_advised(text, out);
}

void explanation_print(const struct explanation *e, const struct term *term, FILE *out) {
    char text[EXPLANATION_TEXT_MAX], date[DATE_TEXT_MAX];
    bool fine = explanation_is_fine(e);
    term_print(term, out, TONE_STRONG, "%s %s", e->pipeline->name, date_format(e->state->date, date));
    fputs("  ", out);
    term_print(term, out, fine ? TONE_GOOD : TONE_WARN, "%s\n", explanation_headline(e, text));
    if (e->state->known && !e->state->no_games_ms) {
        print_phases(e, term, out);
        if (e->group > 0)
            print_group(e, term, out);
        else
            print_processors(e, term, ~(processor_set)0, "Received:", out);
        print_premature(e, term, out);
    }
    print_advice(e, term, out);
}

static json_t *need_json(const struct explanation *e, int index) {
    char reason[EXPLANATION_TEXT_MAX];
    json_t *object = json_object();
    explanation_reason(e, index, reason);
    json_put(&object, "processor", json_text(e->pipeline->processors[index].name));
    json_put(&object, "satisfied", json_boolean(e->state->records[index].mark == RECORD_COUNTS));
    json_put(&object, "reason", *reason ? json_text(reason) : json_null());
    json_put(&object, "record", json_record(&e->state->records[index]));
    return object;
}

static json_t *needs_json(const struct explanation *e) {
    json_t *array = json_array();
    for (int i = 0; e->group > 0 && i < e->pipeline->processor_count; i++)
        if (e->pipeline->groups[e->group - 1].needs >> i & 1)
            json_push(&array, need_json(e, i));
    return array;
}

static json_t *opening_json(const struct opening *opening) {
    if (!opening)
        return json_null();
    json_t *object = json_object();
    json_put(&object, "at", json_time(opening->at_ms));
    json_put(&object, "why", json_text(opening->by_operator ? "operator" : "rerun"));
    json_put(&object, "first_group", json_integer(opening->first_group));
    json_put(&object, "rerun_at", json_time(opening->rerun_ms));
    json_put(&object, "processor", json_text(opening->processor ? opening->processor->name : NULL));
    return object;
}

json_t *explanation_json(const struct explanation *e) {
    char text[EXPLANATION_TEXT_MAX];
    json_t *object = json_object(), *advice = json_array();
    for (int i = 0; explanation_advice(e, i, text); i++)
        json_push(&advice, json_text(text));
    json_put(&object, "pipeline", json_text(e->pipeline->name));
    json_put(&object, "at", json_time(e->now_ms));
    json_put(&object, "fine", json_boolean(explanation_is_fine(e)));
    json_put(&object, "headline", json_text(explanation_headline(e, text)));
    json_put(&object, "group", e->group ? json_integer(e->group) : json_null());
    json_put(&object, "needs", needs_json(e));
    json_put(&object, "premature", json_processors(e->pipeline, premature_of(e)));
    json_put(&object, "advice", advice);
    json_put(&object, "run_opened", opening_json(e->opening));
    json_put(&object, "date", json_date_state(e->pipeline, e->state, e->now_ms));
    return object;
}
