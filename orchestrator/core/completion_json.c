#include "base/text.h"
#include "core/completion.h"
#include "core/completion_fields.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = TEXT_SHOWN_MAX + 16 };

/* Before parsing, since the parser recurses. Brackets in texts do not count. */
static bool is_too_deep(const char *text, size_t size) {
    bool in_text = false;
    int depth = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '"')
            in_text = !in_text;
        else if (in_text && c == '\\')
            i++;
        else if (!in_text && (c == '{' || c == '[') && ++depth > COMPLETION_DEPTH_MAX)
            return true;
        else if (!in_text && (c == '}' || c == ']'))
            depth--;
    }
    return false;
}

/*
 * A key that comes twice is refused: nobody could say which value was meant. NULs are let through, for fields
 * that nobody reads.
 */
static struct result parse(const struct message *message, json_t **object) {
    if (is_too_deep(message->data, message->size))
        return fail(CODE_LIMIT, "JSON nested deeper than %d levels", COMPLETION_DEPTH_MAX);
    json_error_t error;
    json_t *value = json_loadb(
        message->data, message->size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    char shown[JSON_ERROR_TEXT_LENGTH];
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        return fail(CODE_UNAVAILABLE, "out of memory");
    if (!value)
        return fail(CODE_INVALID, "not JSON: line %d column %d: %s", error.line, error.column,
            text_show(error.text, strlen(error.text), shown, sizeof shown));
    if (!json_is_object(value)) {
        struct result r = fail(
            CODE_INVALID, "the message is %s; expected a JSON object", json_show(value, shown, sizeof shown));
        json_decref(value);
        return r;
    }
    *object = value;
    return ok();
}

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
    for (const char *const *flag = completion_flags; *flag; flag++) {
        struct result r = read_flag(object, where, *flag, backfill);
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
    for (size_t i = 0; is_ok(r) && i < completion_text_count; i++)
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

struct result completion_read_json(
    const struct message *message, struct arena *arena, struct completion_fields *fields) {
    json_t *object = NULL;
    struct result r = parse(message, &object);
    if (!is_ok(r))
        return r;
    r = read_object(object, arena, fields);
    json_decref(object);
    return r;
}
