#include "core/json_notes.h"

#include "base/text.h"
#include "core/json_strict.h"

#include <errno.h>
#include <math.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

/* --- Memory --------------------------------------------------------------------------------------------- */

/*
 * yajl does not look whether it got the memory that it asked for. So all that one message can make it ask for
 * is taken beforehand, with room for the texts that are noted; what is not touched costs nothing.
 */
struct room {
    unsigned char *bytes;
    size_t size;
    size_t used;
};

enum {
    YAJL_BYTES = 1024,                    /* its parts of fixed size and an error's text: 600 */
    YAJL_BUFFER_BYTES = 2048,             /* a buffer to begin with */
    TEXT_BYTES = 2 * sizeof(max_align_t), /* of a text beside its own length */
};

/*
 * yajl has two buffers: for a text with escapes, and for what the message's end cuts off; together they hold
 * at most the message and what parse adds. Each is doubled until its part fits, so all that it ever was is
 * less than four times that, beside its first bytes.
 */
static size_t room_for(size_t message_size, size_t texts) {
    return YAJL_BYTES + 2 * YAJL_BUFFER_BYTES + 4 * (message_size + 2) + message_size + texts * TEXT_BYTES;
}

static void *take(void *context, size_t size) {
    struct room *room = context;
    size_t unit = alignof(max_align_t);
    size_t need = (size + unit - 1) / unit * unit;
    if (need > room->size - room->used)
        abort(); /* room_for is wrong */
    void *memory = room->bytes + room->used;
    room->used += need;
    return memory;
}

/* What grows takes along all that lies between its old place and the new one: at least what it had. */
static void *take_more(void *context, void *old, size_t size) {
    unsigned char *memory = take(context, size);
    size_t between = old ? (size_t)(memory - (unsigned char *)old) : 0;
    if (old)
        memcpy(memory, old, between < size ? between : size);
    return memory;
}

static void give_back(void *context, void *memory) {
    (void)context;
    (void)memory;
}

/* --- Values --------------------------------------------------------------------------------------------- */

struct reader {
    const struct note_keys *keys;
    struct note *notes;
    struct note message; /* the value that the whole message is */
    struct note *next;   /* where the next value is noted; NULL: nowhere */
    int depth;
    int depth_max;
    bool inner; /* is it in the object that the inner keys are of, or deeper? */
    struct room room;
    const char *fault; /* what is no JSON and yajl does not see; NULL: nothing */
    struct result refusal;
};

static int note_value(struct reader *reader, struct note note) {
    if (reader->next)
        *reader->next = note;
    reader->next = NULL;
    return 1;
}

static int on_null(void *context) {
    return note_value(context, (struct note){.kind = NOTE_NULL});
}

static int on_boolean(void *context, int set) {
    return note_value(context, (struct note){.kind = set ? NOTE_TRUE : NOTE_FALSE});
}

static bool is_real(const char *digits, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (digits[i] == '.' || digits[i] == 'e' || digits[i] == 'E')
            return true;
    return false;
}

/* Into a copy, since yajl may not have seen yet that one more digit follows, as in 01. */
static bool parse_integer(const char *digits, size_t length, int64_t *integer) {
    char copy[sizeof "-9223372036854775808"];
    if (length >= sizeof copy)
        return false;
    memcpy(copy, digits, length);
    copy[length] = '\0';
    errno = 0;
    *integer = strtoll(copy, NULL, 10);
    return errno == 0;
}

/* Behind a fraction or an exponent stands something else than a digit: yajl has looked. */
static bool parse_real(const char *digits, double *real) {
    *real = strtod(digits, NULL);
    return isfinite(*real);
}

static int on_number(void *context, const char *digits, size_t length) {
    struct reader *reader = context;
    struct note note = {.kind = is_real(digits, length) ? NOTE_REAL : NOTE_INTEGER};
    bool fits = note.kind == NOTE_REAL ? parse_real(digits, &note.real)
                                       : parse_integer(digits, length, &note.integer);
    if (!fits) {
        reader->fault = "the number is too large";
        return 0;
    }
    return note_value(reader, note);
}

static int on_text(void *context, const unsigned char *text, size_t length) {
    struct reader *reader = context;
    if (!reader->next)
        return 1;
    char *copy = take(&reader->room, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return note_value(reader, (struct note){.kind = NOTE_TEXT, .text = copy, .length = length});
}

static int on_open(struct reader *reader, enum note_kind kind) {
    if (++reader->depth > reader->depth_max) {
        reader->refusal = fail(CODE_LIMIT, "JSON nested deeper than %d levels", reader->depth_max);
        return 0;
    }
    if (reader->depth == 2)
        reader->inner = kind == NOTE_OBJECT && reader->next == &reader->notes[reader->keys->inner];
    return note_value(reader, (struct note){.kind = kind});
}

static int on_open_array(void *context) {
    return on_open(context, NOTE_ARRAY);
}

static int on_open_object(void *context) {
    return on_open(context, NOTE_OBJECT);
}

static int on_close(void *context) {
    struct reader *reader = context;
    reader->depth--;
    return 1;
}

/* Which of the keys from first to last; last when it is none of them. */
static size_t find(const struct note_key *keys, size_t first, size_t last, const void *name, size_t length) {
    size_t i = first;
    while (i < last && (keys[i].length != length || memcmp(keys[i].name, name, length) != 0))
        i++;
    return i;
}

static int on_key(void *context, const unsigned char *name, size_t length) {
    struct reader *reader = context;
    const struct note_keys *keys = reader->keys;
    bool is_outer = reader->depth == 1;
    if (!is_outer && !(reader->depth == 2 && reader->inner))
        return 1;
    size_t last = is_outer ? keys->outer : keys->count;
    size_t i = find(keys->keys, is_outer ? 0 : keys->outer, last, name, length);
    if (i == last)
        return 1;
    if (reader->notes[i].kind != NOTE_ABSENT) {
        reader->refusal = fail(CODE_INVALID, "%s%s%s comes twice; expected once",
            is_outer ? "" : keys->keys[keys->inner].name, is_outer ? "" : ".", keys->keys[i].name);
        return 0;
    }
    reader->next = &reader->notes[i];
    return 1;
}

/* --- Reading -------------------------------------------------------------------------------------------- */

/* Why yajl did not go on to the end; read is how far it came. */
static struct result explain(const struct reader *reader, yajl_handle parser, const char *data, size_t read) {
    if (!is_ok(reader->refusal))
        return reader->refusal;
    if (reader->fault)
        return json_refuse(data, read, reader->fault);
    char *fault = (char *)yajl_get_error(parser, 0, NULL, 0); /* "parse error: premature EOF\n" */
    fault[strcspn(fault, ".\n")] = '\0';
    return json_refuse(data, read, fault + strcspn(fault, ":") + strlen(": "));
}

static struct result parse(struct reader *reader, const char *data, size_t size) {
    static const yajl_callbacks callbacks = {.yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_text,
        .yajl_start_map = on_open_object,
        .yajl_map_key = on_key,
        .yajl_end_map = on_close,
        .yajl_start_array = on_open_array,
        .yajl_end_array = on_close};
    yajl_alloc_funcs memory = {.malloc = take, .realloc = take_more, .free = give_back, .ctx = &reader->room};
    yajl_handle parser = yajl_alloc(&callbacks, &memory, reader);
    yajl_config(parser, yajl_dont_validate_strings, 1); /* done, and more strictly */
    if (yajl_parse(parser, (const unsigned char *)data, size) != yajl_status_ok)
        return explain(reader, parser, data, yajl_get_bytes_consumed(parser));
    /* A text without an end, behind the object, passes as complete; but no line may end in a text. */
    if (yajl_complete_parse(parser) != yajl_status_ok
        || yajl_parse(parser, (const unsigned char *)"\n", 1) != yajl_status_ok)
        return explain(reader, parser, data, size);
    char shown[TEXT_SHOWN_MAX + 16];
    if (reader->message.kind != NOTE_OBJECT)
        return fail(
            CODE_INVALID, "not a JSON object but %s", note_show(&reader->message, shown, sizeof shown));
    return ok();
}

struct result json_note(const char *data, size_t size, int depth_max, const struct note_keys *keys,
    struct note *notes, void **texts) {
    struct result r = json_check(data, size);
    if (!is_ok(r))
        return r;
    struct reader reader = {.keys = keys, .notes = notes, .depth_max = depth_max};
    reader.next = &reader.message;
    reader.room.size = room_for(size, keys->count);
    reader.room.bytes = malloc(reader.room.size);
    if (!reader.room.bytes)
        return fail(CODE_UNAVAILABLE, "out of memory");
    memset(notes, 0, keys->count * sizeof *notes);
    r = parse(&reader, data, size);
    if (is_ok(r))
        *texts = reader.room.bytes;
    else
        free(reader.room.bytes);
    return r;
}
