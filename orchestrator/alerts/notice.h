/*
 * One cause on its way: from being raised to the webhook's answer, with the calls to the ledger in between.
 * What the files of this folder share; nobody else includes it.
 */
#ifndef PHASEGATE_ALERTS_NOTICE_H
#define PHASEGATE_ALERTS_NOTICE_H

#include "alerts/alerts.h"
#include "alerts/sender.h"
#include "state/alert_ledger.h"

enum { NOTICES_MAX = 5000 };

/* What has to be asked of the store next. */
enum notice_step {
    STEP_LOOK,   /* does it stand? */
    STEP_NOTE,   /* it is of backfill */
    STEP_FORGET, /* it was, and is over */
    STEP_CLAIM,  /* may we tell it? */
    STEP_TOLD,   /* it has been told */
    STEP_END,    /* it is over: had it been told? */
};

/* How we came by it. */
enum notice_origin { ORIGIN_RAISED, ORIGIN_TOLD, ORIGIN_LEFT, ORIGIN_BACKFILL };

struct notice {
    struct notice *next; /* in one of the lists */
    struct alerts *alerts;
    const struct pipeline *pipeline;
    enum notice_step step;
    enum notice_origin origin;
    const char *kind; /* a kind's name, or "backfill" */
    game_date date;   /* with group, for STEP_LOOK */
    int group;        /* 0: not about a group */
    bool resolved;    /* what is told is that it is over */
    int64_t claimed_ms;
    int64_t kept_ms; /* when the claim was last renewed */
    char subject[ALERT_SUBJECT_MAX];
    char cause[ALERT_CAUSE_MAX]; /* "stall 2021-11-17/g2" */
    char text[ALERT_TEXT_MAX];
};

struct notice_list {
    struct notice *first;
    struct notice **end;
};

/* One pipeline that is looked after. */
struct watched {
    struct alerts *alerts;
    const struct pipeline *pipeline;
    bool reading; /* what is open */
    int from;     /* the place of the next batch of backfill */
    int batch;    /* how many there were in this one */
};

struct alerts {
    struct alerts_settings settings;
    struct clock clock;
    struct log log;
    struct sender *sender;
    struct store *store; /* NULL: detached */
    struct watched *watched;
    int watched_count;
    struct notice_list waiting; /* for the store */
    struct notice_list sending; /* with the sender */
    size_t notices;
    size_t dropped; /* past NOTICES_MAX, since the last sweep */
    size_t calls;   /* of the ledger, under way */
    uv_timer_t timer;
    bool draining;
    bool sender_idle; /* while draining */
    void (*drained)(void *context);
    void *drained_context;
    void (*closed)(void *context);
    void *closed_context;
};

/* A new notice about kind and subject; NULL, counted, when there are too many or out of memory. */
struct notice *notice_new(
    struct alerts *alerts, const struct pipeline *pipeline, const char *kind, const char *subject);

/* Does the notice's next step, now or, while the store is away, when it is there. */
void notice_go(struct notice *notice);

/* It is for us to tell, and was claimed just now: on to the webhook. */
void notice_tell(struct notice *notice);

/* Renews the claims of those that wait for the webhook. */
void notices_keep(struct alerts *alerts);

/* The store is there: what waited for it goes on. */
void notices_submit(struct alerts *alerts);

/* One call of the ledger has been answered; the last thing that its callback does. */
void alerts_answered(struct alerts *alerts);

void notice_free(struct notice *notice);

#endif
