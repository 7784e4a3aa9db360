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
    STANDING_STALE,    /* a re-run came for what a group rests on: no group starts before the new run opens */
    STANDING_STALLED,  /* held or running for longer than its deadline, and nothing was done about it since */
    STANDING_CANCELLED, /* an operator took its next group's trigger out of the outbox */
    STANDING_BROKEN,    /* what the store has of it cannot be read */
};

enum { STANDING_COUNT = STANDING_BROKEN + 1 };

/* "unknown", "held" …: the words of the JSON output. */
const char *standing_name(enum standing standing);

struct outlook {
    enum standing standing;
    int group; /* the first that is not done; 0 when all are, and for dates without games */
    /*
     * Held: the needs it lacks; running: the members that have not finished; stalled: the one or the other;
     * failed: the members that failed; stale: what the new run will lack. Else empty.
     */
    processor_set waits_for;
    int64_t since_ms; /* running, failed, stale, stalled, cancelled: since when; else 0 */
};

/*
 * A date has one standing, the one that says what it takes to move it on: stale before all else, since the
 * new run starts over; then stalled, before held and running. A stalled group that was triggered again since
 * is running again.
 */
struct outlook outlook_of(const struct pipeline *pipeline, const struct date_state *state);

/* Does the group start again in the new run that a stale date waits for? */
bool outlook_is_stale(const struct date_state *state, int group);

/* Is the group's deadline over, with nothing done about it since? */
bool outlook_is_stalled(const struct date_state *state, int group);

enum { OUTLOOK_COMMAND_MAX = 80 };

/* The command that opens a stale date's new run at once, whatever is still at work on the old one. Returns
 * text. */
char *outlook_rerun_command(
    const struct pipeline *pipeline, const struct date_state *state, char text[OUTLOOK_COMMAND_MAX]);

/*
 * In few words: "waits for togs, tdgs", "group 2 running for 12 min: pcf", "re-run of pgs; run 2 opens in
 * 8 min", "no games"; where an operator has to do something, with the command. Returns text.
 */
char *outlook_note(const struct pipeline *pipeline, const struct outlook *outlook,
    const struct date_state *state, int64_t now_ms, char *text, size_t size);

#endif
