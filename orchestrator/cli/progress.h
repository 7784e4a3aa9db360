/*
 * How far something long has come: on a terminal one line, redrawn in place; in a log plain lines, seldom
 * enough not to drown what matters; with --json nothing. Times are the caller's, in milliseconds, and only
 * their differences matter.
 */
#ifndef PHASEGATE_CLI_PROGRESS_H
#define PHASEGATE_CLI_PROGRESS_H

#include "cli/term.h"

#include <stdint.h>

enum { PROGRESS_TEXT_MAX = 256, PROGRESS_DRAW_MS = 100, PROGRESS_LOG_MS = 5000 };

struct progress {
    const struct term *term;
    FILE *out; /* NULL: nothing is shown */
    int64_t shown_ms;
    bool on_screen;
};

/* Begins at now_ms: a terminal shows the first line at once, a log after PROGRESS_LOG_MS. */
struct progress progress_start(const struct term *term, FILE *out, int64_t now_ms);

/* Is it time to show a line? */
bool progress_due(const struct progress *progress, int64_t now_ms);

/* Shows it, due or not. */
void progress_show(struct progress *progress, int64_t now_ms, const char *text);

/* Takes the line off the terminal, so that something else can be printed. */
void progress_clear(struct progress *progress);

/*
 * "sent 2070 of 4590, 45 %, 812/s, 3 s left"; on a terminal with a bar in front. elapsed_ms: since the first
 * of them. Returns text.
 */
char *progress_text(const struct term *term, const char *verb, size_t done, size_t total, int64_t elapsed_ms,
    char text[PROGRESS_TEXT_MAX]);

#endif
