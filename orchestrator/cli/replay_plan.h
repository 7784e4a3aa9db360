/*
 * What a replay does to one date, told from what was read of it: which trigger goes out, which run opens, or
 * why there is nothing to do. A pure function; the store decides by the same rules, of what holds at that
 * moment (state/README.md, "Replay").
 */
#ifndef PHASEGATE_CLI_REPLAY_PLAN_H
#define PHASEGATE_CLI_REPLAY_PLAN_H

#include "core/pipeline.h"
#include "core/trigger.h"
#include "state/reader.h"
#include "state/store.h"

/* Why a plan is as it is. */
enum replay_reason {
    /* Nothing to do. */
    REASON_UNKNOWN,       /* nothing was ever received */
    REASON_NO_GAMES,      /* closed */
    REASON_DONE,          /* every group is */
    REASON_STALE,         /* re-runs came: a new run is about to open, or waits for an operator */
    REASON_BEFORE,        /* an earlier group than the one asked for is not done */
    REASON_WAITS,         /* the group lacks needs */
    REASON_IN_OUTBOX,     /* the trigger waits to be published already */
    REASON_LEFT,          /* for REPLAY_MISSED: the trigger has left */
    REASON_NEVER_STARTED, /* for REPLAY_RERUN: there is no run to follow */
    /* The trigger goes out again. */
    REASON_FAILED,
    REASON_STALLED,  /* its deadline has passed */
    REASON_ANSWERED, /* every member has come back, and not all of them well */
    REASON_AT_WORK,  /* its members may still be at work */
    /* … or for the first time. */
    REASON_CANCELLED,
    REASON_LOST,        /* ready, and not in the outbox */
    REASON_NOT_STARTED, /* it has its needs */
    /* A new run. */
    REASON_ASKED,
};

struct replay_request {
    enum replay replay;
    int from_group; /* 0: wherever the date stands */
};

/* The pipeline's outbox, sorted by replay_outbox_sort. */
struct replay_outbox {
    struct trigger *triggers;
    size_t count;
};

struct replay_plan {
    const struct date_state *state;
    int what;    /* one of struct replayed */
    int group;   /* triggered or started; of a new run, its first. For nothing: the group it hangs on,
                    or 0 */
    int run;     /* of that trigger, or the new one; 0 for nothing */
    bool due;    /* a trigger goes out */
    bool closes; /* the new run finds no data in any table: the date is closed */
    processor_set waits_for; /* what the group lacks */
    enum replay_reason reason;
    int at_work; /* the group that may be at work at this moment, beside what goes out now; or 0 */
};

void replay_outbox_sort(struct replay_outbox *outbox);

/* The state must outlive the plan. */
struct replay_plan replay_plan_of(const struct pipeline *pipeline, const struct date_state *state,
    const struct replay_outbox *outbox, const struct replay_request *request, int64_t now_ms);

/* In few words why: "waits for togs, tdgs", "failed 12 min ago: pcf". Returns text. */
char *replay_plan_note(
    const struct pipeline *pipeline, const struct replay_plan *plan, int64_t now_ms, char *text, size_t size);

#endif
