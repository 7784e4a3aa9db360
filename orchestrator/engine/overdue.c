#include "engine/overdue.h"

#include <stdio.h>
#include <string.h>

void overdue_begin(struct overdue *overdue) {
    overdue->noted = 0;
    for (size_t i = 0; i < overdue->count; i++)
        overdue->entries[i].seen = false;
}

void overdue_note(struct overdue *overdue, const char *field, int64_t now_ms) {
    overdue->noted++;
    for (size_t i = 0; i < overdue->count; i++) {
        if (strcmp(overdue->entries[i].field, field) == 0) {
            overdue->entries[i].seen = true;
            return;
        }
    }
    if (overdue->count == OVERDUE_WATCHED || strlen(field) >= OVERDUE_FIELD_MAX)
        return;
    struct overdue_entry *entry = &overdue->entries[overdue->count++];
    *entry = (struct overdue_entry){.since_ms = now_ms, .seen = true};
    strcpy(entry->field, field);
}

/* Keeps what was seen, in its order, which is that of since_ms. */
static void forget_unseen(struct overdue *overdue) {
    size_t kept = 0;
    for (size_t i = 0; i < overdue->count; i++)
        if (overdue->entries[i].seen)
            overdue->entries[kept++] = overdue->entries[i];
    overdue->count = kept;
}

const struct overdue_entry *overdue_end(struct overdue *overdue, int64_t now_ms, int64_t age_ms) {
    forget_unseen(overdue);
    const struct overdue_entry *oldest = &overdue->entries[0];
    return overdue->count > 0 && now_ms - oldest->since_ms >= age_ms ? oldest : NULL;
}
