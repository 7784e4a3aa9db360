/* The entries that a consumer was given and has not yet got rid of, by id. Owns none of them. */
#ifndef PHASEGATE_BUS_STREAMS_TABLE_H
#define PHASEGATE_BUS_STREAMS_TABLE_H

#include "bus/streams_entry.h"

/* Zeroed, it is empty and valid. */
struct entry_table {
    struct entry **buckets;
    size_t bucket_count; /* 0 or a power of two */
    size_t count;
};

struct entry *table_find(const struct entry_table *table, struct stream_id id);

/* False when out of memory. The id must not be in it. */
bool table_add(struct entry_table *table, struct entry *entry);

/* The entry must be in it. */
void table_remove(struct entry_table *table, struct entry *entry);

/* Calls each once; each may not change the table. */
void table_each(
    const struct entry_table *table, void (*each)(void *context, struct entry *entry), void *context);

/* Frees the buckets and, which is the end of them, the entries. */
void table_free_all(struct entry_table *table);

#endif
