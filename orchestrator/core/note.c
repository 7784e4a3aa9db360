#include "core/note.h"

#include "base/text.h"

#include <stdio.h>

bool note_whole(const struct note *note, int64_t most, int64_t *number) {
    int64_t whole;
    if (note->kind == NOTE_INTEGER) {
        whole = note->integer;
    } else if (note->kind == NOTE_REAL) {
        if (!(note->real >= 0 && note->real < 0x1p63))
            return false;
        whole = (int64_t)note->real;
        if ((double)whole != note->real)
            return false;
    } else {
        return false;
    }
    if (whole < 0 || whole > most)
        return false;
    *number = whole;
    return true;
}

char *note_show(const struct note *note, char *out, size_t size) {
    static const char *const words[] = {[NOTE_ABSENT] = "absent",
        [NOTE_NULL] = "null",
        [NOTE_FALSE] = "false",
        [NOTE_TRUE] = "true",
        [NOTE_ARRAY] = "an array",
        [NOTE_OBJECT] = "an object"};
    char shown[TEXT_SHOWN_MAX];
    if (note->kind == NOTE_INTEGER)
        snprintf(out, size, "the number %lld", (long long)note->integer);
    else if (note->kind == NOTE_REAL)
        snprintf(out, size, "the number %.15g", note->real);
    else if (note->kind == NOTE_TEXT)
        snprintf(out, size, "the text \"%s\"", text_show(note->text, note->length, shown, sizeof shown));
    else
        snprintf(out, size, "%s", words[note->kind]);
    return out;
}
