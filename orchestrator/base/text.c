#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* The bounds of a character's second byte, by its first (RFC 3629): no overlong forms, no surrogates, no more
 * than U+10FFFF. Length 0: no character starts so. */
struct lead {
    uint8_t length;
    uint8_t second_least;
    uint8_t second_most;
};

static struct lead lead_of(uint8_t first) {
    if (first < 0x80)
        return (struct lead){1, 0, 0};
    if (first >= 0xC2 && first <= 0xDF)
        return (struct lead){2, 0x80, 0xBF};
    if (first >= 0xE0 && first <= 0xEF)
        return (struct lead){3, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF};
    if (first >= 0xF0 && first <= 0xF4)
        return (struct lead){4, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF};
    return (struct lead){0, 0, 0};
}

static bool continues(char byte) {
    return ((uint8_t)byte & 0xC0) == 0x80;
}

/* The bytes of the character that text starts with; 0 when there is none. */
static size_t character(const char *text, size_t length) {
    struct lead lead = lead_of((uint8_t)text[0]);
    if (lead.length <= 1)
        return lead.length;
    if (lead.length > length || (uint8_t)text[1] < lead.second_least || (uint8_t)text[1] > lead.second_most)
        return 0;
    for (size_t i = 2; i < lead.length; i++)
        if (!continues(text[i]))
            return 0;
    return lead.length;
}

/* How many bytes from the start are ASCII, or a few less: eight are looked at at once. */
static size_t ascii(const char *text, size_t length) {
    size_t at = 0;
    uint64_t eight;
    for (; length - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, text + at, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    return at;
}

size_t text_utf8_length(const char *text, size_t length) {
    size_t at = ascii(text, length);
    while (at < length) {
        size_t bytes = character(text + at, length - at);
        if (bytes == 0)
            break;
        at += bytes;
        at += ascii(text + at, length - at);
    }
    return at;
}

bool text_is_utf8(const char *text, size_t length) {
    return text_utf8_length(text, length) == length;
}

size_t text_cut(const char *text, size_t length, size_t max) {
    if (length <= max)
        return length;
    size_t cut = max;
    while (cut > 0 && max - cut < 3 && continues(text[cut]))
        cut--;
    return continues(text[cut]) ? max : cut; /* not UTF-8: there is no character to keep whole */
}

void text_mend(char *text) {
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t bytes = character(text + at, length - at);
        if (bytes == 0)
            text[at] = '?';
        at += bytes > 0 ? bytes : 1;
    }
}

/* A terminal obeys C0, DEL and also C1, which UTF-8 writes as C2 80 to C2 9F. */
static bool is_control(const char *text, size_t bytes) {
    uint8_t first = (uint8_t)text[0];
    return (bytes == 1 && (first < 0x20 || first == 0x7F))
        || (bytes == 2 && first == 0xC2 && (uint8_t)text[1] < 0xA0);
}

/* One character, or one byte as \xNN, into out (of at least 4 bytes); how much was read and written. */
static size_t show_one(const char *text, size_t length, char *out, size_t *written) {
    size_t bytes = character(text, length);
    if (bytes > 0 && !is_control(text, bytes)) {
        memcpy(out, text, bytes);
        *written = bytes;
        return bytes;
    }
    static const char hex[] = "0123456789abcdef";
    uint8_t byte = (uint8_t)text[0];
    memcpy(out, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15]}, 4);
    *written = 4;
    return 1;
}

char *text_show(const char *text, size_t length, char *out, size_t size) {
    size_t used = 0, before_dots = 0; /* before_dots: where "..." still fits */
    for (size_t at = 0; at < length;) {
        char one[4];
        size_t written;
        at += show_one(text + at, length - at, one, &written);
        if (used + written >= size) {
            memcpy(out + before_dots, "...", 4);
            return out;
        }
        memcpy(out + used, one, written);
        used += written;
        if (used + 4 <= size)
            before_dots = used;
    }
    out[used] = '\0';
    return out;
}

char *text_number(int64_t number, char out[TEXT_NUMBER_MAX]) {
    char digits[TEXT_NUMBER_MAX];
    size_t at = sizeof digits - 1;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        digits[--at] = '-';
    return memcpy(out, digits + at, sizeof digits - at);
}
