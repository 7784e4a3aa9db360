#include "alerts/words.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* "2025-12-04 18:47 UTC" */
enum { MOMENT_MAX = 24 };

static char *moment(int64_t ms, char text[MOMENT_MAX]) {
    char stamp[TIMESTAMP_TEXT_MAX];
    timestamp_format(ms, stamp);
    snprintf(text, MOMENT_MAX, "%.10s %.5s UTC", stamp, stamp + 11);
    return text;
}

/* "12 min", "3 h", "2 d": enough for how long something lasts. */
enum { SPAN_MAX = 24 };

static char *span(int64_t ms, char text[SPAN_MAX]) {
    long long seconds = ms > 0 ? (ms + 500) / 1000 : 0;
    if (seconds < 120)
        snprintf(text, SPAN_MAX, "%lld s", seconds);
    else if (seconds < 7200)
        snprintf(text, SPAN_MAX, "%lld min", seconds / 60);
    else if (seconds < 172800)
        snprintf(text, SPAN_MAX, "%lld h", seconds / 3600);
    else
        snprintf(text, SPAN_MAX, "%lld d", seconds / 86400);
    return text;
}

/* What others said, cut so that the command behind it is never lost. */
enum { SAID_MAX = 240 };

static const char *said(const char *text, char shown[SAID_MAX]) {
    return text ? text_show(text, strlen(text), shown, SAID_MAX) : "nothing";
}

void words_message(
    const struct pipeline *pipeline, bool resolved, const char *text, char out[ALERT_TEXT_MAX]) {
    char whole[ALERT_TEXT_MAX + PIPELINE_NAME_MAX + 32];
    snprintf(whole, sizeof whole, "phasegate %s: %s%s", pipeline->name, resolved ? "resolved: " : "", text);
    text_show(whole, strlen(whole), out, ALERT_TEXT_MAX);
}

/* --- Groups --------------------------------------------------------------------------------------------- */

void words_stall(const struct pipeline *pipeline, game_date date, int group, const struct alert_look *look,
    char text[ALERT_TEXT_MAX]) {
    char day[DATE_TEXT_MAX], when[MOMENT_MAX], waits_for[SAID_MAX];
    date_format(date, day);
    said(look->waits_for, waits_for);
    if (!look->waits_for)
        strcpy(waits_for, "nothing");
    moment(look->since_ms, when);
    if (look->run == 0)
        snprintf(text, ALERT_TEXT_MAX,
            "stalled: %s group %d cannot start, it waits for %s; past its deadline of %d s since %s. Look: "
            "phasegate explain %s --pipeline %s",
            day, group, waits_for, pipeline->upstream_deadline, when, day, pipeline->name);
    else
        snprintf(text, ALERT_TEXT_MAX,
            "stalled: %s group %d (run %d) was triggered and is not done, it waits for %s; past its deadline "
            "of "
            "%d s since %s. Look: phasegate explain %s --pipeline %s",
            day, group, look->run, waits_for, pipeline->group_deadline, when, day, pipeline->name);
}

void words_failed(const struct pipeline *pipeline, game_date date, int group, const struct alert_look *look,
    char text[ALERT_TEXT_MAX]) {
    char day[DATE_TEXT_MAX], when[MOMENT_MAX], failure[SAID_MAX];
    date_format(date, day);
    said(look->failure, failure);
    snprintf(text, ALERT_TEXT_MAX,
        "failed: %s group %d (run %d) at %s: %s. The groups after it wait. Look: phasegate explain %s "
        "--pipeline %s; again: phasegate replay --dates %s --pipeline %s",
        day, group, look->run, moment(look->since_ms, when), look->failure ? failure : "it failed", day,
        pipeline->name, day, pipeline->name);
}

/* "done", "triggered", "ready" … as the end of a sentence about a group. */
static const char *state_words(const struct alert_look *look) {
    static const struct {
        const char *phase;
        const char *words;
    } known[] = {{"done", "is done"}, {"ready", "is being triggered"}, {"triggered", "is triggered"},
        {"failed", "has failed"}, {"cancelled", "was cancelled"},
        {"no_games", "is not needed: the date has no games"}};
    for (size_t i = 0; look->phase && i < sizeof known / sizeof *known; i++)
        if (strcmp(look->phase, known[i].phase) == 0)
            return known[i].words;
    return "starts again in a new run";
}

void words_over(enum alert_kind kind, game_date date, int group, const struct alert_look *look,
    char text[ALERT_TEXT_MAX]) {
    char day[DATE_TEXT_MAX];
    snprintf(text, ALERT_TEXT_MAX, "%s group %d, which had %s, %s", date_format(date, day), group,
        kind == ALERT_STALL ? "stalled" : "failed", state_words(look));
}

/* --- Backfill, quarantine, outbox ----------------------------------------------------------------------- */

void words_backfill(const struct pipeline *pipeline, const struct alert_sum *sum, const char *first,
    int group, const char *waits_for, char text[ALERT_TEXT_MAX]) {
    char since[MOMENT_MAX], shown[SAID_MAX];
    snprintf(text, ALERT_TEXT_MAX,
        "backfill: %d group%s stalled and %d failed, new ones since %s; first: %s group %d%s%s. Look: "
        "phasegate status --start-date %s --pipeline %s",
        sum->stalls, sum->stalls == 1 ? " is" : "s are", sum->failures, moment(sum->since_ms, since), first,
        group, waits_for ? " waits for " : "", waits_for ? said(waits_for, shown) : "", first,
        pipeline->name);
}

void words_quarantine(const struct pipeline *pipeline, const struct alert_quarantine *quarantine,
    int64_t period_ms, char text[ALERT_TEXT_MAX]) {
    char within[SPAN_MAX], reason[SAID_MAX];
    snprintf(text, ALERT_TEXT_MAX,
        "%d message%s put into quarantine within %s, %d %s there; the newest: %s. Look: phasegate quarantine "
        "list "
        "--pipeline %s",
        quarantine->fresh, quarantine->fresh == 1 ? " was" : "s were", span(period_ms, within),
        quarantine->total, quarantine->total == 1 ? "is" : "are", said(quarantine->reason, reason),
        pipeline->name);
}

void words_outbox(const struct pipeline *pipeline, size_t waiting, const char *oldest, int64_t since_ms,
    int64_t now_ms, char text[ALERT_TEXT_MAX]) {
    char waited[SPAN_MAX], when[MOMENT_MAX];
    snprintf(text, ALERT_TEXT_MAX,
        "%zu trigger%s in the outbox and cannot be published; %.40s has waited for %s, since %s. Nothing is "
        "lost. Is "
        "the bus there? Look: phasegate status --pipeline %s, and the daemon's log",
        waiting, waiting == 1 ? " waits" : "s wait", oldest, span(now_ms - since_ms, waited),
        moment(since_ms, when), pipeline->name);
}
