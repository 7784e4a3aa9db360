#include "base/arena.h"

#include "base/private_memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A completion takes some 200 bytes and a trigger 1,000, and thousands of them may be in hand: so the first
 * block is small, and each further one twice as large as the one before, up to a page.
 */
enum { FIRST_BLOCK_BYTES = 512, BLOCK_BYTES = 4096 };

struct block {
    struct block *older;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    bool private;
    struct block *newest;
    size_t used;  /* of the newest block */
    size_t given; /* of all blocks: what counts against max; what is left over at a block's end does not */
    size_t max;
    bool starved;
};

static struct block *block_new(size_t size, bool private) {
    struct block *block = private ? private_alloc(sizeof *block + size) : malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->older = NULL;
    block->size = size;
    return block;
}

static void block_free(struct block *block, bool private) {
    if (private)
        private_free(block);
    else
        free(block);
}

struct arena *arena_new(size_t max_bytes) {
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        return NULL;
    arena->max = max_bytes;
    return arena;
}

struct arena *arena_new_private(size_t max_bytes) {
    struct arena *arena = arena_new(max_bytes);
    if (arena)
        arena->private = true;
    return arena;
}

/* A private block has whole pages anyway. */
static size_t usual_size(const struct arena *arena) {
    if (arena->private || (arena->newest && arena->newest->size > BLOCK_BYTES / 2))
        return BLOCK_BYTES;
    return arena->newest ? 2 * arena->newest->size : FIRST_BLOCK_BYTES;
}

/* A block with room for need bytes, which the maximum allows. */
static struct block *arena_grow(struct arena *arena, size_t need) {
    size_t left = arena->max - arena->given, usual = usual_size(arena);
    size_t size = left < usual ? left : usual;
    struct block *block = block_new(size > need ? size : need, arena->private);
    if (!block) {
        arena->starved = true;
        return NULL;
    }
    block->older = arena->newest;
    arena->newest = block;
    arena->used = 0;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size) {
    size_t unit = alignof(max_align_t);
    if (size > SIZE_MAX - sizeof(struct block) - unit)
        return NULL;
    size_t need = size == 0 ? unit : (size + unit - 1) / unit * unit;
    if (need > arena->max - arena->given)
        return NULL;
    struct block *block = arena->newest;
    if (!block || block->size - arena->used < need)
        block = arena_grow(arena, need);
    if (!block)
        return NULL;
    void *memory = block->bytes + arena->used;
    arena->used += need;
    arena->given += need;
    return memset(memory, 0, size);
}

void *arena_copy(struct arena *arena, const void *data, size_t length) {
    if (length == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(arena, length + 1);
    if (copy && length > 0)
        memcpy(copy, data, length);
    return copy;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length) {
    return arena_copy(arena, text, length);
}

char *arena_strdup(struct arena *arena, const char *text) {
    return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_reset(struct arena *arena) {
    while (arena->newest && arena->newest->older) {
        struct block *block = arena->newest;
        arena->newest = block->older;
        block_free(block, arena->private);
    }
    if (arena->private && arena->newest)
        explicit_bzero(arena->newest->bytes, arena->newest->size);
    arena->used = 0;
    arena->given = 0;
    arena->starved = false;
}

bool arena_is_starved(const struct arena *arena) {
    return arena->starved;
}

void arena_free(struct arena **arena) {
    if (!*arena)
        return;
    arena_reset(*arena);
    block_free((*arena)->newest, (*arena)->private);
    free(*arena);
    *arena = NULL;
}
