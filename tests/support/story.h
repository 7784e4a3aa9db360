/*
 * Random histories for the property test of the store: a pipeline of random shape and policy, and steps that
 * happen to its dates. A history is made step by step from what the model says, so that chains complete often
 * and go wrong often; once made, a step stands for itself, so that others can be left out around it.
 *
 * The clock is simulated: time passes between steps, from a millisecond to hours.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_STORY_H
#define PHASEGATE_TESTS_SUPPORT_STORY_H

#include "support/dice.h"
#include "support/model.h"

enum { STORY_STEPS_MAX = 600, STORY_TEXT_MAX = 1024 };

enum step_kind {
    STEP_COMPLETION,
    STEP_CONFIRM,
    STEP_TICK,
    STEP_SWEEP, /* ticks every date that is due */
    STEP_REPLAY,
    STEP_CANCEL,
    STEP_CLAIM,
    STEP_RELEASE,
    STEP_RECLAIM,
    STEP_PAUSE,
};

struct step {
    enum step_kind kind;
    int64_t now_ms;
    struct completion completion;
    struct trigger trigger; /* of the other kinds: what of date, group and run they are about */
    const char *bus_message_id;
    enum replay replay;
    int from_group;
    bool paused; /* or resumed */
};

/* How this history is: percent of the cases, but for the dates. */
struct temper {
    int good, off_day, backfill, resend, eager, named, confirm, flap;
    int rerun, late, timers, sweep, jump, operators, slots, reclaim, calendar, bootstrap;
    int dates;
    bool opens;        /* more dates, when those there are through */
    bool clocks_apart; /* two replicas whose clocks differ by less than any deadline: time may step back */
};

struct story {
    struct arena *arena; /* of the pipeline and all texts */
    struct dice dice;
    struct temper temper;
    const struct pipeline *pipeline;
    game_date dates[MODEL_DATES_MAX];
    int date_count;
    int wanted; /* steps */
    struct step steps[STORY_STEPS_MAX];
    int count;
    int64_t now_ms;
    int64_t base_ms; /* times are shown relative to it */
};

/* Fails the test when out of memory, like all of these. */
struct story *story_new(uint64_t seed);
void story_free(struct story **story);

/* Makes the next step, seeing how things stand, and appends it. */
const struct step *story_next(struct story *story, struct model *model);

/* The date that the step is about; 0 when it is about none. */
game_date step_date(const struct step *step);

/* One line in words; returns text. */
char *story_tell(const struct story *story, const struct step *step, char text[STORY_TEXT_MAX]);

/* The pipeline in words, for the head of a report. Returns text. */
char *story_tell_pipeline(const struct story *story, char *text, size_t size);

#endif
