/*
 * What the fuzz targets share. A target is one file fuzz_<name>.c with LLVMFuzzerTestOneInput, which hands
 * bytes to code that reads what comes from outside. That it survives them is checked by the sanitizers; that
 * its answer is right in some way (what was read can be written and read again, a refusal has its reason), by
 * fuzz_check.
 *
 * With clang and PHASEGATE_FUZZ a target is linked with libFuzzer, else with kept.c, which plays the inputs
 * that are kept in corpus/<name>.
 */
#ifndef PHASEGATE_TESTS_FUZZ_FUZZ_H
#define PHASEGATE_TESTS_FUZZ_FUZZ_H

#include "base/arena.h"
#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process when the condition does not hold, saying where and which. */
#define fuzz_check(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            fuzz_fail(__FILE__, __LINE__, #condition);                                                       \
    } while (0)

void fuzz_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/* An arena of at most so many bytes; never NULL. */
struct arena *fuzz_arena(size_t max_bytes);

/* The bytes with a NUL behind them, in a block of just that size, freed with free; never NULL. */
char *fuzz_text(const uint8_t *data, size_t size);

/* Are both NULL, or the same text? */
bool fuzz_same(const char *a, const char *b);

/* Whatever is refused, its reason can go into a log as it is: UTF-8, and never empty. */
void fuzz_check_reason(struct result refused);

/* 2025-12-05T00:00:00Z: the time at which all targets play. */
#define FUZZ_NOW_MS INT64_C(1764892800000)

#endif
