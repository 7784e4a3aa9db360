#include "base/text.h"
#include "core/completion.h"
#include "core/completion_fields.h"
#include "core/json_notes.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = TEXT_SHOWN_MAX + 16 };

/* --- What is read, in the order in which it is looked at ------------------------------------------------ */

enum {
    RECORD_COUNT = COMPLETION_TEXT_COUNT,
    RECORDS_FAILED,
    TAGS, /* the flags, then trigger_source */
    METADATA = TAGS + COMPLETION_FLAG_COUNT + 1,
    METADATA_TAGS,
    KEYS = METADATA_TAGS + COMPLETION_FLAG_COUNT + 1,
};

#define KEY(name) {#name, sizeof #name - 1},
#define TEXT_KEY(name, kind) KEY(name)
#define TAG_KEYS COMPLETION_FLAGS(KEY) KEY(trigger_source)

static const struct note_key keys[KEYS] = {
    COMPLETION_TEXTS(TEXT_KEY) KEY(record_count) KEY(records_failed) TAG_KEYS KEY(metadata) TAG_KEYS};

static const struct note_keys read_keys = {
    .keys = keys, .count = KEYS, .outer = METADATA_TAGS, .inner = METADATA};

/* --- Fields --------------------------------------------------------------------------------------------- */

static bool is_given(const struct note *note) {
    return note->kind != NOTE_ABSENT && note->kind != NOTE_NULL;
}

static struct result unexpected(
    const char *where, const char *name, const struct note *note, const char *expected) {
    char shown[SHOWN_MAX];
    return fail(
        CODE_INVALID, "%s%s is %s; expected %s", where, name, note_show(note, shown, sizeof shown), expected);
}

static struct result read_text(const struct note *note, const struct text_field *field, struct arena *arena,
    struct completion_fields *fields) {
    if (note->kind == NOTE_TEXT)
        return completion_set_text(fields, field, note->text, note->length, arena);
    if (field->kind != TEXT_ID)
        return unexpected("", field->name, note, "a text");
    if (note->kind != NOTE_INTEGER)
        return unexpected("", field->name, note, "a text or a whole number");
    char digits[TEXT_NUMBER_MAX];
    text_number(note->integer, digits);
    return completion_set_text(fields, field, digits, strlen(digits), arena);
}

static struct result read_rows(const struct note *note, const char *name, int64_t *rows) {
    int64_t huge;
    if (!is_given(note) || note_whole(note, ROWS_MAX, rows))
        return ok();
    if (note_whole(note, INT64_MAX, &huge))
        return unexpected("", name, note, "no more than 1000000000000");
    return unexpected("", name, note, "a whole number, 0 or more");
}

static struct result read_flag(const struct note *note, const char *where, const char *name, bool *set) {
    bool flag = false;
    int64_t number;
    if (note->kind == NOTE_TRUE)
        flag = true;
    else if (note_whole(note, 1, &number))
        flag = number == 1;
    else if (note->kind != NOTE_FALSE
        && !(note->kind == NOTE_TEXT && completion_flag_parse(note->text, &flag)))
        return unexpected(where, name, note, "true or false");
    if (flag)
        *set = true;
    return ok();
}

/* The flags and trigger_source, of the completion itself or of its metadata; where is "" or "metadata.". */
static struct result read_tags(const struct note *tags, const char *where, bool *backfill) {
    const struct note *source = &tags[COMPLETION_FLAG_COUNT];
    struct result r = ok();
    for (size_t i = 0; is_ok(r) && i < COMPLETION_FLAG_COUNT; i++)
        if (is_given(&tags[i]))
            r = read_flag(&tags[i], where, completion_flags[i], backfill);
    if (!is_ok(r) || !is_given(source))
        return r;
    if (source->kind != NOTE_TEXT)
        return unexpected(where, "trigger_source", source, "a text");
    if (completion_source_is_backfill(source->text))
        *backfill = true;
    return r;
}

static struct result read_notes(
    const struct note notes[KEYS], struct arena *arena, struct completion_fields *fields) {
    struct result r = ok();
    for (size_t i = 0; is_ok(r) && i < COMPLETION_TEXT_COUNT; i++)
        if (is_given(&notes[i]))
            r = read_text(&notes[i], &completion_texts[i], arena, fields);
    if (is_ok(r))
        r = read_rows(&notes[RECORD_COUNT], "record_count", &fields->record_count);
    if (is_ok(r))
        r = read_rows(&notes[RECORDS_FAILED], "records_failed", &fields->records_failed);
    if (is_ok(r))
        r = read_tags(&notes[TAGS], "", &fields->backfill);
    if (!is_ok(r) || !is_given(&notes[METADATA]))
        return r;
    if (notes[METADATA].kind != NOTE_OBJECT)
        return unexpected("", "metadata", &notes[METADATA], "an object");
    return read_tags(&notes[METADATA_TAGS], "metadata.", &fields->backfill);
}

struct result completion_read_json(
    const struct message *message, struct arena *arena, struct completion_fields *fields) {
    struct note notes[KEYS];
    void *texts = NULL;
    struct result r =
        json_note(message->data, message->size, COMPLETION_DEPTH_MAX, &read_keys, notes, &texts);
    if (is_ok(r))
        r = read_notes(notes, arena, fields);
    free(texts);
    return r;
}
