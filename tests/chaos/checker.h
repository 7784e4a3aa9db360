/*
 * The judge of a chaos run. It is told what was fed in, and what came out on the trigger topic, each with its
 * time, and of nothing else: not of the store, not of a log. From that it decides each promise, date by date:
 *
 *   lost        what it needs was fed, and the trigger has not come
 *   doubled     two decisions under one id, a run that no re-run justifies, or the same message again with no
 *               fault to excuse it
 *   misordered  it came before the group before it was answered in that run
 *   partial     it came before all that it needs was fed as satisfied
 *
 * The same trigger published again is a repeat: its consumers drop it by id. A fault excuses it, and so does
 * its group's deadline, where that leads to another trigger.
 *
 * Times are the wall clock's, in ms. A trigger's time is the bus's own where that is earlier than its
 * arrival, so that a slow consumer hides nothing. Only upstream is re-run here, so that every run has all its
 * groups.
 */
#ifndef PHASEGATE_TESTS_CHAOS_CHECKER_H
#define PHASEGATE_TESTS_CHAOS_CHECKER_H

#include "core/date.h"
#include "core/pipeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct checker;

/* A completion was fed; at is when it was first handed to the bus. Copies of it are not told. */
struct fed {
    int64_t at_ms;
    game_date date;
    int processor;
    int run; /* that it answers; 0: upstream */
    bool satisfies;
    int64_t timestamp_ms; /* what it says itself; of each date and processor unique */
};

/* A trigger came. */
struct came {
    int64_t at_ms;
    game_date date;
    int group;
    int run;
    uint64_t message;  /* which message it was: a digest of the bus's id. The same one delivered again is no
                          repeat */
    uint64_t decision; /* a digest of what it says of the decision, that is all but the row counts */
};

enum { VERDICT_EXAMPLES_MAX = 8, VERDICT_TEXT_MAX = 160 };

struct chaos_verdict {
    size_t dates, fed, triggers, repeats;
    size_t retriggered; /* of the repeats, those that the deadline alone excuses */
    size_t lost, doubled, misordered, partial;
    size_t example_count;
    char examples[VERDICT_EXAMPLES_MAX][VERDICT_TEXT_MAX];
};

/* Judges by this pipeline, which outlives it. deadline_ms: after which a group that is not done is triggered
 * again; 0: never. NULL when out of memory. */
struct checker *checker_new(const struct pipeline *pipeline, int64_t deadline_ms);
void checker_free(struct checker **checker);

/* False when out of memory. */
bool checker_feed(struct checker *checker, const struct fed *fed);
bool checker_take(struct checker *checker, const struct came *came);

/* A fault excuses repeats that came, or whose first came, within this time. */
bool checker_excuse(struct checker *checker, int64_t from_ms, int64_t until_ms);

/* What is lost is only known when nothing is under way any more. May be asked again and again. */
void checker_judge(struct checker *checker, struct chaos_verdict *verdict);

#endif
