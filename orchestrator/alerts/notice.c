#include "alerts/notice.h"

#include "alerts/body.h"
#include "alerts/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_MS = ALERT_CLAIM_MS / 3 };

/* --- Notices and lists ---------------------------------------------------------------------------------- */

struct notice *notice_new(
    struct alerts *alerts, const struct pipeline *pipeline, const char *kind, const char *subject) {
    struct notice *notice = alerts->notices < NOTICES_MAX ? calloc(1, sizeof *notice) : NULL;
    if (!notice) {
        alerts->dropped++;
        return NULL;
    }
    alerts->notices++;
    notice->alerts = alerts;
    notice->pipeline = pipeline;
    notice->kind = kind;
    snprintf(notice->subject, sizeof notice->subject, "%s", subject);
    snprintf(notice->cause, sizeof notice->cause, "%s%s%s", kind, *subject ? " " : "", notice->subject);
    return notice;
}

void notice_free(struct notice *notice) {
    notice->alerts->notices--;
    free(notice);
}

static void list_add(struct notice_list *list, struct notice *notice) {
    if (!list->first)
        list->end = &list->first;
    notice->next = NULL;
    *list->end = notice;
    list->end = &notice->next;
}

static void list_remove(struct notice_list *list, struct notice *notice) {
    struct notice **at = &list->first;
    while (*at != notice)
        at = &(*at)->next;
    *at = notice->next;
    if (list->end == &notice->next)
        list->end = at;
}

/* --- To the webhook ------------------------------------------------------------------------------------- */

/* What was told is noted in the ledger; what was not is left to its claim, which ends by itself. */
static void on_sent(void *context, enum sent sent, const char *detail) {
    struct notice *notice = context;
    (void)detail; /* the sender has logged it */
    list_remove(&notice->alerts->sending, notice);
    if (notice->resolved || sent == SENT_DROPPED) {
        notice_free(notice);
        return;
    }
    notice->step = STEP_TOLD;
    notice_go(notice);
}

void notice_tell(struct notice *notice) {
    struct alerts *alerts = notice->alerts;
    char text[ALERT_TEXT_MAX];
    words_message(notice->pipeline, notice->resolved, notice->text, text);
    const struct body_facts facts = {.text = text,
        .kind = notice->kind,
        .pipeline = notice->pipeline->name,
        .subject = notice->subject,
        .state = notice->resolved ? "resolved" : "raised",
        .at_ms = notice->claimed_ms};
    char *body = body_fill(alerts->settings.template, &facts);
    notice->kept_ms = notice->claimed_ms;
    list_add(&alerts->sending, notice);
    if (body)
        sender_send(alerts->sender, body, on_sent, notice);
    else
        on_sent(notice, SENT_DROPPED, NULL);
}

/* The one with this cause that waits for the webhook; NULL when there is none. */
static struct notice *find_sending(
    const struct alerts *alerts, const struct pipeline *pipeline, const char *cause) {
    struct notice *notice = alerts->sending.first;
    while (notice && (notice->resolved || notice->pipeline != pipeline || strcmp(notice->cause, cause) != 0))
        notice = notice->next;
    return notice;
}

/* Is over, or somebody else's, before it was told: unless it is on its way, it is not. */
static void withdraw(struct alerts *alerts, const struct pipeline *pipeline, const char *cause) {
    struct notice *notice = find_sending(alerts, pipeline, cause);
    if (!notice || !sender_withdraw(alerts->sender, notice))
        return;
    list_remove(&alerts->sending, notice);
    notice_free(notice);
}

/* --- Keeping claims ------------------------------------------------------------------------------------- */

struct renewal {
    struct alerts *alerts;
    const struct pipeline *pipeline;
    int64_t now_ms;
    char cause[ALERT_CAUSE_MAX];
};

static void on_kept(void *context, struct result result, bool kept) {
    struct renewal *renewal = context;
    struct alerts *alerts = renewal->alerts;
    struct notice *notice = find_sending(alerts, renewal->pipeline, renewal->cause);
    if (notice && is_ok(result) && kept)
        notice->kept_ms = renewal->now_ms;
    else if (notice && is_ok(result))
        withdraw(alerts, renewal->pipeline, renewal->cause);
    free(renewal);
    alerts_answered(alerts);
}

static void keep(struct notice *notice, int64_t now_ms) {
    struct alerts *alerts = notice->alerts;
    struct renewal *renewal = malloc(sizeof *renewal);
    if (!renewal)
        return;
    *renewal = (struct renewal){.alerts = alerts, .pipeline = notice->pipeline, .now_ms = now_ms};
    strcpy(renewal->cause, notice->cause);
    alerts->calls++;
    ledger_keep(alerts->store, notice->pipeline, notice->cause, notice->kept_ms, now_ms, on_kept, renewal);
}

void notices_keep(struct alerts *alerts) {
    int64_t now_ms = clock_now_ms(&alerts->clock);
    for (struct notice *notice = alerts->sending.first, *next; notice; notice = next) {
        next = notice->next; /* away already, the store answers within the call, and takes none out */
        if (!notice->resolved && now_ms - notice->kept_ms >= KEEP_MS)
            keep(notice, now_ms);
    }
}

/* --- Steps ---------------------------------------------------------------------------------------------- */

/* Looks that only check what is told already are repeated by the next sweep anyway. */
static void go_on_later(struct notice *notice, struct result result) {
    struct alerts *alerts = notice->alerts;
    bool repeated = notice->origin == ORIGIN_TOLD || notice->origin == ORIGIN_BACKFILL;
    if (result.retryable && !(repeated && notice->step == STEP_LOOK)) {
        list_add(&alerts->waiting, notice);
        return;
    }
    if (!result.retryable)
        log_error(&alerts->log, "the store cannot handle the alert \"%s\": %s", notice->cause, result.text);
    notice_free(notice);
}

static void on_answer(void *context, struct result result, bool yes) {
    struct notice *notice = context;
    struct alerts *alerts = notice->alerts;
    if (!is_ok(result)) {
        go_on_later(notice, result);
    } else if (yes && notice->step == STEP_CLAIM) {
        notice_tell(notice);
    } else if (yes && notice->step == STEP_END) {
        notice->resolved = true;
        notice_tell(notice);
    } else {
        notice_free(notice);
    }
    alerts_answered(alerts);
}

static void say_what_stands(struct notice *notice, const struct alert_look *look) {
    if (strcmp(notice->kind, alert_kind_name(ALERT_STALL)) == 0)
        words_stall(notice->pipeline, notice->date, notice->group, look, notice->text);
    else
        words_failed(notice->pipeline, notice->date, notice->group, look, notice->text);
}

/* What follows from what was seen; STEP_LOOK: nothing. */
static enum notice_step step_after_look(const struct notice *notice, const struct alert_look *look) {
    switch (notice->origin) {
    case ORIGIN_RAISED:
        return !look->stands ? STEP_LOOK : look->backfill ? STEP_NOTE : STEP_CLAIM;
    case ORIGIN_TOLD:
        return look->stands ? STEP_LOOK : STEP_END;
    case ORIGIN_LEFT:
        return look->stands ? STEP_CLAIM : STEP_END;
    case ORIGIN_BACKFILL:
        return look->stands ? STEP_LOOK : STEP_FORGET;
    }
    return STEP_LOOK;
}

static void on_look(void *context, struct result result, const struct alert_look *look) {
    struct notice *notice = context;
    struct alerts *alerts = notice->alerts;
    if (!is_ok(result)) {
        go_on_later(notice, result);
        alerts_answered(alerts);
        return;
    }
    notice->step = step_after_look(notice, look);
    if (look->stands)
        say_what_stands(notice, look);
    else
        words_over(strcmp(notice->kind, "stall") == 0 ? ALERT_STALL : ALERT_FAILED, notice->date,
            notice->group, look, notice->text);
    if (notice->step == STEP_LOOK)
        notice_free(notice);
    else
        notice_go(notice);
    alerts_answered(alerts);
}

void notice_go(struct notice *notice) {
    struct alerts *alerts = notice->alerts;
    struct store *store = alerts->store;
    if (!store || !store_is_ready(store)) {
        go_on_later(notice, fail(CODE_UNAVAILABLE, "the store is away"));
        return;
    }
    int64_t now_ms = clock_now_ms(&alerts->clock);
    const struct alert_moment moment = {.now_ms = now_ms, .period_ms = alerts->settings.period_ms};
    const struct pipeline *pipeline = notice->pipeline;
    alerts->calls++;
    switch (notice->step) {
    case STEP_LOOK:
        ledger_look(store, pipeline, notice->date, notice->group, notice->kind, on_look, notice);
        break;
    case STEP_NOTE:
        ledger_note(store, pipeline, notice->cause, now_ms, on_answer, notice);
        break;
    case STEP_FORGET:
        ledger_forget(store, pipeline, notice->cause, on_answer, notice);
        break;
    case STEP_CLAIM:
        notice->claimed_ms = now_ms;
        ledger_claim(store, pipeline, notice->cause, moment, on_answer, notice);
        break;
    case STEP_TOLD:
        ledger_told(store, pipeline, notice->cause, notice->claimed_ms, on_answer, notice);
        break;
    case STEP_END:
        notice->claimed_ms = now_ms;
        withdraw(alerts, pipeline, notice->cause);
        ledger_end(store, pipeline, notice->cause, on_answer, notice);
        break;
    }
}

void notices_submit(struct alerts *alerts) {
    struct notice *notice = alerts->waiting.first, *next;
    alerts->waiting.first = NULL;
    for (; notice; notice = next) {
        next = notice->next;
        notice_go(notice);
    }
}
