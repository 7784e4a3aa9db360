/*
 * The epoch of a pipeline: a number in the store that every replica raises again and again, under an identity
 * that the store got when it was new. Both are remembered outside the store, by each replica. A store that
 * comes back with less, or as another one, has forgotten: it was emptied, restored from an older file, or a
 * replica that lagged behind took over.
 *
 * The comparison and what follows from it is one step of the store (lua/8-epoch.lua), so that a loss is found
 * once, whichever replica comes first, and stays noted until an operator has settled it.
 */
#ifndef PHASEGATE_STATE_EPOCH_H
#define PHASEGATE_STATE_EPOCH_H

#include "state/reader.h"
#include "state/store.h"

enum { EPOCH_IDENTITY_MAX = 33 }; /* with the NUL; random, lower-case hexadecimal */

/* What a replica remembers of the store; all zero: nothing. */
struct epoch_memory {
    char identity[EPOCH_IDENTITY_MAX];
    int64_t value;   /* the highest seen */
    int64_t own;     /* how often this replica has raised it; 0 when another process did */
    int64_t seen_ms; /* when last */
};

enum forgotten {
    FORGOTTEN_NOTHING,
    FORGOTTEN_EMPTY,  /* the store had no epoch at all */
    FORGOTTEN_OLDER,  /* it had an epoch that is over */
    FORGOTTEN_OTHER,  /* it is another store, or was emptied and has begun anew */
    FORGOTTEN_MONTHS, /* some months did, and not the rest: a node of a Cluster */
};

/* "empty", "older", "other", "months"; "nothing". */
const char *forgotten_name(enum forgotten what);

enum { LOST_MONTHS_MAX = 240 }; /* that are named */

/* A loss that was noticed and that no operator has settled yet. */
struct lost_epoch {
    enum forgotten what; /* FORGOTTEN_NOTHING: there is none, and the rest is 0 */
    int64_t since_ms;    /* when the old state was last seen */
    int64_t noticed_ms;
    int64_t seek_ms; /* what was published from then on has to be received again; 0: all there is */
    char months[LOST_MONTHS_MAX * MONTH_TEXT_MAX]; /* that were lost without the rest: "2021-11,2021-12" */
};

struct epoch {
    struct epoch_memory now; /* to be remembered */
    int64_t made_ms;         /* when the store got its identity; the time of the call: just now */
    enum forgotten found;    /* what was found to be forgotten by this very call */
    struct lost_epoch lost;  /* as it stands */
    bool rebuilding;         /* a rebuild is under way (rebuild.h) */
};

typedef void store_epoch_fn(void *context, struct result result, const struct epoch *epoch);

/*
 * Raises the pipeline's epoch, comparing it with what is remembered. fresh: the identity of a store that has
 * none. replica names this process; memory is copied.
 */
void store_raise_epoch(struct store *store, const struct pipeline *pipeline, const char *replica,
    const char *fresh, const struct epoch_memory *memory, int64_t now_ms, store_epoch_fn *raised,
    void *context);

/* Which months are looked at. */
enum month_scope {
    MONTHS_NONE,
    MONTHS_CHANGED, /* those that this client has sent steps to since it last looked */
    MONTHS_ALL,
};

typedef void store_months_checked_fn(void *context, struct result result, int lost);

/*
 * Has any month of the scope forgotten what was written? On a Cluster a node may lose those that it has, and
 * the epoch lies on another. What each must have is compared with what it has counted (month_memory.h), and a
 * loss noted with that of the epoch. identity: of the epoch as it was last answered. Tells how many have been
 * found lost by this very call; result is the first failure: months that could not be asked are left for the
 * next check. One at a time of each pipeline.
 */
void store_check_months(struct store *store, const struct pipeline *pipeline, const char *identity,
    enum month_scope scope, int64_t now_ms, store_months_checked_fn *checked, void *context);

/* The store has another identity: what was remembered of its months says nothing any more. */
void store_forget_months(struct store *store, const struct pipeline *pipeline);

/* An operator has settled the loss: it is noted no more. Harmless when there is none. */
void store_settle_epoch(
    struct store *store, const struct pipeline *pipeline, store_done_fn *done, void *context);

/* What people are to know of it. */
struct epoch_state {
    int64_t value; /* 0: the store knows nothing of this pipeline */
    int64_t made_ms;
    int64_t seen_ms; /* last raised */
    struct lost_epoch lost;
    int64_t rebuild_ms;      /* since when a rebuild is under way; 0: none is */
    int64_t rebuild_seek_ms; /* the moment that it goes back to */
};

struct result reader_epoch(
    struct reader *reader, const struct pipeline *pipeline, struct epoch_state *state) MUST_CHECK;

#endif
