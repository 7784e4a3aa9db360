#include "state/month_memory.h"

#include <stdlib.h>

enum { FIRST_YEAR = 1900, YEARS = 200, MONTHS_OF_YEAR = 12 };

struct pipeline_memory {
    struct pipeline_memory *next;
    const struct pipeline *pipeline;
    struct month_memory *years[YEARS]; /* MONTHS_OF_YEAR each */
};

static struct pipeline_memory *find(const struct month_memories *memories, const struct pipeline *pipeline) {
    struct pipeline_memory *entry = memories->first;
    while (entry && entry->pipeline != pipeline)
        entry = entry->next;
    return entry;
}

static struct pipeline_memory *add(struct month_memories *memories, const struct pipeline *pipeline) {
    struct pipeline_memory *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->pipeline = pipeline;
    entry->next = memories->first;
    memories->first = entry;
    return entry;
}

struct month_memory *month_memory_of(
    struct month_memories *memories, const struct pipeline *pipeline, game_date date) {
    char text[MONTH_TEXT_MAX];
    month_format(date, text);
    int year = atoi(text) - FIRST_YEAR, month = atoi(text + 5) - 1;
    struct pipeline_memory *entry = find(memories, pipeline);
    if (year < 0 || year >= YEARS || !(entry || (entry = add(memories, pipeline))))
        return NULL;
    if (!entry->years[year])
        entry->years[year] = calloc(MONTHS_OF_YEAR, sizeof(struct month_memory));
    return entry->years[year] ? &entry->years[year][month] : NULL;
}

void month_memories_each(struct month_memories *memories, const struct pipeline *pipeline,
    void (*each)(struct month_memory *memory)) {
    struct pipeline_memory *entry = find(memories, pipeline);
    for (int i = 0; entry && i < YEARS * MONTHS_OF_YEAR; i++)
        if (entry->years[i / MONTHS_OF_YEAR])
            each(&entry->years[i / MONTHS_OF_YEAR][i % MONTHS_OF_YEAR]);
}

bool month_memories_changed(const struct month_memories *memories, const struct pipeline *pipeline) {
    const struct pipeline_memory *entry = find(memories, pipeline);
    for (int i = 0; entry && i < YEARS * MONTHS_OF_YEAR; i++)
        if (entry->years[i / MONTHS_OF_YEAR] && entry->years[i / MONTHS_OF_YEAR][i % MONTHS_OF_YEAR].changed)
            return true;
    return false;
}

struct month_step month_step_of(struct month_memory *memory) {
    return memory ? (struct month_step){.memory = memory, .own = memory->own, .era = memory->era}
                  : (struct month_step){0};
}

/* Answers of two nodes may overtake each other while a slot moves; what had come before it was sent cannot.
 */
void month_step_answered(struct month_step step, int64_t own) {
    struct month_memory *memory = step.memory;
    if (!memory || step.era != memory->era)
        return;
    if (own <= step.own)
        memory->lost = memory->changed = true;
    else if (own > memory->own)
        memory->own = own;
}

void month_memory_begin_anew(struct month_memory *memory, int64_t losses) {
    *memory = (struct month_memory){.era = memory->era + 1, .losses = losses, .changed = memory->changed};
}

void month_memories_free(struct month_memories *memories) {
    while (memories->first) {
        struct pipeline_memory *entry = memories->first;
        memories->first = entry->next;
        for (int i = 0; i < YEARS; i++)
            free(entry->years[i]);
        free(entry);
    }
}
