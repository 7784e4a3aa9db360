/*
 * The work of a replay: one item per date, with its plan; the items that have something to do are sent to the
 * store, many at a time.
 */
#ifndef PHASEGATE_CLI_REPLAY_WORK_H
#define PHASEGATE_CLI_REPLAY_WORK_H

#include "cli/replay_plan.h"
#include "cli/session.h"

enum replay_outcome {
    OUTCOME_NOTHING, /* nothing to do, by the plan or by the store: the date may have moved on in between */
    OUTCOME_LEFT_ALONE, /* a group may still be at work */
    OUTCOME_PLANNED,    /* to be sent; of a dry run: it would be */
    OUTCOME_TRIGGERED,  /* a trigger was put into the outbox again … */
    OUTCOME_STARTED,    /* … or for the first time */
    OUTCOME_RUN,        /* a new run was opened */
    OUTCOME_UNANSWERED, /* sent, and the store went away: it may have happened */
    OUTCOME_FAILED,     /* the store could not: error says why */
};

struct replay_item {
    struct replay_plan plan;
    enum replay_outcome outcome;
    /* What the store did; of a dry run what it would do. */
    int group;
    int run;
    bool due;
    const char *error; /* in the arena, or NULL */
};

struct replay_work {
    const struct pipeline *pipeline;
    struct replay_request request;
    bool dry_run;
    bool running; /* also where a group may still be at work */
    int64_t now_ms;
    int64_t paused_ms;         /* since when backfill is paused; 0: not */
    struct arena *arena;       /* outlives the session */
    struct replay_item *items; /* by date */
    size_t count;
};

/* Makes the items of the work from what was read, in its arena. The states must outlive it. */
struct result replay_work_plan(struct replay_work *work, const struct date_state *states, size_t count,
    const struct replay_outbox *outbox) MUST_CHECK;

/*
 * Sends what is planned and waits for the answers. CODE_UNAVAILABLE when the store goes away or stays silent:
 * then items are left as OUTCOME_PLANNED (not sent) or OUTCOME_UNANSWERED. What the store refuses for one
 * date does not hinder the others; the first such failure is returned.
 */
struct result replay_work_do(struct replay_work *work, struct session *session) MUST_CHECK;

/* How many items have this outcome. */
size_t replay_work_count(const struct replay_work *work, enum replay_outcome outcome);

#endif
