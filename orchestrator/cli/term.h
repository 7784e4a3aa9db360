/*
 * What the output can show: colours on a terminal, glyphs in a UTF-8 locale, how wide it is. Everything that
 * prints takes it as a value, so that tests decide it.
 */
#ifndef PHASEGATE_CLI_TERM_H
#define PHASEGATE_CLI_TERM_H

#include "base/result.h"

#include <stddef.h>
#include <stdio.h>

struct term {
    bool color;
    bool utf8;
    int width; /* columns; 0 when it is no terminal: nothing is cut */
};

/* Of a file descriptor. No colours where no_color, $NO_COLOR, TERM=dumb or no terminal says so. Needs
 * setlocale. */
struct term term_detect(int fd, bool no_color);

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_WARN, TONE_BUSY, TONE_DIM, TONE_STRONG };

/* Prints text in a tone. Texts from outside go through text_show first: they must not move an operator's
 * cursor. */
void term_print(const struct term *term, FILE *out, enum tone tone, const char *format, ...)
    PRINTF_LIKE(4, 5);

enum glyph {
    GLYPH_NOTHING, /* nothing received */
    GLYPH_EMPTY,   /* no data */
    GLYPH_BAR,     /* between parts of a row */
    GLYPH_WAITING, /* the phases of a group */
    GLYPH_READY,
    GLYPH_TRIGGERED,
    GLYPH_DONE,
    GLYPH_FAILED,
    GLYPH_CANCELLED,
    GLYPH_STALE, /* … and what may be the matter with it */
    GLYPH_STALLED,
    GLYPH_GOOD,    /* it satisfies */
    GLYPH_BAD,     /* it does not */
    GLYPH_CUT,     /* text left out */
    GLYPH_BETWEEN, /* between the parts of a line */
};

/* One column wide, but for GLYPH_CUT in ASCII. */
const char *term_glyph(const struct term *term, enum glyph glyph);

/* How many columns a text takes: its code points. */
int term_columns(const char *text);

/* Cuts text in place to so many columns, with a mark where something is left out. size: of the buffer. */
void term_cut(const struct term *term, char *text, size_t size, int columns);

#endif
