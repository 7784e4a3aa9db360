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
    [GLYPH_CANCELLED] = {"⊘", "c"},
    [GLYPH_STALE] = {"↻", "s"},
    [GLYPH_STALLED] = {"!", "!"},
    [GLYPH_GOOD] = {"✓", "+"},
    [GLYPH_BAD] = {"✗", "x"},
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

int term_columns(const char *text) {
    int columns = 0;
    for (; *text; text++)
        columns += !is_continuation(*text);
    return columns;
}

void term_cut(const struct term *term, char *text, size_t size, int columns) {
    if (term_columns(text) <= columns)
        return;
    const char *mark = term_glyph(term, GLYPH_CUT);
    int keep = columns - term_columns(mark);
    char *end = text;
    for (int seen = 0; *end; end++)
        if (!is_continuation(*end) && ++seen > keep)
            break;
    size_t room = size - (size_t)(end - text);
    snprintf(end, room, "%s", keep >= 0 ? mark : "");
}
