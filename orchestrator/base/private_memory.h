/*
 * Memory for secrets and what stands beside them: core dumps have none of it, and it is wiped when it is
 * freed. Each piece is a mapping of its own, since what is dumped is decided page by page: so it is for what
 * is large or seldom, an arena's blocks or what a library does for one call. That it may be swapped out is
 * left to the machine. Nothing in it may be the only pointer to memory of malloc (leak checkers do not look
 * there).
 *
 * Any thread may call, and free what another one has allocated.
 */
#ifndef PHASEGATE_BASE_PRIVATE_MEMORY_H
#define PHASEGATE_BASE_PRIVATE_MEMORY_H

#include <stddef.h>

/* size bytes, zeroed and aligned for any type; the caller frees them. NULL when out of memory. */
void *private_alloc(size_t size);

/* The same bytes, as many of them as the new size has room for, elsewhere; memory may be NULL. NULL when out
 * of memory: then the old ones stay. */
void *private_realloc(void *memory, size_t size);

/* Safe on NULL. */
void private_free(void *memory);

#endif
