/* Times, durations and lists as an operator reads them. All return text. */
#ifndef PHASEGATE_CLI_WORDS_H
#define PHASEGATE_CLI_WORDS_H

#include "core/pipeline.h"

#include <stddef.h>
#include <stdint.h>

enum { WORDS_TIME_MAX = 24, WORDS_DURATION_MAX = 24 };

/* "2025-12-04 18:20:00", UTC. */
char *words_time(int64_t ms, char text[WORDS_TIME_MAX]);

/* "8 s", "12 min", "3 h 5 min", "2 d 4 h"; a negative one is "0 s". */
char *words_duration(int64_t ms, char text[WORDS_DURATION_MAX]);

/* "1 date", "3 dates". */
char *words_count(int64_t count, const char *one, const char *many, char *text, size_t size);

/* Names (or abbreviations) of the processors of a set, in the pipeline's order: "togs, tdgs". */
char *words_processors(
    const struct pipeline *pipeline, processor_set set, bool abbreviated, char *text, size_t size);

/* Their abbreviations as an option takes them: "togs,tdgs". */
char *words_operand(const struct pipeline *pipeline, processor_set set, char *text, size_t size);

/* A text from outside as one printable line; NULL gives "". */
char *words_shown(const char *from, char *text, size_t size);

/* How many processors are in the set. */
int set_count(processor_set set);

#endif
