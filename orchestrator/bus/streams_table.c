#include "bus/streams_table.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 256 };

/* Ids of one moment differ in the sequence, ids of different moments in the low bits of the time. */
static size_t bucket_of(const struct entry_table *table, struct stream_id id) {
    uint64_t mixed = (id.ms * UINT64_C(0x9E3779B97F4A7C15)) ^ (id.sequence * UINT64_C(0xC2B2AE3D27D4EB4F));
    return (size_t)(mixed >> 32) & (table->bucket_count - 1);
}

struct entry *table_find(const struct entry_table *table, struct stream_id id) {
    if (table->count == 0)
        return NULL;
    struct entry *entry = table->buckets[bucket_of(table, id)];
    while (entry && !stream_id_equal(entry->id, id))
        entry = entry->sibling;
    return entry;
}

static void insert(struct entry_table *table, struct entry *entry) {
    struct entry **bucket = &table->buckets[bucket_of(table, entry->id)];
    entry->sibling = *bucket;
    *bucket = entry;
}

static bool grow(struct entry_table *table) {
    struct entry_table larger = {.count = table->count};
    larger.bucket_count = table->bucket_count ? table->bucket_count * 2 : FIRST_BUCKETS;
    larger.buckets = calloc(larger.bucket_count, sizeof(struct entry *));
    if (!larger.buckets)
        return false;
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct entry *entry = table->buckets[i], *next; entry; entry = next) {
            next = entry->sibling;
            insert(&larger, entry);
        }
    }
    free(table->buckets);
    *table = larger;
    return true;
}

bool table_add(struct entry_table *table, struct entry *entry) {
    if (table->count >= table->bucket_count && !grow(table))
        return false;
    insert(table, entry);
    table->count++;
    return true;
}

void table_remove(struct entry_table *table, struct entry *entry) {
    struct entry **at = &table->buckets[bucket_of(table, entry->id)];
    while (*at != entry)
        at = &(*at)->sibling;
    *at = entry->sibling;
    entry->sibling = NULL;
    table->count--;
}

void table_each(
    const struct entry_table *table, void (*each)(void *context, struct entry *entry), void *context) {
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct entry *entry = table->buckets[i]; entry; entry = entry->sibling)
            each(context, entry);
    }
}

void table_free_all(struct entry_table *table) {
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct entry *entry = table->buckets[i], *next; entry; entry = next) {
            next = entry->sibling;
            free(entry);
        }
    }
    free(table->buckets);
    *table = (struct entry_table){0};
}
