/* Random numbers that a seed repeats, for tests. Splitmix64; source: https://prng.di.unimi.it/splitmix64.c
 *
 * One draw to an expression or initializer: C does not say which of two comes first, and compilers differ. */
#ifndef PHASEGATE_TESTS_SUPPORT_DICE_H
#define PHASEGATE_TESTS_SUPPORT_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct dice {
    uint64_t state; /* the seed */
};

static inline uint64_t dice_roll(struct dice *dice) {
    uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* PHASEGATE_SEED; without it always the same one, so that no change is blamed for what chance finds. */
static inline uint64_t dice_seed(void) {
    const char *text = getenv("PHASEGATE_SEED");
    return text && *text ? strtoull(text, NULL, 10) : 1;
}

/* 0 to below - 1. */
static inline int dice_below(struct dice *dice, int below) {
    return (int)(dice_roll(dice) % (uint64_t)below);
}

/* True in percent of a hundred cases. */
static inline bool dice_chance(struct dice *dice, int percent) {
    return dice_below(dice, 100) < percent;
}

/* One of the array's elements. */
#define dice_pick(dice, array) ((array)[dice_below((dice), (int)(sizeof(array) / sizeof *(array)))])

#endif
