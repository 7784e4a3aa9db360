#include "cli/term.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const escapes[] = {
    [TONE_PLAIN] = "",
    [TONE_GOOD] = "\033[32m",
    [TONE_BAD] = "\033[31m",
    [TONE_WARN] = "\033[33m",
    [TONE_BUSY] = "\033[36m",
    [TONE_DIM] = "\033[2m",
    [TONE_STRONG] = "\033[1m",
};

static const struct {
    const char *utf8;
    const char *ascii;
} glyphs[] = {
    [GLYPH_NOTHING] = {"·", "."},
    [GLYPH_EMPTY] = {"–", "-"},
    [GLYPH_BAR] = {"│", "|"},
    [GLYPH_WAITING] = {"·", "."},
    [GLYPH_READY] = {"○", "r"},
    [GLYPH_TRIGGERED] = {"▶", "t"},
    [GLYPH_DONE] = {"✓", "d"},
    [GLYPH_FAILED] = {"✗", "X"},
    [GLYPH_CUT] = {"…", "..."},
    [GLYPH_BETWEEN] = {"·", "-"},
};

static bool wants_color(int fd, bool no_color) {
    const char *never = getenv("NO_COLOR"), *kind = getenv("TERM");
    return !no_color && !(never && *never) && kind && *kind && strcmp(kind, "dumb") != 0 && isatty(fd);
}

struct term term_detect(int fd, bool no_color) {
    struct term term = {
        .color = wants_color(fd, no_color), .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0};
    struct winsize size;
    if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0)
        term.width = size.ws_col;
    return term;
}

void term_print(const struct term *term, FILE *out, enum tone tone, const char *format, ...) {
    bool colored = term->color && tone != TONE_PLAIN;
    if (colored)
        fputs(escapes[tone], out);
    va_list args;
    va_start(args, format);
    vfprintf(out, format, args);
    va_end(args);
    if (colored)
        fputs("\033[0m", out);
}

const char *term_glyph(const struct term *term, enum glyph glyph) {
    return term->utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii;
}

static bool is_continuation(char byte) {
    return ((unsigned char)byte & 0xC0) == 0x80;
}

int text_columns(const char *text) {
    int columns = 0;
    for (; *text; text++)
        columns += !is_continuation(*text);
    return columns;
}

void text_cut(const struct term *term, char *text, size_t size, int columns) {
    if (text_columns(text) <= columns)
        return;
    const char *mark = term_glyph(term, GLYPH_CUT);
    int keep = columns - text_columns(mark);
    char *end = text;
    for (int seen = 0; *end; end++)
        if (!is_continuation(*end) && ++seen > keep)
            break;
    size_t room = size - (size_t)(end - text);
    snprintf(end, room, "%s", keep >= 0 ? mark : "");
}

/* The length of the UTF-8 sequence of a printable character at text, or 0. */
static size_t printable(const unsigned char *text) {
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7F;
    size_t length = text[0] >= 0xC2 && text[0] < 0xE0 ? 2
        : text[0] >= 0xE0 && text[0] < 0xF0           ? 3
        : text[0] >= 0xF0 && text[0] < 0xF5           ? 4
                                                      : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool is_control = text[0] == 0xC2 && text[1] < 0xA0;
    return is_control ? 0 : length;
}

char *text_clean(const char *text, char *out, size_t size) {
    size_t used = 0;
    const unsigned char *from = (const unsigned char *)(text ? text : "");
    while (*from) {
        size_t length = printable(from), copied = length ? length : 1;
        if (used + copied >= size)
            break;
        if (length)
            memcpy(out + used, from, length);
        else
            out[used] = '?';
        used += copied;
        from += copied;
    }
    out[used] = '\0';
    return out;
}
