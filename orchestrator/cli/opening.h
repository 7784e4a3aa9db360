/*
 * How a run of a date came to be opened, as its history tells it: by an operator, or because of a re-run, and
 * then whose. Pure functions over what reader_history read.
 */
#ifndef PHASEGATE_CLI_OPENING_H
#define PHASEGATE_CLI_OPENING_H

#include "state/reader.h"

struct opening {
    int64_t at_ms;
    int first_group; /* that started again; those before were carried over */
    bool by_operator;
    int64_t rerun_ms;                  /* when the first of its re-runs came; 0: there was none */
    const struct processor *processor; /* of that re-run; NULL when the history has it no more */
};

/* The opening of this run; false for the first run, and when the history has it no more. */
bool opening_find(const struct history_entry *entries, size_t count, int run, struct opening *opening);

/* Whose re-run the entry at this index, a HISTORY_STALE, speaks of; NULL when that is not known. */
const struct processor *opening_rerun_of(const struct history_entry *entries, size_t count, size_t index);

/* "opened at 2021-12-04 17:00:00 after a re-run of player_game_summary at …". Returns text. */
char *opening_words(const struct opening *opening, char *text, size_t size);

#endif
