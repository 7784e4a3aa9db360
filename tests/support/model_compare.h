/*
 * Does what the store shows agree with the model? Each function says so, and when it does not, describes the
 * first difference: "pgs: record_count is 3, expected 4".
 */
#ifndef PHASEGATE_TESTS_SUPPORT_MODEL_COMPARE_H
#define PHASEGATE_TESTS_SUPPORT_MODEL_COMPARE_H

#include "support/model.h"
#include "support/store_harness.h"

struct difference {
    char text[1024];
};

/* Appends nothing: it sets the text, and returns false, for return statements. */
bool differs(struct difference *difference, const char *format, ...) PRINTF_LIKE(2, 3);

bool same_answer(const struct pipeline *pipeline, const struct applied_copy *got,
    const struct model_answer *expected, struct difference *difference);

bool same_tick(const struct pipeline *pipeline, const struct ticked_copy *got,
    const struct model_tick *expected, struct difference *difference);

bool same_replayed(const struct pipeline *pipeline, const struct replayed_copy *got,
    const struct model_replayed *expected, struct difference *difference);

/* Pause, slots, and who waits for one. */
bool same_backfill(const struct pipeline *pipeline, const struct backfill_state *got,
    const struct model *expected, struct difference *difference);

bool same_date(const struct pipeline *pipeline, const struct date_state *got,
    const struct date_state *expected, struct difference *difference);

bool same_outbox(const struct pipeline *pipeline, const struct trigger *got, size_t got_count,
    const struct trigger *expected, size_t expected_count, struct difference *difference);

/* In any order among equal times; got has to be in the order of time when ordered. Sorts both. */
bool same_history(struct history_entry *got, size_t got_count, struct history_entry *expected,
    size_t expected_count, bool ordered, struct difference *difference);

#endif
