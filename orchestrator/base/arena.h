/*
 * An arena: memory for one event, one command or one configuration, given back all at once. Every arena has a
 * maximum, so that no input can make the process grow without bound.
 *
 * Not thread-safe. Allocation never returns NULL to the caller who stays below the maximum: running out of
 * memory or passing the maximum makes arena_alloc return NULL, and the string functions below do the same.
 */
#ifndef PHASEGATE_BASE_ARENA_H
#define PHASEGATE_BASE_ARENA_H

#include "base/result.h"

#include <stddef.h>

struct arena;

/* An empty arena that will hold at most max_bytes, each allocation counted up to a multiple of
 * alignof(max_align_t). NULL when out of memory. */
struct arena *arena_new(size_t max_bytes);

/*
 * The same for secrets and what stands beside them (base/private_memory.h): it is left out of core dumps, and
 * wiped when it is given back. Nothing in it may be the only pointer to memory of malloc.
 */
struct arena *arena_new_private(size_t max_bytes);

/* size bytes, zeroed and aligned for any type; NULL past the maximum. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy. arena_strdup(NULL) is NULL. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* A copy of bytes that may hold NULs; one NUL is added behind them. */
void *arena_copy(struct arena *arena, const void *data, size_t length);

/* Did an allocation since the last reset fail for want of memory, not for the maximum? */
bool arena_is_starved(const struct arena *arena);

/* Forgets everything allocated, keeping the first block for the next event. */
void arena_reset(struct arena *arena);

/* Frees it and sets the pointer to NULL; safe on NULL. */
void arena_free(struct arena **arena);

#endif
