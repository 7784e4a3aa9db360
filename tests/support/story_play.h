/*
 * Playing a history: each step is done to the store and to the model, and then answer, date, outbox, slots
 * and history have to agree, and the invariants have to hold. What happened is counted, so that one sees that
 * the histories are rich.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_STORY_PLAY_H
#define PHASEGATE_TESTS_SUPPORT_STORY_PLAY_H

#include "support/model_compare.h"
#include "support/story.h"
#include "support/story_leases.h"
#include "support/story_watch.h"

/* Everything that is counted, with the words of the report. */
#define HAPPENINGS(X)                                                                                        \
    X(STEPS, "steps")                                                                                        \
    X(APPLIED, "applied")                                                                                    \
    X(DUPLICATES, "duplicate")                                                                               \
    X(LATE, "late")                                                                                          \
    X(PREMATURE, "premature")                                                                                \
    X(OTHER_RUN, "of another run")                                                                           \
    X(TRIGGERS, "triggers decided")                                                                          \
    X(LAST_TRIGGERS, "of a last group")                                                                      \
    X(BACKFILL_TRIGGERS, "of backfill")                                                                      \
    X(FAILURES, "groups failed")                                                                             \
    X(CLOSINGS, "dates closed")                                                                              \
    X(RERUNS, "re-runs")                                                                                     \
    X(RERUNS_IN_FLIGHT, "with a group in flight")                                                            \
    X(RERUNS_BAD, "that went badly")                                                                         \
    X(RUNS, "runs opened by settling")                                                                       \
    X(CARRIED, "carrying groups over")                                                                       \
    X(SUPERSEDED, "superseding a trigger in the outbox")                                                     \
    X(OPERATOR_RUNS, "runs opened by operators")                                                             \
    X(UPSTREAM_STALLS, "stalls of upstream")                                                                 \
    X(GROUP_STALLS, "stalls of a group")                                                                     \
    X(RETRIGGERS, "triggered again by a stall")                                                              \
    X(REPLAYS, "triggered again by a replay")                                                                \
    X(REPLAYS_OF_FAILED, "with failures set aside")                                                          \
    X(IDLE_REPLAYS, "replays of nothing")                                                                    \
    X(CANCELS, "cancelled")                                                                                  \
    X(IDLE_CANCELS, "too late to cancel")                                                                    \
    X(CONFIRMED_CANCELS, "confirmed though cancelled")                                                       \
    X(GRANTED, "slots granted")                                                                              \
    X(FULL, "slots refused, all taken")                                                                      \
    X(PAUSED, "slots refused, paused")                                                                       \
    X(GONE, "slots refused, trigger gone")                                                                   \
    X(THEIRS, "slots granted, the lease another's")                                                          \
    X(FREED, "slots reclaimed")                                                                              \
    X(LATE_BY_ID, "answers to an old run by id")                                                             \
    X(LATE_BY_MESSAGE, "answers to an old run by message")                                                   \
    X(SWEPT, "dates swept")                                                                                  \
    X(CUT, "histories cut")

enum happening {
#define HAPPENING_NAME(name, words) HAPPENED_##name,
    HAPPENINGS(HAPPENING_NAME)
#undef HAPPENING_NAME
        HAPPENING_COUNT
};

struct tally {
    uint64_t counts[HAPPENING_COUNT];
};

const char *happening_words(enum happening happening);

/* One playing of a history: the store, the model, and what the store itself has shown so far. */
struct play {
    struct store_harness *harness;
    const struct story *story;
    struct model *model;
    struct watch watch;
    struct lease_book leases;
    struct difference difference; /* the first, once something did not agree */
    struct tally *tally;          /* NULL: not counted */
};

/* Empties the store. Fails the test when out of memory. */
void play_begin(
    struct play *play, struct store_harness *harness, const struct story *story, struct tally *tally);

/* False when the store and the model, or an invariant, disagree. */
bool play_step(struct play *play, const struct step *step, bool with_history);

/* In the end: hours pass, and every date is looked at, also those that were not touched for long. */
bool play_end(struct play *play, int64_t now_ms);

void play_free(struct play *play);

#endif
