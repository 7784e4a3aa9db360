/*
 * Starved: an allocator that sometimes says no, for the program phasegate-starved. The linker puts it in
 * front of malloc, calloc and realloc in our own code alone (--wrap); libraries keep the real ones, since
 * some of them end the process when they get nothing.
 *
 * PHASEGATE_STARVED=FILE:ONE_IN: while the file exists, about one allocation in so many fails, never the same
 * ones again. At the end it says on standard error how many failed, and at how many places.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLACES_MAX = 4096, PATH_BYTES_MAX = 256 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static char file[PATH_BYTES_MAX];
static unsigned long one_in; /* 0: never */
static atomic_ulong asked, failed;
static atomic_uintptr_t places[PLACES_MAX]; /* where it failed; a hash table that is never emptied */

static void remember_place(uintptr_t place) {
    for (size_t i = place % PLACES_MAX, tries = 0; tries < PLACES_MAX; i = (i + 1) % PLACES_MAX, tries++) {
        uintptr_t found = 0;
        if (atomic_compare_exchange_strong(&places[i], &found, place) || found == place)
            return;
    }
}

/* Spreads consecutive numbers: splitmix64. */
static uint64_t spread(uint64_t number) {
    number = (number + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

static int is_refused(void *place) {
    if (one_in == 0)
        return 0;
    unsigned long number = atomic_fetch_add(&asked, 1);
    if (spread(number) % one_in != 0 || access(file, F_OK) != 0)
        return 0;
    atomic_fetch_add(&failed, 1);
    remember_place((uintptr_t)place);
    return 1;
}

void *__wrap_malloc(size_t size) {
    return is_refused(__builtin_return_address(0)) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return is_refused(__builtin_return_address(0)) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return is_refused(__builtin_return_address(0)) ? NULL : __real_realloc(memory, size);
}

__attribute__((constructor)) static void begin(void) {
    const char *setting = getenv("PHASEGATE_STARVED");
    const char *colon = setting ? strrchr(setting, ':') : NULL;
    if (!colon || (size_t)(colon - setting) >= sizeof file)
        return;
    memcpy(file, setting, (size_t)(colon - setting));
    one_in = strtoul(colon + 1, NULL, 10);
}

__attribute__((destructor)) static void end(void) {
    size_t count = 0;
    for (size_t i = 0; i < PLACES_MAX; i++)
        count += atomic_load(&places[i]) != 0;
    if (one_in > 0)
        fprintf(stderr, "starved: %lu of %lu allocations failed, at %zu places\n", atomic_load(&failed),
            atomic_load(&asked), count);
}
