#include "cli/explanation.h"

#include "cli/words.h"

#include <inttypes.h>
#include <string.h>

struct explanation explanation_of(
    const struct pipeline *pipeline, const struct date_state *state, int group, int64_t now_ms) {
    struct outlook outlook = outlook_of(pipeline, state);
    int next = state->stale.group ? state->stale.group : outlook.group;
    return (struct explanation){
        .pipeline = pipeline,
        .state = state,
        .outlook = outlook,
        .group = group ? group : next,
        .asked = group != 0,
        .now_ms = now_ms,
    };
}

bool explanation_waits_for_slot(const struct explanation *e) {
    if (!e->backfill || !e->group)
        return false;
    const struct group_state *group = &e->state->groups[e->group - 1];
    if (group->phase != GROUP_READY)
        return false;
    for (size_t i = 0; i < e->backfill->waiting_count; i++) {
        const struct trigger *trigger = &e->backfill->waiting[i];
        if (trigger->date == e->state->date && trigger->group == e->group && trigger->run == group->run)
            return true;
    }
    return false;
}

enum standing explanation_standing(const struct explanation *e) {
    if (!e->asked || !e->state->known || e->state->no_games_ms)
        return e->outlook.standing;
    if (outlook_is_stale(e->state, e->group))
        return STANDING_STALE;
    if (e->group == e->outlook.group && e->outlook.standing == STANDING_STALLED)
        return STANDING_STALLED;
    static const enum standing by_phase[] = {
        [GROUP_WAITING] = STANDING_HELD,
        [GROUP_READY] = STANDING_RUNNING,
        [GROUP_TRIGGERED] = STANDING_RUNNING,
        [GROUP_DONE] = STANDING_DONE,
        [GROUP_FAILED] = STANDING_FAILED,
        [GROUP_CANCELLED] = STANDING_CANCELLED,
    };
    return by_phase[e->state->groups[e->group - 1].phase];
}

static bool is_paused(const struct explanation *e) {
    return explanation_waits_for_slot(e) && e->backfill->paused_ms;
}

bool explanation_is_fine(const struct explanation *e) {
    switch (explanation_standing(e)) {
    case STANDING_DONE:
    case STANDING_NO_GAMES:
        return true;
    case STANDING_RUNNING:
        return !is_paused(e);
    case STANDING_STALE:
        return e->state->stale.due_ms && !e->outlook.waits_for;
    case STANDING_UNKNOWN:
    case STANDING_HELD:
    case STANDING_FAILED:
    case STANDING_STALLED:
    case STANDING_CANCELLED:
    case STANDING_BROKEN:
        break;
    }
    return false;
}

/* --- The headline --------------------------------------------------------------------------------------- */

static void held_headline(const struct explanation *e, char *text) {
    processor_set needs = e->pipeline->groups[e->group - 1].needs;
    int missing = set_count(date_state_missing(e->pipeline, e->state, e->group));
    if (e->group > e->outlook.group && e->outlook.group > 0)
        snprintf(text, EXPLANATION_TEXT_MAX, "held: group %d comes after group %d, which is not done",
            e->group, e->outlook.group);
    else if (missing > 0)
        snprintf(text, EXPLANATION_TEXT_MAX, "held: group %d waits for %d of its %d needs", e->group, missing,
            set_count(needs));
    else
        snprintf(
            text, EXPLANATION_TEXT_MAX, "held: group %d has all it needs and is about to start", e->group);
}

/* Backfill triggers of the same group that are older, and so go first. */
static int before_it(const struct explanation *e) {
    int before = 0;
    for (size_t i = 0; i < e->backfill->waiting_count; i++)
        before += e->backfill->waiting[i].group == e->group && e->backfill->waiting[i].date < e->state->date;
    return before;
}

static void ready_headline(const struct explanation *e, char *text) {
    char ready[WORDS_DURATION_MAX], paused[WORDS_TIME_MAX];
    words_duration(e->now_ms - e->outlook.since_ms, ready);
    if (is_paused(e))
        snprintf(text, EXPLANATION_TEXT_MAX, "paused: group %d is ready for %s; backfill is paused since %s",
            e->group, ready, words_time(e->backfill->paused_ms, paused));
    else if (explanation_waits_for_slot(e))
        snprintf(text, EXPLANATION_TEXT_MAX,
            "running: group %d is ready for %s and waits for a slot: %d of %d are taken, %d older dates go "
            "first",
            e->group, ready, e->backfill->in_flight[e->group - 1],
            e->pipeline->groups[e->group - 1].backfill_cap, before_it(e));
    else
        snprintf(text, EXPLANATION_TEXT_MAX,
            "running: group %d is ready for %s; its trigger is in the outbox, not yet published", e->group,
            ready);
}

static void running_headline(const struct explanation *e, char *text) {
    const struct group_state *group = &e->state->groups[e->group - 1];
    char duration[WORDS_DURATION_MAX];
    if (group->phase == GROUP_READY)
        ready_headline(e, text);
    else
        snprintf(text, EXPLANATION_TEXT_MAX, "running: group %d was triggered %s ago", e->group,
            words_duration(e->now_ms - group->triggered_ms, duration));
    if (e->state->stall.group == e->group) {
        size_t used = strlen(text);
        snprintf(text + used, EXPLANATION_TEXT_MAX - used, "; its deadline has passed before, %d time%s",
            e->state->stall.times, e->state->stall.times == 1 ? "" : "s");
    }
}

static void stale_headline(const struct explanation *e, char *text) {
    const struct stale *stale = &e->state->stale;
    char age[WORDS_DURATION_MAX], left[WORDS_DURATION_MAX], opens[96];
    if (!stale->due_ms)
        snprintf(opens, sizeof opens, "is on hold until an operator opens it");
    else if (stale->due_ms > e->now_ms)
        snprintf(opens, sizeof opens, "opens in %s", words_duration(stale->due_ms - e->now_ms, left));
    else
        snprintf(opens, sizeof opens, "is about to open");
    snprintf(text, EXPLANATION_TEXT_MAX,
        "stale for %s: after a re-run of %s, group %d has to start again; run %d %s",
        words_duration(e->now_ms - stale->since_ms, age),
        stale->processor ? stale->processor->name : "a processor", stale->group, e->state->run + 1, opens);
}

static void stalled_headline(const struct explanation *e, char *text) {
    const struct stall *stall = &e->state->stall;
    const struct group *group = &e->pipeline->groups[e->group - 1];
    char since[WORDS_DURATION_MAX], passed[WORDS_DURATION_MAX], again[96] = "";
    bool started = e->state->groups[e->group - 1].phase != GROUP_WAITING;
    words_duration(e->now_ms - e->outlook.since_ms, since);
    words_duration(e->now_ms - stall->at_ms, passed);
    if (started && e->pipeline->on_stall == STALL_RETRIGGER && stall->times > e->pipeline->retrigger_limit)
        snprintf(again, sizeof again, "; it was triggered again %d times, as often as the limit allows",
            e->pipeline->retrigger_limit);
    snprintf(text, EXPLANATION_TEXT_MAX,
        "stalled: group %d waits for %d of its %d %s for %s; its deadline passed %s ago%s", e->group,
        set_count(e->outlook.waits_for), set_count(started ? group->members : group->needs),
        started ? "processors" : "needs", since, passed, again);
}

static void done_headline(const struct explanation *e, char *text) {
    int last = e->asked ? e->group : e->pipeline->group_count;
    const struct group_state *group = &e->state->groups[last - 1];
    char time[WORDS_TIME_MAX];
    words_time(group->ended_ms, time);
    if (e->asked)
        snprintf(text, EXPLANATION_TEXT_MAX, "done: group %d, run %d, at %s", e->group, group->run, time);
    else
        snprintf(text, EXPLANATION_TEXT_MAX, "done: all %d groups, run %d, at %s", last, e->state->run, time);
}

char *explanation_headline(const struct explanation *e, char text[EXPLANATION_TEXT_MAX]) {
    char words[WORDS_TIME_MAX];
    text[0] = '\0';
    switch (explanation_standing(e)) {
    case STANDING_BROKEN:
        snprintf(text, EXPLANATION_TEXT_MAX, "%s", e->state->broken);
        break;
    case STANDING_UNKNOWN:
        snprintf(text, EXPLANATION_TEXT_MAX, "nothing was ever received for this date");
        break;
    case STANDING_HELD:
        held_headline(e, text);
        break;
    case STANDING_RUNNING:
        running_headline(e, text);
        break;
    case STANDING_FAILED:
        snprintf(text, EXPLANATION_TEXT_MAX, "failed: group %d, %s ago; the chain waits there", e->group,
            words_duration(e->now_ms - e->state->groups[e->group - 1].ended_ms, words));
        break;
    case STANDING_DONE:
        done_headline(e, text);
        break;
    case STANDING_NO_GAMES:
        snprintf(text, EXPLANATION_TEXT_MAX, "no games: the date was closed at %s",
            words_time(e->state->no_games_ms, words));
        break;
    case STANDING_STALE:
        stale_headline(e, text);
        break;
    case STANDING_STALLED:
        stalled_headline(e, text);
        break;
    case STANDING_CANCELLED:
        snprintf(text, EXPLANATION_TEXT_MAX,
            "cancelled: an operator took the trigger of group %d out of the outbox %s ago", e->group,
            words_duration(e->now_ms - e->state->groups[e->group - 1].ended_ms, words));
        break;
    }
    return text;
}

/* --- The run -------------------------------------------------------------------------------------------- */

/* ", carried over: group 1 (run 1), group 2 (run 1)" */
static void add_carried(const struct explanation *e, char *text) {
    size_t used = strlen(text);
    bool first = true;
    for (int g = 1; g <= e->pipeline->group_count && used < EXPLANATION_TEXT_MAX; g++) {
        const struct group_state *group = &e->state->groups[g - 1];
        if (group->phase == GROUP_WAITING || group->run == e->state->run)
            continue;
        snprintf(text + used, EXPLANATION_TEXT_MAX - used, "%sgroup %d (run %d)",
            first ? "; carried over: " : ", ", g, group->run);
        used += strlen(text + used);
        first = false;
    }
}

char *explanation_run(const struct explanation *e, char text[EXPLANATION_TEXT_MAX]) {
    char opened[EXPLANATION_TEXT_MAX / 2];
    text[0] = '\0';
    if (e->state->run < 2)
        return text;
    snprintf(text, EXPLANATION_TEXT_MAX, "run %d%s%s", e->state->run, e->opening ? ", " : "",
        e->opening ? opening_words(e->opening, opened, sizeof opened) : "");
    add_carried(e, text);
    return text;
}

/* --- Reasons -------------------------------------------------------------------------------------------- */

static struct completion completion_of(const struct processor *processor, const struct record *record) {
    return (struct completion){
        .processor = processor,
        .status = record->status,
        .record_count = record->record_count,
        .records_failed = record->records_failed,
        .error_message = record->error_message,
    };
}

/* A failure's reason has its error in it already; other outcomes may have come with one as well. */
static void shortfall(const struct processor *processor, const struct record *record, char *text) {
    struct completion completion = completion_of(processor, record);
    char error[EXPLANATION_TEXT_MAX / 2];
    completion_shortfall(&completion, text, EXPLANATION_TEXT_MAX / 2);
    size_t used = strlen(text);
    if (record->status != STATUS_FAILED && record->error_message)
        snprintf(text + used, EXPLANATION_TEXT_MAX - used, "%s%s", used > 0 ? ": " : "",
            words_shown(record->error_message, error, sizeof error));
    if (!*text) /* the configuration changed since */
        snprintf(text, EXPLANATION_TEXT_MAX, "did not satisfy when it came");
}

static void set_aside(const struct processor *processor, char *text) {
    size_t used = strlen(text);
    snprintf(text + used, EXPLANATION_TEXT_MAX - used, "; set aside, group %d was triggered again since",
        processor->group);
}

char *explanation_reason(const struct explanation *e, int index, char text[EXPLANATION_TEXT_MAX]) {
    const struct processor *processor = &e->pipeline->processors[index];
    const struct record *record = &e->state->records[index];
    text[0] = '\0';
    switch (record->mark) {
    case RECORD_NONE:
        snprintf(text, EXPLANATION_TEXT_MAX, "nothing received");
        break;
    case RECORD_PREMATURE:
        snprintf(text, EXPLANATION_TEXT_MAX, "came before group %d was ready", processor->group);
        break;
    case RECORD_OLD:
        snprintf(text, EXPLANATION_TEXT_MAX, "of run %d; group %d has to do it again in run %d", record->run,
            processor->group, e->state->run);
        break;
    case RECORD_SHORT:
        shortfall(processor, record, text);
        if (record->set_aside)
            set_aside(processor, text);
        break;
    case RECORD_COUNTS:
        break;
    }
    return text;
}
