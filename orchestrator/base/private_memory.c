#include "base/private_memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

struct piece {
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

static struct piece *piece_of(void *memory) {
    return (struct piece *)((unsigned char *)memory - offsetof(struct piece, bytes));
}

void *private_alloc(size_t size) {
    if (size > SIZE_MAX - sizeof(struct piece))
        return NULL;
    size_t all = sizeof(struct piece) + size;
    struct piece *piece = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED)
        return NULL;
    if (madvise(piece, all, MADV_DONTDUMP) != 0) {
        munmap(piece, all);
        return NULL;
    }
    piece->size = size;
    return piece->bytes;
}

void *private_realloc(void *memory, size_t size) {
    void *moved = private_alloc(size);
    if (moved && memory) {
        size_t kept = piece_of(memory)->size;
        memcpy(moved, memory, kept < size ? kept : size);
        private_free(memory);
    }
    return moved;
}

void private_free(void *memory) {
    if (!memory)
        return;
    struct piece *piece = piece_of(memory);
    size_t all = sizeof *piece + piece->size;
    explicit_bzero(piece, all);
    munmap(piece, all);
}
