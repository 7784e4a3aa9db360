/*
 * Where a date stands, and what it waits for: the one judgement that the grid, explain and the JSON output
 * share. Pure functions over what was read from the store.
 */
#ifndef PHASEGATE_CLI_OUTLOOK_H
#define PHASEGATE_CLI_OUTLOOK_H

#include "core/pipeline.h"
#include "state/reader.h"

enum standing {
    STANDING_UNKNOWN,  /* nothing was ever received */
    STANDING_HELD,     /* its next group lacks something that it needs */
    STANDING_RUNNING,  /* its next group is ready or triggered: the processors are at work */
    STANDING_FAILED,   /* a group failed */
    STANDING_DONE,     /* every group is done */
    STANDING_NO_GAMES, /* closed: no games on that date */
};

enum { STANDING_COUNT = STANDING_NO_GAMES + 1 };

/* "unknown", "held" …: the words of the JSON output. */
const char *standing_name(enum standing standing);

struct outlook {
    enum standing standing;
    int group; /* the first that is not done; 0 when all are, and for dates without games */
    processor_set
        waits_for;    /* held: needs it lacks; running: members not finished; failed: members that failed */
    int64_t since_ms; /* running, failed: since when; else 0 */
};

struct outlook outlook_of(const struct pipeline *pipeline, const struct date_state *state);

/* Has the processor finished in the present run? For members of a triggered group. */
bool outlook_finished(const struct date_state *state, const struct record *record);

/* In few words: "waits for togs, tdgs", "group 2 running for 12 min: pcf", "no games". Returns text. */
char *outlook_note(const struct pipeline *pipeline, const struct outlook *outlook,
    const struct date_state *state, int64_t now_ms, char *text, size_t size);

#endif
