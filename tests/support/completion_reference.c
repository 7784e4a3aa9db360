#include "support/completion_reference.h"

#include "base/text.h"
#include "core/completion.h"
#include "core/completion_fields.h"
#include "core/note.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = TEXT_SHOWN_MAX + 16 };

/* --- Values --------------------------------------------------------------------------------------------- */

/* A whole number from 0 to most, as note_whole has it. */
static bool json_whole(const json_t *value, int64_t most, int64_t *number) {
    struct note note = {.kind = NOTE_ABSENT};
    if (json_is_integer(value))
        note = (struct note){.kind = NOTE_INTEGER, .integer = json_integer_value(value)};
    else if (json_is_real(value))
        note = (struct note){.kind = NOTE_REAL, .real = json_real_value(value)};
    return note_whole(&note, most, number);
}

static char *json_show(const json_t *value, char *out, size_t size) {
    char shown[TEXT_SHOWN_MAX];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        snprintf(out, size, "an object");
        break;
    case JSON_ARRAY:
        snprintf(out, size, "an array");
        break;
    case JSON_STRING:
        text_show(json_string_value(value), json_string_length(value), shown, sizeof shown);
        snprintf(out, size, "the text \"%s\"", shown);
        break;
    case JSON_INTEGER:
        snprintf(out, size, "the number %" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(out, size, "the number %.15g", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(out, size, "%s", json_is_true(value) ? "true" : "false");
        break;
    case JSON_NULL:
        snprintf(out, size, "null");
        break;
    }
    return out;
}

/* --- Fields --------------------------------------------------------------------------------------------- */

/* The value of a key; NULL when it is absent or null. */
static const json_t *field_of(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static struct result unexpected(
    const char *where, const char *name, const json_t *value, const char *expected) {
    char shown[SHOWN_MAX];
    return fail(CODE_INVALID, "%s%s is %s; expected %s", where, name, json_show(value, shown, sizeof shown),
        expected);
}

static struct result read_text(const json_t *object, const struct text_field *field, struct arena *arena,
    struct completion_fields *fields) {
    const json_t *value = field_of(object, field->name);
    if (!value)
        return ok();
    if (json_is_string(value))
        return completion_set_text(fields, field, json_string_value(value), json_string_length(value), arena);
    if (field->kind != TEXT_ID)
        return unexpected("", field->name, value, "a text");
    if (!json_is_integer(value))
        return unexpected("", field->name, value, "a text or a whole number");
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return completion_set_text(fields, field, digits, (size_t)length, arena);
}

static struct result read_rows(const json_t *object, const char *name, int64_t *rows) {
    const json_t *value = field_of(object, name);
    if (!value || json_whole(value, ROWS_MAX, rows))
        return ok();
    int64_t huge;
    if (json_whole(value, INT64_MAX, &huge))
        return unexpected("", name, value, "no more than 1000000000000");
    return unexpected("", name, value, "a whole number, 0 or more");
}

static struct result read_flag(const json_t *object, const char *where, const char *name, bool *set) {
    const json_t *value = field_of(object, name);
    bool flag;
    int64_t number;
    if (!value)
        return ok();
    if (json_is_boolean(value))
        flag = json_is_true(value);
    else if (json_whole(value, 1, &number))
        flag = number == 1;
    else if (!json_is_string(value) || !completion_flag_parse(json_string_value(value), &flag))
        return unexpected(where, name, value, "true or false");
    if (flag)
        *set = true;
    return ok();
}

/* The flags and trigger_source, of the completion itself or of its metadata; where is "" or "metadata.". */
static struct result read_tags(const json_t *object, const char *where, bool *backfill) {
    for (size_t i = 0; i < COMPLETION_FLAG_COUNT; i++) {
        struct result r = read_flag(object, where, completion_flags[i], backfill);
        if (!is_ok(r))
            return r;
    }
    const json_t *source = field_of(object, "trigger_source");
    if (source && !json_is_string(source))
        return unexpected(where, "trigger_source", source, "a text");
    if (completion_source_is_backfill(json_string_value(source)))
        *backfill = true;
    return ok();
}

static struct result read_object(
    const json_t *object, struct arena *arena, struct completion_fields *fields) {
    struct result r = ok();
    for (size_t i = 0; is_ok(r) && i < COMPLETION_TEXT_COUNT; i++)
        r = read_text(object, &completion_texts[i], arena, fields);
    if (is_ok(r))
        r = read_rows(object, "record_count", &fields->record_count);
    if (is_ok(r))
        r = read_rows(object, "records_failed", &fields->records_failed);
    if (is_ok(r))
        r = read_tags(object, "", &fields->backfill);
    const json_t *metadata = field_of(object, "metadata");
    if (!is_ok(r) || !metadata)
        return r;
    if (!json_is_object(metadata))
        return unexpected("", "metadata", metadata, "an object");
    return read_tags(metadata, "metadata.", &fields->backfill);
}

/* --- The message ---------------------------------------------------------------------------------------- */

static int depth_of(const json_t *value) {
    int deepest = 0;
    size_t i;
    const char *key;
    json_t *part;
    json_array_foreach(value, i, part) {
        int depth = depth_of(part);
        deepest = depth > deepest ? depth : deepest;
    }
    json_object_foreach((json_t *)value, key, part) {
        int depth = depth_of(part);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (json_is_array(value) || json_is_object(value));
}

static struct result read_message(
    const json_t *message, struct arena *arena, struct completion_fields *fields) {
    char shown[SHOWN_MAX];
    if (depth_of(message) > COMPLETION_DEPTH_MAX)
        return fail(CODE_LIMIT, "JSON nested deeper than %d levels", COMPLETION_DEPTH_MAX);
    if (!json_is_object(message))
        return fail(CODE_INVALID, "not a JSON object but %s", json_show(message, shown, sizeof shown));
    return read_object(message, arena, fields);
}

static const char *different_field(const struct completion_fields *a, const struct completion_fields *b) {
    for (size_t i = 0; i < COMPLETION_TEXT_COUNT; i++) {
        const char *of_a, *of_b;
        memcpy(&of_a, (const char *)a + completion_texts[i].offset, sizeof of_a);
        memcpy(&of_b, (const char *)b + completion_texts[i].offset, sizeof of_b);
        if (of_a && of_b ? strcmp(of_a, of_b) != 0 : of_a != of_b)
            return completion_texts[i].name;
    }
    if (a->record_count != b->record_count)
        return "record_count";
    if (a->records_failed != b->records_failed)
        return "records_failed";
    return a->backfill != b->backfill ? "backfill" : NULL;
}

bool completion_reference_agrees(const struct message *message, struct arena *arena, const char **why) {
    struct completion_fields read = {.record_count = ROWS_UNKNOWN}, expected = read;
    struct result r = completion_read_json(message, arena, &read), wanted;
    *why = "taken, with a NUL in it";
    if (message->size > 0 && memchr(message->data, '\0', message->size))
        return !is_ok(r);
    json_error_t error;
    json_t *tree = json_loadb(
        message->data, message->size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    const char *field = NULL;
    if (tree) {
        wanted = read_message(tree, arena, &expected);
        json_decref(tree);
        if (is_ok(r) && is_ok(wanted))
            field = different_field(&read, &expected);
        *why = arena_printf(arena, "%s\"%s\"; jansson: \"%s\"", field ? field : "", r.text, wanted.text);
        return !field && r.code == wanted.code && strcmp(r.text, wanted.text) == 0;
    }
    *why = arena_printf(arena, "taken; jansson: \"%s\"", error.text);
    return !is_ok(r) || json_error_code(&error) == json_error_duplicate_key
        || json_error_code(&error) == json_error_null_byte_in_key;
}
