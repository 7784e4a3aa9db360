#include "cli/words.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *words_time(int64_t ms, char text[WORDS_TIME_MAX]) {
    char stamp[TIMESTAMP_TEXT_MAX];
    timestamp_format(ms, stamp);
    snprintf(text, WORDS_TIME_MAX, "%.10s %.8s", stamp, stamp + 11);
    return text;
}

char *words_duration(int64_t ms, char text[WORDS_DURATION_MAX]) {
    int64_t seconds = ms > 0 ? ms / 1000 : 0, minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    if (minutes == 0)
        snprintf(text, WORDS_DURATION_MAX, "%d s", (int)seconds);
    else if (hours == 0)
        snprintf(text, WORDS_DURATION_MAX, "%d min", (int)minutes);
    else if (days == 0)
        snprintf(text, WORDS_DURATION_MAX, "%d h %d min", (int)hours, (int)(minutes % 60));
    else
        snprintf(text, WORDS_DURATION_MAX, "%" PRId64 " d %d h", days, (int)(hours % 24));
    return text;
}

char *words_count(int64_t count, const char *one, const char *many, char *text, size_t size) {
    snprintf(text, size, "%" PRId64 " %s", count, count == 1 ? one : many);
    return text;
}

static char *list(const struct pipeline *pipeline, processor_set set, bool abbreviated, const char *between,
    char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < pipeline->processor_count; i++) {
        if (!(set >> i & 1))
            continue;
        const struct processor *processor = &pipeline->processors[i];
        int written = snprintf(text + used, size - used, "%s%s", used > 0 ? between : "",
            abbreviated ? processor->abbr : processor->name);
        if (written < 0 || (size_t)written >= size - used)
            break;
        used += (size_t)written;
    }
    return text;
}

char *words_processors(
    const struct pipeline *pipeline, processor_set set, bool abbreviated, char *text, size_t size) {
    return list(pipeline, set, abbreviated, ", ", text, size);
}

char *words_operand(const struct pipeline *pipeline, processor_set set, char *text, size_t size) {
    return list(pipeline, set, true, ",", text, size);
}

char *words_shown(const char *from, char *text, size_t size) {
    return text_show(from ? from : "", from ? strlen(from) : 0, text, size);
}

int set_count(processor_set set) {
    return __builtin_popcountll(set);
}
