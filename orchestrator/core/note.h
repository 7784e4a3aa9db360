/*
 * A note of one value of a JSON text: what kind of value it is and, of a number or a text, which. Notes are
 * what is left of a text that was read without building a tree (json_notes.h).
 */
#ifndef PHASEGATE_CORE_NOTE_H
#define PHASEGATE_CORE_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum note_kind {
    NOTE_ABSENT,
    NOTE_NULL,
    NOTE_FALSE,
    NOTE_TRUE,
    NOTE_INTEGER,
    NOTE_REAL, /* with a fraction or an exponent */
    NOTE_TEXT,
    NOTE_ARRAY,
    NOTE_OBJECT,
};

struct note {
    enum note_kind kind;
    union {
        int64_t integer;
        double real;
        struct {
            const char *text; /* UTF-8, with a NUL behind its length */
            size_t length;
        };
    };
};

/*
 * A whole number from 0 to most. 241.0 is one: some publishers (pandas), and Lua for large numbers, write
 * integers so. Booleans and texts are none.
 */
bool note_whole(const struct note *note, int64_t most, int64_t *number);

/* "the text "241"", "the number 3.5", "an array": for reasons. Returns out. */
char *note_show(const struct note *note, char *out, size_t size);

#endif
