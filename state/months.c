#include "state/months.h"

#include <stdlib.h>

enum { FIRST_YEAR = 1900, MONTHS = 200 * 12 };

struct months_of_pipeline {
    struct months_of_pipeline *next;
    const struct pipeline *pipeline;
    unsigned char known[(MONTHS + 7) / 8];
};

/* The month's number since January of FIRST_YEAR, or -1 when it is outside. */
static int month_number(game_date date) {
    char text[MONTH_TEXT_MAX];
    month_format(date, text);
    int year = atoi(text), month = atoi(text + 5);
    int number = (year - FIRST_YEAR) * 12 + month - 1;
    return number >= 0 && number < MONTHS ? number : -1;
}

static struct months_of_pipeline *find(const struct months *months, const struct pipeline *pipeline) {
    struct months_of_pipeline *entry = months->first;
    while (entry && entry->pipeline != pipeline)
        entry = entry->next;
    return entry;
}

bool months_has(const struct months *months, const struct pipeline *pipeline, game_date date) {
    const struct months_of_pipeline *entry = find(months, pipeline);
    int number = month_number(date);
    return entry && number >= 0 && (entry->known[number / 8] >> (number % 8) & 1);
}

void months_add(struct months *months, const struct pipeline *pipeline, game_date date) {
    int number = month_number(date);
    struct months_of_pipeline *entry = find(months, pipeline);
    if (!entry) {
        entry = calloc(1, sizeof *entry);
        if (!entry)
            return;
        entry->pipeline = pipeline;
        entry->next = months->first;
        months->first = entry;
    }
    if (number >= 0)
        entry->known[number / 8] |= (unsigned char)(1 << (number % 8));
}

void months_clear(struct months *months) {
    while (months->first) {
        struct months_of_pipeline *entry = months->first;
        months->first = entry->next;
        free(entry);
    }
}
