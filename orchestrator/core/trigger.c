#include "core/trigger.h"

#include "base/text.h"
#include "core/completion.h"
#include "core/json_notes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *trigger_id(const struct pipeline *pipeline, const struct trigger *trigger, char text[TRIGGER_ID_MAX]) {
    char date[DATE_TEXT_MAX];
    snprintf(text, TRIGGER_ID_MAX, "%s/%s/g%d/r%d", pipeline->name, date_format(trigger->date, date),
        trigger->group, trigger->run);
    return text;
}

/* Steps over "/g2": the mark, then a number from 1 to most without leading zeros. */
static bool take_number(const char **text, const char *mark, int most, int *number) {
    size_t length = strlen(mark);
    if (strncmp(*text, mark, length) != 0)
        return false;
    const char *digit = *text + length;
    int64_t value = 0;
    if (*digit == '0')
        return false;
    for (; *digit >= '0' && *digit <= '9' && value <= most; digit++)
        value = value * 10 + (*digit - '0');
    if (value < 1 || value > most)
        return false;
    *number = (int)value;
    *text = digit;
    return true;
}

bool trigger_parse_field(const struct pipeline *pipeline, const char *field, struct trigger *trigger) {
    size_t length = strnlen(field, DATE_TEXT_MAX - 1);
    const char *rest = field + length;
    struct trigger read = {0};
    if (!is_ok(date_parse(field, length, &read.date))
        || !take_number(&rest, "/g", pipeline->group_count, &read.group)
        || !take_number(&rest, "/r", INT_MAX, &read.run) || *rest != '\0')
        return false;
    *trigger = read;
    return true;
}

bool trigger_parse_id(const struct pipeline *pipeline, const char *id, struct trigger *trigger) {
    size_t length = strlen(pipeline->name);
    return strncmp(id, pipeline->name, length) == 0 && id[length] == '/'
        && trigger_parse_field(pipeline, id + length + 1, trigger);
}

/* --- Facts ---------------------------------------------------------------------------------------------- */

enum { FACTS_DEPTH_MAX = 32 }; /* they have 2; a later version's may have more */

/* What is noted of the facts; behind it the rows of each processor by its abbreviation. */
enum { AT, BACKFILL, CORRELATION, UPSTREAM, FACTS, NOTES_MAX = FACTS + PIPELINE_PROCESSORS_MAX };

#define KEY(name)                                                                                            \
    { name, sizeof name - 1 }

static struct result note_facts(
    const struct pipeline *pipeline, const char *facts, struct note notes[NOTES_MAX], void **texts) {
    struct note_key keys[NOTES_MAX] = {[AT] = KEY("at"),
        [BACKFILL] = KEY("backfill"),
        [CORRELATION] = KEY("correlation"),
        [UPSTREAM] = KEY("upstream")};
    size_t processors = (size_t)pipeline->processor_count;
    for (size_t i = 0; i < processors; i++) {
        const char *abbr = pipeline->processors[i].abbr;
        keys[FACTS + i] = (struct note_key){abbr, strlen(abbr)};
    }
    const struct note_keys read = {
        .keys = keys, .count = FACTS + processors, .outer = FACTS, .inner = UPSTREAM};
    const char *text = facts ? facts : "";
    return json_note(text, strlen(text), FACTS_DEPTH_MAX, &read, notes, texts);
}

static bool is_given(const struct note *note) {
    return note->kind != NOTE_ABSENT && note->kind != NOTE_NULL;
}

static bool is_c_string(const struct note *note) {
    return note->kind == NOTE_TEXT && strlen(note->text) == note->length;
}

/* False when there is no object of them, or one of them is no number of rows. */
static bool read_rows(const struct pipeline *pipeline, const struct note notes[NOTES_MAX], int64_t *rows) {
    if (notes[UPSTREAM].kind != NOTE_OBJECT)
        return false;
    for (int i = 0; i < pipeline->processor_count; i++) {
        rows[i] = ROWS_UNKNOWN;
        if (is_given(&notes[FACTS + i]) && !note_whole(&notes[FACTS + i], ROWS_MAX, &rows[i]))
            return false;
    }
    return true;
}

static struct result read_facts(const struct pipeline *pipeline, const struct note notes[NOTES_MAX],
    struct arena *arena, struct trigger *trigger) {
    const struct note *backfill = &notes[BACKFILL], *correlation = &notes[CORRELATION];
    int64_t *rows = arena_alloc(arena, (size_t)pipeline->processor_count * sizeof *rows);
    if (!note_whole(&notes[AT], INT64_MAX, &trigger->decided_ms))
        return fail(CODE_INVALID, "its facts have no time \"at\" in milliseconds");
    if (backfill->kind != NOTE_TRUE && backfill->kind != NOTE_FALSE)
        return fail(CODE_INVALID, "its facts do not say whether \"backfill\" is true or false");
    if (is_given(correlation) && !is_c_string(correlation))
        return fail(CODE_INVALID, "its fact \"correlation\" is not a text, or has a NUL in it");
    if (is_given(correlation))
        trigger->correlation_id = arena_strdup(arena, correlation->text);
    if (!rows || (is_given(correlation) && !trigger->correlation_id))
        return fail(CODE_LIMIT, "its facts do not fit into the memory for one trigger");
    if (!read_rows(pipeline, notes, rows))
        return fail(CODE_INVALID, "its facts have no object \"upstream\" of row counts");
    trigger->backfill = backfill->kind == NOTE_TRUE;
    trigger->upstream = rows;
    return ok();
}

struct result trigger_from_outbox(const struct pipeline *pipeline, const char *field, const char *facts,
    struct arena *arena, struct trigger *trigger) {
    char shown[TEXT_SHOWN_MAX];
    struct trigger read;
    struct note notes[NOTES_MAX];
    void *texts = NULL;
    if (!trigger_parse_field(pipeline, field, &read))
        return fail(CODE_INVALID,
            "outbox entry \"%s\" of pipeline %s is not like 2021-11-17/g2/r1, with a group up to %d",
            text_show(field, strlen(field), shown, sizeof shown), pipeline->name, pipeline->group_count);
    struct result r = note_facts(pipeline, facts, notes, &texts);
    if (!is_ok(r))
        r = fail_within(r, "its facts");
    else
        r = read_facts(pipeline, notes, arena, &read);
    free(texts);
    if (!is_ok(r))
        return fail_within(r, "outbox entry \"%s\" of pipeline %s",
            text_show(field, strlen(field), shown, sizeof shown), pipeline->name);
    *trigger = read;
    return ok();
}

/* Inside a JSON string the quotes would be escaped. */
bool trigger_facts_backfill(const char *facts) {
    return strstr(facts, "\"backfill\":true") != NULL;
}
