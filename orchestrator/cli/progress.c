#include "cli/progress.h"

#include "cli/words.h"

#include <inttypes.h>

enum { BAR_COLUMNS = 24 };

struct progress progress_start(const struct term *term, FILE *out, int64_t now_ms) {
    return (struct progress){
        .term = term,
        .out = out,
        .shown_ms = term->width > 0 ? now_ms - PROGRESS_DRAW_MS : now_ms,
    };
}

bool progress_due(const struct progress *progress, int64_t now_ms) {
    int64_t every_ms = progress->term->width > 0 ? PROGRESS_DRAW_MS : PROGRESS_LOG_MS;
    return progress->out && now_ms - progress->shown_ms >= every_ms;
}

void progress_show(struct progress *progress, int64_t now_ms, const char *text) {
    if (!progress->out)
        return;
    progress->shown_ms = now_ms;
    if (progress->term->width > 0) {
        char line[PROGRESS_TEXT_MAX];
        snprintf(line, sizeof line, "%s", text);
        term_cut(progress->term, line, sizeof line, progress->term->width - 1);
        fprintf(progress->out, "\r%s\033[K", line);
        progress->on_screen = true;
    } else {
        fprintf(progress->out, "%s\n", text);
    }
    fflush(progress->out);
}

void progress_clear(struct progress *progress) {
    if (!progress->on_screen)
        return;
    fputs("\r\033[K", progress->out);
    fflush(progress->out);
    progress->on_screen = false;
}

/* "[######..........]  " */
static size_t write_bar(const struct term *term, size_t done, size_t total, char *text, size_t size) {
    size_t used = 0, full = total > 0 ? done * BAR_COLUMNS / total : BAR_COLUMNS;
    for (size_t i = 0; i < BAR_COLUMNS; i++) {
        const char *unit = i < full ? (term->utf8 ? "█" : "#") : (term->utf8 ? "░" : ".");
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "[" : "", unit);
    }
    return used + (size_t)snprintf(text + used, size - used, "]  ");
}

char *progress_text(const struct term *term, const char *verb, size_t done, size_t total, int64_t elapsed_ms,
    char text[PROGRESS_TEXT_MAX]) {
    char left[WORDS_DURATION_MAX];
    size_t used = term->width > 0 ? write_bar(term, done, total, text, PROGRESS_TEXT_MAX) : 0;
    used += (size_t)snprintf(text + used, PROGRESS_TEXT_MAX - used, "%s %zu of %zu, %zu %%", verb, done,
        total, total > 0 ? done * 100 / total : 100);
    if (done == 0 || elapsed_ms <= 0)
        return text;
    double rate = (double)done * 1000 / (double)elapsed_ms;
    snprintf(text + used, PROGRESS_TEXT_MAX - used, rate < 10 ? ", %.1f/s, %s left" : ", %.0f/s, %s left",
        rate, words_duration((int64_t)((double)(total - done) / rate * 1000), left));
    return text;
}
