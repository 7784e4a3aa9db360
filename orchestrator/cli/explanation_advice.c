/* What an operator can do about it: each a sentence, or a sentence, ": " and a command to copy. */
#include "cli/explanation.h"
#include "cli/words.h"
#include "core/trigger.h"

#include <stdarg.h>
#include <stdio.h>

/* Advice is asked for one by one, by its index: each function offers what it has in turn, and the one that is
 * asked for is written. */
struct offer {
    int wanted;
    int offered;
    char *text; /* of EXPLANATION_TEXT_MAX bytes */
};

static PRINTF_LIKE(2, 3) void offer(struct offer *offers, const char *format, ...) {
    if (offers->offered++ != offers->wanted)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(offers->text, EXPLANATION_TEXT_MAX, format, args);
    va_end(args);
}

enum { NAMES_MAX = EXPLANATION_TEXT_MAX / 2 };

static char *names_of(const struct explanation *e, processor_set set, char names[NAMES_MAX]) {
    return words_processors(e->pipeline, set, false, names, NAMES_MAX);
}

/* The first of a set whose rows have to be given; NULL when a word is enough for all of them. */
static const struct processor *wants_rows(const struct pipeline *pipeline, processor_set set) {
    for (int i = 0; i < pipeline->processor_count; i++)
        if (set >> i & 1 && pipeline->processors[i].require_rows)
            return &pipeline->processors[i];
    return NULL;
}

static void offer_vouching(
    struct offer *offers, const struct explanation *e, processor_set set, const char *date) {
    char names[NAMES_MAX];
    const struct processor *counted = wants_rows(e->pipeline, set);
    if (counted)
        offer(offers,
            "if the table of %s is filled already, vouch for it: phasegate publish --processor %s --date %s "
            "--rows N --backfill",
            counted->name, counted->name, date);
    else
        offer(offers, "if %s filled already, vouch for %s: phasegate backfill --dates %s --processors %s",
            set_count(set) == 1 ? "the table is" : "the tables are", set_count(set) == 1 ? "it" : "them",
            date, words_operand(e->pipeline, set, names, sizeof names));
}

static void unknown_advice(struct offer *offers, const struct explanation *e, const char *date) {
    offer(offers,
        "look whether its processors ran, and whether they publish to %s; a message that could not be read "
        "is "
        "in `phasegate quarantine list`",
        e->pipeline->completion_count > 0 ? e->pipeline->completions[0].topic : "the pipeline's topic");
    offer_vouching(offers, e, e->pipeline->upstream, date);
}

static void offer_running_again(
    struct offer *offers, const struct explanation *e, processor_set set, const char *date) {
    char names[NAMES_MAX];
    offer(offers, "run %s again for %s; the chain goes on by itself when the completion%s",
        names_of(e, set, names), date, set_count(set) == 1 ? " arrives" : "s arrive");
}

static void held_advice(struct offer *offers, const struct explanation *e, const char *date) {
    processor_set missing = date_state_missing(e->pipeline, e->state, e->group);
    if (e->outlook.group > 0 && e->group > e->outlook.group) {
        offer(offers, "see what holds group %d: phasegate explain %s --group %d", e->outlook.group, date,
            e->outlook.group);
    } else if (missing) {
        offer_running_again(offers, e, missing, date);
        offer_vouching(offers, e, missing, date);
    } else {
        offer(offers, "if it does not start: phasegate replay --missed --dates %s", date);
    }
}

/* The id of the group's trigger, whose run is older than the date's where it was carried over. */
static char *id_of(const struct explanation *e, char id[TRIGGER_ID_MAX]) {
    const struct trigger trigger = {
        .date = e->state->date, .group = e->group, .run = e->state->groups[e->group - 1].run};
    return trigger_id(e->pipeline, &trigger, id);
}

static processor_set waited_for(const struct explanation *e) {
    return e->outlook.group == e->group ? e->outlook.waits_for : 0;
}

static void ready_advice(struct offer *offers, const struct explanation *e) {
    if (!explanation_waits_for_slot(e))
        offer(offers,
            "the trigger leaves the outbox when `phasegate serve` runs and reaches the bus; its log says "
            "what hinders");
    else if (e->backfill->paused_ms)
        offer(offers, "let backfill go on: phasegate backfill resume");
    else
        offer(offers,
            "wait: a slot comes free whenever a date's group %d is done, has failed or passed its "
            "deadline; backfill goes oldest date first",
            e->group);
}

static void running_advice(struct offer *offers, const struct explanation *e) {
    char names[NAMES_MAX], id[TRIGGER_ID_MAX];
    if (e->state->groups[e->group - 1].phase == GROUP_READY)
        ready_advice(offers, e);
    else if (waited_for(e))
        offer(offers, "wait for %s, or look into its log for trigger %s", names_of(e, waited_for(e), names),
            id_of(e, id));
}

static void failed_advice(struct offer *offers, const struct explanation *e, const char *date) {
    char names[NAMES_MAX];
    offer(offers, "repair %s and run it again for %s; its next good completion moves the chain on",
        waited_for(e) ? names_of(e, waited_for(e), names) : "what failed", date);
    offer(offers, "or, when it is repaired, have group %d triggered again: phasegate replay --dates %s",
        e->group, date);
}

static void stalled_advice(struct offer *offers, const struct explanation *e, const char *date) {
    char names[NAMES_MAX], id[TRIGGER_ID_MAX];
    if (e->state->groups[e->group - 1].phase == GROUP_WAITING) {
        held_advice(offers, e, date);
        return;
    }
    offer(offers, "look into the log of %s for trigger %s", names_of(e, waited_for(e), names), id_of(e, id));
    offer(offers, "have group %d triggered again: phasegate replay --dates %s", e->group, date);
    offer_vouching(offers, e, waited_for(e), date);
}

static void stale_advice(struct offer *offers, const struct explanation *e, const char *date) {
    char names[NAMES_MAX], command[OUTLOOK_COMMAND_MAX];
    outlook_rerun_command(e->pipeline, e->state, command);
    int next = e->state->run + 1;
    if (e->outlook.waits_for)
        offer(offers, "run %s again for %s; nothing more is triggered before it satisfies",
            names_of(e, e->outlook.waits_for, names), date);
    if (!e->state->stale.due_ms)
        offer(offers, "open run %d: %s", next, command);
    else if (e->state->stale.due_ms > e->now_ms)
        offer(offers, "wait: run %d opens by itself; or open it now: %s", next, command);
    else
        offer(offers, "run %d opens when `phasegate serve` runs; its log says what hinders", next);
}

static void advise(struct offer *offers, const struct explanation *e, const char *date) {
    switch (explanation_standing(e)) {
    case STANDING_UNKNOWN:
        unknown_advice(offers, e, date);
        break;
    case STANDING_HELD:
        held_advice(offers, e, date);
        break;
    case STANDING_RUNNING:
        running_advice(offers, e);
        break;
    case STANDING_FAILED:
        failed_advice(offers, e, date);
        break;
    case STANDING_NO_GAMES:
        offer(offers, "if there were games after all, any completion with rows opens the date again");
        break;
    case STANDING_STALE:
        stale_advice(offers, e, date);
        break;
    case STANDING_STALLED:
        stalled_advice(offers, e, date);
        break;
    case STANDING_CANCELLED:
        offer(offers, "put the trigger back: phasegate replay --dates %s", date);
        break;
    case STANDING_DONE:
    case STANDING_BROKEN:
        break;
    }
}

bool explanation_advice(const struct explanation *e, int index, char text[EXPLANATION_TEXT_MAX]) {
    char date[DATE_TEXT_MAX];
    struct offer offers = {.wanted = index, .text = text};
    advise(&offers, e, date_format(e->state->date, date));
    return index < offers.offered;
}
