#include "cli/explanation.h"

#include "cli/words.h"
#include "core/trigger.h"

#include <inttypes.h>
#include <string.h>

struct explanation explanation_of(
    const struct pipeline *pipeline, const struct date_state *state, int group, int64_t now_ms) {
    struct outlook outlook = outlook_of(pipeline, state);
    return (struct explanation){
        .pipeline = pipeline,
        .state = state,
        .outlook = outlook,
        .group = group ? group : outlook.group,
        .asked = group != 0,
        .now_ms = now_ms,
    };
}

static enum group_phase phase_of(const struct explanation *e) {
    return e->state->groups[e->group - 1].phase;
}

/* The standing of the group asked for, which may be behind or ahead of the date's. */
static enum standing standing_of(const struct explanation *e) {
    if (!e->asked || !e->state->known || e->state->no_games_ms)
        return e->outlook.standing;
    static const enum standing by_phase[] = {
        [GROUP_WAITING] = STANDING_HELD,
        [GROUP_READY] = STANDING_RUNNING,
        [GROUP_TRIGGERED] = STANDING_RUNNING,
        [GROUP_DONE] = STANDING_DONE,
        [GROUP_FAILED] = STANDING_FAILED,
        [GROUP_CANCELLED] = STANDING_HELD,
    };
    return by_phase[phase_of(e)];
}

bool explanation_is_fine(const struct explanation *e) {
    switch (standing_of(e)) {
    case STANDING_DONE:
    case STANDING_RUNNING:
    case STANDING_NO_GAMES:
        return true;
    case STANDING_UNKNOWN:
    case STANDING_HELD:
    case STANDING_FAILED:
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

static void running_headline(const struct explanation *e, char *text) {
    const struct group_state *group = &e->state->groups[e->group - 1];
    char duration[WORDS_DURATION_MAX];
    if (group->phase == GROUP_READY)
        snprintf(text, EXPLANATION_TEXT_MAX,
            "running: group %d is ready for %s; its trigger is in the outbox, not yet published", e->group,
            words_duration(e->now_ms - group->ready_ms, duration));
    else
        snprintf(text, EXPLANATION_TEXT_MAX, "running: group %d was triggered %s ago", e->group,
            words_duration(e->now_ms - group->triggered_ms, duration));
}

static void done_headline(const struct explanation *e, char *text) {
    int last = e->asked ? e->group : e->pipeline->group_count;
    char time[WORDS_TIME_MAX];
    words_time(last > 0 ? e->state->groups[last - 1].ended_ms : 0, time);
    if (e->asked)
        snprintf(text, EXPLANATION_TEXT_MAX, "done: group %d, run %d, at %s", e->group, e->state->run, time);
    else
        snprintf(text, EXPLANATION_TEXT_MAX, "done: all %d groups, run %d, at %s", last, e->state->run, time);
}

char *explanation_headline(const struct explanation *e, char text[EXPLANATION_TEXT_MAX]) {
    char words[WORDS_TIME_MAX];
    text[0] = '\0';
    switch (standing_of(e)) {
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
    }
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
        snprintf(text, EXPLANATION_TEXT_MAX, "of an earlier run");
        break;
    case RECORD_SHORT:
        shortfall(processor, record, text);
        break;
    case RECORD_COUNTS:
        if (processor->group > 0 && record->run != e->state->run)
            snprintf(text, EXPLANATION_TEXT_MAX, "of run %d; this is run %d", record->run, e->state->run);
        break;
    }
    return text;
}

/* --- What an operator can do ---------------------------------------------------------------------------- */

/* The first processor of a set, for an example. */
static const char *example_of(const struct pipeline *pipeline, processor_set set) {
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1)
            return pipeline->processors[i].name;
    return pipeline->processors[0].name;
}

static void vouch_advice(const struct explanation *e, processor_set set, char *text) {
    char date[DATE_TEXT_MAX];
    snprintf(text, EXPLANATION_TEXT_MAX,
        "if a table is filled already, vouch for it: phasegate publish --processor %s --date %s --rows N "
        "--backfill",
        example_of(e->pipeline, set), date_format(e->state->date, date));
}

static bool unknown_advice(const struct explanation *e, int index, char *text) {
    if (index == 0)
        snprintf(text, EXPLANATION_TEXT_MAX,
            "look whether its processors ran, and whether they publish to %s; a message that could not be "
            "read is "
            "in `phasegate quarantine list`",
            e->pipeline->completion_count > 0 ? e->pipeline->completions[0].topic : "the pipeline's topic");
    else if (index == 1)
        vouch_advice(e, e->pipeline->upstream, text);
    return index < 2;
}

static bool held_advice(const struct explanation *e, int index, char *text) {
    char names[EXPLANATION_TEXT_MAX / 2], date[DATE_TEXT_MAX];
    date_format(e->state->date, date);
    processor_set missing = date_state_missing(e->pipeline, e->state, e->group);
    if (e->group > e->outlook.group && e->outlook.group > 0) {
        snprintf(text, EXPLANATION_TEXT_MAX, "see what holds group %d: phasegate explain %s --group %d",
            e->outlook.group, date, e->outlook.group);
        return index < 1;
    }
    if (!missing)
        return false;
    if (index == 0)
        snprintf(text, EXPLANATION_TEXT_MAX,
            "run %s again for %s; the chain goes on by itself when the completion%s",
            words_processors(e->pipeline, missing, false, names, sizeof names), date,
            set_count(missing) == 1 ? " arrives" : "s arrive");
    else if (index == 1)
        vouch_advice(e, missing, text);
    return index < 2;
}

static bool running_advice(const struct explanation *e, int index, char *text) {
    const struct trigger trigger = {.date = e->state->date, .group = e->group, .run = e->state->run};
    char names[EXPLANATION_TEXT_MAX / 2], id[TRIGGER_ID_MAX];
    struct outlook outlook = e->outlook;
    processor_set left = outlook.group == e->group ? outlook.waits_for : 0;
    if (phase_of(e) == GROUP_READY)
        snprintf(text, EXPLANATION_TEXT_MAX,
            "the trigger leaves the outbox when `phasegate serve` runs and reaches the bus; its log says "
            "what hinders");
    else
        snprintf(text, EXPLANATION_TEXT_MAX, "wait for %s, or look into its log for trigger %s",
            words_processors(e->pipeline, left, false, names, sizeof names),
            trigger_id(e->pipeline, &trigger, id));
    return index < 1 && (phase_of(e) == GROUP_READY || left);
}

static bool failed_advice(const struct explanation *e, int index, char *text) {
    char names[EXPLANATION_TEXT_MAX / 2], date[DATE_TEXT_MAX];
    processor_set failed = e->outlook.group == e->group ? e->outlook.waits_for : 0;
    snprintf(text, EXPLANATION_TEXT_MAX,
        "repair %s and run it again for %s; its next good completion moves the chain on",
        failed ? words_processors(e->pipeline, failed, false, names, sizeof names) : "what failed",
        date_format(e->state->date, date));
    return index < 1;
}

bool explanation_advice(const struct explanation *e, int index, char text[EXPLANATION_TEXT_MAX]) {
    switch (standing_of(e)) {
    case STANDING_UNKNOWN:
        return unknown_advice(e, index, text);
    case STANDING_HELD:
        return held_advice(e, index, text);
    case STANDING_RUNNING:
        return running_advice(e, index, text);
    case STANDING_FAILED:
        return failed_advice(e, index, text);
    case STANDING_NO_GAMES:
        snprintf(text, EXPLANATION_TEXT_MAX,
            "if there were games after all, any completion with rows opens the date again");
        return index < 1;
    case STANDING_DONE:
        break;
    }
    return false;
}
