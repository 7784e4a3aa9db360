#include "core/json_write.h"

#include "base/text.h"

#include <string.h>

enum { FIRST_BYTES = 1024 };

/* Where so many bytes more may be written; NULL when the arena is full. What was outgrown stays in the arena.
 */
static char *reserve(struct json_writer *writer, size_t size) {
    if (!writer->full && size > writer->room - writer->length) {
        size_t room = writer->room ? writer->room : FIRST_BYTES;
        while (size > room - writer->length)
            room *= 2;
        char *text = arena_alloc(writer->arena, room);
        writer->full = !text;
        if (text && writer->length > 0)
            memcpy(text, writer->text, writer->length);
        writer->text = text;
        writer->room = room;
    }
    return writer->full ? NULL : writer->text + writer->length;
}

static void put(struct json_writer *writer, const char *bytes, size_t size) {
    char *place = reserve(writer, size);
    if (!place)
        return;
    memcpy(place, bytes, size);
    writer->length += size;
}

static void put_char(struct json_writer *writer, char c) {
    char *place = reserve(writer, 1);
    if (!place)
        return;
    *place = c;
    writer->length++;
}

/* What comes before a value: a comma, unless it is the first one, and its key. */
static void put_key(struct json_writer *writer, const char *key) {
    char last = !writer->full && writer->length > 0 ? writer->text[writer->length - 1] : '{';
    if (last != '{' && last != '[')
        put_char(writer, ',');
    if (!key)
        return;
    put_char(writer, '"');
    put(writer, key, strlen(key));
    put(writer, "\":", 2);
}

static bool is_plain(unsigned char c) {
    return c >= ' ' && c != '"' && c != '\\';
}

static void put_escape(struct json_writer *writer, unsigned char c) {
    static const char hex[] = "0123456789ABCDEF";
    static const char letters[' '] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char letter = c >= ' ' ? (char)c : letters[c];
    if (letter)
        put(writer, (const char[]){'\\', letter}, 2);
    else
        put(writer, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

void json_open(struct json_writer *writer, const char *key, char bracket) {
    put_key(writer, key);
    put_char(writer, bracket);
}

void json_close(struct json_writer *writer, char bracket) {
    put_char(writer, bracket);
}

void json_put_text(struct json_writer *writer, const char *key, const char *text) {
    put_key(writer, key);
    if (!text) {
        put(writer, "null", 4);
        return;
    }
    put_char(writer, '"');
    while (*text) {
        size_t plain = 0;
        while (is_plain((unsigned char)text[plain]))
            plain++;
        put(writer, text, plain);
        text += plain;
        if (*text)
            put_escape(writer, (unsigned char)*text++);
    }
    put_char(writer, '"');
}

void json_put_number(struct json_writer *writer, const char *key, int64_t number) {
    char digits[TEXT_NUMBER_MAX];
    put_key(writer, key);
    text_number(number, digits);
    put(writer, digits, strlen(digits));
}

void json_put_flag(struct json_writer *writer, const char *key, bool flag) {
    put_key(writer, key);
    put(writer, flag ? "true" : "false", flag ? 4 : 5);
}
