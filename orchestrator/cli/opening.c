#include "cli/opening.h"

#include "cli/words.h"

#include <stdio.h>
#include <string.h>

/* The completion that came in the same step, since the store keeps no processor of what is settled. */
const struct processor *opening_rerun_of(const struct history_entry *entries, size_t count, size_t index) {
    for (size_t i = 0; i < count; i++)
        if (entries[i].kind == HISTORY_COMPLETION && entries[i].at_ms == entries[index].at_ms
            && strcmp(entries[i].verdict, "applied") == 0)
            return entries[i].processor;
    return entries[index].processor;
}

bool opening_find(const struct history_entry *entries, size_t count, int run, struct opening *opening) {
    size_t stale = count;
    for (size_t i = 0; i < count; i++) {
        const struct history_entry *entry = &entries[i];
        if (entry->kind == HISTORY_STALE)
            stale = i;
        if (entry->kind != HISTORY_RUN)
            continue;
        if (entry->run == run) {
            *opening = (struct opening){
                .at_ms = entry->at_ms,
                .first_group = entry->group,
                .by_operator = entry->verdict && strcmp(entry->verdict, "operator") == 0,
                .rerun_ms = stale < count ? entries[stale].at_ms : 0,
                .processor = stale < count ? opening_rerun_of(entries, count, stale) : NULL,
            };
            return true;
        }
        stale = count;
    }
    return false;
}

char *opening_words(const struct opening *opening, char *text, size_t size) {
    char opened[WORDS_TIME_MAX], began[WORDS_TIME_MAX];
    words_time(opening->at_ms, opened);
    int used = snprintf(text, size, "opened at %s%s", opened, opening->by_operator ? " by an operator" : "");
    if (used < 0 || (size_t)used >= size || !opening->rerun_ms)
        return text;
    snprintf(text + used, size - (size_t)used, " after a re-run%s%s at %s", opening->processor ? " of " : "",
        opening->processor ? opening->processor->name : "", words_time(opening->rerun_ms, began));
    return text;
}
