/* Completions for random histories: good and bad, of now and then, with and without a trigger's name. */
#ifndef PHASEGATE_TESTS_SUPPORT_STORY_COMPLETION_H
#define PHASEGATE_TESTS_SUPPORT_STORY_COMPLETION_H

#include "support/story.h"

/* Fails the test when the memory is NULL; returns it. */
void *story_need(void *memory);

game_date story_date(struct story *story);

/* One of the set; of an empty set, any. */
const struct processor *story_processor(struct story *story, processor_set set);

struct completion story_complete(
    struct story *story, struct model *model, game_date date, const struct processor *processor, bool well);

/* What an earlier completion says may change when it comes again. */
void story_change(struct story *story, struct completion *completion);

/* No games: upstream has nothing to write. */
void story_take_off(struct story *story, struct completion *completion);

/* A run of the processor that was not before, and is the newest. */
void story_rerun(struct story *story, struct completion *completion);

/* It answers a trigger of the group in one of the runs so far, by id or by message. */
void story_completion_answer(struct story *story, struct model *model, struct completion *completion);

#endif
