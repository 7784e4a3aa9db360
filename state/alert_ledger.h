/*
 * The ledger of alerts: which causes were told, and which somebody is telling just now, over all replicas and
 * restarts. A cause is a text, "stall 2021-11-17/g2". Whoever wants to tell it claims it, tells it, and says
 * so; a claim that is neither kept nor told within ALERT_CLAIM_MS is anybody's again. Causes of backfill are
 * only noted, and summed up. Also here: what the causes rest on, asked of the dates and of the quarantine.
 *
 * Like store.h: asynchronous, on the loop's thread; while the store is away a callback runs within the call.
 */
#ifndef PHASEGATE_STATE_ALERT_LEDGER_H
#define PHASEGATE_STATE_ALERT_LEDGER_H

#include "state/store.h"

enum { ALERT_CAUSE_MAX = 64, ALERT_CLAIM_MS = 60000, ALERT_BACKFILL_BATCH = 200 };

struct alert_moment {
    int64_t now_ms;
    int64_t period_ms; /* in which a cause is told once */
};

typedef void ledger_answer_fn(void *context, struct result result, bool yes);

/* Yes: the caller is to tell it. No: it was told within the period, or somebody else is telling it. */
void ledger_claim(struct store *store, const struct pipeline *pipeline, const char *cause,
    struct alert_moment moment, ledger_answer_fn *answer, void *context);

/* The caller is still at it: a claim made or kept at kept_ms counts from now on. No: it has become somebody
 * else's, or the cause is over. */
void ledger_keep(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t kept_ms,
    int64_t now_ms, ledger_answer_fn *answer, void *context);

/* It was told; claimed_ms is when it was claimed first. */
void ledger_told(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t claimed_ms,
    ledger_answer_fn *answer, void *context);

/* It is over. Yes: it had been told, and no longer counts so. */
void ledger_end(struct store *store, const struct pipeline *pipeline, const char *cause,
    ledger_answer_fn *answer, void *context);

/* Takes note of a cause of backfill, to be summed up; takes it back. */
void ledger_note(struct store *store, const struct pipeline *pipeline, const char *cause, int64_t now_ms,
    ledger_answer_fn *answer, void *context);
void ledger_forget(struct store *store, const struct pipeline *pipeline, const char *cause,
    ledger_answer_fn *answer, void *context);

enum alert_due { ALERT_DUE_NOTHING, ALERT_DUE_TELL, ALERT_DUE_OVER };

/* The answer to ledger_sum; valid during the call. */
struct alert_sum {
    enum alert_due due; /* TELL: "backfill" is claimed; OVER: it was told, and none is left */
    int stalls;
    int failures;
    int64_t since_ms;  /* the first that was not told yet */
    const char *first; /* the cause of the oldest date */
};
typedef void ledger_sum_fn(void *context, struct result result, const struct alert_sum *sum);

/* Are there causes of backfill that were not told, the first of them gather_ms ago or earlier? */
void ledger_sum(struct store *store, const struct pipeline *pipeline, struct alert_moment moment,
    int64_t gather_ms, ledger_sum_fn *sum, void *context);

/* The answer to ledger_quarantine; valid during the call. */
struct alert_quarantine {
    enum alert_due due; /* TELL: "quarantine" is claimed; OVER: it was told, and none came for a period */
    int fresh;          /* since it was told, or in the last period */
    int total;
    const char *reason; /* of the newest; NULL: unknown */
};
typedef void ledger_quarantine_fn(
    void *context, struct result result, const struct alert_quarantine *quarantine);

/* Did so many messages get into the quarantine? */
void ledger_quarantine(struct store *store, const struct pipeline *pipeline, struct alert_moment moment,
    int threshold, ledger_quarantine_fn *quarantine, void *context);

enum alert_state { ALERT_TOLD, ALERT_LEFT, ALERT_OF_BACKFILL };

typedef void ledger_open_fn(void *context, struct result result, enum alert_state state, const char *cause);

/*
 * The causes about groups, "stall …" and "failed …": those told and not over; those left by a replica that
 * died; and of backfill's ALERT_BACKFILL_BATCH, from that place on. One call for each, and a last one with
 * cause NULL.
 */
void ledger_open(struct store *store, const struct pipeline *pipeline, int64_t now_ms, int from,
    ledger_open_fn *open, void *context);

/* What a cause about a group rests on; valid during the call. */
struct alert_look {
    bool stands;
    bool backfill;
    int run;               /* of the group; 0 when it has not started */
    const char *phase;     /* "triggered", "done" …, "no_games", NULL when it has not started */
    int64_t since_ms;      /* 0 when it does not stand */
    const char *waits_for; /* abbreviations, "togs,tdgs"; NULL: nobody */
    const char *failure;   /* "pcf: out of memory"; NULL: none */
};
typedef void ledger_look_fn(void *context, struct result result, const struct alert_look *look);

/* kind: "stall" or "failed". A failure stands until the group is done, or starts in a new run. */
void ledger_look(struct store *store, const struct pipeline *pipeline, game_date date, int group,
    const char *kind, ledger_look_fn *look, void *context);

#endif
