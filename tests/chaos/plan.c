#include "chaos/plan.h"

#include "support/check.h"
#include "support/dice.h"
#include "support/nba.h"

#include <stdlib.h>

enum {
    DATE_EVERY_MS = 400, /* a new date is begun */
    DATE_LASTS_MS = 24000,
    FIRST_FAULT_MS = 2000,
    LEASE_MS = 10000, /* the longest lease there is: a replica is frozen for longer */
    UPSTREAM = 5,
    LAST_DATE = 19722, /* 2023-12-31: what is far in the future is no date */
};

static const char *const fault_words[CHAOS_FAULT_COUNT] = {
#define CHAOS_FAULT_WORDS(name, words, where) [CHAOS_##name] = words,
    CHAOS_FAULTS(CHAOS_FAULT_WORDS)
#undef CHAOS_FAULT_WORDS
};

const char *chaos_fault_words(enum chaos_fault fault) {
    return fault_words[fault];
}

static bool is_of_store(enum chaos_fault fault) {
    return fault == CHAOS_KILL_REDIS || fault == CHAOS_FREEZE_REDIS || fault == CHAOS_KILL_SENTINEL;
}

static bool is_possible(enum chaos_fault fault, const struct plan_options *options) {
    enum chaos_form form = options->form;
    enum chaos_bus bus = options->bus;
    if (options->store_only && !is_of_store(fault))
        return false;
    switch (fault) {
#define CHAOS_FAULT_WHERE(name, words, where)                                                                \
    case CHAOS_##name:                                                                                       \
        return where;
        CHAOS_FAULTS(CHAOS_FAULT_WHERE)
#undef CHAOS_FAULT_WHERE
    case CHAOS_FAULT_COUNT:
        break;
    }
    return false;
}

static void *room_for_one(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room)
        return items;
    *room = *room > 0 ? 2 * *room : 256;
    void *grown = realloc(items, *room * size);
    if (!grown)
        fail_msg("out of memory");
    return grown;
}

/* --- The feed ------------------------------------------------------------------------------------------- */

static void add_event(struct plan *plan, struct planned_event event) {
    plan->events = room_for_one(plan->events, plan->event_count, &plan->event_room, sizeof event);
    plan->events[plan->event_count++] = event;
}

/* One processor of one date: mostly a success; now and then failed or empty at first, or told in the wrong
 * order, or twice. */
static void plan_processor(struct plan *plan, struct dice *dice, struct planned_event event, bool never) {
    event.at_ms += dice_below(dice, 3000);
    event.said_ms = event.at_ms;
    event.times = dice_chance(dice, 20) ? 2 : 1;
    event.form = (enum event_form)dice_below(dice, EVENT_FORMS);
    event.satisfies = !never;
    if (dice_chance(dice, 15)) {
        struct planned_event before = event;
        int distance = 300 + dice_below(dice, 1500);
        before.satisfies = false;
        before.said_ms -= distance;
        before.at_ms += dice_chance(dice, 30) ? distance : -distance; /* the older one comes later */
        add_event(plan, before);
    }
    add_event(plan, event);
}

static void plan_rerun(struct plan *plan, struct dice *dice, struct planned_event event) {
    event.at_ms += 6000 + dice_below(dice, 12000);
    event.said_ms = event.at_ms;
    event.processor = dice_below(dice, UPSTREAM);
    event.times = dice_chance(dice, 20) ? 2 : 1;
    event.satisfies = true;
    if (dice_chance(dice, 25)) { /* it goes badly at first */
        struct planned_event bad = event;
        bad.satisfies = false;
        add_event(plan, bad);
        event.at_ms += 1000 + dice_below(dice, 3000);
        event.said_ms = event.at_ms;
    }
    add_event(plan, event);
}

enum fate { WHOLE, RERUN, NEVER_WHOLE };

/* By the date alone, so that its answers know it, too. */
static enum fate fate_of(const struct plan *plan, game_date date) {
    struct dice dice = {plan->options.seed ^ (uint64_t)date * 0x9e3779b97f4a7c15u};
    int roll = dice_below(&dice, 100);
    return roll < 20 ? RERUN : roll < 28 ? NEVER_WHOLE : WHOLE;
}

static void plan_date(struct plan *plan, struct dice *dice, game_date date, int at_ms) {
    enum fate fate = fate_of(plan, date);
    bool backfill = dice_chance(dice, 60);
    int never = fate == NEVER_WHOLE ? dice_below(dice, UPSTREAM) : -1;
    struct planned_event event = {.at_ms = at_ms,
        .date = date,
        .tag = backfill ? (enum event_tag)(1 + dice_below(dice, EVENT_TAGS - 1)) : EVENT_LIVE};
    for (int p = 0; p < UPSTREAM; p++) {
        event.processor = p;
        if (p != never || dice_chance(dice, 70)) /* else it does not come at all */
            plan_processor(plan, dice, event, p == never);
    }
    if (fate == RERUN)
        plan_rerun(plan, dice, event);
}

/* Dates in no order, months apart: the multiples of 37 modulo a prime. */
static void plan_feed(struct plan *plan) {
    static const int primes[] = {101, 211, 503, 1009, 2003, 4001, 6007};
    struct dice dice = {plan->options.seed};
    int last_ms = plan->options.seconds * 1000 - DATE_LASTS_MS;
    int count = last_ms > 0 ? last_ms / DATE_EVERY_MS : 0, prime = primes[0];
    count = count < 20 ? 20 : count > primes[6] ? primes[6] : count;
    for (size_t i = 0; prime < count; i++)
        prime = primes[i];
    for (int i = 0; i < count; i++)
        plan_date(plan, &dice, LAST_DATE - i * 37 % prime, 2000 + i * (last_ms > 0 ? DATE_EVERY_MS : 100));
}

/* --- Faults --------------------------------------------------------------------------------------------- */

/* How often, against the others. What takes long, or takes the others' chance, is rarer. */
static int weight_of(enum chaos_fault fault) {
    switch (fault) {
    case CHAOS_KILL_REPLICA:
        return 10;
    case CHAOS_FREEZE_REPLICA:
    case CHAOS_KILL_REDIS:
        return 4;
    case CHAOS_KILL_ALL:
        return 1;
    default:
        return 2;
    }
}

static int duration_of(enum chaos_fault fault, enum chaos_form form, struct dice *dice) {
    switch (fault) {
    case CHAOS_FREEZE_REPLICA:
        return LEASE_MS + 2000 + dice_below(dice, 4000);
    case CHAOS_KILL_REDIS:
        return form == CHAOS_SINGLE ? dice_below(dice, 3000) : 500 + dice_below(dice, 8000);
    case CHAOS_FREEZE_REDIS:
        return 300 + dice_below(dice, form == CHAOS_SINGLE ? 3000 : 8000);
    case CHAOS_FREEZE_EMULATOR:
    case CHAOS_HOLD_REPLICA:
        return 300 + dice_below(dice, 3000);
    case CHAOS_KILL_SENTINEL:
        return 5000 + dice_below(dice, 5000);
    default:
        return dice_below(dice, 3000);
    }
}

static enum chaos_fault pick_fault(const struct plan *plan, struct dice *dice) {
    int total = 0, roll;
    for (int f = 0; f < CHAOS_FAULT_COUNT; f++)
        if (is_possible((enum chaos_fault)f, &plan->options))
            total += weight_of((enum chaos_fault)f);
    roll = dice_below(dice, total);
    for (int f = 0; f < CHAOS_FAULT_COUNT; f++)
        if (is_possible((enum chaos_fault)f, &plan->options) && (roll -= weight_of((enum chaos_fault)f)) < 0)
            return (enum chaos_fault)f;
    return CHAOS_KILL_REPLICA;
}

static void plan_faults(struct plan *plan) {
    struct dice dice = {~plan->options.seed};
    int end_ms = plan->options.seconds * 1000;
    for (int at_ms = FIRST_FAULT_MS; at_ms < end_ms; at_ms += 500 + dice_below(&dice, 4000)) {
        plan->faults = room_for_one(plan->faults, plan->fault_count, &plan->fault_room, sizeof *plan->faults);
        struct planned_fault *fault = &plan->faults[plan->fault_count++];
        *fault = (struct planned_fault){
            .at_ms = at_ms, .fault = pick_fault(plan, &dice), .target = dice_below(&dice, 1 << 16)};
        fault->duration_ms = duration_of(fault->fault, plan->options.form, &dice);
    }
}

/* --- Answers -------------------------------------------------------------------------------------------- */

struct planned_answer plan_answer(
    const struct plan *plan, game_date date, int group, int run, int processor) {
    struct dice dice = {
        plan->options.seed + (uint64_t)date * 10007 + (uint64_t)(group * 101 + run * 1009 + processor)};
    struct planned_answer answer = {.after_ms = 30 + dice_below(&dice, 600),
        .times = dice_chance(&dice, 15) ? 2 : 1,
        .fails_first = dice_chance(&dice, 8),
        .repair_ms = 500 + dice_below(&dice, 1500),
        .how = (enum plan_answer)dice_below(&dice, 3)};
    if (fate_of(plan, date) == RERUN)
        answer.how = ANSWER_BY_TRIGGER_ID;
    return answer;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static int compare_events(const void *left, const void *right) {
    const struct planned_event *a = left, *b = right;
    return a->at_ms < b->at_ms ? -1 : a->at_ms > b->at_ms;
}

void plan_make(struct plan *plan, struct plan_options options) {
    *plan = (struct plan){.options = options};
    chaos_pipeline_make(&plan->made, options.seed % 2);
    plan_feed(plan);
    plan_faults(plan);
    qsort(plan->events, plan->event_count, sizeof *plan->events, compare_events);
}

void plan_free(struct plan *plan) {
    free(plan->events);
    free(plan->faults);
    *plan = (struct plan){0};
}
