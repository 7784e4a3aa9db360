/* Words that people and programs write: class names into snake case, and "did you mean". Pure functions. */
#ifndef PHASEGATE_CORE_NAMES_H
#define PHASEGATE_CORE_NAMES_H

#include <stddef.h>

/*
 * "AsyncUpcomingPlayerGameContextProcessor" -> "upcoming_player_game_context", "MLFeatureStoreProcessor" ->
 * "ml_feature_store": leading Async and trailing Processor removed, a run of capitals kept together. At most
 * size - 1 bytes are written, NUL-terminated. Returns out.
 */
char *name_from_class(const char *class_name, char *out, size_t size);

/*
 * The candidate with the smallest edit distance to name, if that is at most a third of its length (and at
 * least 1 is always allowed); NULL otherwise. Ignores case.
 */
const char *name_nearest(const char *name, const char *const *candidates, size_t count);

#endif
