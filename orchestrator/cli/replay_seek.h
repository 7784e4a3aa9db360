/* Moving a pipeline's subscriptions to a moment in the past: what was published since then comes again. */
#ifndef PHASEGATE_CLI_REPLAY_SEEK_H
#define PHASEGATE_CLI_REPLAY_SEEK_H

#include "cli/session.h"

#include <jansson.h>
#include <stdio.h>

/*
 * "2025-12-04T18:20:00Z", without a zone in UTC; "2025-12-04", its beginning in UTC; or how long ago: "90s",
 * "45m", "6h", "3d", "2w". CODE_INVALID says what was expected; also for a time after now, or before 1970.
 */
struct result seek_time_parse(const char *text, int64_t now_ms, int64_t *time_ms) MUST_CHECK;

/* One subscription, and whether it was moved; result says why not. */
struct seek_move {
    const struct source *source;
    bool moved;
    struct result result;
};

struct seek {
    const struct pipeline *pipeline;
    int64_t now_ms;
    int64_t time_ms; /* the moment to move to */
    bool dry_run;
    bool pubsub;             /* else Redis Streams */
    struct seek_move *moves; /* pipeline->completion_count of them, with their source */
};

/*
 * Moves all of the pipeline's subscriptions, and waits for that; fills in what became of each, whatever the
 * result, which is that of the first that could not be moved. The arena outlives the session.
 */
struct result seek_subscriptions(struct session *session, struct seek *seek, struct arena *arena) MUST_CHECK;

/* What was moved, or would be, and what to expect next: for people, and as JSON.md documents it (NULL when
 * out of memory). */
void seek_print(const struct seek *seek, FILE *out);
json_t *seek_json(const struct seek *seek);

#endif
