/*
 * The values of a few keys of a JSON object, noted while its text is read once, and no tree of all the rest.
 * For what comes with every event; everything else is read with jansson (json.h), at five times the cost.
 *
 * What no JSON parser may let through is refused wherever it stands (RFC 8259), and so is what could not be
 * kept as it is: a number too large for int64_t or double, half of a surrogate pair. A text may hold NULs
 * (\u0000). A noted key that comes twice is refused, since nobody could say which value was meant; of the
 * other keys nobody asks, and they are not compared.
 */
#ifndef PHASEGATE_CORE_JSON_NOTES_H
#define PHASEGATE_CORE_JSON_NOTES_H

#include "base/result.h"
#include "core/note.h"

#include <stddef.h>

struct note_key {
    const char *name;
    size_t length; /* of the name */
};

/* Which values are noted: those of some keys of the message, and of some keys of one object in it. */
struct note_keys {
    const struct note_key *keys; /* the message's first, then the inner object's */
    size_t count;
    size_t outer; /* how many are the message's */
    size_t inner; /* which of them has the inner object */
};

/*
 * Fills notes, one for each key; those of keys that the message does not have are NOTE_ABSENT. Their texts
 * live in *texts, which the caller frees with free. CODE_INVALID with line and column of the last character
 * that was read, CODE_LIMIT when it is nested deeper than depth_max (100 at most), CODE_UNAVAILABLE when out
 * of memory: then notes say nothing.
 */
struct result json_note(const char *data, size_t size, int depth_max, const struct note_keys *keys,
    struct note *notes, void **texts) MUST_CHECK;

#endif
