/* What a function prints into a FILE, as a string, and how a test compares it. */
#ifndef PHASEGATE_TESTS_UNIT_CLI_PRINTED_H
#define PHASEGATE_TESTS_UNIT_CLI_PRINTED_H

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct printed {
    FILE *out;
    char *text; /* after printed_end */
    size_t size;
};

/* Start writing to ->out; the struct must stay where it is until printed_free. */
static inline void printed_start(struct printed *printed) {
    *printed = (struct printed){0};
    printed->out = open_memstream(&printed->text, &printed->size);
    assert_non_null(printed->out);
}

static inline const char *printed_end(struct printed *printed) {
    if (printed->out)
        assert_int_equal(fclose(printed->out), 0);
    printed->out = NULL;
    return printed->text;
}

static inline void printed_free(struct printed *printed) {
    printed_end(printed);
    free(printed->text);
    printed->text = NULL;
}

static inline void check_contains(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("expected to find\n  %s\nin\n%s", part, text);
}

static inline void check_lacks(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("expected not to find\n  %s\nin\n%s", part, text);
}

#endif
