/*
 * Leases while a history is played: each step is some replica's, or a command's. What is expected is little,
 * so it stands here and not in the model: a lease is made in the step that decides a live trigger, or by a
 * claim, and goes with its entry. Leases do not run out here.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_STORY_LEASES_H
#define PHASEGATE_TESTS_SUPPORT_STORY_LEASES_H

#include "support/model_compare.h"
#include "support/story.h"

struct leased {
    struct trigger trigger;
    const char *holder; /* "": nobody */
};

struct lease_book {
    struct leased entries[MODEL_OUTBOX_MAX]; /* every entry of the outbox */
    size_t count;
    const char *actor; /* whose step it is; "": a command's */
};

/* Before the step: the store becomes that of whoever does it. */
void leases_begin(struct lease_book *book, struct store_harness *harness, const struct step *step);

/* A claim that the model expects to be granted: by leases, may the actor publish the trigger? */
enum claim leases_claim(struct lease_book *book, const struct trigger *trigger);

/* After it: the store is nobody's again. Do its leases, and what it shows the actor, agree? */
bool leases_agree(struct lease_book *book, struct store_harness *harness, const struct step *step,
    const struct model *model, const struct pipeline *pipeline, struct difference *difference);

#endif
