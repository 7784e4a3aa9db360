/*
 * The store: every date's state, in Redis. This is the client that changes it; each change is one call of a
 * function of the library in lua/, which Redis runs as one atomic step. Reading for people is
 * reader.h.
 *
 * Asynchronous and pipelined: calls are sent at once and answered in order, on the loop's thread. Nothing
 * blocks. When the connection breaks, what was under way ends as CODE_UNAVAILABLE; it may or may not have
 * happened, and doing it again is harmless. While the store is away a call ends so before it returns: its
 * callback runs inside it.
 */
#ifndef PHASEGATE_STATE_STORE_H
#define PHASEGATE_STATE_STORE_H

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "core/completion.h"
#include "core/pipeline.h"
#include "core/trigger.h"
#include "redis/settings.h"
#include "state/replicas.h"

#include <uv.h>

struct store;

/* What became of a completion. Only VERDICT_APPLIED changed anything but the history. */
enum verdict {
    VERDICT_APPLIED,
    VERDICT_DUPLICATE, /* same execution, same or worse outcome */
    VERDICT_LATE,      /* older than the one recorded */
    VERDICT_PREMATURE, /* of a group that is not ready yet: kept, does not count */
    VERDICT_OTHER_RUN, /* answers the trigger of another run, or of another group */
};

enum { VERDICT_COUNT = VERDICT_OTHER_RUN + 1 };

/* "applied", "duplicate" … */
const char *verdict_name(enum verdict verdict);

/* A replica's right to publish one entry of the outbox. {0}: none. */
struct lease {
    int64_t until_ms; /* by the uptime clock; from here on somebody else may have it */
    bool taken_over;  /* another replica had it, whose lease ran out */
};

/* The answer to store_apply; valid during the call. */
struct applied {
    enum verdict verdict;
    bool closed_no_games;     /* this completion closed the date */
    int group;                /* the group that this completion moved, or 0 */
    int group_run;            /* the run of that group's trigger */
    const char *group_state;  /* what it is now: "done", "failed" …; NULL when group is 0 */
    int stale_from;           /* a re-run: groups from here on are stale; 0 when it is none */
    const char *outbox_field; /* "2021-11-17/g2/r1": the trigger it made due; NULL when none */
    const char *outbox_facts; /* for trigger_from_outbox */
    struct lease lease;       /* of that trigger, if it is a live one and the store is a replica's */
};

/* None may be NULL. */
struct store_events {
    /*
     * Connected, library in place: calls succeed from here on. Called again, without on_lost, when calls have
     * failed that may have been done, and the reason is over: a node of a Cluster is back, or replicas are.
     * Until then calls end as CODE_UNAVAILABLE, those of other nodes' months do not.
     */
    void (*on_ready)(void *context);
    void (*on_lost)(void *context); /* calls fail until on_ready */
    /*
     * The server runs a newer library, or is too old to have one: retrying cannot help. At start the daemon
     * leaves with this text; later it logs it and the store keeps trying. (A wrong password is not told here:
     * the connection logs it and goes on trying, since it is mended on the server.)
     */
    void (*on_refused)(void *context, struct result reason);
    void *context;
};

struct result store_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct store_events events, struct store **store) MUST_CHECK;

bool store_is_ready(const struct store *store);

enum {
    REPLICA_ID_MAX = 112,
    LEASE_MARGIN = 4, /* a replica reckons its lease to end this part of it early */
};

/* A replica: whoever publishes triggers. */
struct store_replica {
    char id[REPLICA_ID_MAX]; /* without blanks, and nobody else's */
    int lease_ms;
    struct clock uptime; /* clock_uptime() */
};

/*
 * From here on the store is this replica's: the live triggers that its calls decide are leased to it in the
 * step that decides them, and the outbox that it is shown leaves out what is leased to others. Without this
 * it is nobody's, as a command's is: what it decides is for the next replica that looks.
 */
void store_set_replica(struct store *store, struct store_replica replica);

typedef void store_applied_fn(void *context, struct result result, const struct applied *applied);
typedef void store_done_fn(void *context, struct result result);
typedef void store_outbox_fn(void *context, struct result result, const char *field, const char *facts);
typedef void store_due_fn(void *context, struct result result, const game_date *date);

/* Records the completion and decides what follows from it, in one step. now_ms goes into the history. The
 * completion lives until applied is called. */
void store_apply(struct store *store, const struct pipeline *pipeline, const struct completion *completion,
    int64_t now_ms, store_applied_fn *applied, void *context);

/* The bus confirmed the trigger: takes it out of the outbox and marks the group triggered. Harmless when
 * repeated. The message id lives until done is called. */
void store_confirm(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *bus_message_id, int64_t now_ms, store_done_fn *done, void *context);

/*
 * The pipeline's outbox, but for what is leased to other replicas, month by month: entry is called once per
 * trigger, oldest date and lowest group first within a month, and a last time with field NULL.
 */
void store_outbox(
    struct store *store, const struct pipeline *pipeline, store_outbox_fn *entry, void *context);

/* --- Leases: which replica publishes an outbox entry ---------------------------------------------------- */

enum leasing {
    LEASE_GONE,   /* the trigger is in the outbox no more: published, cancelled, or superseded by a new run */
    LEASE_THEIRS, /* another replica's lease runs: it publishes it, or its lease runs out */
    LEASE_OURS,   /* from now on, or further; also when another's had run out */
};
typedef void store_leased_fn(void *context, struct result result, enum leasing leasing, struct lease lease);

/* Asks for the lease of a trigger; only its date, group and run are read. For a replica's store. */
void store_lease(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_leased_fn *leased, void *context);

/* Gives the replica's lease back, so that any replica may be next. Harmless when it has none. */
void store_unlease(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context);

/* A replica says that it is alive, and what it did. */
void store_heartbeat(
    struct store *store, const struct replica_report *report, store_done_fn *done, void *context);

/* --- Timers: settle times and deadlines ----------------------------------------------------------------- */

/*
 * The pipeline's dates that have a settle time or a deadline due by now_ms, at most STORE_DUE_MAX of each
 * month: due is called once per date, and a last time with date NULL.
 */
enum { STORE_DUE_MAX = 1000 };
void store_due(
    struct store *store, const struct pipeline *pipeline, int64_t now_ms, store_due_fn *due, void *context);

/* What was due for a date, and done; valid during the call. All zero when nothing was due after all. */
struct ticked {
    int opened_run;           /* a new run was opened, because re-runs have settled; 0: none */
    int opened_from;          /* its first group that starts again */
    int stalled_group;        /* whose deadline passed: the group, or the one that could not start; 0: none */
    int stalled_run;          /* the run of that group's trigger; 0 when it could not start */
    int stalls;               /* how often, for this group in this run */
    const char *waits_for;    /* abbreviations, "togs,tdgs" */
    const char *outbox_field; /* the trigger that this made due, again or anew; NULL when none */
    const char *outbox_facts;
    struct lease lease; /* as in struct applied */
};
typedef void store_ticked_fn(void *context, struct result result, const struct ticked *ticked);

/* Does what is due for the date by now_ms, in one step. Harmless when repeated. */
void store_tick(struct store *store, const struct pipeline *pipeline, game_date date, int64_t now_ms,
    store_ticked_fn *ticked, void *context);

/* --- Slots: backfill triggers in flight (rule 8) -------------------------------------------------------- */

enum claim {
    CLAIM_FULL,    /* the group has its cap in flight */
    CLAIM_GRANTED, /* also when the trigger has its slot already */
    CLAIM_PAUSED,  /* an operator paused backfill */
    CLAIM_GONE,    /* the trigger is in the outbox no more: cancelled, or superseded by a new run */
    CLAIM_THEIRS,  /* it has a slot, and another replica the lease */
    CLAIM_AWAY,    /* the node that has its month is away, and others are not: it was asked for nothing */
};
/* The lease is that of a granted trigger. */
typedef void store_claimed_fn(void *context, struct result result, enum claim claim, struct lease lease);

/*
 * Asks for a slot, and then for the lease, for a backfill trigger that is about to be published. The slot is
 * held for group_deadline.
 */
void store_claim(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t now_ms, store_claimed_fn *claimed, void *context);

/* Gives the trigger's slot back; only date, group and run are read. Harmless when it has none. */
void store_release(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context);

typedef void store_slot_fn(void *context, struct result result, const struct trigger *trigger);

/*
 * The triggers that have a slot of this group: slot is called once for each, with date, group and run, and a
 * last time with trigger NULL.
 */
void store_slots(
    struct store *store, const struct pipeline *pipeline, int group, store_slot_fn *slot, void *context);

typedef void store_freed_fn(void *context, struct result result, int freed);

/*
 * Frees the slots of a group whose trigger is over (done, failed, stalled, superseded) or expired, but was
 * not given back: whoever held it died in between. Tells how many.
 */
void store_reclaim(struct store *store, const struct pipeline *pipeline, int group, int64_t now_ms,
    store_freed_fn *freed, void *context);

/* Pauses or resumes the publishing of the pipeline's backfill triggers, for all replicas. */
void store_pause_backfill(struct store *store, const struct pipeline *pipeline, bool paused, int64_t now_ms,
    store_done_fn *done, void *context);

typedef void store_cancelled_fn(void *context, struct result result, bool cancelled);

/*
 * Takes a trigger that was not published yet out of the outbox and marks its group cancelled, until a replay.
 * Not cancelled when it is no longer waiting.
 */
void store_cancel(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t now_ms, store_cancelled_fn *cancelled, void *context);

/* --- Replay --------------------------------------------------------------------------------------------- */

enum replay {
    REPLAY_AGAIN,  /* the first group that is not done: publish its trigger again, or start it */
    REPLAY_MISSED, /* the same, but only if its trigger never left: not started, cancelled, or lost */
    REPLAY_RERUN,  /* open a new run */
};

struct replayed {
    enum { REPLAYED_NOTHING, REPLAYED_TRIGGER, REPLAYED_START, REPLAYED_RUN } what;
    int group;                /* triggered again or started; of a new run, its first group; 0 for nothing */
    int run;                  /* of that trigger, or the new one */
    const char *outbox_field; /* the trigger that is due now; NULL when its group has to wait */
    const char *outbox_facts;
};
typedef void store_replayed_fn(void *context, struct result result, const struct replayed *replayed);

/*
 * from_group 0: wherever the date stands; of a new run, the first stale group, or 1. Else the group to begin
 * with: only that group or a later one is triggered again, and a new run carries over the groups before it.
 * A new run is opened at once, needs or not, if anything was ever started.
 */
void store_replay(struct store *store, const struct pipeline *pipeline, game_date date, enum replay replay,
    int from_group, int64_t now_ms, store_replayed_fn *replayed, void *context);

/* --- Quarantine ----------------------------------------------------------------------------------------- */

enum {
    QUARANTINE_ENTRIES_MAX = 10000,
    QUARANTINE_DAYS = 30, /* these two are the defaults of the limits below */
    QUARANTINE_MEGABYTES = 64,
    QUARANTINE_BYTES_MAX = 64 * 1024,      /* of one message that are kept */
    QUARANTINE_ATTRIBUTES_MAX = 16 * 1024, /* of its attributes, as JSON; none are kept when it takes more */
};

/* Beyond these, and beyond QUARANTINE_ENTRIES_MAX, the oldest entries go. */
struct quarantine_limits {
    int64_t age_ms;
    int64_t bytes; /* of all entries, with what Redis needs for each */
};

/* How many entries went, and why. */
struct quarantine_drops {
    int64_t by_age;
    int64_t by_count;
    int64_t by_bytes;
};

/* drops is NULL unless result is ok. */
typedef void store_quarantined_fn(void *context, struct result result, const struct quarantine_drops *drops);

/* Keeps a message that could not be understood, with the reason; one entry per message id. */
void store_quarantine(struct store *store, const struct pipeline *pipeline, const struct message *message,
    const char *topic, const char *reason, struct quarantine_limits limits, int64_t now_ms,
    store_quarantined_fn *quarantined, void *context);

/* Lets go what is beyond the limits, a little at a time: some 64 entries a call. */
void store_tidy_quarantine(struct store *store, const struct pipeline *pipeline,
    struct quarantine_limits limits, int64_t now_ms, store_quarantined_fn *quarantined, void *context);

/* Removes an entry: after a retry was published, or because an operator drops it. */
void store_quarantine_drop(struct store *store, const struct pipeline *pipeline, const char *message_id,
    store_done_fn *done, void *context);

/* Calls under way end as CODE_UNAVAILABLE; closed (may be NULL) when the last handle has left the loop. */
void store_close(struct store *store, void (*closed)(void *context), void *context);

#endif
